"""Pictures become the pages of one PDF: in order, upright, pixel by pixel, whatever kind of picture."""

from __future__ import annotations

import io
from collections.abc import Callable

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from chalicelib.documents.binding import bind
from chalicelib.documents.cleaning import clean
from chalicelib.documents.inspection import Declared, inspect
from chalicelib.gateways.analyst.findings import FileType
from tests.hostile import genuine
from tests.hostile.pictures import picture

Pages = list[tuple[FileType, bytes]]


def marked(orientation: int, file_format: str) -> bytes:
    """A picture with another colour in each corner, so that a wrong turn shows."""
    drawn = Image.new("RGB", (300, 200), "white")
    for corner, colour in (((0, 0), "red"), ((220, 0), "green"), ((0, 140), "blue")):
        drawn.paste(colour, (*corner, corner[0] + 80, corner[1] + 60))
    exif = Image.Exif()
    exif[0x0112] = orientation
    target = io.BytesIO()
    drawn.save(target, file_format, exif=exif.tobytes(), **({"quality": 95} if file_format == "JPEG" else {}))
    return target.getvalue()


def drawn_pages(pdf: bytes, sizes: list[tuple[int, int]]) -> list[Image.Image]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        assert len(document) == len(sizes)
        pages = (document[number] for number in range(len(sizes)))
        return [
            page.render(scale=size[0] / page.get_width()).to_pil().convert("RGB").resize(size)
            for page, size in zip(pages, sizes, strict=True)
        ]
    finally:
        document.close()


def as_seen(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as opened:
        upright = ImageOps.exif_transpose(opened)
        if upright.mode.startswith("I"):
            upright = upright.convert("I").point(lambda value: value / 257).convert("L")
        over = upright.convert("RGB") if upright.mode == "CMYK" else upright.convert("RGBA")
        page = Image.new("RGB", over.size, "white")
        page.paste(over, mask=over.getchannel("A") if over.mode == "RGBA" else None)
        return page


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("file_format", "file_type"), [("JPEG", FileType.JPG), ("PNG", FileType.PNG)])
def test_a_page_is_upright_however_the_phone_was_held(file_format: str, file_type: FileType, orientation: int) -> None:
    content = clean(marked(orientation, file_format), file_type)
    expected = as_seen(content)
    (page,) = drawn_pages(bind([(file_type, content)]), [expected.size])
    assert difference(page, expected) < 3


@pytest.mark.parametrize(
    ("make", "file_type"),
    [
        *((make, FileType.JPG) for name, make in genuine.JPGS.items() if name != "one pixel"),
        *((make, FileType.PNG) for make in genuine.PNGS.values()),
        (lambda: picture("PNG", mode="LA"), FileType.PNG),
    ],
)
def test_every_kind_of_picture_becomes_a_page_that_looks_like_it(
    make: Callable[[], bytes], file_type: FileType
) -> None:
    content = clean(make(), file_type)
    expected = as_seen(content)
    expected.thumbnail((800, 800))
    (page,) = drawn_pages(bind([(file_type, content)]), [expected.size])
    # Colours for print are read by another recipe; an inverted page would be off by a hundred.
    assert difference(page, expected) < (30 if b"Adobe" in content[:64] else 6)


def test_pages_stand_in_their_order_and_the_result_passes_inspection() -> None:
    pages: Pages = [(FileType.PNG, picture("PNG", size=(100 + 50 * number, 200))) for number in range(5)]
    bound = bind(pages)
    assert bind(pages) == bound
    found = inspect(bound, Declared("pages.pdf", "pdf", "application/pdf", len(bound)))
    assert (found.file_type, found.page_count) == (FileType.PDF, 5)
    document = pypdfium2.PdfDocument(bound)
    shapes = [round(document[n].get_height() / document[n].get_width(), 1) for n in range(5)]
    document.close()
    assert shapes == [2.0, 1.3, 1.0, 0.8, 0.7]


def test_what_did_not_pass_inspection_is_refused() -> None:
    with pytest.raises(ValueError, match="frame"):
        bind([(FileType.JPG, b"\xff\xd8\xff\xd9")])
