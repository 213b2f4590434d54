"""Workers of a backfill: several at once in this process, obeying what operators say while they work."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib import errors
from chalicelib.migration.backfill import FAILED, Backfill, Page, PartWork
from chalicelib.migration.checkpoints import Checkpoints

_LOOKED_EVERY_SECONDS: Final = 0.5
_PATIENCE: Final = 30
"""So many times in a row a worker meets a side that does not answer before it gives up; a second lies between two."""


@dataclass(slots=True)
class Progress:
    """How far a run has come: counted by all workers of this process, and known of the whole run."""

    started_at: datetime
    keys: int = 0
    items: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    is_paused: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, page: Page) -> None:
        """Count a page."""
        with self.lock:
            self.keys += sum(page.counts.values())
            self.items += page.items
            self.counts.update(page.counts)


@dataclass(frozen=True, slots=True)
class Workers:
    """Runs a backfill to its end, or until it is stopped. Other processes may work on the same run."""

    backfill: Backfill
    checkpoints: Checkpoints
    count: int = 4
    sleep: Callable[[float], None] = time.sleep
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, tell: Callable[[Progress], None] = lambda _: None) -> Progress:
        """Work until every part is done or somebody stops it; `tell` hears of the progress twice a second.

        Raises:
            Unavailable: a side did not answer for half a minute; a further run goes on from there.
            PhaseMoved: the side to copy to is primary.
        """
        progress = Progress(self.checkpoints.clock.now())
        self.checkpoints.begin()
        held = threading.Event()
        problems: list[BaseException] = []

        def work() -> None:
            try:
                self._work(progress, held)
            except BaseException as problem:  # noqa: BLE001  # told to whoever runs the workers
                problems.append(problem)
                self.stopped.set()

        threads = [threading.Thread(target=work, name=f"backfill-{number}") for number in range(self.count)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self._obey(progress, held)
            tell(progress)
            self.sleep(_LOOKED_EVERY_SECONDS)
        tell(progress)
        if problems:
            raise problems[0]
        return progress

    @property
    def is_complete(self) -> bool:
        """Whether every part of the run is done."""
        parts = self.checkpoints.parts()
        return bool(parts) and all(part.is_done for part in parts)

    @property
    def failures(self) -> int:
        """How many keys of the run failed for reasons of their own."""
        return sum(part.counts.get(FAILED, 0) for part in self.checkpoints.parts())

    def _work(self, progress: Progress, held: threading.Event) -> None:
        misses = 0
        while not self.stopped.is_set():
            if held.is_set():
                self.sleep(_LOOKED_EVERY_SECONDS)
                continue
            try:
                part = self.checkpoints.take()
                if part is None:
                    if self.is_complete:
                        return
                    self.sleep(_LOOKED_EVERY_SECONDS)  # Others have the last ones, and may yet leave them.
                    continue
                work = PartWork(
                    self.backfill, self.checkpoints, lambda: self.stopped.is_set() or held.is_set(), progress.add
                )
                work.part(part)
                misses = 0
            except errors.Unavailable:
                misses += 1
                self.backfill.pace.ease()
                if misses == _PATIENCE:
                    raise
                self.sleep(1.0)

    def _obey(self, progress: Progress, held: threading.Event) -> None:
        try:
            orders = self.checkpoints.orders()
        except errors.Unavailable:
            return  # The workers meet it too, and say so.
        self.backfill.pace.most = orders.most_per_second
        progress.is_paused = orders.is_paused
        if orders.is_paused:
            held.set()
        else:
            held.clear()
