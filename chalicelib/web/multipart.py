"""Reads a multipart form with one file, or as many as are allowed, and makes file names harmless."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from multipart import (  # type: ignore[import-untyped]  # it ships without types
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from chalicelib import errors

_FORM: Final = "multipart/form-data"
_FILE_FIELD: Final = "file"
_PAGE_FIELDS: Final = frozenset({_FILE_FIELD, "pages", "pages[]"})
"""Where a form may carry several files, they may be called by any of these; their order is the form's."""
_MAX_CONTENT_TYPE: Final = 512
# The closing boundary, its dashes, and a few line ends stand in this many last bytes.
_TAIL: Final = 128
# What a boundary may be: RFC 2046, section 5.1.1. A space may stand inside, not at the end.
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
# A part arrives as it is (RFC 7578, section 4.7): an encoded one would be stored encoded.
_PLAIN_ENCODINGS: Final = frozenset({"", "binary", "7bit", "8bit"})

_MAX_NAME: Final = 120
_MAX_EXTENSION: Final = 10
_HARMLESS: Final = frozenset(" -_.()+,")
_UNNAMED: Final = "document"

_CHOOSE: Final = "Please choose a file to upload."
_AGAIN: Final = "The upload did not arrive in good order. Please try again."


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How large a form may be. The defaults fit the app's upload: one file and four short fields.

    `max_file_bytes` is for all files together."""

    max_file_bytes: int = 5 * 1024 * 1024
    max_files: int = 1
    max_fields: int = 20
    max_field_bytes: int = 4096
    max_name_characters: int = 100
    max_headers: int = 8
    max_header_bytes: int = 4096

    @property
    def max_body_bytes(self) -> int:
        """The file and all that may stand around it."""
        around_a_part = self.max_headers * self.max_header_bytes
        return self.max_file_bytes + (self.max_fields + self.max_files) * (self.max_field_bytes + around_a_part)


@dataclass(frozen=True, slots=True)
class FilePart:
    """The file of a form. Name and content type are the client's words, None where it gives none."""

    file_name: str | None
    content_type: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was read completely: text fields by name, the first file, and those that follow it."""

    fields: Mapping[str, str]
    file: FilePart
    more: tuple[FilePart, ...] = ()

    @property
    def files(self) -> tuple[FilePart, ...]:
        """All files, in their order."""
        return self.file, *self.more


def read_form(content_type: str | None, body: bytes, limits: FormLimits | None = None) -> Form:
    """Read the form: a part `file`, or as many as are allowed; every other part a text field that occurs once.

    Raises:
        InvalidRequest: NO_FILE_PROVIDED where there is no form, no file, or an empty one; FILE_VALIDATION_FAILED where
            the form is malformed or cut off, or has too many files, a field twice, too many or too large fields.
        TooLarge: FILE_TOO_LARGE.
    """
    limits = limits or FormLimits()
    boundary = _boundary(content_type or "")
    if len(body) > limits.max_body_bytes:
        raise _file_too_large(limits)
    if not body:
        raise _no_file("an empty body")
    # The parser stops at the closing boundary. What follows it is nobody's part, so nobody may send it.
    if not body[-_TAIL:].rstrip(b"\r\n").endswith(b"--" + boundary + b"--"):
        raise _malformed("the form has no end")
    fields: dict[str, str] = {}
    files: list[FilePart] = []
    has_stray_file = False
    for segment, content in _parts(body, boundary, limits):
        name = segment.name or ""
        if _is_file(segment, limits):
            files.append(FilePart(segment.filename, segment.content_type, content))
        elif segment.filename is not None:
            has_stray_file = True
        elif name in fields or not 0 < len(name) <= limits.max_name_characters:
            raise _malformed("a field twice, or without a usable name")
        else:
            fields[name] = _text(content, limits)
    return Form(fields, *_checked(files, has_stray_file, limits))


def _is_file(segment: MultipartSegment, limits: FormLimits) -> bool:
    if segment.name == _FILE_FIELD:
        return True
    return limits.max_files > 1 and segment.name in _PAGE_FIELDS and segment.filename is not None


def _checked(files: list[FilePart], has_stray_file: bool, limits: FormLimits) -> tuple[FilePart, tuple[FilePart, ...]]:
    if not files or not all(file.content for file in files):
        raise _no_file("a file is empty" if files else "no part is called `file`")
    if has_stray_file:
        raise _malformed("a second file, in another field")
    if len(files) > limits.max_files:
        raise _malformed("two files" if limits.max_files == 1 else "too many files")
    if sum(len(file.content) for file in files) > limits.max_file_bytes:
        raise _file_too_large(limits)
    return files[0], tuple(files[1:])


def _boundary(content_type: str) -> bytes:
    if len(content_type) > _MAX_CONTENT_TYPE:
        raise _no_file("an endless content type")
    kind, options = parse_options_header(content_type)
    if kind != _FORM:
        raise _no_file("the content type is not multipart/form-data")
    boundary = options.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise _no_file("no boundary, or one that is not allowed")
    return str(boundary).encode("ascii")


def _parts(body: bytes, boundary: bytes, limits: FormLimits) -> list[tuple[MultipartSegment, bytes]]:
    parser = PushMultipartParser(
        boundary,
        max_header_size=limits.max_header_bytes,
        max_header_count=limits.max_headers,
        max_segment_size=limits.max_file_bytes,
        max_segment_count=limits.max_fields + limits.max_files,
        strict=True,
    )
    parts: list[tuple[MultipartSegment, bytes]] = []
    segment: MultipartSegment | None = None
    pieces: list[bytes] = []
    try:
        with parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    segment, pieces = _plain(event), []
                elif event is not None:
                    pieces.append(event)
                elif segment is not None:
                    parts.append((segment, b"".join(pieces)))
    except ParserLimitReached as error:
        # Fields, headers and numbers of parts have limits too. A part that announces its length is refused before
        # its name is known: then the body tells.
        is_file = segment is not None and _is_file(segment, limits) and not segment.complete
        is_large = is_file or len(body) > limits.max_file_bytes
        raise (_file_too_large(limits) if is_large else _malformed("a limit is exceeded")) from error
    except MultipartError as error:
        raise _malformed("not a complete form") from error
    return parts


def _plain(segment: MultipartSegment) -> MultipartSegment:
    encoding = segment.header("Content-Transfer-Encoding", "") or ""
    if encoding.strip().lower() not in _PLAIN_ENCODINGS:
        raise _malformed("an encoded part")
    if (segment.content_type or "").startswith("multipart/"):
        raise _malformed("a form inside the form")
    return segment


def _text(content: bytes, limits: FormLimits) -> str:
    if len(content) > limits.max_field_bytes:
        raise _malformed("a field is too long")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("a field is not UTF-8") from error


def _no_file(message: str) -> errors.InvalidRequest:
    return errors.InvalidRequest("NO_FILE_PROVIDED", message, user_message=_CHOOSE)


def _malformed(message: str) -> errors.InvalidRequest:
    return errors.InvalidRequest("FILE_VALIDATION_FAILED", message, user_message=_AGAIN)


def _file_too_large(limits: FormLimits) -> errors.TooLarge:
    megabytes = limits.max_file_bytes // (1024 * 1024)
    return errors.TooLarge(
        "FILE_TOO_LARGE",
        user_message=f"This file is larger than {megabytes} MB. Please upload a smaller one, or fewer pages.",
        details={"limit_bytes": limits.max_file_bytes},
    )


def safe_file_name(name: str | None) -> str:
    """Return a name to show: at most 120 characters, letters, digits and a few signs, extension kept. Never a key.

    Path parts, control characters and direction marks go, other signs become `_`, text is NFC. What leaves nothing
    is called "document". Safe to apply twice.
    """
    last = re.split(r"[/\\]", name or "")[-1]
    kept = "".join(_harmless(c) for c in unicodedata.normalize("NFC", last))
    kept = unicodedata.normalize("NFC", " ".join(kept.split())).strip(". _")
    stem, dot, extension = kept.rpartition(".")
    if len(kept) > _MAX_NAME:
        is_cut_before = bool(stem) and len(extension) <= _MAX_EXTENSION
        tail = dot + extension if is_cut_before else ""
        kept = (stem if is_cut_before else kept)[: _MAX_NAME - len(tail)].rstrip(". _") + tail
    return kept or _UNNAMED


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if character in _HARMLESS or category[0] in "LMN":
        return character
    if category in ("Zs", "Zl", "Zp") or character in "\t\r\n":
        return " "
    return "" if category[0] == "C" else "_"
