"""How far a backfill has come, part by part, in the table: each taken by one worker at a time, resumed by the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chalicelib import ids
from chalicelib.clock import Clock, iso, parse_iso
from chalicelib.migration import places
from chalicelib.migration.conditions import Absent, AnyOf, Condition, Equals
from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.table import Change, Put, Refused, Table, number_in

LEASE: Final = timedelta(seconds=60)
"""A worker that says nothing for so long is gone; its part is another's."""
PARTS: Final = 64
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where nobody has kept it, a run may have begun at any time."""
_ALPHABET: Final = "0123456789abcdef"
_PART: Final = "PART#"
_CONTROL: Final = "CONTROL"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of keys, after one and up to and including another (None: to the end), and how far it is done.
    `counts` says how many keys came to which end; `attempt` tells workers of one part apart. `begun_at` is when its run
    was begun: what it found done may be as old as that."""

    number: int
    first: Key
    until: Key | None
    after: Key
    counts: Mapping[str, int] = field(default_factory=dict)
    is_done: bool = False
    attempt: str = ""
    lease_until: datetime | None = None
    begun_at: datetime = _LONG_AGO

    @property
    def done(self) -> int:
        """How many keys were dealt with."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Orders:
    """What operators want of a backfill that runs."""

    is_paused: bool = False
    most_per_second: float | None = None


class LostPart(Exception):
    """Somebody else works on the part: it was held too long."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The parts of one run. Every write is conditional, so that a worker that was held up spoils nothing."""

    table: Table
    clock: Clock
    run: str = "main"
    lease: timedelta = LEASE
    new_token: Callable[[], str] = ids.new_id

    def begin(self, parts: int = PARTS) -> list[Part]:
        """Put the parts of a run where there are none, and return them as they are."""
        known = self.parts()
        if known:
            return known
        now = self.clock.now()
        for part in _parts(parts):
            try:
                self.table.write(Put(self._item(replace(part, begun_at=now)), Absent()))
            except Refused:  # Somebody else begins the same run.
                continue
        return self.parts()

    def forget(self) -> None:
        """Begin the run anew: every part is to be done again. What was copied stays and is found unchanged."""
        now = self.clock.now()
        for part in self.parts():
            anew = replace(part, after=part.first, counts={}, is_done=False, attempt="", begun_at=now)
            self.table.write(Put(self._item(anew)))

    def parts(self) -> list[Part]:
        """Return the parts as they are."""
        return [_read(one) for one in self.table.partition(self._partition) if one["SK"]["S"].startswith(_PART)]

    def take(self) -> Part | None:
        """Take a part that nobody works on, or return None if there is none."""
        now = self.clock.now()
        for part in self.parts():
            if part.is_done or (part.attempt and part.lease_until is not None and part.lease_until > now):
                continue
            taken = replace(part, attempt=self.new_token(), lease_until=now + self.lease)
            try:
                self.table.write(Put(self._item(taken), _is_of(part)))
            except Refused:
                continue
            return taken
        return None

    def advance(self, part: Part, after: Key, counts: Mapping[str, int]) -> Part:
        """Keep that a part is done up to a key, and hold it on.

        Raises:
            LostPart: somebody else has it.
        """
        added = {name: part.counts.get(name, 0) + counts.get(name, 0) for name in {*part.counts, *counts}}
        return self._kept(part, replace(part, after=after, counts=added, lease_until=self.clock.now() + self.lease))

    def finish(self, part: Part) -> Part:
        """Keep that all of a part is done; where it ended is forgotten, because it is somebody's key.

        Raises:
            LostPart: somebody else has it.
        """
        return self._kept(part, replace(part, after=part.first, is_done=True, attempt="", lease_until=None))

    def let_go(self, part: Part) -> None:
        """Leave a part for somebody else at once."""
        try:
            self._kept(part, replace(part, attempt="", lease_until=None))
        except LostPart:
            return

    def orders(self) -> Orders:
        """Return what operators want."""
        item = self.table.get(self._control)
        if item is None:
            return Orders()
        most = number_in(item, "most_per_second")
        return Orders(item.get("is_paused", {}).get("BOOL", False), float(most) if most else None)

    def order(self, orders: Orders) -> None:
        """Say what operators want; workers obey within a second or two."""
        sets = places.engine_values(self.clock.now()) | {"is_paused": {"BOOL": orders.is_paused}}
        sets["most_per_second"] = {"N": str(int(orders.most_per_second or 0))}
        self.table.write(Change(self._control, sets=sets))

    @property
    def _partition(self) -> str:
        return f"MIGRATION#CHECKPOINT#{self.run}"

    @property
    def _control(self) -> ItemKey:
        return self._partition, _CONTROL

    def _kept(self, part: Part, after: Part) -> Part:
        try:
            self.table.write(Put(self._item(after), _is_of(part)))
        except Refused as refused:
            # The answer to a write that worked may be lost, and its repetition is refused.
            found = self.table.get((self._partition, f"{_PART}{part.number:04d}"))
            if found is None or _read(found) != after:
                raise LostPart(f"part {part.number}") from refused
        return after

    def _item(self, part: Part) -> dict[str, Any]:
        values: dict[str, Any] = {
            "first": {"S": part.first},
            "after": {"S": part.after},
            "is_done": {"BOOL": part.is_done},
            "attempt": {"S": part.attempt},
            "begun_at": {"S": iso(part.begun_at)},
            "counts": {"M": {name: {"N": str(count)} for name, count in sorted(part.counts.items())}},
        }
        if part.until is not None:
            values["until"] = {"S": part.until}
        if part.lease_until is not None:
            values["lease_until"] = {"S": iso(part.lease_until)}
        return places.engine_item((self._partition, f"{_PART}{part.number:04d}"), self.clock.now(), values)


def begun_at(parts: Sequence[Part]) -> datetime:
    """Return when a run was begun: what any of its parts found done was so then, and need not be so since."""
    return min((part.begun_at for part in parts), default=_LONG_AGO)


def _is_of(part: Part) -> Condition:
    """Protects from a worker that was held up while another took its part."""
    is_same: Condition = Equals(("attempt",), {"S": part.attempt})
    return is_same if part.attempt else AnyOf((is_same, Equals(("attempt",), None)))


def _read(item: RawItem) -> Part:
    return Part(
        number=int(item["SK"]["S"].removeprefix(_PART)),
        first=item["first"]["S"],
        until=item["until"]["S"] if "until" in item else None,
        after=item["after"]["S"],
        counts={name: int(one["N"]) for name, one in item["counts"]["M"].items()},
        is_done=item["is_done"]["BOOL"],
        attempt=item["attempt"]["S"],
        lease_until=parse_iso(item["lease_until"]["S"]) if "lease_until" in item else None,
        begun_at=parse_iso(item["begun_at"]["S"]) if "begun_at" in item else _LONG_AGO,
    )


def _parts(number: int) -> Sequence[Part]:
    """Cut the keys into stretches of equal size: keys are random, and in the order of their text."""
    if number not in (1, 16, 64, 256):
        raise ValueError("a run has 1, 16, 64 or 256 parts")
    ends = {
        1: [],
        16: list(_ALPHABET[1:]),
        64: [a + b for a in _ALPHABET for b in "048c"][1:],
        256: [a + b for a in _ALPHABET for b in _ALPHABET][1:],
    }[number]
    firsts, untils = ["", *ends], [*ends, None]
    return [Part(at, first, until, first) for at, (first, until) in enumerate(zip(firsts, untils, strict=True))]
