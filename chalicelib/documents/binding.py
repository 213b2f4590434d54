"""Binding: the pictures of several pages become one PDF, a picture to a page; it runs in the child alone.

Pixels go into the PDF as they are: JPEG data whole, a PNG's own compressed rows. What a PDF cannot hold like that
(transparency, interlacing, sixteen bits) is drawn on white.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from chalicelib.documents.cleaning import orientation_of, png_chunks, segments
from chalicelib.gateways.analyst.findings import FileType

_LONG_SIDE: Final = 842.0
"""Points: the longer side of A4, so that readers which draw pages at a fixed density see each at a usual size."""
_FRAMES: Final = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_COLOURS: Final = {1: b"/DeviceGray", 3: b"/DeviceRGB", 4: b"/DeviceCMYK"}
_GREY, _RGB, _PALETTE = 0, 2, 3
_TURNS: Final = {
    # By Exif's number: the matrix that draws the unit square upright (a, b, c, d, e, f), in units of the page.
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


class Pages(msgspec.Struct, frozen=True):
    """Pictures that passed inspection, in their order, as they are sent to the child."""

    pictures: list[tuple[FileType, bytes]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a PDF holds it: its size in pixels, how it is turned, the entries of its object, and its data."""

    width: int
    height: int
    orientation: int
    entries: bytes
    data: bytes


def bind(pages: Sequence[tuple[FileType, bytes]]) -> bytes:
    """Return one PDF with these pictures as its pages, in order. The same pictures give the same bytes.

    Raises:
        ValueError: a picture that did not pass inspection.
    """
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids: list[int] = []
    for file_type, content in pages:
        picture = _of_jpeg(content) if file_type is FileType.JPG else _of_png(content)
        first = len(objects) + 1
        kids.append(first)
        objects += _page(picture, first)
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), listed)
    return _write(objects)


def _page(picture: Picture, first: int) -> list[bytes]:
    is_lying = picture.orientation >= 5
    across, up = (picture.height, picture.width) if is_lying else (picture.width, picture.height)
    scale = _LONG_SIDE / max(across, up)
    width, height = across * scale, up * scale
    a, b, c, d, e, f = _TURNS[picture.orientation]
    matrix = (a * width, b * height, c * width, d * height, e * width, f * height)
    drawn = b"q %s cm /P Do Q" % b" ".join(b"%.2f" % part for part in matrix)
    return [
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Contents %d 0 R "
        b"/Resources << /XObject << /P %d 0 R >> >> >>" % (width, height, first + 1, first + 2),
        _stream(b"", drawn),
        _stream(
            b"/Type /XObject /Subtype /Image /Width %d /Height %d %s"
            % (picture.width, picture.height, picture.entries),
            picture.data,
        ),
    ]


def _of_jpeg(content: bytes) -> Picture:
    frame = next((one for one in segments(content) if one.marker in _FRAMES), None)
    if frame is None or frame.end - frame.start < 10:
        raise ValueError("a JPEG without a frame")
    bits, height, width, components = struct.unpack_from(">BHHB", content, frame.start + 4)
    if components not in _COLOURS:
        raise ValueError("a JPEG of strange colours")
    entries = b"/ColorSpace %s /BitsPerComponent %d /Filter /DCTDecode" % (_COLOURS[components], bits)
    if components == 4 and any(one.marker == 0xEE for one in segments(content)):
        entries += b" /Decode [1 0 1 0 1 0 1 0]"  # Adobe's programs store these inverted.
    return Picture(width, height, orientation_of(content, FileType.JPG), entries, content)


def _of_png(content: bytes) -> Picture:
    chunks = list(png_chunks(content))
    names = {kind for kind, _ in chunks}
    width, height, bits, colours, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    orientation = orientation_of(content, FileType.PNG)
    if colours not in (_GREY, _RGB, _PALETTE) or interlaced or bits == 16 or b"tRNS" in names:
        return _drawn(content, orientation)
    space = b"/DeviceGray" if colours == _GREY else b"/DeviceRGB"
    if colours == _PALETTE:
        palette = next(data for kind, data in chunks if kind == b"PLTE")
        space = b"[/Indexed /DeviceRGB %d <%s>]" % (len(palette) // 3 - 1, palette.hex().encode())
    entries = (
        b"/ColorSpace %s /BitsPerComponent %d /Filter /FlateDecode "
        b"/DecodeParms << /Predictor 15 /Colors %d /BitsPerComponent %d /Columns %d >>"
        % (space, bits, 3 if colours == _RGB else 1, bits, width)
    )
    return Picture(width, height, orientation, entries, b"".join(data for kind, data in chunks if kind == b"IDAT"))


def _drawn(content: bytes, orientation: int) -> Picture:
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=("PNG",)) as opened:
        picture: Image.Image = opened
        if opened.mode.startswith("I"):  # sixteen bits; Pillow would cut the values off instead of scaling them
            picture = opened.convert("I").point(lambda value: value / 257).convert("L")
        over = picture.convert("RGBA")
        page = Image.new("RGB", over.size, "white")
        page.paste(over, mask=over.getchannel("A"))
    entries = b"/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    return Picture(*page.size, orientation, entries, zlib.compress(page.tobytes(), 3))


def _stream(entries: bytes, data: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def _write(objects: Sequence[bytes]) -> bytes:
    written = io.BytesIO()
    written.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(written.tell())
        written.write(b"%d 0 obj\n%s\nendobj\n" % (number, one))
    table = written.tell()
    written.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    written.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    written.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return written.getvalue()
