"""Reads every item once, in parallel, and sums entries up by range and by key; nothing else of an item is kept."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from chalicelib import errors
from chalicelib.migration.ports import Key, RawItem
from chalicelib.migration.verify.digests import NOTHING, Tally
from chalicelib.migration.verify.sides import REST, Items, Lane, Range

Call = Callable[[str, dict[str, Any]], Any]
"""Botocore's `(operation, arguments) -> answer`."""

SEGMENTS: Final = 4
_ATTEMPTS: Final = 8
_LONGEST_WAIT_SECONDS: Final = 5.0
_PASSING: Final = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "InternalServerError"}
)
_HEX: Final = re.compile(r"[0-9a-f]{8}-")


class OfKey(NamedTuple):
    """The sums of one key: of everything, of rows alone, and of what stands outside its partitions."""

    whole: Tally = NOTHING
    rows: Tally = NOTHING
    outside: Tally = NOTHING


@dataclass(slots=True)
class Sums:
    """Tallies by range and lane, and by key. Numbers are added up in place: there are millions of entries."""

    digits: int
    items: int = 0
    _ranges: dict[tuple[Range, str], list[int]] = field(default_factory=dict)
    _keys: dict[Key, list[int]] = field(default_factory=dict)

    def add(self, key: Key, lane: Lane, tally: Tally) -> None:
        """Count an entry in."""
        _into(self._ranges, (range_of(key, self.digits), lane.name), tally)
        here = self._keys.get(key)
        if here is None:
            here = self._keys[key] = [0] * 9
        number, high, low = tally
        for place in (0, 3 if lane.is_of_rows else None, 6 if lane.is_outside else None):
            if place is not None:
                here[place] += number
                here[place + 1] += high
                here[place + 2] += low

    def merge(self, other: Sums) -> None:
        """Count in what was summed up elsewhere."""
        for part, numbers in other._ranges.items():
            _into(self._ranges, part, numbers)
        for key, numbers in other._keys.items():
            held = self._keys.get(key)
            self._keys[key] = numbers if held is None else [a + b for a, b in zip(held, numbers, strict=True)]
        self.items += other.items

    def by_range(self) -> dict[tuple[Range, str], Tally]:
        """Return the tally of every lane in every range."""
        return {part: Tally(*numbers) for part, numbers in self._ranges.items()}

    def held_keys(self) -> Collection[Key]:
        """Return every key of which there is anything."""
        return self._keys.keys()

    def of(self, key: Key) -> OfKey:
        """Return the sums of a key."""
        numbers = self._keys.get(key)
        if numbers is None:
            return OfKey()
        return OfKey(Tally(*numbers[0:3]), Tally(*numbers[3:6]), Tally(*numbers[6:9]))


def _into(sums: dict[Any, list[int]], place: Any, numbers: Sequence[int]) -> None:
    held = sums.get(place)
    if held is None:
        sums[place] = list(numbers)
        return
    held[0] += numbers[0]
    held[1] += numbers[1]
    held[2] += numbers[2]


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
    sleep: Callable[[float], None] = time.sleep

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
        """Yield pages, the next one on its way while one is worked on."""
        arguments: dict[str, Any] = {"TableName": self.table, "Segment": segment, "TotalSegments": self.segments}
        if self.segments == 1:
            arguments = {"TableName": self.table}
        with ThreadPoolExecutor(1, thread_name_prefix="verify-ahead") as ahead:
            coming = ahead.submit(self._asked, arguments)
            while True:
                answer = coming.result()
                last = answer.get("LastEvaluatedKey")
                if last:
                    coming = ahead.submit(self._asked, {**arguments, "ExclusiveStartKey": last})
                yield answer["Items"]
                if not last:
                    return

    def _asked(self, arguments: dict[str, Any]) -> Mapping[str, Any]:
        """Ask for a page, again where the table does not answer in time: hours of reading must not end at that."""
        for attempt in range(_ATTEMPTS):
            try:
                answer: Mapping[str, Any] = self.call("Scan", arguments)
            except (BotoConnectionError, HTTPClientError, ClientError) as failure:
                if not _is_passing(failure):
                    raise
                if attempt == _ATTEMPTS - 1:
                    raise errors.Unavailable(message="The table does not answer a scan.") from failure
                self.sleep(min(_LONGEST_WAIT_SECONDS, 0.1 * 2**attempt))
            else:
                return answer
        raise AssertionError("unreachable: the last attempt returns or raises")


def _is_passing(failure: Exception) -> bool:
    if not isinstance(failure, ClientError):
        return True
    return failure.response["Error"]["Code"] in _PASSING
