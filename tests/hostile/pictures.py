"""Hostile pictures by name, and pictures of kinds that are not read."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from tests.hostile.plain import BLANK, a_program, an_archive
from tests.hostile.raw_pdf import bomb

Maker = Callable[[], bytes]


def picture(file_format: str, size: tuple[int, int] = (320, 200), mode: str = "RGB", **options: Any) -> bytes:
    """A picture with some detail, so that its data is long enough to be cut."""
    target = io.BytesIO()
    gradient = Image.radial_gradient("L").resize(size)
    gradient.convert(mode).save(target, file_format, **options)
    return target.getvalue()


def jpg(**options: Any) -> bytes:
    """A JPEG."""
    return picture("JPEG", **options)


def png(**options: Any) -> bytes:
    """A PNG."""
    return picture("PNG", **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its true checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of eight-bit RGB, from its header and these chunks."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def _jpg_that_claims(width: int, height: int) -> bytes:
    content = bytearray(jpg())
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def _jpg_with_scans(count: int) -> bytes:
    content = jpg(progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * count + b"\xff\xd9"


def _with_broken_checksum() -> bytes:
    content = bytearray(png())
    content[content.index(b"IDAT") + 40] ^= 0xFF
    return bytes(content)


REFUSED_JPG: Mapping[str, tuple[Maker, set[str]]] = {
    "cut in the middle": (lambda: jpg()[:1500], {"damaged"}),
    "without its last two bytes": (lambda: jpg()[:-2], {"damaged"}),
    "only a signature": (lambda: b"\xff\xd8\xff\xe0", {"damaged"}),
    "a signature and noise": (lambda: b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20, {"damaged"}),
    "no picture between start and end": (lambda: b"\xff\xd8\xff\xd9", {"damaged"}),
    "65,500 by 65,500 pixels claimed": (lambda: _jpg_that_claims(65_500, 65_500), {"too_many_pixels"}),
    "thousands of scans": (lambda: _jpg_with_scans(3000), {"too_complex"}),
    "an archive behind it": (lambda: jpg() + an_archive(), {"second_file"}),
    "a document behind it": (lambda: jpg() + BLANK(), {"second_file"}),
    "a program behind it": (lambda: jpg() + a_program(), {"second_file"}),
    "a web page behind it": (lambda: jpg() + b"\r\n<html><script>1</script></html>", {"second_file"}),
}

REFUSED_PNG: Mapping[str, tuple[Maker, set[str]]] = {
    "cut in the middle": (lambda: png()[:1500], {"damaged"}),
    "cut before its end": (lambda: png()[:-12], {"damaged"}),
    "only a signature": (lambda: b"\x89PNG\r\n\x1a\n", {"damaged"}),
    "a wrong checksum": (_with_broken_checksum, {"damaged"}),
    "no data": (lambda: raw_png(100, 100), {"damaged"}),
    "too little data": (lambda: raw_png(100, 100, chunk(b"IDAT", zlib.compress(b"\0" * 900))), {"damaged"}),
    "no pixels": (lambda: raw_png(0, 0, chunk(b"IDAT", zlib.compress(b""))), {"damaged"}),
    "900 megapixels in a few kilobytes": (
        lambda: raw_png(30_000, 30_000, chunk(b"IDAT", bomb(3))),
        {"too_many_pixels"},
    ),
    "2^31 pixels wide": (lambda: raw_png(2**31 - 1, 2**31 - 1), {"too_many_pixels"}),
    "a bomb as text": (
        lambda: raw_png(9, 9, chunk(b"zTXt", b"Comment\0\0" + bomb(600)), chunk(b"IDAT", zlib.compress(b"\0" * 252))),
        {"damaged"},
    ),
    "an archive behind it": (lambda: png() + an_archive(), {"second_file"}),
    "a document behind it": (lambda: png() + BLANK(), {"second_file"}),
}


def _heic() -> bytes:
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 500


UNREAD: Mapping[str, tuple[Maker, str]] = {
    "gif": (lambda: picture("GIF", mode="L"), "GIF"),
    "webp": (lambda: picture("WEBP"), "WebP"),
    "tiff": (lambda: picture("TIFF"), "TIFF"),
    "bmp": (lambda: picture("BMP"), "BMP"),
    "heic": (_heic, "HEIC"),
    "svg": (lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "docx": (an_archive, "office document"),
    "html": (lambda: b"<html></html>", "web page"),
    "exe": (a_program, "program"),
    "txt": (lambda: b"Haemoglobin 14.1", "text"),
    "dcm": (lambda: b"\0" * 128 + b"DICM" + b"\0" * 50, "DICOM"),
}
