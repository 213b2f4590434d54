"""Cleaning: a picture without what a camera writes beside it (place, time, device, smaller copies); its pixels stay.

Nothing is decoded: segments of a JPEG and chunks of a PNG are copied or left out, so not a pixel changes. Decoding and
encoding anew was not taken: it costs the sharpness of small print and a second of CPU for each page.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from chalicelib.gateways.analyst.findings import FileType

_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_STANDS_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_KEPT_HEADS: Final = {0xE0: (b"JFIF\0", 12), 0xEE: (b"Adobe", 12)}
"""What says how colours are stored, which a decoder has to know: how it begins, and how much of it is kept."""
_COLOURS_IN_PDF: Final = frozenset({0xE0, 0xE2, 0xEE})
_APPLICATION_DATA: Final = frozenset(range(0xE0, 0xF0))
_COMMENT: Final = 0xFE
# In a scan, a marker is FF followed by neither 00 (a stuffed byte) nor a restart.
_MARKER_IN_SCAN: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")

_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs"}
)

_EXIF: Final = b"Exif\0\0"
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_UPRIGHT: Final = 1
_MOST_TAGS: Final = 500

# A picture in a PDF that is stored as a JPEG file: its first bytes follow the keyword.
_JPEG_IN_PDF: Final = re.compile(rb"stream(?:\r\n|\n)(?=\xff\xd8\xff)")


class Segment(NamedTuple):
    """A piece of a JPEG: its marker, and where it begins and ends. A scan goes on to the marker that follows it."""

    marker: int
    start: int
    end: int


def clean(content: bytes, file_type: FileType) -> bytes:
    """Return the document without the data of cameras. Of a picture that passed inspection every pixel stays, and how
    it is to be turned; what follows its end goes. The bytes of a PDF keep their places. Safe to apply twice.
    """
    if file_type is FileType.JPG:
        return _clean_jpeg(content)
    if file_type is FileType.PNG:
        return _clean_png(content)
    return _clean_pdf(content)


def orientation_of(content: bytes, file_type: FileType) -> int:
    """Return how a picture is to be turned: 1 to 8, as Exif numbers it; 1 where it does not say."""
    if file_type is FileType.PNG:
        return next((_orientation(data) for kind, data in png_chunks(content) if kind == b"eXIf"), _UPRIGHT)
    exifs = (content[one.start + 4 : one.end] for one in segments(content) if one.marker == 0xE1)
    return next((_orientation(one.removeprefix(_EXIF)) for one in exifs if one.startswith(_EXIF)), _UPRIGHT)


def segments(content: bytes, at: int = 0) -> Iterator[Segment]:
    """Return the segments of a JPEG that begins at `at`, from after its first marker to its end. Ends early where the
    bytes are none."""
    at += 2
    while at + 2 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        end = at + 2
        if marker not in _STANDS_ALONE and marker != _END_OF_IMAGE:
            end += int.from_bytes(content[end : end + 2], "big")
        if marker == _START_OF_SCAN:
            following = _MARKER_IN_SCAN.search(content, end)
            end = following.end() - 2 if following else len(content)
        yield Segment(marker, at, min(end, len(content)))
        if marker == _END_OF_IMAGE:
            return
        at = end


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Return the chunks of a PNG, kind and data, up to its end."""
    at = len(_PNG_START)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        yield kind, content[at + 8 : at + 8 + length]
        if kind == b"IEND":
            return
        at += 12 + length


def _clean_jpeg(content: bytes) -> bytes:
    orientation = orientation_of(content, FileType.JPG)
    heads: list[bytes] = []
    rest: list[bytes] = []
    for one in segments(content):
        if one.marker in _KEPT_HEADS:
            heads += _head(one.marker, content[one.start + 4 : one.end])
        elif one.marker not in _APPLICATION_DATA and one.marker != _COMMENT:
            rest.append(content[one.start : one.end])
    if orientation != _UPRIGHT:
        heads.append(_segment(0xE1, _EXIF + _only_orientation(orientation)))
    return b"".join([b"\xff\xd8", *heads, *rest])


def _head(marker: int, body: bytes) -> list[bytes]:
    start, length = _KEPT_HEADS[marker]
    if not body.startswith(start) or len(body) < length:
        return []
    # Of a JFIF head the two last bytes are the size of a thumbnail: none.
    return [_segment(marker, body[:length] + (b"\0\0" if marker == 0xE0 else b""))]


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _clean_png(content: bytes) -> bytes:
    orientation = orientation_of(content, FileType.PNG)
    kept = [_PNG_START]
    for kind, data in png_chunks(content):
        if kind in _PNG_KEPT:
            kept.append(_chunk(kind, data))
        if kind == b"IHDR" and orientation != _UPRIGHT:
            kept.append(_chunk(b"eXIf", _only_orientation(orientation)))
    return b"".join(kept)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _clean_pdf(content: bytes) -> bytes:
    """Blank what cameras wrote into the JPEGs that a PDF holds, as scanning apps make them: place by place, since every
    object of a PDF is found by where it stands. Viewers turn pictures by the page, never by Exif.
    """
    cleaned: bytearray | None = None
    for found in _JPEG_IN_PDF.finditer(content):
        end = content.find(b"endstream", found.end())
        for one in segments(content, found.end()):
            # A length that leads out of the stream is a lie, and what lies there is not ours to blank.
            if one.marker == _START_OF_SCAN or one.end > end:
                break
            body = slice(one.start + 4, one.end)
            if (one.marker in _APPLICATION_DATA and one.marker not in _COLOURS_IN_PDF) or one.marker == _COMMENT:
                cleaned = bytearray(content) if cleaned is None else cleaned
                cleaned[body] = bytes(body.stop - body.start)
    return content if cleaned is None else bytes(cleaned)


def _only_orientation(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)


def _orientation(tiff: bytes) -> int:
    """Read the one tag that matters out of the first directory of Exif data."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return _UPRIGHT
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return _UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for number in range(min(count, _MOST_TAGS)):
        entry = at + 2 + 12 * number
        if entry + 12 > len(tiff):
            break
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if tag == _ORIENTATION and kind == _SHORT and 1 <= value <= 8:
            return int(value)
    return _UPRIGHT
