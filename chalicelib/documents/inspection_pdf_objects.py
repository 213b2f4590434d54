"""What is looked for in a PDF's objects: things that run, files inside, and streams that unpack to far too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from chalicelib.documents.file_kinds import Kind, kind_of
from chalicelib.documents.inspection_pdf_reading import Document, is_stream
from chalicelib.documents.inspection_pdf_streams import first_bytes, unpacked_bytes
from chalicelib.documents.inspection_terms import Bounds, Refusal, RefusedError

# Actions that run something, open something else or send something away. Following a link or turning a page stays.
_REFUSED_ACTIONS: Final = frozenset(
    {"/JavaScript", "/Launch", "/GoToE", "/ImportData", "/SubmitForm", "/RichMediaExecute"}
)


def examine_objects(document: Document, bounds: Bounds) -> None:
    """Look at every object of the document, used by a page or not.

    Scripts are found as the parser sees them, in objects and in compressed object streams, never by searching bytes:
    a genuine file may hold any two letters. Structure elements also have an `/S`; a role of that name is harmless.

    Raises:
        RefusedError: TOO_COMPLEX, ACTIVE_CONTENT, ATTACHMENT, TOO_MANY_PIXELS, EXPANDS_TOO_MUCH, DAMAGED.
    """
    _examine(document, document.reader.trailer, bounds)
    values = unpacked = 0
    for top in document.objects():
        values += _examine(document, top, bounds)
        if values > bounds.max_values:
            raise RefusedError(Refusal.TOO_COMPLEX, values, bounds.max_values)
        if is_stream(top):
            unpacked += _unpacked_bytes(document, top, bounds)
            if unpacked > bounds.max_unpacked_bytes:
                raise RefusedError(Refusal.EXPANDS_TOO_MUCH, unpacked, bounds.max_unpacked_bytes)


def _examine(document: Document, top: Any, bounds: Bounds) -> int:
    """Look at one object with all that it holds directly, and return how many values that is, itself included."""
    values = 1
    for mapping, inside in _containers(top):
        values += inside
        if values > bounds.max_values:
            raise RefusedError(Refusal.TOO_COMPLEX, values, bounds.max_values)
        if mapping is not None:
            _refuse_active(document, mapping)
            _refuse_attached_files(document, mapping)
    return values


def _containers(top: Any) -> Iterator[tuple[Any | None, int]]:
    """Yield each dictionary (an array as None) directly inside one object, with the number of its values."""
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node, len(node)
            waiting += [value for value in node.values() if isinstance(value, (dict, list))]
        elif isinstance(node, list):
            yield None, len(node)
            waiting += [value for value in node if isinstance(value, (dict, list))]


def _name(document: Document, mapping: Any, key: str, default: str = "") -> str:
    from pypdf.generic import NameObject

    value = document.at(mapping, key)
    return str(value) if isinstance(value, NameObject) else default


def _refuse_active(document: Document, mapping: Any) -> None:
    from pypdf.generic import ByteStringObject, TextStringObject

    is_action = _name(document, mapping, "/S") in _REFUSED_ACTIONS
    if is_action and _name(document, mapping, "/Type", "/Action") == "/Action":
        raise RefusedError(Refusal.ACTIVE_CONTENT)
    if isinstance(document.at(mapping, "/JS"), (TextStringObject, ByteStringObject)):
        raise RefusedError(Refusal.ACTIVE_CONTENT)
    if _name(document, mapping, "/Subtype") == "/RichMedia" or "/RichMediaContent" in mapping:
        raise RefusedError(Refusal.ACTIVE_CONTENT)


def _refuse_attached_files(document: Document, mapping: Any) -> None:
    """Let a machine-readable copy of the report (XML, JSON, CSV, as in PDF/A-3) pass, and nothing else."""
    embedded = document.at(mapping, "/EF")
    if not isinstance(embedded, dict):
        return
    for key in embedded:
        stream = document.at(embedded, key)
        if not is_stream(stream):
            raise RefusedError(Refusal.ATTACHMENT)
        if kind_of(first_bytes(stream._data, document.filters(stream), 1024)) != Kind.TEXT:
            raise RefusedError(Refusal.ATTACHMENT)


def _unpacked_bytes(document: Document, stream: Any, bounds: Bounds) -> int:
    is_picture = _name(document, stream, "/Subtype") == "/Image"
    if is_picture:
        _refuse_huge_picture(document, stream, bounds)
    most = bounds.max_pixels * 4 if is_picture else bounds.max_stream_bytes
    # The data as it stands in the file, decrypted: `get_data` would unpack all of it, pictures too.
    return unpacked_bytes(stream._data, document.filters(stream), most)


def _refuse_huge_picture(document: Document, stream: Any, bounds: Bounds) -> None:
    # One bit per pixel, a fax, may have eight times the pixels in the same memory.
    is_mask = getattr(document.at(stream, "/ImageMask"), "value", False) is True
    bits = 1 if is_mask else _number(document, stream, "/BitsPerComponent", 8)
    sides = _number(document, stream, "/Width", 0) * _number(document, stream, "/Height", 0)
    pixels = sides * min(max(bits, 1), 8) // 8
    if pixels > bounds.max_pixels:
        raise RefusedError(Refusal.TOO_MANY_PIXELS, pixels, bounds.max_pixels)


def _number(document: Document, stream: Any, key: str, default: int) -> int:
    value = document.at(stream, key)
    return int(value) if isinstance(value, (int, float)) and value >= 0 else default
