"""What a file is by its first bytes, and whether a second file of another kind hides behind its end."""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import Final

BLANK: Final = b" \t\r\n\f\0"
_UTF8_MARK: Final = b"\xef\xbb\xbf"


class Kind(StrEnum):
    """Kinds of file that are told apart. The first three are read; the others get a sentence of their own, or none."""

    PDF = "pdf"
    JPG = "jpg"
    PNG = "png"
    HEIC = "heic"
    GIF = "gif"
    WEBP = "webp"
    TIFF = "tiff"
    BMP = "bmp"
    SVG = "svg"
    DICOM = "dicom"
    OFFICE = "office"
    ARCHIVE = "archive"
    HTML = "html"
    PROGRAM = "program"
    TEXT = "text"
    UNKNOWN = "unknown"


READ_KINDS: Final = frozenset({Kind.PDF, Kind.JPG, Kind.PNG})

_SIGNATURES: Final[tuple[tuple[bytes, Kind], ...]] = (
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
)
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif"})
_MARKUP: Final = ((b"<!doctype html", Kind.HTML), (b"<html", Kind.HTML), (b"<script", Kind.HTML), (b"<svg", Kind.SVG))


def kind_of(content: bytes) -> Kind:
    """Return the kind that the first bytes declare.

    A PDF may follow white space or a byte order mark, which some printers write; anything else in front of it makes
    the file the other thing, not a PDF.
    """
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS:
        return Kind.HEIC
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Kind.WEBP
    if content[128:132] == b"DICM":
        return Kind.DICOM
    return _kind_of_text(content[:1024])


def _kind_of_text(head: bytes) -> Kind:
    start = head.removeprefix(_UTF8_MARK).lstrip(BLANK)
    if start.startswith(b"%PDF-"):
        return Kind.PDF
    lowered = start.lower()
    for mark, kind in _MARKUP:
        if lowered.startswith(mark) or (lowered.startswith((b"<?xml", b"<!--")) and mark in lowered):
            return kind
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 1024 else "ignore")
    except UnicodeDecodeError:
        return Kind.UNKNOWN
    return Kind.TEXT if text and all(c.isprintable() or c in "\t\r\n\f" for c in text) else Kind.UNKNOWN


def is_foreign(appended: bytes) -> bool:
    """Whether bytes found behind the end of a picture are a file of another kind, rather than a camera's own data.

    Phones append films, depth maps and smaller copies to their pictures, so bytes behind the end are no reason by
    themselves. Two letters prove nothing here: a program needs its whole header.
    """
    start = appended.lstrip(BLANK)
    kind = kind_of(start)
    if start.startswith(b"MZ"):
        return _is_windows_program(start)
    return kind in {Kind.PDF, Kind.ARCHIVE, Kind.HTML, Kind.SVG, Kind.OFFICE} or start.startswith((b"\x7fELF", b"#!"))


def _is_windows_program(content: bytes) -> bool:
    if len(content) < 64:
        return False
    (offset,) = struct.unpack_from("<I", content, 60)
    return bool(content[offset : offset + 4] == b"PE\0\0")


def ends_as_zip(content: bytes) -> bool:
    """Whether a ZIP reader would open these bytes: it reads from the end, so a ZIP can hide behind any other file.

    The directory is followed, not just its signature found: four bytes occur by chance.
    """
    tail_start = max(0, len(content) - 65_535 - 22)
    at = content.rfind(b"PK\x05\x06", tail_start)
    while at >= 0:
        if _is_zip_directory_end(content, at):
            return True
        at = content.rfind(b"PK\x05\x06", tail_start, at)
    return False


def _is_zip_directory_end(content: bytes, at: int) -> bool:
    if len(content) - at < 22:
        return False
    entries, directory_bytes = struct.unpack_from("<HI", content, at + 10)
    if content[at - 20 : at - 16] == b"PK\x06\x07":  # the locator of a ZIP64 directory
        return True
    directory = at - directory_bytes
    return bool(entries and directory >= 0 and content[directory : directory + 4] == b"PK\x01\x02")
