"""The examination of a picture, in the child: dimensions first, then a real decode, then what follows its end."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

from chalicelib.documents.file_kinds import ends_as_zip, is_foreign
from chalicelib.documents.inspection_terms import Bounds, Refusal, RefusedError, Verdict

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_FORMATS: Final = {"jpg": "JPEG", "png": "PNG"}

# In a scan, a marker is FF followed by neither 00 (a stuffed byte) nor a restart.
_MARKER_IN_SCAN: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def examine_picture(content: bytes, file_type: str, bounds: Bounds) -> Verdict:
    """Decode the picture and return its dimensions.

    Raises:
        RefusedError: damaged, too many pixels or scans, or another file behind its end.
    """
    width, height = _dimensions(content, file_type)
    if width * height > bounds.max_pixels:
        raise RefusedError(Refusal.TOO_MANY_PIXELS, width * height, bounds.max_pixels)
    end = _end_of_jpeg(content, bounds) if file_type == "jpg" else _end_of_png(content)
    _decode(content, file_type)
    if is_foreign(content[end:]) or ends_as_zip(content):
        raise RefusedError(Refusal.SECOND_FILE)
    return Verdict(page_count=1, width=width, height=height)


def _open(content: bytes, file_type: str) -> ImageFile:
    from PIL import Image

    # The cap of pixels is ours, checked on the header; Pillow's own would warn below it.
    Image.MAX_IMAGE_PIXELS = None
    return Image.open(io.BytesIO(content), formats=(_FORMATS[file_type],))


def _dimensions(content: bytes, file_type: str) -> tuple[int, int]:
    try:
        with _open(content, file_type) as picture:
            return picture.size
    except MemoryError:
        raise
    except Exception as error:  # the plugins raise a dozen types on bad headers
        raise RefusedError(Refusal.DAMAGED) from error


def _decode(content: bytes, file_type: str) -> None:
    try:
        with _open(content, file_type) as picture:
            picture.verify()  # checksums of a PNG's chunks; it leaves the file unusable, hence the second opening
        with _open(content, file_type) as picture:
            # A JPEG is read to its last byte but drawn at an eighth: the same proof, in a fraction of the memory.
            picture.draft("L", (max(1, picture.width // 8), max(1, picture.height // 8)))
            picture.load()
    except MemoryError:
        raise
    except Exception as error:  # as above, and in the middle of compressed data
        raise RefusedError(Refusal.DAMAGED) from error


def _end_of_jpeg(content: bytes, bounds: Bounds) -> int:
    """Return where the picture ends. Found by its segments: a thumbnail inside one has an end marker of its own."""
    at, scans = 2, 0
    while content[at : at + 1] == b"\xff" and at + 4 <= len(content):
        marker = content[at + 1]
        if marker == _END_OF_IMAGE:
            break
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
            if marker == _START_OF_SCAN:
                scans += 1
                following = _MARKER_IN_SCAN.search(content, at)
                at = following.end() - 2 if following else len(content)
        if scans > bounds.max_scans:
            raise RefusedError(Refusal.TOO_COMPLEX, scans, bounds.max_scans)
    if content[at : at + 2] != b"\xff\xd9":
        raise RefusedError(Refusal.DAMAGED)
    return at + 2


def _end_of_png(content: bytes) -> int:
    at = 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        at += 12 + length
        if kind == b"IEND":
            return at
    raise RefusedError(Refusal.DAMAGED)
