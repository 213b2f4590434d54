"""What cameras write beside a picture is gone, every pixel is there, and how it is turned."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops, ImageOps, PngImagePlugin

from chalicelib.documents.cleaning import clean, orientation_of
from chalicelib.gateways.analyst.findings import FileType
from tests.hostile import genuine
from tests.hostile.pictures import jpg, png
from tests.hostile.raw_pdf import one_page, stream

PLACE = b"52 31 12 N, 13 24 18 E"
SECRETS = (PLACE, b"CameraMaker", b"owner@example.com", b"2026:03:14 09:30:00", b"GPS")


def exif(orientation: int = 1) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x010F] = "CameraMaker"
    data[0x013B] = "owner@example.com"
    data.get_ifd(0x8825)[1] = "N"
    data.get_ifd(0x8825)[0x1B] = PLACE
    data.get_ifd(0x8769)[0x9003] = "2026:03:14 09:30:00"
    return data


def photo(orientation: int = 1, **options: object) -> bytes:
    small = jpg(size=(32, 20))
    content = jpg(exif=exif(orientation), comment=PLACE, dpi=(300, 300), **options)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + PLACE + b"</x:xmpmeta>"
    extra = b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp
    return content[:2] + extra + content[2:] + small + PLACE


def screenshot(orientation: int = 1) -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Location", PLACE.decode())
    notes.add_itxt("XML:com.adobe.xmp", "owner@example.com")
    notes.add_text("Software", "CameraMaker", zip=True)
    return png(pnginfo=notes, exif=exif(orientation).tobytes()) + PLACE


def pixels(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as picture:
        return ImageOps.exif_transpose(picture.convert(picture.mode))


def are_equal(one: bytes, other: bytes) -> bool:
    before, after = pixels(one), pixels(other)
    return (
        before.size == after.size
        and before.mode == after.mode
        and not ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox()
    )


@pytest.mark.parametrize(("make", "file_type"), [(photo, FileType.JPG), (screenshot, FileType.PNG)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_place_time_device_and_copies_go_and_pixels_and_orientation_stay(
    make: Callable[[int], bytes], file_type: FileType, orientation: int
) -> None:
    sent = make(orientation)
    assert PLACE in sent
    cleaned = clean(sent, file_type)
    assert not [secret for secret in SECRETS if secret in cleaned]
    assert orientation_of(cleaned, file_type) == orientation
    assert are_equal(sent, cleaned)
    assert clean(cleaned, file_type) == cleaned
    with Image.open(io.BytesIO(cleaned)) as picture:
        assert set(picture.getexif()) <= {0x0112}
        assert not picture.getexif().get_ifd(0x8825)


@pytest.mark.parametrize("name", list(genuine.JPGS))
def test_every_genuine_jpeg_looks_the_same_when_it_is_clean(name: str) -> None:
    sent = genuine.JPGS[name]()
    assert are_equal(sent, clean(sent, FileType.JPG))


@pytest.mark.parametrize("name", list(genuine.PNGS))
def test_every_genuine_png_looks_the_same_when_it_is_clean(name: str) -> None:
    sent = genuine.PNGS[name]()
    assert are_equal(sent, clean(sent, FileType.PNG))


def test_the_pictures_in_a_pdf_lose_their_place_and_nothing_moves() -> None:
    picture = photo()[: photo().index(b"\xff\xd9") + 2]
    entries = b"/Type /XObject /Subtype /Image /Width 320 /Height 200 /ColorSpace /DeviceRGB /BitsPerComponent 8 "
    sent = one_page(stream(picture, entries + b"/Filter /DCTDecode"))
    assert PLACE in sent
    cleaned = clean(sent, FileType.PDF)
    assert not [secret for secret in SECRETS if secret in cleaned]
    assert len(cleaned) == len(sent)
    assert [at for at, (one, other) in enumerate(zip(sent, cleaned, strict=True)) if one != other]
    assert clean(cleaned, FileType.PDF) == cleaned


@pytest.mark.parametrize("name", list(genuine.PDFS))
def test_a_pdf_without_such_pictures_stays_as_it_is(name: str) -> None:
    sent = genuine.PDFS[name]()
    assert clean(sent, FileType.PDF) == sent


def test_a_segment_in_a_pdf_that_claims_more_than_its_stream_blanks_nothing_else() -> None:
    sent = one_page(stream(b"\xff\xd8\xff\xe1\xff\xf0" + PLACE, b"/Filter /DCTDecode"))
    assert clean(sent, FileType.PDF) == sent


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 11, 20, 40])
def test_bytes_that_are_no_picture_end_somewhere(length: int) -> None:
    for start in (b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffeXIf", b"\xff" * 40):
        for file_type in FileType:
            assert len(clean((start * 4)[:length], file_type)) <= length + 12
