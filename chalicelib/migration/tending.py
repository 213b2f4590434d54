"""What has to be done once a minute while the move lasts, whoever does it: a schedule, a laptop, a test."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.migration.control import ChangedMeanwhile, Control
from chalicelib.migration.drain import Drained
from chalicelib.migration.fence import FenceBusy, FenceLost
from chalicelib.migration.guard_rails import Broken
from chalicelib.migration.phases import PERMITTED, Side
from chalicelib.migration.ports import PhaseMoved
from chalicelib.migration.standing import Standing
from chalicelib.observe.log import log
from chalicelib.observe.metrics import measure
from chalicelib.observe.registry import Metric

DRAINED_FOR_SECONDS: Final = 40.0
_SHORT_OF: Final = (errors.Unavailable, PhaseMoved, ChangedMeanwhile, FenceBusy, FenceLost)


class Mends(Protocol):
    """Finishes what was left half-way."""

    def mend(self) -> Standing:
        """Finish a lost mover's move, marks, and keys held back."""


class Drains(Protocol):
    """Copies what notes speak of."""

    def drain(self) -> Drained:
        """Work through one batch."""


class Backlog(Protocol):
    """Notes of changes, as operators watch them."""

    def backlog(self) -> int:
        """Return how many notes wait."""

    def set_aside(self) -> int:
        """Return how many keys were set aside."""


class Rails(Protocol):
    """Rules by which the move rolls itself back."""

    def check(self) -> Sequence[Broken]:
        """Return the rules that are broken, after rolling back for them."""


@dataclass(frozen=True, slots=True)
class Tending:
    """One round: guard rails first, then what movers and writers left, then the notes. What one part cannot do keeps
    the others from nothing, and the next round comes in a minute."""

    control: Control
    mover: Mends
    drainer: Drains
    changes: Backlog
    rails: Rails
    drained_for_seconds: float = DRAINED_FOR_SECONDS
    monotonic: Callable[[], float] = time.monotonic

    def tend(self) -> bool:
        """Do one round; return whether every part could do its work."""
        parts = {"rails": self.rails.check, "mend": self.mover.mend, "drain": self._drain, "measure": self._measure}
        done = [self._done(name, part) for name, part in parts.items()]
        return all(done)

    def _done(self, name: str, part: Callable[[], object]) -> bool:
        try:
            part()
        except _SHORT_OF as trouble:
            log("tending_fell_short", level=logging.WARNING, error=trouble, part=name)
            return False
        return True

    def _drain(self) -> None:
        """Copy what waits, where PostgreSQL is primary and home is a copy of it."""
        until = self.monotonic() + self.drained_for_seconds
        while self._is_copied() and self.monotonic() < until:
            if self.drainer.drain().is_empty:
                return

    def _is_copied(self) -> bool:
        standing = self.control.standing()
        permitted = PERMITTED[standing.phase]
        return permitted.is_copied and permitted.primary is Side.LEGACY and standing.moving is None

    def _measure(self) -> None:
        if PERMITTED[self.control.standing().phase].is_copied:
            backlog, set_aside = self.changes.backlog(), self.changes.set_aside()
            measure({Metric.MIGRATION_BACKLOG: backlog, Metric.MIGRATION_SET_ASIDE: set_aside})
