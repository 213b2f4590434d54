"""Reads every item once, in parallel, and sums entries up by range and by key; nothing else of an item is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from chalicelib.migration.ports import Key, RawItem
from chalicelib.migration.verify.digests import NOTHING, Tally
from chalicelib.migration.verify.sides import REST, Items, Lane, Range

Call = Callable[[str, dict[str, Any]], Any]
"""Botocore's `(operation, arguments) -> answer`."""

SEGMENTS: Final = 4
_HEX: Final = re.compile(r"[0-9a-f]{8}-")


class OfKey(NamedTuple):
    """The sums of one key: of everything, of rows alone, and of what stands outside its partitions."""

    whole: Tally = NOTHING
    rows: Tally = NOTHING
    outside: Tally = NOTHING

    def plus(self, other: OfKey) -> OfKey:
        """Return the sums of both together."""
        return OfKey(self.whole.plus(other.whole), self.rows.plus(other.rows), self.outside.plus(other.outside))


@dataclass(slots=True)
class Sums:
    """Tallies by range and lane, and by key."""

    digits: int
    by_range: dict[tuple[Range, str], Tally] = field(default_factory=dict)
    by_key: dict[Key, OfKey] = field(default_factory=dict)
    items: int = 0

    def add(self, key: Key, lane: Lane, tally: Tally) -> None:
        """Count an entry in."""
        place = (range_of(key, self.digits), lane.name)
        self.by_range[place] = self.by_range.get(place, NOTHING).plus(tally)
        one = OfKey(tally, tally if lane.is_of_rows else NOTHING, tally if lane.is_outside else NOTHING)
        held = self.by_key.get(key)
        self.by_key[key] = one if held is None else held.plus(one)

    def of(self, key: Key) -> OfKey:
        """Return the sums of a key."""
        return self.by_key.get(key, OfKey())

    def merge(self, other: Sums) -> None:
        """Count in what was summed up elsewhere."""
        for place, tally in other.by_range.items():
            self.by_range[place] = self.by_range.get(place, NOTHING).plus(tally)
        for key, one in other.by_key.items():
            self.by_key[key] = self.of(key).plus(one)
        self.items += other.items


def range_of(key: Key, digits: int) -> Range:
    """Return the range that a key lies in."""
    return key[:digits] if _HEX.match(key) else REST


@dataclass(frozen=True, slots=True)
class Scanner:
    """Reads a table through, in segments side by side. Reads are eventually consistent, at half the price: what differs
    is looked at again anyway."""

    call: Call
    table: str
    items: Items
    segments: int = SEGMENTS

    def sums(self, digits: int, progress: Callable[[int], None] = lambda _: None) -> Sums:
        """Return the sums of all items that are part of the move. `progress` hears of every page, how many items."""
        lanes = self.items.lanes

        def summed(segment: int) -> Sums:
            sums = Sums(digits)
            for page in self._pages(segment):
                for item in page:
                    for key, lane, tally in self.items.tallies(item):
                        sums.add(key, lanes[lane], tally)
                sums.items += len(page)
                progress(len(page))
            return sums

        whole = Sums(digits)
        with ThreadPoolExecutor(self.segments, thread_name_prefix="verify") as pool:
            for part in pool.map(summed, range(self.segments)):
                whole.merge(part)
        return whole

    def found(self, wanted: Callable[[RawItem], bool]) -> list[RawItem]:
        """Return the items of a kind, wherever they stand."""

        def picked(segment: int) -> list[RawItem]:
            return [item for page in self._pages(segment) for item in page if wanted(item)]

        with ThreadPoolExecutor(self.segments, thread_name_prefix="verify") as pool:
            return [item for part in pool.map(picked, range(self.segments)) for item in part]

    def _pages(self, segment: int) -> Iterator[list[RawItem]]:
        arguments: dict[str, Any] = {"TableName": self.table, "Segment": segment, "TotalSegments": self.segments}
        while True:
            answer: Mapping[str, Any] = self.call("Scan", arguments)
            yield answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
