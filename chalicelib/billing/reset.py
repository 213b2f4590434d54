"""The scheduled reset: a sweep finds the users whose period has ended, a queue hands them back in batches."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Protocol

import msgspec

from chalicelib.clock import Clock
from chalicelib.observe.log import log
from chalicelib.observe.metrics import measure
from chalicelib.observe.registry import Metric
from chalicelib.rules import Rules
from chalicelib.stores.due import DueUsers
from chalicelib.stores.usage import ResetOutcome, UsageStore

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Outbox(Protocol):
    """Sends messages to a queue."""

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        """Send all of them, or raise `Unavailable`; any may arrive twice."""
        ...


class ResetBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message: users who stood in one partition of the due index. A later shape gets a later `version`."""

    version: Literal[1] = 1
    due_partition: Annotated[str, msgspec.Meta(pattern=r"^USAGE_DUE#\d{4}-\d{2}-\d{2}#\d+$")]
    user_ids: Annotated[tuple[_Id, ...], msgspec.Meta(min_length=1, max_length=1000)]


class NotAResetBatchError(Exception):
    """A message that nobody here wrote. Raised each time it comes, it ends in the dead-letter queue."""


class BatchIncompleteError(Exception):
    """Some users of a batch could not be reset. The queue delivers the message again, and in the end keeps it aside."""


@dataclass(frozen=True, slots=True)
class UsageReset:
    """Starts counts anew. Nobody depends on it being in time: reading and reserving compute the right period
    themselves.

    What it gives is a short due index and an honest stored count. Cost follows the users who are due: a read for each
    page of them, a write for each of them.
    """

    store: UsageStore
    due: DueUsers
    outbox: Outbox
    queue_name: str
    clock: Clock
    rules: Rules

    def sweep(self) -> None:
        """Hand everybody who is due by today to the queue, day by day since the last sweep. Safe to run twice.

        Begins with the day that was swept last, not with the one after it: somebody may have been listed late, by a
        clock that lags. A day counts as swept once all of it was sent, so a crash repeats that day, and the repeated
        messages find nothing to do.

        Raises:
            Unavailable: the table or the queue does not answer; the schedule comes again.
        """
        today = self.clock.now().date()
        begun = self.due.swept_until() or today - self.rules.usage_sweep_look_back
        log("usage_sweep_began", begun_on=begun.isoformat(), today=today.isoformat())
        users_in_all, waited_longest = 0, timedelta(0)
        for day in (begun + timedelta(days=number) for number in range((today - begun).days + 1)):
            users = self._sweep_day(day)
            self.due.record_swept(day, self.clock.now())
            users_in_all += users
            if users:
                waited_longest = max(waited_longest, self._since_end_of(day))
            log("usage_day_swept", day=day.isoformat(), users=users, days_left=(today - day).days)
        log("usage_sweep_ended", begun_on=begun.isoformat(), today=today.isoformat(), users=users_in_all)
        measure({Metric.USAGE_RESET_LAG: int(waited_longest.total_seconds())})

    def _since_end_of(self, day: date) -> timedelta:
        """How long ago a day ended, at which users were due; no time for a day that is not over."""
        midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
        return max(timedelta(0), self.clock.now() - midnight)

    def _sweep_day(self, day: date) -> int:
        users = 0
        for shard in range(self.rules.usage_due_shards):
            for page in self.due.on(day, shard):
                if page:
                    self.outbox.send_batch(self.queue_name, self._messages(self.due.partition(day, shard), page))
                    users += len(page)
                    log("usage_page_handed_over", day=day.isoformat(), shard=shard, users=len(page))
        return users

    def _messages(self, partition: str, user_ids: Sequence[str]) -> list[str]:
        size = self.rules.usage_reset_batch
        return [
            msgspec.json.encode(
                ResetBatch(due_partition=partition, user_ids=tuple(user_ids[first : first + size]))
            ).decode()
            for first in range(0, len(user_ids), size)
        ]

    def reset_batch(self, message: str) -> None:
        """Reset the users of one message: one write for each who is still due, whatever was done before. Safe to run
        twice.

        A user who cannot be reset does not hold up the others of the batch.

        Raises:
            NotAResetBatchError: the message is none of ours.
            BatchIncompleteError: some are left; the message has to come again.
        """
        batch = _read(message)
        outcomes: dict[ResetOutcome, int] = dict.fromkeys(ResetOutcome, 0)
        failed = 0
        for user_id in batch.user_ids:
            try:
                outcomes[self.store.reset(user_id, batch.due_partition, self.clock.now())] += 1
            except Exception as error:  # noqa: BLE001  # whatever is wrong with one of them, it is raised below
                failed += 1
                log("usage_reset_failed", level=logging.ERROR, error=error, user_id=user_id)
        log(
            "usage_batch_reset",
            due_partition=batch.due_partition,
            reset=outcomes[ResetOutcome.RESET],
            withdrawn=outcomes[ResetOutcome.WITHDRAWN],
            not_due=outcomes[ResetOutcome.NOT_DUE],
            failed=failed,
        )
        if failed:
            raise BatchIncompleteError(f"{failed} of {len(batch.user_ids)} users are left")


def _read(message: str) -> ResetBatch:
    try:
        return msgspec.json.decode(message, type=ResetBatch)
    except (msgspec.DecodeError, UnicodeError) as wrong:
        log("usage_message_refused", level=logging.ERROR, error=wrong, length=len(message))
        # The reason may quote the message; the log does not.
        raise NotAResetBatchError("the message is no batch of users to reset") from None
