"""Guard rails: rules, as data, by which the move rolls itself back; how requests went is counted by the minute."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.migration import places
from chalicelib.migration.control import ChangedMeanwhile, Control
from chalicelib.migration.moves import NoSuchMove
from chalicelib.migration.phases import PERMITTED, Side
from chalicelib.migration.ports import ItemKey, RawItem
from chalicelib.migration.standing import Standing
from chalicelib.migration.table import Change, Table
from chalicelib.observe.log import log

MINUTE: Final = timedelta(minutes=1)
FLUSHED_EVERY_SECONDS: Final = 5.0
_KEPT_FOR: Final = timedelta(days=1)
_COUNTED: Final = "counted_"


@dataclass(frozen=True, slots=True)
class Rule:
    """So much of one count for each of another is too much, if it lasts so long.

    `part` and `whole` name counts; `limit` is the ratio that must not be passed (for a mean, in the unit of the part).
    It has lasted if the first of the minutes had traffic, none with traffic was within the limit, and all of them
    together had at least `least` of the whole: a single failure in the night rolls nothing back.
    """

    name: str
    part: str
    whole: str
    limit: Decimal
    lasts: timedelta
    least: int = 20


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that is broken, with the ratio that was seen and of how many."""

    rule: Rule
    ratio: Decimal
    of: int

    def __str__(self) -> str:
        """Say it in one line, for the history and the audit trail."""
        minutes = int(self.rule.lasts / MINUTE)
        return f"{self.rule.name}: {self.ratio:.4f} of {self.of}, above {self.rule.limit} for {minutes} min"


Minutes = Mapping[datetime, Mapping[str, int]]
"""What was counted in each minute."""


def broken(rules: Sequence[Rule], minutes: Minutes, now: datetime) -> list[Broken]:
    """Return the rules that are broken now. The present minute is not over and does not count; what was counted before
    the first of a rule's minutes does not either."""
    this_minute = _minute_of(now)
    return [found for rule in rules if (found := _broken(rule, minutes, this_minute)) is not None]


def _broken(rule: Rule, minutes: Minutes, until: datetime) -> Broken | None:
    wanted = [until - MINUTE * back for back in range(int(rule.lasts / MINUTE), 0, -1)]
    counts = [(minutes.get(one, {}).get(rule.part, 0), minutes.get(one, {}).get(rule.whole, 0)) for one in wanted]
    part, whole = sum(one for one, _ in counts), sum(one for _, one in counts)
    if whole < rule.least or counts[0][1] == 0:
        return None
    if any(some <= rule.limit * all_ for some, all_ in counts if all_):
        return None
    return Broken(rule, Decimal(part) / whole, whole)


@dataclass(slots=True)
class _Gathered:
    """What this process has counted and not written yet."""

    minute: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)
    written_at: float | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Counts by the minute, of all processes together. A process writes every few seconds what it has gathered."""

    table: Table
    clock: Clock
    monotonic: Callable[[], float] = time.monotonic
    flushed_every_seconds: float = FLUSHED_EVERY_SECONDS
    _gathered: _Gathered = field(default_factory=_Gathered)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, counts: Mapping[str, int]) -> None:
        """Count. Never fails: what cannot be written is lost, and said in the log."""
        minute, now = _minute_of(self.clock.now()), self.monotonic()
        ready: list[tuple[datetime, Counter[str]]] = []
        with self._lock:
            gathered = self._gathered
            if gathered.minute is not None and gathered.minute != minute:
                ready.append((gathered.minute, gathered.counts))
                gathered.counts = Counter()
            gathered.minute = minute
            gathered.counts.update(counts)
            gathered.written_at = now if gathered.written_at is None else gathered.written_at
            if now - gathered.written_at >= self.flushed_every_seconds:
                ready.append((minute, gathered.counts))
                gathered.counts, gathered.written_at = Counter(), now
        for when, some in ready:
            self._write(when, some)

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            gathered = self._gathered
            minute, counts = gathered.minute, gathered.counts
            gathered.counts, gathered.written_at = Counter(), self.monotonic()
        if minute is not None:
            self._write(minute, counts)

    def minutes(self, now: datetime, back: timedelta) -> Minutes:
        """Return what was counted in the last minutes.

        Raises:
            Unavailable: the table does not answer.
        """
        wanted = [_minute_of(now) - MINUTE * number for number in range(int(back / MINUTE) + 1)]
        items = self.table.get_many([places.load_key(minute) for minute in wanted])
        return {minute: _counts_in(items.get(places.load_key(minute))) for minute in wanted}

    def _write(self, minute: datetime, counts: Counter[str]) -> None:
        if not counts:
            return
        key: ItemKey = places.load_key(minute)
        ttl = {"ttl": {"N": str(int((minute + _KEPT_FOR).timestamp()))}}
        adds = {f"{_COUNTED}{name}": number for name, number in counts.items()}
        try:
            self.table.write(Change(key, sets=places.engine_values(minute) | ttl, adds=adds))
        except errors.Unavailable as trouble:
            log("load_not_counted", level=logging.WARNING, error=trouble)


class Kills(Protocol):
    """Throws the kill switch."""

    def kill(self, by: str, reason: str) -> Standing:
        """Have PostgreSQL answer everything."""


@dataclass(frozen=True, slots=True)
class GuardRails:
    """Looks at the last minutes, and throws the kill switch where a rule is broken. Called once a minute by a schedule;
    any number may call it."""

    load: Load
    control: Control
    mover: Kills
    rules: Sequence[Rule]
    clock: Clock

    def check(self) -> list[Broken]:
        """Return the rules that are broken, after rolling back for them. Looks only where there is something to roll
        back: reads or writes at home, and only at minutes that lie wholly after the last change of the phase, so that
        nothing is held against it that was so before.

        Raises:
            Unavailable: the table does not answer, or, after cut-over, PostgreSQL does not.
        """
        standing = self.control.refreshed()
        if not is_at_stake(standing):
            return []
        now = self.clock.now()
        minutes = self.load.minutes(now, max(rule.lasts for rule in self.rules))
        since = standing.moved_at
        seen = {minute: counts for minute, counts in minutes.items() if since is None or minute >= since}
        found = broken(self.rules, seen, now)
        if found:
            reason = "; ".join(map(str, found))
            log("guard_rail_broken", level=logging.ERROR, reason=reason, phase=str(standing.phase))
            try:
                self.mover.kill("guard rails", reason)
            except (ChangedMeanwhile, NoSuchMove) as trouble:
                log("guard_rail_was_late", level=logging.WARNING, error=trouble)
        return found


def is_at_stake(standing: Standing) -> bool:
    """Whether users are served from home, by somebody who can be called back."""
    permitted = PERMITTED[standing.phase]
    serves = permitted.is_copied and (permitted.primary is Side.HOME or permitted.is_shared or permitted.is_compared)
    return serves and not standing.is_killed and standing.moving is None


def _minute_of(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _counts_in(item: RawItem | None) -> dict[str, int]:
    counted = {} if item is None else item
    return {name.removeprefix(_COUNTED): int(one["N"]) for name, one in counted.items() if name.startswith(_COUNTED)}
