"""Writes of the service while the data moves: primary first, then the other side, and a way on when the phase moves."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from chalicelib import errors
from chalicelib.migration.control import Control
from chalicelib.migration.limited import Limited
from chalicelib.migration.phases import Side
from chalicelib.migration.ports import Key, Mark, Marks, Outcome, PhaseMoved
from chalicelib.migration.standing import Standing
from chalicelib.observe.log import log

T = TypeVar("T")

PATIENCE_SECONDS: Final = 4.0
"""How long a write waits for the primary to have moved, before the caller is told to come again."""
_LOOKED_AGAIN_SECONDS: Final = 0.1


class WriterMarks(Marks, Protocol):
    """Marks, as a writer needs them."""

    def put_all(self, keys: Sequence[Key], epoch: int) -> Sequence[Mark]:
        """Put marks for all keys of one write, or for none."""


class BringsHome(Protocol):
    """Copies a key to the home side."""

    def copy(self, key: Key) -> Outcome:
        """Bring what is held now."""


class BringsBack(Protocol):
    """Copies a key to the relational side."""

    def finish(self, mark: Mark) -> None:
        """Make PostgreSQL say what is held at home, and take the mark away."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Takes a write through. The other side never fails or slows the caller: what it misses is kept as a note of
    PostgreSQL's triggers, or as a mark, and made good by the drainer or the replayer.

    `is_refusal` tells failures that are the table's answer from those that leave open what became of the write.
    """

    control: Control
    copier: BringsHome
    replayer: BringsBack
    marks: WriterMarks
    is_refusal: Callable[[BaseException], bool]
    limited: Limited = field(default_factory=Limited)
    patience_seconds: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def write(self, keys: Sequence[Key], on_legacy: Callable[[], T], on_home: Callable[[], T]) -> T:
        """Do a write on whichever side is primary, then bring the keys to the other one.

        `on_legacy` raises `PhaseMoved` where PostgreSQL is not the primary; `on_home` writes in the table and knows
        nothing of the move. Exactly one of them is done once.

        Raises:
            Unavailable: the primary was moving for longer than a caller can wait; nothing was written.
            Exception: what the write itself raised.
        """
        until, standing = self.monotonic() + self.patience_seconds, self.control.standing()
        while True:
            try:
                return self._written(standing, keys, on_legacy, on_home)
            except PhaseMoved as moved:
                if self.monotonic() >= until:
                    raise errors.Unavailable(message="The primary is moving.", retry_after_seconds=2) from moved
            self.sleep(_LOOKED_AGAIN_SECONDS)
            standing = self.control.refreshed()

    def _written(
        self, standing: Standing, keys: Sequence[Key], on_legacy: Callable[[], T], on_home: Callable[[], T]
    ) -> T:
        if standing.primary is Side.LEGACY:
            answer = on_legacy()
            if standing.copies:
                for key in keys:
                    self._aside("copy_left_to_drain", self.copier.copy, key)
            return answer
        if not standing.copies:
            return on_home()
        return self._at_home(standing, keys, on_home)

    def _at_home(self, standing: Standing, keys: Sequence[Key], on_home: Callable[[], T]) -> T:
        """Mark, write, bring back, clear. Whatever is left undone, the mark says so."""
        marks = self.marks.put_all(keys, standing.epoch)
        try:
            answer = on_home()
        except Exception as failure:
            # A refusal is brought back too: it may answer the repetition of a write whose first answer was lost. After
            # anything else the write may still be on its way: the mark stays until that cannot be any more.
            if self.is_refusal(failure):
                self._bring_back(marks)
            raise
        self._bring_back(marks)
        return answer

    def _bring_back(self, marks: Sequence[Mark]) -> None:
        for mark in marks:
            if not self._aside("bring_back_left_to_replay", self.replayer.finish, mark):
                self._quietly(self.marks.hand_over, mark)

    def _aside(self, event: str, act: Callable[[Any], object], subject: Any) -> bool:
        """Do something for the other side, and do not let the caller know if it fails or takes long."""
        trouble = self.limited.attempt(lambda: act(subject))
        if trouble is not None:
            log(event, level=logging.WARNING, error=trouble)
        return trouble is None

    def _quietly(self, act: Callable[[Mark], object], mark: Mark) -> None:
        """Do something with a mark; where that fails, its lease ends by itself."""
        try:
            act(mark)
        except errors.Unavailable as trouble:
            log("mark_left_to_its_lease", level=logging.WARNING, error=trouble)
