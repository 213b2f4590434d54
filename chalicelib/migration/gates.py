"""The gates: each looks at the figures and says what is wrong, with its number, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.migration.control import KEPT_FOR
from chalicelib.migration.figures import Figure, Known
from chalicelib.migration.phases import Gate, Move
from chalicelib.migration.standing import Standing

FRESH_FOR: Final = timedelta(hours=24)
"""A verification that is older says nothing of today."""
QUIET_FOR: Final = timedelta(minutes=15)
"""So long nothing may have been counted."""
LEAST_READS: Final = 100
"""Quiet says something only where so many reads, since the last move, could have broken it."""
SMALL_BACKLOG: Final = 1_000
_LOOKS: Final = 10
_BETWEEN_LOOKS_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class _Counted:
    """What must not be counted for a while, and in how many of what; each with how a refusal says it."""

    bad: Figure
    bad_said: str
    good: Figure
    good_said: str


_DRIFT: Final = _Counted(Figure.DRIFT, "comparisons differed", Figure.COMPARED, "reads were compared")
_FALLBACKS: Final = _Counted(Figure.FALLBACKS, "reads fell back", Figure.READ_AT_HOME, "reads were answered at home")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A gate that does not let through: its name, and why, with the figure."""

    gate: Gate
    reason: str


class MoveRefused(Exception):
    """Some gates do not let through; nothing was changed."""

    def __init__(self, refusals: list[Refusal]) -> None:
        self.refusals = refusals
        super().__init__("; ".join(f"{one.gate}: {one.reason}" for one in refusals))


class KnownFigures(Protocol):
    """Figures, as gates need them."""

    def known(self) -> Mapping[Figure, Known]:
        """Return everything that is known."""


class WatchedChanges(Protocol):
    """Notes of changes, as gates need them."""

    def is_installed(self) -> bool:
        """Whether all that is installed is in force."""

    def installed_at(self) -> datetime | None:
        """Return since when changes are noted; None where nothing is installed."""

    def backlog(self) -> int:
        """Return how many notes wait."""

    def set_aside(self) -> int:
        """Return how many keys were set aside."""


class CountedMarks(Protocol):
    """Marks, as gates need them."""

    def count(self) -> int:
        """Return how many marks stand."""


class WatchedLoading(Protocol):
    """Whoever writes without conditions, as gates need it."""

    def until(self) -> Sequence[datetime]:
        """Return of each who is at work until when they may be, whatever becomes of them."""


class WatchedFence(Protocol):
    """The fence before PostgreSQL, as gates need it."""

    def is_reachable(self) -> bool:
        """Whether PostgreSQL answers."""

    def count_held(self) -> int:
        """Return how many keys are held back."""


@dataclass(frozen=True, slots=True)
class Gates:
    """Every gate by its name, over the figures and the two sides as they are now."""

    figures: KnownFigures
    changes: WatchedChanges
    marks: CountedMarks
    fence: WatchedFence
    loading: WatchedLoading
    clock: Clock
    fresh_for: timedelta = FRESH_FOR
    quiet_for: timedelta = QUIET_FOR
    least_reads: int = LEAST_READS
    small_backlog: int = SMALL_BACKLOG
    sleep: Callable[[float], None] = time.sleep

    def refusals(self, move: Move, standing: Standing) -> list[Refusal]:
        """Return every gate of a move that does not let through now. A gate that cannot look does not.

        Raises:
            Unavailable: the table does not answer.
        """
        known = self.figures.known()
        found = []
        for gate in move.gates:
            try:
                reason = self._reason(gate, known, standing)
            except errors.Unavailable:
                reason = "PostgreSQL or the table does not answer"
            if reason is not None:
                found.append(Refusal(gate, reason))
        return found

    def _reason(self, gate: Gate, known: Mapping[Figure, Known], standing: Standing) -> str | None:
        by_figures: Mapping[Gate, Callable[[], str | None]] = {
            Gate.PREFLIGHT_CLEAN: lambda: _well(known.get(Figure.PREFLIGHT), "preflight", "defects in the way"),
            Gate.BACKFILL_COMPLETE: lambda: self._complete(known.get(Figure.BACKFILL)),
            Gate.VERIFICATION_CLEAN: lambda: _well(known.get(Figure.VERIFICATION), "verification", "differences"),
            Gate.VERIFICATION_FRESH: lambda: self._fresh(known.get(Figure.VERIFICATION), standing),
            Gate.DRIFT_QUIET: lambda: self._quiet(known, standing, _DRIFT),
            Gate.FALLBACKS_QUIET: lambda: self._quiet(known, standing, _FALLBACKS),
            Gate.SNAPSHOT_TAKEN: lambda: _attested(known.get(Figure.SNAPSHOT), standing),
            Gate.CREDENTIALS_LISTED: lambda: _attested(known.get(Figure.CREDENTIALS), standing),
            Gate.COST_CHECKED: lambda: _attested(known.get(Figure.COST), standing),
        }
        by_sides: Mapping[Gate, Callable[[], str | None]] = {
            Gate.CHANGES_INSTALLED: self._installed,
            Gate.NOTHING_LOADS: self._loading,
            Gate.PHASE_KNOWN_EVERYWHERE: lambda: self._known_everywhere(standing),
            Gate.BACKLOG_ZERO: lambda: self._drained(0),
            Gate.BACKLOG_SMALL: lambda: self._drained(self.small_backlog),
            Gate.NOTHING_SET_ASIDE: lambda: _none(self.changes.set_aside(), "keys were set aside"),
            Gate.READS_ALL_FROM_HOME: lambda: _all(standing.percent),
            Gate.NOT_KILLED: lambda: "the kill switch is thrown" if standing.is_killed else None,
            Gate.MARKS_ZERO: self._unmarked,
            Gate.NOTHING_HELD: lambda: _none(self.fence.count_held(), "keys are held back in PostgreSQL"),
            Gate.LEGACY_REACHABLE: lambda: None if self.fence.is_reachable() else "PostgreSQL does not answer",
        }
        return {**by_figures, **by_sides}[gate]()

    def _installed(self) -> str | None:
        return (
            None
            if self.changes.is_installed()
            else "triggers, functions or indexes of the move are missing or not in force; run `install`"
        )

    def _loading(self) -> str | None:
        """Nobody writes by batches, over whatever stands there, once services may write there too."""
        until = self.loading.until()
        if not until:
            return None
        latest = _said(max(until) - self.clock.now())
        return f"{len(until)} workers of a backfill by batches are at work; they are gone in {latest} at the latest"

    def _known_everywhere(self, standing: Standing) -> str | None:
        """Every process has read the phase, and writes to both sides."""
        since = self._since(standing.moved_at)
        return (
            None if since >= KEPT_FOR * 2 else f"the phase was changed {_said(since)} ago; wait {_said(KEPT_FOR * 2)}"
        )

    def _complete(self, known: Known | None) -> str | None:
        if known is None or not known.is_well:
            return f"the backfill is not complete: {known.number if known else 0} copied"
        return self._outdated(known, "the backfill", "; `backfill --again`")

    def _outdated(self, known: Known, what: str, how: str = "; do it again") -> str | None:
        """Between two installations nobody notes what changes: what was true before the present one need not be now."""
        installed_at = self.changes.installed_at()
        if installed_at is None:
            return "nothing is installed that notes changes"
        return f"{what} is from before changes were noted{how}" if known.true_at < installed_at else None

    def _fresh(self, known: Known | None, standing: Standing) -> str | None:
        if known is None:
            return "nothing was verified yet"
        if known.epoch != standing.epoch:
            return "the primary has moved since the last verification"
        since = self._since(known.true_at)
        if since > self.fresh_for:
            return f"verified {_said(since)} ago; at most {_said(self.fresh_for)}"
        return self._outdated(known, "the verification")

    def _quiet(self, known: Mapping[Figure, Known], standing: Standing, counted: _Counted) -> str | None:
        """Nothing was counted for a while, in which enough could have been."""
        since = self._since(standing.moved_at)
        if since < self.quiet_for:
            return f"in this state for {_said(since)}; at least {_said(self.quiet_for)}"
        bad, good = known.get(counted.bad), known.get(counted.good)
        if bad is not None and self._since(bad.at) < self.quiet_for:
            return f"{bad.number} {counted.bad_said}, the last {_said(self._since(bad.at))} ago"
        reads = 0 if good is None else good.by_version.get(standing.version, 0)
        if reads < self.least_reads:
            return f"{reads} {counted.good_said} since the last move; at least {self.least_reads}"
        return None

    def _drained(self, most: int) -> str | None:
        """While people write there is nearly always a note on its way: one look that finds few enough is enough."""
        for _ in range(_LOOKS):
            waiting = self.changes.backlog()
            if waiting <= most:
                return None
            self.sleep(_BETWEEN_LOOKS_SECONDS)
        return f"{waiting} changes wait to be copied; at most {most}"

    def _unmarked(self) -> str | None:
        for _ in range(_LOOKS):
            standing = self.marks.count()
            if standing == 0:
                return None
            self.sleep(_BETWEEN_LOOKS_SECONDS)
        return f"{standing} writes wait to be brought back"

    def _since(self, at: datetime | None) -> timedelta:
        return timedelta.max if at is None else self.clock.now() - at


def _well(known: Known | None, what: str, numbered: str) -> str | None:
    if known is None:
        return f"there was no {what} yet"
    return None if known.is_well else f"{known.number} {numbered}"


def _attested(known: Known | None, standing: Standing) -> str | None:
    if known is None or not known.is_well:
        return "nobody has attested it"
    if standing.moved_at is not None and known.at < standing.moved_at:
        return f"attested by {known.note} before the last move; look again"
    return None


def _none(number: int, what: str) -> str | None:
    return f"{number} {what}" if number else None


def _all(percent: int) -> str | None:
    return None if percent == 100 else f"{percent} % of reads come from home"


def _said(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 600 else f"{seconds // 60} min"
