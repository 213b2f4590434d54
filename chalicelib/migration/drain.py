"""The drainer: works through the notes of changes until none waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.migration.ports import Change, Changes, Holding, Key, Legacy, Outcome, PhaseMoved
from chalicelib.observe.log import log
from chalicelib.observe.metrics import measure
from chalicelib.observe.registry import Metric

BATCH: Final = 100
AT_ONCE: Final = 6
_RESTED_SECONDS: Final = 0.05


class DrainedChanges(Changes, Protocol):
    """Notes, as a drainer needs them."""

    def failed(self, key: Key, problem: str) -> bool:
        """Keep that a key could not be copied for a reason of its own; return whether it was set aside."""

    def unclaim(self, numbers: Sequence[int]) -> None:
        """Give notes back that were claimed and not dealt with."""


class Brings(Protocol):
    """Brings holdings home."""

    def copy(self, key: Key) -> Outcome:
        """Bring what is held now."""

    def bring(self, holding: Holding, *, is_repair: bool = False) -> Outcome:
        """Bring a holding that was read a moment ago."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of one batch: keys copied, and keys that failed for reasons of their own."""

    copied: int = 0
    failed: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to do."""
        return self.copied + self.failed == 0


@dataclass(frozen=True, slots=True)
class Drainer:
    """Copies what notes speak of. Any number may work at once, each on notes of its own.

    A key that fails by itself waits longer each time, is set aside in the end, and keeps nobody else waiting; a side
    that does not answer is nobody's fault, and the batch is given back.
    """

    legacy: Legacy
    changes: DrainedChanges
    copier: Brings
    at_once: int = AT_ONCE
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def drain(self, limit: int = BATCH) -> Drained:
        """Work through one batch of notes, oldest first.

        Raises:
            PhaseMoved: the side to copy to is primary.
            Unavailable: one of the sides does not answer; what was done is settled, the rest waits.
        """
        claimed = self.changes.waiting(limit)
        if not claimed:
            return Drained()
        numbers: dict[Key, list[int]] = {}
        for change in claimed:
            numbers.setdefault(change.key, []).append(change.number)
        try:
            return self._through(numbers)
        except (errors.Unavailable, PhaseMoved):
            self._give_back(claimed)
            raise

    def until_empty(self, seconds: float) -> int:
        """Work until no note waits, or the time is over; return how many wait.

        Raises:
            PhaseMoved: the side to copy to is primary.
            Unavailable: one of the sides does not answer.
        """
        until = self.monotonic() + seconds
        while True:
            done = self.drain()
            left = self.changes.backlog()
            if left == 0 or self.monotonic() >= until:
                return left
            if done.is_empty:  # Others have claimed what waits, or it waits for its time.
                self.sleep(_RESTED_SECONDS)

    def _through(self, numbers: Mapping[Key, Sequence[int]]) -> Drained:
        holdings = self.legacy.holdings(list(numbers))
        if self.at_once == 1 or len(holdings) == 1:
            outcomes = [self._brought(holding, numbers) for holding in holdings]
        else:
            with ThreadPoolExecutor(min(self.at_once, len(holdings))) as pool:
                outcomes = list(pool.map(lambda holding: self._brought(holding, numbers), holdings))
        trouble = next((one for one in outcomes if isinstance(one, Exception)), None)
        if trouble is not None:
            raise trouble
        return Drained(copied=outcomes.count(True), failed=outcomes.count(False))

    def _brought(self, holding: Holding, numbers: Mapping[Key, Sequence[int]]) -> bool | Exception:
        """Copy a key: True if it is done, False if it failed by itself, else what is wrong with a side."""
        try:
            self.copier.bring(holding)
        except (errors.Unavailable, PhaseMoved) as trouble:
            return trouble
        except Exception as trouble:  # noqa: BLE001  # anything that one holding brings up is its own
            self._tell(holding.key, trouble)
            self.changes.unclaim(numbers[holding.key])
            return False
        return True

    def _tell(self, key: Key, trouble: Exception) -> None:
        is_set_aside = self.changes.failed(key, f"{type(trouble).__name__}: {trouble}")
        log("copy_failed", level=logging.ERROR, error=trouble, is_set_aside=is_set_aside)
        if is_set_aside:
            measure({Metric.MIGRATION_SET_ASIDE: 1})

    def _give_back(self, claimed: Sequence[Change]) -> None:
        try:
            self.changes.unclaim([change.number for change in claimed])
        except errors.Unavailable as trouble:  # The claim ends by itself.
            log("notes_left_claimed", level=logging.WARNING, error=trouble)
