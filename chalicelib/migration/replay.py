"""The way back: what was written at home is brought to PostgreSQL, by its writer or by whoever finds the mark."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chalicelib import errors
from chalicelib.migration.ports import Holding, Home, Key, Legacy, Mark, Marks, Outcome
from chalicelib.observe.log import log

_MOST_ROUNDS: Final = 12
_LONGEST_WAIT_SECONDS: Final = 0.3


class HoldsNotStill(errors.Unavailable):
    """Others bring the same holding back all the time, or there is no time left to wait until they are done."""


def never() -> bool:
    """Say that there is time, always."""
    return False


class StandingMarks(Marks, Protocol):
    """Marks, as a replayer needs them."""

    def due(self, limit: int) -> Sequence[Mark]:
        """Return marks whose writers are gone or done, oldest first."""

    def marked(self, keys: Collection[Key]) -> set[Key]:
        """Return those of some keys that have a mark."""

    def stands(self, mark: Mark) -> bool:
        """Whether a mark still stands."""


class Holds(Protocol):
    """Keys that PostgreSQL holds back."""

    def release(self, keys: Sequence[Key]) -> None:
        """Hold keys back no longer."""

    def held(self) -> Sequence[Key]:
        """Return the keys that are held back."""


@dataclass(frozen=True, slots=True)
class Replayer:
    """Brings holdings back. Safe to run at any time, by any number: of two, the one who read earlier reads again."""

    legacy: Legacy
    home: Home
    marks: StandingMarks
    holds: Holds
    sleep: Callable[[float], None] = time.sleep

    def finish(self, mark: Mark, is_over: Callable[[], bool] = never) -> None:
        """Make PostgreSQL say what is held at home at some moment after this was called, and take the mark away.

        Raises:
            HoldsNotStill: others bring the same back all the time, or it changed and the time is over.
            Unavailable: one of the sides does not answer.
        """
        for attempt in range(_MOST_ROUNDS):
            # In this order: first the revision, so that whoever stores later makes us read again; then the mark, for as
            # long as it stands nobody but us writes this key in PostgreSQL; then the holding.
            revision = self.legacy.revision(mark.key)
            if not self.marks.stands(mark):
                return
            items = self.home.holding(mark.key).items
            if self.legacy.store(Holding(mark.key, revision, items)) is not Outcome.NEWER_THERE:
                if not items:
                    self.home.bury(mark.key)
                self.marks.clear(mark)
                return
            if is_over():
                break
            longest = min(_LONGEST_WAIT_SECONDS, 0.01 * 2**attempt)
            self.sleep(random.uniform(0, longest))  # noqa: S311  # spreading load, not keeping a secret
        raise HoldsNotStill(message="A holding does not hold still.")

    def replay(self, limit: int = 100, is_over: Callable[[], bool] = never) -> tuple[int, list[Key]]:
        """Finish the marks whose writers are gone or done, oldest first, until the time is over. Return how many, and
        the keys that could not be brought back for reasons of their own: their marks stay, and block nobody else.

        Raises:
            Unavailable: one of the sides does not answer.
        """
        done, failed = 0, []
        for mark in self.marks.due(limit):
            if is_over():
                break
            try:
                self.finish(mark, is_over)
                done += 1
            except HoldsNotStill as trouble:
                _tell(trouble)
                failed.append(mark.key)
            except errors.Unavailable:
                raise
            except Exception as trouble:  # noqa: BLE001  # anything that one holding brings up is its own
                _tell(trouble)
                failed.append(mark.key)
        return done, failed

    def release_done(self) -> int:
        """Let go of keys that are held back and have no mark any more; return how many.

        Raises:
            Unavailable: one of the sides does not answer.
        """
        held = self.holds.held()
        marked = self.marks.marked(held)
        done = [key for key in held if key not in marked]
        if done:
            self.holds.release(done)
        return len(done)


def _tell(trouble: BaseException, **more: Any) -> None:
    log("bring_back_failed", level=logging.ERROR, error=trouble, **more)
