"""The backfill in AWS: parts worked on by messages of a queue, and calls that an operator makes of the same function.

    {"action": "migrate", "table": "users", "limit": 10}     copy the next ten people, and answer what became of them
    {"action": "migrate_all"}                                 begin a run, and have the queue's workers carry it out
    {"action": "compare_data"}                                compare both sides, all of it

A person moves whole, with the rows of every table; so `table` says which people are meant, and each is as good as
`users`. What the queue's workers do is what `python -m chalicelib.migration backfill` does, and both may be at work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib import errors
from chalicelib.migration.backfill import FAILED, Backfill, PartWork
from chalicelib.migration.checkpoints import Checkpoints, begun_at
from chalicelib.migration.figures import Figure
from chalicelib.migration.phases import Phase, Side
from chalicelib.migration.standing import Standing
from chalicelib.observe.log import log

WORKED_FOR_SECONDS: Final = 200.0
"""Of the function's time-out; the page in hand, and what it asks again, has room after it."""
MESSAGES: Final = 8
BY_HAND: Final = "by-hand"
_MOST_BY_HAND: Final = 1_000


class Outbox(Protocol):
    """Sends messages to a queue."""

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        """Send all of them, or raise `Unavailable`; any may arrive twice."""

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        """Send one."""


class Tells(Protocol):
    """Keeps figures."""

    def tell(
        self,
        figure: Figure,
        *,
        number: int = 0,
        is_well: bool = True,
        note: str = "",
        began_at: datetime | None = None,
    ) -> None:
        """Replace what is known of a figure."""


@dataclass(frozen=True, slots=True)
class PageJobs:
    """Page jobs of one stage. `tables` are those whose people may be named; `verify` compares both sides."""

    backfill: Callable[[], Backfill]
    checkpoints: Callable[[str], Checkpoints]
    standing: Callable[[], Standing]
    figures: Tells
    outbox: Outbox
    queue: str
    tables: Sequence[str]
    verify: Callable[[], Mapping[str, Any]]
    monotonic: Callable[[], float] = time.monotonic

    def work(self, message: str) -> None:
        """Work on parts of the run that a message names, for as long as one function may; then send the rest on.

        Raises:
            PhaseMoved: the data is at home by now.
            Unavailable: a side does not answer; the message comes back.
        """
        run = str(json.loads(message)["run"])
        checkpoints, until = self.checkpoints(run), self.monotonic() + WORKED_FOR_SECONDS

        def is_over() -> bool:
            return self.monotonic() >= until

        while not is_over():
            orders = checkpoints.orders()
            if orders.is_paused:
                self.outbox.send(self.queue, message, delay_seconds=60)
                return
            part = checkpoints.take()
            if part is None:
                self._end(run, checkpoints, message)
                return
            backfill = self.backfill()
            backfill.pace.most = orders.most_per_second
            PartWork(backfill, checkpoints, lambda: is_over() or checkpoints.orders().is_paused).part(part)
        self.outbox.send(self.queue, message)

    def call(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an operator's call.

        Raises:
            InvalidRequest: there is no such action, or it lacks something; the text says what.
        """
        actions: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "migrate": self._migrate,
            "migrate_all": self._migrate_all,
            "compare_data": lambda _: dict(self.verify()),
        }
        action = actions.get(str(event.get("action")))
        if action is None:
            raise errors.InvalidRequest(message=f"The action is one of {', '.join(actions)}.")
        answer = action(event)
        log("migration_called", action=event["action"])
        return answer

    def _migrate(self, event: Mapping[str, Any]) -> dict[str, Any]:
        table, limit = event.get("table", self.tables[0]), event.get("limit", 10)
        if table not in self.tables:
            raise errors.InvalidRequest(message=f"The table is one of {', '.join(self.tables)}.")
        if type(limit) is not int or not 1 <= limit <= _MOST_BY_HAND:
            raise errors.InvalidRequest(message=f"The limit is a number from 1 to {_MOST_BY_HAND}.")
        self._require_legacy()
        checkpoints = self.checkpoints(BY_HAND)
        checkpoints.begin(1)
        part = checkpoints.take()
        if part is None:
            is_done = all(one.is_done for one in checkpoints.parts())
            return {"people": 0, "is_complete": is_done, "is_busy": not is_done}
        # So many people may take longer than the part is ours: not by batches, which must be alone.
        page = replace(self.backfill(), page_size=limit, load=None).page(part.after, part.until)
        if page.last is None:
            checkpoints.finish(part)
        else:
            checkpoints.let_go(checkpoints.advance(part, page.last, page.counts))
        people = sum(page.counts.values())
        return {"people": people, "items": page.items, "is_complete": page.last is None, **page.counts}

    def _migrate_all(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self._require_legacy()
        run = str(event.get("run", "main"))
        checkpoints = self.checkpoints(run)
        parts = checkpoints.begin()
        left = sum(not part.is_done for part in parts)
        if left:
            self.outbox.send_batch(self.queue, [json.dumps({"run": run})] * min(MESSAGES, left))
        return {"run": run, "parts": len(parts), "parts_left": left, "people_done": sum(part.done for part in parts)}

    def _require_legacy(self) -> None:
        if self.standing().primary is not Side.LEGACY:
            raise errors.InvalidRequest(message="The data is at home already: nothing is copied from PostgreSQL.")

    def _end(self, run: str, checkpoints: Checkpoints, message: str) -> None:
        """No part is free: either all are done, or others have the last ones, and one of us stays to see them done."""
        parts = checkpoints.parts()
        if not all(part.is_done for part in parts):
            self.outbox.send(self.queue, message, delay_seconds=60)
            return
        failed = sum(part.counts.get(FAILED, 0) for part in parts)
        if self.standing().phase is not Phase.LEGACY:
            self.figures.tell(Figure.BACKFILL, number=failed, is_well=failed == 0, note=run, began_at=begun_at(parts))
        log("backfill_complete", run=run, people=sum(part.done for part in parts), failed=failed)
