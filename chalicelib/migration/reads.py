"""Reads of the service while the data moves: from whichever side is right for a key, and never an older answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol, TypeVar

from chalicelib import errors
from chalicelib.migration.control import Control
from chalicelib.migration.copy_state import CopyState
from chalicelib.migration.figures import Figure
from chalicelib.migration.limited import Limited
from chalicelib.migration.phases import Side
from chalicelib.migration.ports import Key, Outcome, PhaseMoved
from chalicelib.migration.standing import Standing
from chalicelib.observe.log import log

T = TypeVar("T")

PATIENCE_SECONDS: Final = 4.0
_LOOKED_AGAIN_SECONDS: Final = 0.1
_NOTHING_LACKED: Final = frozenset({Outcome.UNCHANGED, Outcome.NEWER_THERE})
"""A copy of which the repair says this had everything: after a roll-back, all but its revision."""


class Looked(Enum):
    """What a reader found of a copy."""

    FRESH = auto()
    BEHIND = auto()
    """A change is on its way to it."""
    LACKING = auto()
    """It is missing, or older, and nobody is bringing anything."""
    UNSEEN = auto()
    """The table does not answer."""


class Revisions(Protocol):
    """The relational side, as a reader needs it."""

    def revision(self, key: Key) -> int:
        """Return the revision that the holding has now."""


class States(Protocol):
    """The home side, as a reader needs it."""

    def state(self, key: Key) -> CopyState:
        """Return what is known of the copy."""


class Repairs(Protocol):
    """Copies a key to the home side."""

    def copy(self, key: Key) -> Outcome:
        """Bring what is held now."""


class Notes(Protocol):
    """Notes of changes, as a reader needs them."""

    def is_noted(self, key: Key, revision: int) -> bool:
        """Whether a change up to this revision waits to be copied, and is not set aside."""


class Counts(Protocol):
    """Counts what operators watch."""

    def count(self, figure: Figure, by: int = 1) -> None:
        """Add to a figure."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Takes a read through. Where a key is read at home although PostgreSQL is primary, its copy has to be the revision
    that PostgreSQL has now; else the read falls back, and the copy is made good behind the caller's back.

    A copy that was merely on its way is counted as behind; as a fallback only one that was missing or different
    although nothing was on its way, or that nobody could look at.
    """

    control: Control
    legacy: Revisions
    home: States
    copier: Repairs
    notes: Notes
    figures: Counts
    limited: Limited = field(default_factory=Limited)
    patience_seconds: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def read(self, key: Key, from_legacy: Callable[[], T], from_home: Callable[[], T]) -> T:
        """Return what a read gives.

        `from_legacy` raises `PhaseMoved` where PostgreSQL may not be what is true.

        Raises:
            Unavailable: the primary was moving for longer than a caller can wait.
            Exception: what the read itself raised.
        """
        until, standing = self.monotonic() + self.patience_seconds, self.control.standing()
        while True:
            try:
                return self._read(standing, key, from_legacy, from_home)
            except PhaseMoved as moved:
                if self.monotonic() >= until:
                    raise errors.Unavailable(message="The primary is moving.", retry_after_seconds=2) from moved
            self.sleep(_LOOKED_AGAIN_SECONDS)
            standing = self.control.refreshed()

    def _read(self, standing: Standing, key: Key, from_legacy: Callable[[], T], from_home: Callable[[], T]) -> T:
        if standing.primary is Side.HOME:
            return from_home()
        if not standing.reads_home(key):
            return from_legacy()
        looked, answers = self._look(key, from_home)
        if looked is Looked.FRESH:
            self.figures.count(Figure.READ_AT_HOME)
            return answers[0]
        answer = from_legacy()
        self._make_good(key, looked)
        return answer

    def _look(self, key: Key, from_home: Callable[[], T]) -> tuple[Looked, list[T]]:
        """Return what the copy is like, and the answer from home if it is not older than PostgreSQL was when this was
        called.

        In this order: the revision there, the copy here, the items, and the copy again: one in several steps may have
        begun meanwhile.
        """
        try:
            revision = self.legacy.revision(key)
            before = self.home.state(key)
            if not before.has(revision):
                return self._why(key, revision), []
            answer = from_home()
            return (Looked.FRESH, [answer]) if self.home.state(key) == before else (Looked.BEHIND, [])
        except errors.Unavailable as trouble:
            log("home_not_read", level=logging.WARNING, error=trouble)
            return Looked.UNSEEN, []

    def _why(self, key: Key, revision: int) -> Looked:
        """Tell a copy that only lags from one that nobody is bringing. Notes first: one that is gone by now was settled
        by a copy, which then is there, or is being overtaken by a later one."""
        if self.notes.is_noted(key, revision):
            return Looked.BEHIND
        state = self.home.state(key)
        is_overtaken = state.pending is not None and state.pending.revision > revision
        return Looked.BEHIND if is_overtaken or state.has(revision) else Looked.LACKING

    def _make_good(self, key: Key, looked: Looked) -> None:
        """Copy a key behind the caller's back, and count what its copy was like."""
        outcomes: list[Outcome] = []
        trouble = self.limited.attempt(lambda: outcomes.append(self.copier.copy(key)))
        if trouble is not None:
            log("repair_left_to_drain", level=logging.WARNING, error=trouble)
        if looked is Looked.LACKING and outcomes and outcomes[0] in _NOTHING_LACKED:
            looked = Looked.BEHIND
        self.figures.count(Figure.BEHIND if looked is Looked.BEHIND else Figure.FALLBACKS)
