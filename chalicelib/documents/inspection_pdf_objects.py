"""What is looked for in a PDF's objects: things that run, files inside, and streams that unpack to far too much."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from chalicelib.documents.file_kinds import Kind, kind_of
from chalicelib.documents.inspection_terms import Bounds, Refusal, RefusedError

if TYPE_CHECKING:
    import pikepdf

# Actions that run something, open something else or send something away. Following a link or turning a page stays.
_REFUSED_ACTIONS: Final = frozenset(
    {"/JavaScript", "/Launch", "/GoToE", "/ImportData", "/SubmitForm", "/RichMediaExecute"}
)
_FLATE: Final = frozenset({"/FlateDecode", "/Fl"})
# Packed data that PDFium and the readers unpack only as a picture, within the picture's own dimensions.
_PICTURE_CODECS: Final = frozenset(
    {"/DCTDecode", "/DCT", "/JPXDecode", "/JBIG2Decode", "/CCITTFaxDecode", "/CCF", "/Crypt"}
)
_MAX_FILTERS: Final = 3
_CHUNK: Final = 1 << 20


def examine_objects(document: pikepdf.Pdf, bounds: Bounds) -> None:
    """Look at every object of the document, used by a page or not.

    Scripts are found as the parser sees them, in objects and in compressed object streams, never by searching bytes:
    a genuine file may hold any two letters. Structure elements also have an `/S`; a role of that name is harmless.

    Raises:
        RefusedError: TOO_COMPLEX, ACTIVE_CONTENT, ATTACHMENT, TOO_MANY_PIXELS, EXPANDS_TOO_MUCH.
    """
    import pikepdf

    objects = document.objects
    if len(objects) > bounds.max_objects:
        raise RefusedError(Refusal.TOO_COMPLEX, len(objects), bounds.max_objects)
    values = unpacked = 0
    for top in (*objects, document.trailer):
        for mapping, inside in _containers(top):
            values += inside
            if values > bounds.max_values:
                raise RefusedError(Refusal.TOO_COMPLEX, values, bounds.max_values)
            if mapping is not None:
                _refuse_active(mapping)
                _refuse_attached_files(mapping)
        if isinstance(top, pikepdf.Stream):
            unpacked += _unpacked_bytes(top, bounds)
            if unpacked > bounds.max_unpacked_bytes:
                raise RefusedError(Refusal.EXPANDS_TOO_MUCH, unpacked, bounds.max_unpacked_bytes)


def _containers(top: Any) -> Iterator[tuple[Any | None, int]]:
    """Yield each dictionary (an array as None) directly inside one object, with the number of its values."""
    import pikepdf

    waiting = [top]
    while waiting:
        node = waiting.pop()
        if isinstance(node, pikepdf.Array):
            values = list(node)
            yield None, len(values)
        elif isinstance(node, (pikepdf.Dictionary, pikepdf.Stream)):
            values = [value for _, value in node.items()]
            yield node, len(values)
        else:
            continue
        waiting += [v for v in values if isinstance(v, pikepdf.Object) and not v.is_indirect]


def _name(mapping: Any, key: str, default: str = "") -> str:
    import pikepdf

    value = mapping.get(key)
    return str(value) if isinstance(value, pikepdf.Name) else default


def _refuse_active(mapping: Any) -> None:
    import pikepdf

    if _name(mapping, "/S") in _REFUSED_ACTIONS and _name(mapping, "/Type", "/Action") == "/Action":
        raise RefusedError(Refusal.ACTIVE_CONTENT)
    if isinstance(mapping.get("/JS"), pikepdf.String):
        raise RefusedError(Refusal.ACTIVE_CONTENT)
    if _name(mapping, "/Subtype") == "/RichMedia" or "/RichMediaContent" in mapping:
        raise RefusedError(Refusal.ACTIVE_CONTENT)


def _refuse_attached_files(mapping: Any) -> None:
    """Let a machine-readable copy of the report (XML, JSON, CSV, as in PDF/A-3) pass, and nothing else."""
    import pikepdf

    embedded = mapping.get("/EF")
    if not isinstance(embedded, pikepdf.Dictionary):
        return
    for _, stream in embedded.items():
        if not isinstance(stream, pikepdf.Stream) or kind_of(_first_bytes(stream)) != Kind.TEXT:
            raise RefusedError(Refusal.ATTACHMENT)


def _first_bytes(stream: pikepdf.Stream) -> bytes:
    data = stream.read_raw_bytes()
    if _filters(stream) and set(_filters(stream)) <= _FLATE:
        try:
            return zlib.decompressobj().decompress(data, 1024)
        except zlib.error:
            return b""
    return data[:1024] if not _filters(stream) else b""


def _filters(stream: pikepdf.Stream) -> list[str]:
    import pikepdf

    declared = stream.get("/Filter", None)
    if declared is None:
        return []
    return [str(f) for f in declared] if isinstance(declared, pikepdf.Array) else [str(declared)]


def _unpacked_bytes(stream: pikepdf.Stream, bounds: Bounds) -> int:
    filters = _filters(stream)
    if len(filters) > _MAX_FILTERS:
        raise RefusedError(Refusal.EXPANDS_TOO_MUCH, len(filters), _MAX_FILTERS)
    is_picture = _name(stream, "/Subtype") == "/Image"
    if is_picture:
        _refuse_huge_picture(stream, bounds)
    most = bounds.max_pixels * 4 if is_picture else bounds.max_stream_bytes
    packed = [f for f in filters if f not in _PICTURE_CODECS]
    if not packed:
        return 0
    if set(packed) <= _FLATE:
        return _inflated_bytes(stream.read_raw_bytes(), len(packed), most)
    return _decoded_bytes(stream, most)


def _refuse_huge_picture(stream: pikepdf.Stream, bounds: Bounds) -> None:
    # One bit per pixel, a fax, may have eight times the pixels in the same memory.
    bits = 1 if stream.get("/ImageMask", False) else _number(stream, "/BitsPerComponent", 8)
    pixels = _number(stream, "/Width", 0) * _number(stream, "/Height", 0) * min(max(bits, 1), 8) // 8
    if pixels > bounds.max_pixels:
        raise RefusedError(Refusal.TOO_MANY_PIXELS, pixels, bounds.max_pixels)


def _number(stream: pikepdf.Stream, key: str, default: int) -> int:
    value = stream.get(key, default)
    return value if isinstance(value, int) and value >= 0 else default


def _inflated_bytes(data: bytes, layers: int, most: int) -> int:
    """Return how many bytes come out of the last layer, never holding more than `most` of any layer."""
    for _ in range(layers - 1):
        data = b"".join(_inflate(data, most))
    return sum(len(piece) for piece in _inflate(data, most))


def _inflate(data: bytes, most: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    left = most
    try:
        while data and not inflater.eof:
            piece = inflater.decompress(data, _CHUNK)
            data = inflater.unconsumed_tail
            left -= len(piece)
            if left < 0:
                raise RefusedError(Refusal.EXPANDS_TOO_MUCH, limit=most)
            yield piece
    except zlib.error:
        return  # readers show what came out before the fault, and so do we


def _decoded_bytes(stream: pikepdf.Stream, most: int) -> int:
    import pikepdf

    try:
        size = len(stream.read_bytes(pikepdf.StreamDecodeLevel.specialized))
    except pikepdf.PdfError as error:
        if "limit exceeded" in str(error):  # qpdf does not count these among its limit errors
            raise RefusedError(Refusal.EXPANDS_TOO_MUCH, limit=most) from error
        return 0  # a codec that qpdf does not unpack, or damaged data: readers show what they can
    if size > most:
        raise RefusedError(Refusal.EXPANDS_TOO_MUCH, size, most)
    return size
