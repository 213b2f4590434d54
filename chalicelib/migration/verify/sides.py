"""What verification asks of the two sides, in words that belong to neither."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.verify.digests import Tally

Range = str
"""Keys that begin with these hex digits; `REST` holds those that begin otherwise."""
REST: Range = "-"


class Entry(NamedTuple):
    """One thing that is held under a key: its lane, what tells it from others of its lane, and its values by the names
    that the lane gives them. `item` is the item that says it, on the side of items."""

    key: Key
    lane: str
    name: str
    values: tuple[str | None, ...]
    item: ItemKey | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """A kind of entry: the names of its values, and which of them are personal and therefore not shown unasked.

    `is_of_rows` says that its entries are rows, each of which both sides hold, whatever else is kept beside the rows;
    `is_outside` that its items stand outside the partitions of their key. `unique` counts the first names, which
    together tell an entry from others.
    """

    name: str
    values: tuple[str, ...]
    personal: Collection[str] = ()
    is_of_rows: bool = True
    is_outside: bool = False
    unique: int = 1


class Rows(Protocol):
    """The relational side, summed up by itself: nothing of a range is transferred but its sums."""

    def counts(self) -> Mapping[str, int]:
        """Return how many rows each table has; also of those that do not move."""

    def by_range(self, digits: int) -> Mapping[tuple[Range, str], Tally]:
        """Return the tally of every lane in every range, keys divided by so many of their first hex digits."""

    def statement(self, digits: int) -> str:
        """Return what anyone can ask the database to get the sums of its ranges: lane, range, number, high, low."""

    def by_key(self, ranges: Collection[Range]) -> Mapping[tuple[Key, str], Tally]:
        """Return the tally of every lane of every key in some ranges."""

    def keys_beside(self) -> Collection[Key]:
        """Return the keys of which something is kept beside the rows: rows alone do not say what they hold."""

    def items_beside(self, keys: Sequence[Key]) -> Mapping[Key, Collection[ItemKey]]:
        """Return which of the items of some keys something is kept of beside the rows."""

    def entries(self, keys: Sequence[Key]) -> Mapping[Key, Sequence[Entry]]:
        """Return every entry of some keys, as the rows have them now, of one snapshot."""


class Items(Protocol):
    """How items are read as entries."""

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """Every lane by its name."""

    def entries(self, item: RawItem) -> Iterable[Entry]:
        """Return the entries that an item says; none for one that is no part of the move, or is about to be forgotten.

        What the item says beyond its entries, and what it should not say, is an entry too, of a lane of its own.
        """

    def tallies(self, item: RawItem) -> Iterable[tuple[Key, str, Tally]]:
        """Return key, lane and tally of everything that an item says; tallies may also count against each other."""

    def key_of(self, item: RawItem) -> Key | None:
        """Return the key that an item belongs to; None where it is no part of the move."""

    def is_forgotten(self, item: RawItem) -> bool:
        """Whether an item counts no more on either side, because its time is over."""
