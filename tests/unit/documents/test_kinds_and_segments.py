"""What a file is by its first bytes, each signature on its own, and what of a picture is kept, piece by piece."""

from __future__ import annotations

import struct
import zlib

import pytest

from chalicelib.documents import cleaning
from chalicelib.documents.cleaning import Segment, clean, orientation_of, png_chunks, segments
from chalicelib.documents.file_kinds import Kind, ends_as_zip, is_foreign, kind_of
from chalicelib.gateways.analyst.findings import FileType
from tests.hostile.pictures import chunk, png, raw_png
from tests.hostile.plain import a_program, an_archive, plain_pdf

REST = b"\x81\x8d" * 100


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xff\xd8\xff", Kind.JPG),
        (b"\x89PNG\r\n\x1a\n", Kind.PNG),
        (b"GIF87a", Kind.GIF),
        (b"GIF89a", Kind.GIF),
        (b"II*\0", Kind.TIFF),
        (b"MM\0*", Kind.TIFF),
        (b"BM", Kind.BMP),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OFFICE),
        (b"{\\rtf", Kind.OFFICE),
        (b"PK\x03\x04", Kind.ARCHIVE),
        (b"PK\x05\x06", Kind.ARCHIVE),
        (b"\x1f\x8b", Kind.ARCHIVE),
        (b"Rar!\x1a\x07", Kind.ARCHIVE),
        (b"7z\xbc\xaf\x27\x1c", Kind.ARCHIVE),
        (b"MZ", Kind.PROGRAM),
        (b"\x7fELF", Kind.PROGRAM),
        (b"#!", Kind.PROGRAM),
        (b"\xcf\xfa\xed\xfe", Kind.PROGRAM),
        (b"\xca\xfe\xba\xbe", Kind.PROGRAM),
        *((b"\0\0\0\x18ftyp" + brand, Kind.HEIC) for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")),
        *((b"\0\0\0\x18ftyp" + brand, Kind.HEIC) for brand in (b"mif1", b"msf1", b"avif")),
        (b"RIFF\0\0\0\0WEBP", Kind.WEBP),
        (b"\0" * 128 + b"DICM", Kind.DICOM),
    ],
)
def test_each_signature_is_known(start: bytes, kind: Kind) -> None:
    assert kind_of(start + REST) is kind
    assert kind_of(b"\x81" + start + REST) is Kind.UNKNOWN


@pytest.mark.parametrize(
    "start",
    [b"RIFF\0\0\0\0WAVE", b"RIFX\0\0\0\0WEBP", b"\0\0\0\x18ftypisom", b"\0\0\0\x18fxypheic", b"\0" * 127 + b"DICM"],
)
def test_half_a_signature_is_none(start: bytes) -> None:
    assert kind_of(start + REST) is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"%PDF-1.7", Kind.PDF),
        (b"\xef\xbb\xbf \r\n%PDF-1.7", Kind.PDF),
        (b"x%PDF-1.7", Kind.TEXT),
        (b"<!DOCTYPE HTML>", Kind.HTML),
        (b" <html lang=de>", Kind.HTML),
        (b"<script>", Kind.HTML),
        (b"<svg>", Kind.SVG),
        (b'<?xml version="1.0"?><svg>', Kind.SVG),
        (b"<!-- x --><html>", Kind.HTML),
        (b'<?xml version="1.0"?><report/>', Kind.TEXT),
        (b"Haemoglobin,13.2\r\n\tg/dL\f", Kind.TEXT),
        ("Hämoglobin ".encode() * 200, Kind.TEXT),
        (b"\xe4" * 3, Kind.UNKNOWN),
        (b"a\0b", Kind.UNKNOWN),
        (b"", Kind.UNKNOWN),
        (b"a" * 1023 + "ä".encode(), Kind.TEXT),
    ],
)
def test_text_is_told_from_markup_and_from_bytes(text: bytes, kind: Kind) -> None:
    assert kind_of(text) is kind


def test_behind_a_picture_another_file_is_foreign_and_a_cameras_data_is_not() -> None:
    assert all(
        is_foreign(b" \0" + one)
        for one in (plain_pdf(), an_archive(), b"<html>", b"<svg>", b"{\\rtf", b"\x7fELF", b"#!")
    )
    assert is_foreign(a_program())
    assert not any(
        is_foreign(one) for one in (b"", b"MZ", b"MZ" + bytes(70), b"II*\0" + REST, b"\xff\xd8\xff" + REST, b"words")
    )


def test_an_archive_is_found_at_the_end_of_anything_and_a_mark_alone_is_none() -> None:
    assert ends_as_zip(b"x" * 999 + an_archive())
    assert ends_as_zip(an_archive(comment=b"c" * 65_535))
    assert not ends_as_zip(an_archive() + b"x" * 65_600)
    assert not ends_as_zip(b"x" * 100 + b"PK\x05\x06" + bytes(18))
    assert not ends_as_zip(b"PK\x05\x06")
    assert ends_as_zip(b"x" * 50 + b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + bytes(18))
    assert ends_as_zip(an_archive(comment=b"PK\x05\x06" + bytes(18)))


def exif(order: str, *tags: tuple[int, int, int], at: int = 8) -> bytes:
    entries = b"".join(struct.pack(f"{order}HHIHH", tag, kind, 1, value, 0) for tag, kind, value in tags)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at)
    return head + bytes(at - 8) + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def with_exif(tiff: bytes) -> bytes:
    return raw_png(1, 1, chunk(b"eXIf", tiff))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("at", [8, 20])
@pytest.mark.parametrize("turned", [1, 2, 6, 8])
def test_how_a_picture_is_turned_is_read_wherever_it_stands(order: str, at: int, turned: int) -> None:
    tiff = exif(order, (0x010F, 2, 3), (0x0112, 3, turned), at=at)
    assert orientation_of(with_exif(tiff), FileType.PNG) == turned
    jpeg = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + b"\xff\xd9"
    assert orientation_of(jpeg, FileType.JPG) == turned


@pytest.mark.parametrize(
    "tiff",
    [
        b"",
        b"MM\0*\0\0\0",
        b"XX" + exif(">", (0x0112, 3, 6))[2:],
        exif(">", (0x0112, 4, 6)),
        exif(">", (0x0112, 3, 0)),
        exif(">", (0x0112, 3, 9)),
        exif(">", (0x0113, 3, 6)),
        exif(">", (0x0112, 3, 6))[:18],
        b"MM\0*" + struct.pack(">I", 10_000),
        exif(">", *((0x0100, 3, 1) for _ in range(500)), (0x0112, 3, 6)),
    ],
)
def test_what_does_not_say_it_rightly_is_upright(tiff: bytes) -> None:
    assert orientation_of(with_exif(tiff), FileType.PNG) == 1


def test_so_many_tags_are_looked_through() -> None:
    tiff = exif(">", *((0x0100, 3, 1) for _ in range(499)), (0x0112, 3, 6))
    assert orientation_of(with_exif(tiff), FileType.PNG) == 6


KEPT = (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs")


@pytest.mark.parametrize("kind", KEPT)
def test_a_chunk_that_says_how_it_looks_is_kept_byte_for_byte(kind: bytes) -> None:
    assert (kind, b"data") in list(png_chunks(clean(raw_png(1, 1, chunk(kind, b"data")), FileType.PNG)))


@pytest.mark.parametrize("kind", [b"tEXt", b"iTXt", b"zTXt", b"tIME", b"eXIf", b"iCCP", b"prIv"])
def test_any_other_chunk_goes(kind: bytes) -> None:
    assert kind not in dict(png_chunks(clean(raw_png(1, 1, chunk(kind, b"data")), FileType.PNG)))


def test_of_exif_the_orientation_alone_is_kept_and_reads_as_it_did() -> None:
    cleaned = clean(with_exif(exif("<", (0x010F, 2, 3), (0x0112, 3, 6))), FileType.PNG)
    kinds = [kind for kind, _ in png_chunks(cleaned)]
    assert kinds[:2] == [b"IHDR", b"eXIf"]
    kept = dict(png_chunks(cleaned))[b"eXIf"]
    assert kept == b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    assert orientation_of(cleaned, FileType.PNG) == 6
    assert clean(cleaned, FileType.PNG) == cleaned


def test_chunks_end_where_the_picture_does_and_have_their_sums() -> None:
    content = png(size=(2, 2))
    assert clean(content + b"behind", FileType.PNG) == clean(content, FileType.PNG)
    kind, data = next(png_chunks(content))
    assert struct.pack(">I", zlib.crc32(kind + data)) in cleaning._chunk(kind, data)


def test_segments_are_told_with_where_they_begin_and_end() -> None:
    jpeg = b"\xff\xd8\xff\xff\xe0\0\x04ab\xff\x01\xff\xda\0\x03cscan\xff\0more\xff\xd9behind"
    found = list(segments(jpeg))
    assert [(one.marker, jpeg[one.start : one.end]) for one in found] == [
        (0xE0, b"\xff\xe0\0\x04ab"),
        (0x01, b"\xff\x01"),
        (0xDA, b"\xff\xda\0\x03cscan\xff\0more"),
        (0xD9, b"\xff\xd9"),
    ]
    inside = list(segments(b"xx" + jpeg, 2))
    assert inside == [Segment(one.marker, one.start + 2, one.end + 2) for one in found]


def test_bytes_that_are_no_segments_end_them() -> None:
    assert list(segments(b"\xff\xd8\x00\xe0\0\x04ab")) == []
    assert list(segments(b"\xff\xd8\xff\xe0\xff\xffab")) == [Segment(0xE0, 2, 8)]
    assert list(segments(b"\xff\xd8\xff")) == []
