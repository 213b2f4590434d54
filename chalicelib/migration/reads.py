"""Reads of the service while the data moves: from whichever side is right for a key, and never an older answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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


class Counts(Protocol):
    """Counts what operators watch."""

    def count(self, figure: Figure, by: int = 1) -> None:
        """Add to a figure."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Takes a read through. Where a key is read at home although PostgreSQL is primary, its copy has to be the revision
    that PostgreSQL has now; else the read falls back, and the copy is made good behind the caller's back."""

    control: Control
    legacy: Revisions
    home: States
    copier: Repairs
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
        answers = self._if_fresh(key, from_home)
        if answers:
            return answers[0]
        self.figures.count(Figure.FALLBACKS)
        answer = from_legacy()
        trouble = self.limited.attempt(lambda: self.copier.copy(key))
        if trouble is not None:
            log("repair_left_to_drain", level=logging.WARNING, error=trouble)
        return answer

    def _if_fresh(self, key: Key, from_home: Callable[[], T]) -> list[T]:
        """Return the answer from home if it is not older than PostgreSQL was when this was called; else nothing.

        In this order: the revision there, the copy here, the items, and the copy again: one in several steps may have
        begun meanwhile.
        """
        try:
            revision = self.legacy.revision(key)
            before = self.home.state(key)
            if not before.has(revision):
                return []
            answer = from_home()
            return [answer] if self.home.state(key) == before else []
        except errors.Unavailable as trouble:
            log("home_not_read", level=logging.WARNING, error=trouble)
            return []
