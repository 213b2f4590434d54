"""Shared libraries without what no loader maps: symbol tables and debug information, a fifth of their bytes.

Road not taken: `strip`. It is another version on every machine, which makes another package, and that of one
architecture does not know the other's files. What stays is proven in tests: the image in memory is the same, byte for
byte.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Final

_MAGIC: Final = b"\x7fELF\x02\x01"
"""64 bits, little-endian: what both of Lambda's architectures are."""

_SEGMENT: Final = struct.Struct("<IIQQQQQQ")
LOAD: Final = 1
"""The kind of a segment that is put into memory."""

_OFFSET_OF_SEGMENT_TABLE: Final = 32
_OFFSET_OF_SECTION_TABLE: Final = 40
_OFFSET_OF_SIZES: Final = 54
_X86_64: Final = 62
# The largest page that a kernel for the architecture has; arm64 comes with 4, 16 and 64 KB.
_PAGES: Final = {_X86_64: 0x1000}
_LARGEST_PAGE: Final = 0x10000


@dataclass(frozen=True, slots=True)
class Segment:
    """An entry of the table of segments (System V ABI, "Program Header"); what is loaded has the kind 1."""

    kind: int
    flags: int
    offset: int
    address: int
    physical: int
    file_size: int
    memory_size: int
    alignment: int

    def holds(self, other: Segment) -> bool:
        """Whether another segment's bytes in the file are part of this one's."""
        return self.offset <= other.offset and other.offset + other.file_size <= self.offset + self.file_size


def is_library(content: bytes) -> bool:
    """Whether this is a file that can be made smaller here."""
    return content.startswith(_MAGIC)


def segments(content: bytes) -> list[Segment]:
    """Return the table of segments."""
    table, size, count = table_of_segments(content)
    return [Segment(*_SEGMENT.unpack_from(content, table + size * number)) for number in range(count)]


def compacted(content: bytes) -> bytes:
    """Return the library with its loaded segments alone, moved together; addresses in memory stay what they are.

    What is not laid out as expected is returned as it is.
    """
    old = segments(content)
    loaded = sorted((one for one in old if one.kind == LOAD), key=lambda one: one.offset)
    if not loaded or loaded[0].offset != 0 or not all(_has_a_home(one, loaded) for one in old):
        return content
    page = _PAGES.get(struct.unpack_from("<H", content, 18)[0], _LARGEST_PAGE)
    packed, places = bytearray(), {}
    for segment in loaded:
        place = len(packed) + (segment.address - len(packed)) % page
        packed += bytes(place - len(packed)) + content[segment.offset : segment.offset + segment.file_size]
        places[segment] = place
    return bytes(_with_tables(packed, content, old, places, page))


def _has_a_home(segment: Segment, loaded: list[Segment]) -> bool:
    return segment.file_size == 0 or any(home.holds(segment) for home in loaded)


def _with_tables(
    packed: bytearray, content: bytes, old: list[Segment], places: dict[Segment, int], page: int
) -> bytearray:
    """Write the moved table of segments, and say that there is no table of sections: nothing at run time reads one."""
    table, size, _ = table_of_segments(content)
    new_table = _moved(table, places)
    struct.pack_into("<Q", packed, _OFFSET_OF_SEGMENT_TABLE, new_table)
    struct.pack_into("<Q", packed, _OFFSET_OF_SECTION_TABLE, 0)
    struct.pack_into("<HH", packed, _OFFSET_OF_SIZES + 6, 0, 0)
    for number, segment in enumerate(old):
        moved = replace(
            segment,
            offset=_moved(segment.offset, places) if segment.file_size else segment.offset,
            alignment=min(segment.alignment, page) if segment.kind == LOAD else segment.alignment,
        )
        fields = (getattr(moved, name) for name in Segment.__slots__)
        _SEGMENT.pack_into(packed, new_table + size * number, *fields)
    return packed


def _moved(offset: int, places: dict[Segment, int]) -> int:
    for segment, place in places.items():
        if segment.offset <= offset < segment.offset + segment.file_size:
            return offset - segment.offset + place
    raise ValueError("The table of segments is not loaded itself.")


def table_of_segments(content: bytes) -> tuple[int, int, int]:
    """Return where the table of segments is, the size of an entry, and how many there are."""
    (offset,) = struct.unpack_from("<Q", content, _OFFSET_OF_SEGMENT_TABLE)
    size, count = struct.unpack_from("<HH", content, _OFFSET_OF_SIZES)
    return offset, size, count
