"""Looks again at what differed, until it stands still: while people write, most of what differs is only on its way."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from chalicelib.migration.ports import Holding, ItemKey, Key, RawItem
from chalicelib.migration.verify.differences import Difference, of_items, of_rows
from chalicelib.migration.verify.digests import Tally, tally_of, total
from chalicelib.migration.verify.sides import Items, Rows

_BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells whether a key stood still between two looks: its revision, what is known of its copy, and whether
    anything waits to be copied, either way."""

    revision: int
    copy: str
    is_waiting: bool


class Stamps(Protocol):
    """Says of keys where they stand now."""

    def stamps(self, keys: Sequence[Key]) -> Mapping[Key, Stamp]:
        """Return the stamp of each."""


class HomeItems(Protocol):
    """Reads items consistently, in its own way."""

    def items(self, key: Key, expected: Iterable[ItemKey]) -> Mapping[ItemKey, RawItem]:
        """Return what stands in the partitions of a key, and those of the expected items that belong to it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long something in flux is looked at again before that is reported."""

    rounds: int = 20
    wait_seconds: float = 0.3
    looks: int = 2
    """A difference counts once so many looks in a row have seen the very same, and the key stood still in each."""


@dataclass(slots=True)
class Settled:
    """What became of the keys that differed at first."""

    differences: list[Difference] = field(default_factory=list)
    same: dict[Key, Tally] = field(default_factory=dict)
    """Those that are the same after all, with the sum of what stands outside their partitions."""
    unsettled: set[Key] = field(default_factory=set)
    looks: int = 0


class Look(NamedTuple):
    """How a key that stood still differs, and the sum of what stands outside its partitions."""

    differences: tuple[Difference, ...]
    outside: Tally


@dataclass(frozen=True, slots=True)
class Settler:
    """Compares keys one by one. `holdings` gives what the legacy side holds as items."""

    rows: Rows
    items: Items
    holdings: Callable[[Sequence[Key]], Sequence[Holding]]
    home: HomeItems
    stamps: Stamps
    patience: Patience = field(default_factory=Patience)
    sleep: Callable[[float], None] = time.sleep

    def settle(self, keys: Collection[Key], outside: Mapping[Key, Collection[ItemKey]] | None = None) -> Settled:
        """Return how keys differ. `outside` names items elsewhere that say they belong to a key."""
        settled = Settled()
        waiting: dict[Key, tuple[tuple[Difference, ...], int]] = dict.fromkeys(sorted(keys), ((), 0))
        for number in range(self.patience.rounds):
            if not waiting:
                break
            if number:
                self.sleep(self.patience.wait_seconds)
            for key, found in self._look(list(waiting), outside or {}).items():
                settled.looks += 1
                self._judge(key, found, waiting, settled)
        settled.unsettled |= waiting.keys()
        return settled

    def _judge(
        self,
        key: Key,
        found: Look | None,
        waiting: dict[Key, tuple[tuple[Difference, ...], int]],
        settled: Settled,
    ) -> None:
        """Decide about a key: the same, different for good, or to be looked at again (`found` is None in flux)."""
        if found is None:
            waiting[key] = (), 0
            return
        if not found.differences:
            settled.same[key] = found.outside
            del waiting[key]
            return
        before, times = waiting[key]
        times = times + 1 if found.differences == before else 1
        waiting[key] = found.differences, times
        if times >= self.patience.looks:
            settled.differences += found.differences
            del waiting[key]

    def _look(self, keys: Sequence[Key], outside: Mapping[Key, Collection[ItemKey]]) -> dict[Key, Look | None]:
        """Return how each key differs now, None for one that did not stand still while it was looked at: both sides are
        read between two stamps, and a change that came in between shows."""
        looked: dict[Key, Look | None] = {}
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            before = self.stamps.stamps(batch)
            still = [key for key in batch if not before[key].is_waiting]
            found = self._compared(still, outside)
            after = self.stamps.stamps(still)
            looked |= {key: found[key] if key in found and before[key] == after[key] else None for key in batch}
        return looked

    def _compared(self, keys: Sequence[Key], outside: Mapping[Key, Collection[ItemKey]]) -> dict[Key, Look]:
        if not keys:
            return {}
        found: dict[Key, Look] = {}
        told, beside = self.rows.entries(keys), self.rows.items_beside(keys)
        for holding in self.holdings(keys):
            key = holding.key
            home = self._lasting(self.home.items(key, [*outside.get(key, ()), *holding.items]))
            entries = [entry for item in home.values() for entry in self.items.entries(item) if entry.key == key]
            by_items = of_items(key, self._lasting(holding.items), home)
            by_rows = of_rows(key, told[key], entries, self.items.lanes, beside[key])
            stray = (tally_of(one.lane, key, one.values) for one in entries if self.items.lanes[one.lane].is_outside)
            found[key] = Look(tuple(sorted([*by_items, *by_rows], key=_order)), total(stray))
        return found

    def _lasting(self, items: Mapping[ItemKey, RawItem]) -> dict[ItemKey, RawItem]:
        """Leave out what is about to be forgotten on either side."""
        return {place: item for place, item in items.items() if not self.items.is_forgotten(item)}


def _order(one: Difference) -> tuple[str, ...]:
    return one.key, one.place, one.attribute, one.kind, one.view
