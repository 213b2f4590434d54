"""A verification from end to end: count, sum both sides up, narrow down, look again, and say what differs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.clock import Clock
from chalicelib.migration.ports import Holding, ItemKey, Key
from chalicelib.migration.verify.differences import Difference, astray
from chalicelib.migration.verify.digests import NOTHING, Tally
from chalicelib.migration.verify.narrowing import Compared, differing, digits_for, keys_that_differ
from chalicelib.migration.verify.scanning import Scanner, Sums, range_of
from chalicelib.migration.verify.settling import Settled, Settler
from chalicelib.migration.verify.sides import Items, Rows

_BATCH: Final = 50
"""Keys of one question: the other side is not kept waiting in the middle of a transaction for long."""
Progress = Callable[[str, int], None]
"""Hears the name of the step and how many items it has read so far."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a verification, and how long it took."""

    name: str
    seconds: float


@dataclass(slots=True)
class Verification:
    """What a verification found. Ranges are by so many hex `digits`; `candidates` differed at first, and of those most
    were on their way while people wrote."""

    began_at: datetime
    ended_at: datetime
    digits: int = 0
    row_counts: Mapping[str, int] = field(default_factory=dict)
    items: int = 0
    keys: int = 0
    rows_by_range: Mapping[tuple[str, str], Tally] = field(default_factory=dict)
    home_by_range: Mapping[tuple[str, str], Tally] = field(default_factory=dict)
    statement: str = ""
    keys_beside: int = 0
    compared: Compared = field(default_factory=lambda: Compared((), 0))
    candidates: int = 0
    settled: Settled = field(default_factory=Settled)
    steps: list[Step] = field(default_factory=list)
    pages: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    """Seconds since the beginning, and how many items had been read."""
    constants: Sequence[Difference] = ()
    """Rows that say something else than the code does. Nobody's data: they make nothing unclean."""

    @property
    def differences(self) -> list[Difference]:
        """What differs."""
        return self.settled.differences

    @property
    def is_clean(self) -> bool:
        """Whether both sides hold the same, all of it: nothing differs, and nothing was left in flux."""
        return not self.settled.differences and not self.settled.unsettled


@dataclass(frozen=True, slots=True)
class Verifier:
    """Verifies. `holdings` gives what the legacy side holds as items, rows and what is beside them."""

    rows: Rows
    items: Items
    scanner: Scanner
    settler: Settler
    holdings: Callable[[Sequence[Key]], Sequence[Holding]]
    clock: Clock
    progress: Progress = lambda _step, _items: None
    constants: Callable[[], Iterable[Difference]] = tuple

    def verify(self) -> Verification:
        """Return what a verification of everything finds. It writes nothing, and is safe while people write.

        Raises:
            RowsHidden: the legacy side does not show us every row.
        """
        began_at, began = self.clock.now(), time.monotonic()
        found = Verification(began_at, began_at)
        with _timed(found, "count rows"):
            found.row_counts = self.rows.counts()
            found.digits = digits_for(max(found.row_counts.values(), default=0))
            found.statement = self.rows.statement(found.digits)
        home = self._summed(found, began)
        with _timed(found, "narrow down"):
            candidates = self._candidates(found, home)
        with _timed(found, "look again"):
            found.settled = self.settler.settle(candidates)
            self._look_for_strays(found, home)
        found.constants = list(self.constants())
        found.candidates, found.ended_at = len(candidates), self.clock.now()
        return found

    def look_again(self, found: Verification) -> Settled:
        """Return what still differs of what a verification found, after a repair for example. What stood outside the
        partitions of its key, and was named by nothing, is looked for where it was found."""
        return self.settler.settle({one.key for one in found.differences}, astray(found.differences))

    def _summed(self, found: Verification, began: float) -> Sums:
        """Sum both sides up at once."""
        read = 0

        def progress(items: int) -> None:
            nonlocal read
            read += items
            found.pages.append((time.monotonic() - began, read))
            self.progress("sum up", read)

        with _timed(found, "sum up"), ThreadPoolExecutor(1, thread_name_prefix="verify-rows") as pool:
            asked = pool.submit(self.rows.by_range, found.digits)
            home = self.scanner.sums(found.digits, progress)
            found.rows_by_range = asked.result()
        found.home_by_range, found.items, found.keys = home.by_range(), home.items, len(home.held_keys())
        return home

    def _candidates(self, found: Verification, home: Sums) -> set[Key]:
        beside = self._beside()
        found.keys_beside = len(beside)
        found.compared = differing(found.rows_by_range, found.home_by_range, found.digits)
        ranges = {*found.compared.differing, *(range_of(key, found.digits) for key in beside)}
        row_lanes = {name for name, lane in self.items.lanes.items() if lane.is_of_rows}
        told = self.rows.by_key(ranges)
        return keys_that_differ(told, home, beside, ranges, row_lanes)

    def _beside(self) -> dict[Key, Tally]:
        """Return the sums of what the legacy side holds of whom something is kept beside the rows."""
        keys = sorted(self.rows.keys_beside())
        found: dict[Key, Tally] = dict.fromkeys(keys, NOTHING)
        for start in range(0, len(keys), _BATCH):
            for holding in self.holdings(keys[start : start + _BATCH]):
                for item in holding.items.values():
                    for key, _, tally in self.items.tallies(item):
                        found[key] = found.get(key, NOTHING).plus(tally)
        return found

    def _look_for_strays(self, found: Verification, home: Sums) -> None:
        """Look for what stands outside a key's partitions and says that it belongs there, although nothing names it.

        That takes another reading of the whole table, so it is done only where the sums of what stands outside differ
        between the first reading and the last look.
        """
        unexplained = {key for key, outside in found.settled.same.items() if outside != home.of(key).outside}
        if not unexplained:
            return
        strays: dict[Key, list[ItemKey]] = defaultdict(list)
        for item in self.scanner.found(lambda one: self.items.key_of(one) in unexplained):
            key = self.items.key_of(item)
            if key is not None:
                strays[key].append((item["PK"]["S"], item["SK"]["S"]))
        again = self.settler.settle(strays.keys(), strays)
        for key in again.unsettled | {one.key for one in again.differences}:
            del found.settled.same[key]
        found.settled.differences += again.differences
        found.settled.unsettled |= again.unsettled
        found.settled.looks += again.looks


@contextmanager
def _timed(found: Verification, name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    found.steps.append(Step(name, time.monotonic() - began))
