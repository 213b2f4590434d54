"""How much comes out of a PDF's compressed streams, found without ever holding more than the bound."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from chalicelib.documents.inspection_terms import Refusal, RefusedError

FLATE: Final = frozenset({"/FlateDecode", "/Fl"})
_HEXADECIMAL: Final = frozenset({"/ASCIIHexDecode", "/AHx"})
_BASE_85: Final = frozenset({"/ASCII85Decode", "/A85"})
_LZW: Final = frozenset({"/LZWDecode", "/LZW"})
_RUN_LENGTH: Final = frozenset({"/RunLengthDecode", "/RL"})
_UNPACKED: Final = FLATE | _HEXADECIMAL | _BASE_85 | _LZW | _RUN_LENGTH
_MAX_FILTERS: Final = 3
_CHUNK: Final = 1 << 20


def unpacked_bytes(data: bytes, filters: Sequence[str], most: int) -> int:
    """Return how many bytes come out of the last filter, never holding more than `most` bytes of any.

    The codecs of pictures end the count: PDFium and the readers unpack those within the picture's own dimensions.
    Data that is damaged counts up to its fault, as readers show it.

    Raises:
        RefusedError: EXPANDS_TOO_MUCH, for too many filters or bytes.
    """
    if len(filters) > _MAX_FILTERS:
        raise RefusedError(Refusal.EXPANDS_TOO_MUCH, len(filters), _MAX_FILTERS)
    layers = _layers(filters)
    for name in layers[:-1]:
        data = b"".join(_bounded(name, data, most))
    return sum(len(piece) for piece in _bounded(layers[-1], data, most)) if layers else 0


def first_bytes(data: bytes, filters: Sequence[str], count: int) -> bytes:
    """Return what a stream begins with, nothing where it is packed with anything but one layer of flate."""
    if not filters:
        return data[:count]
    if len(filters) > 1 or filters[0] not in FLATE:
        return b""
    try:
        return zlib.decompressobj().decompress(data, count)
    except zlib.error:
        return b""


def _layers(filters: Sequence[str]) -> list[str]:
    layers = [name for name in filters if name != "/Crypt"]
    for index, name in enumerate(layers):
        if name not in _UNPACKED:
            return layers[:index]
    return layers


def _bounded(name: str, data: bytes, most: int) -> Iterator[bytes]:
    left = most
    for piece in _pieces(name, data, most):
        left -= len(piece)
        if left < 0:
            raise RefusedError(Refusal.EXPANDS_TOO_MUCH, limit=most)
        yield piece


def _pieces(name: str, data: bytes, most: int) -> Iterator[bytes]:
    if name in FLATE:
        yield from _inflated(data)
    elif name in _HEXADECIMAL:
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", data.partition(b">")[0])
        yield bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    else:
        yield _decoded(name, data, most)


def _inflated(data: bytes) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    try:
        while data and not inflater.eof:
            piece = inflater.decompress(data, _CHUNK)
            data = inflater.unconsumed_tail
            yield piece
    except zlib.error:
        return


def _decoded(name: str, data: bytes, most: int) -> bytes:
    from pypdf import apply_configuration
    from pypdf.errors import LimitReachedError
    from pypdf.filters import ASCII85Decode, LZWDecode, RunLengthDecode

    decoder = ASCII85Decode if name in _BASE_85 else LZWDecode if name in _LZW else RunLengthDecode
    try:
        with apply_configuration(lzw_maximum_output_length=most, run_length_maximum_output_length=most):
            return decoder.decode(data)
    except MemoryError:
        raise
    except LimitReachedError as error:
        raise RefusedError(Refusal.EXPANDS_TOO_MUCH, limit=most) from error
    except Exception:  # noqa: BLE001  # damaged data, found by any of a dozen types
        return b""
