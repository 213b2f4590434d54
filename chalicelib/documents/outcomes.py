"""How an attempt ends: a result, another attempt later, or a failure with its reason and the unit given back."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.documents.doors import Objects, Queue
from chalicelib.documents.jobs import RESULT_LIMIT_BYTES, UNFINISHED, automatic_retries
from chalicelib.documents.lanes import Lanes
from chalicelib.documents.places import all_keys, failure_key, result_key
from chalicelib.documents.results import Failure, read_failure, write
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.job_moves import Ending
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.lines import Lines

JSON: Final = "application/json"
_GAVE_UP: Final = (
    "PROCESSING_FAILED",
    "We could not analyse this document. It does not count against your documents. Please try again later.",
)
_TIMED_OUT: Final = (
    "PROCESSING_TIMEOUT",
    "The analysis took too long. It does not count against your documents. Please try again later.",
)


class RetryMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the lanes: whose job, and which of its retries, None for the first attempt. One that was overtaken
    starts nothing."""

    user_id: str
    job_id: str
    retry: int | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Ends attempts. Objects come before the item, so that a crash in between loses nothing; the item decides.

    Documents go to the queue that `lanes` choose; where there are none, and for what is no document, there is one.
    """

    jobs: JobStore
    objects: Objects
    queue: Queue
    retries_queue: str
    clock: Clock
    rules: Rules
    lanes: Lanes | None = None
    lines: Lines = field(default_factory=Lines)

    def hand_on(self, job: JobItem) -> str:
        """Send a document that has arrived to the queue that it belongs in; returns the queue's name.

        Raises:
            Unavailable: it was perhaps not sent; do it again.
        """
        queue = self._lane_of(job)
        message = RetryMessage(user_id=job.data.user_id, job_id=job.data.job_id)
        self.queue.send(queue, msgspec.json.encode(message).decode())
        return queue

    def complete(self, job: JobItem) -> None:
        """Mark a job as done whose result is stored. Late, it removes the result that nobody waits for any more."""
        if self.jobs.complete(job, self.clock.now()):
            log("analysis_completed", job_id=job.data.job_id, attempt=job.data.attempt, retry=job.data.retry_count)
        else:
            self._clear_unwanted(job)

    def fail(self, job: JobItem, code: str, message: str, state: JobState = JobState.FAILED) -> None:
        """End a job for good, with its reason, and give the unit back."""
        now = self.clock.now()
        failure = Failure(job_id=job.data.job_id, error_code=code, error_message=message, failed_at=now)
        # Not replacing, as with results: a late worker has no say about a verdict that stands.
        self.objects.put(failure_key(job.data.user_id, job.data.job_id), write(failure), JSON)
        if self.jobs.end(job, Ending(state, code, message, now)):
            log("analysis_failed", job_id=job.data.job_id, code=code, state=state.value, retry=job.data.retry_count)
        else:
            self._clear_unwanted(job)

    def retry_or_fail(self, job: JobItem, trouble: BaseException) -> None:
        """Try again later, or give up after the last automatic retry."""
        is_expected = isinstance(trouble, (errors.AnalystUnavailable, errors.Unavailable))
        level = logging.WARNING if is_expected else logging.ERROR
        log("analysis_attempt_failed", level=level, error=trouble, job_id=job.data.job_id, attempt=job.data.attempt)
        past = automatic_retries(job)
        if past < len(self.rules.job_retry_delays):
            self.try_again(job, self.rules.job_retry_delays[past])
        else:
            self._give_up(job, *_GAVE_UP, state=JobState.FAILED)

    def redrive_or_time_out(self, job: JobItem) -> None:
        """Move on a job that was lost on its way: at once, as long as automatic retries are left."""
        if automatic_retries(job) < len(self.rules.job_retry_delays):
            self.try_again(job, timedelta(0))
        else:
            self._give_up(job, *_TIMED_OUT, state=JobState.TIMEOUT)

    def try_again(self, job: JobItem, delay: timedelta, *, is_by_owner: bool = False) -> bool:
        """Schedule the next attempt; False where the job is not as it was read.

        A message that is lost between the two steps is sent again by the sweep, once the attempt's deadline has passed.
        """
        now = self.clock.now()
        if not self.jobs.schedule_retry(job, now + delay + self.rules.job_deadline, now, is_by_owner=is_by_owner):
            self._clear_unwanted(job)
            return False
        message = RetryMessage(user_id=job.data.user_id, job_id=job.data.job_id, retry=int(job.data.retry_count))
        try:
            self.queue.send(self._lane_of(job), msgspec.json.encode(message).decode(), int(delay.total_seconds()))
        except errors.Unavailable as trouble:
            # Not raised: the job stands in the due index, and the sweep sends its message again.
            log("retry_message_not_sent", level=logging.WARNING, error=trouble, job_id=job.data.job_id)
        log(
            "analysis_retry_scheduled", job_id=job.data.job_id, retry=message.retry, delay_seconds=delay.total_seconds()
        )
        return True

    def earlier(self, job: JobItem) -> Failure | bool:
        """Return what an earlier attempt stored before it died: its failure, or whether there is a result."""
        user_id, job_id = job.data.user_id, job.data.job_id
        if self.objects.exists(result_key(user_id, job_id)):
            return True
        stored = self.objects.get(failure_key(user_id, job_id), RESULT_LIMIT_BYTES)
        return False if stored is None else read_failure(stored)

    def discard(self, user_id: str, job_id: str) -> None:
        """Remove the objects of a job that nobody waits for."""
        self.objects.delete(all_keys(user_id, job_id))
        log("unwanted_objects_removed", job_id=job_id)

    def _lane_of(self, job: JobItem) -> str:
        if self.lanes is None or job.data.kind is not JobKind.RESULT:
            return self.retries_queue
        is_first = self.lines.is_first(job, self.clock.now(), self.rules.job_life)
        return self.lanes.of(is_first=is_first, is_priority=job.data.is_priority)

    def _give_up(self, job: JobItem, code: str, message: str, *, state: JobState) -> None:
        """End a job, unless its result is there and only the last step was missing."""
        if self.objects.exists(result_key(job.data.user_id, job.data.job_id)):
            self.complete(job)
        else:
            self.fail(job, code, message, state)

    def _clear_unwanted(self, job: JobItem) -> None:
        """Another worker, the sweep or the owner was faster. Leave nothing that they do not know of."""
        user_id, job_id = job.data.user_id, job.data.job_id
        now_there = self.jobs.find(user_id, job_id)
        log("attempt_overtaken", job_id=job_id, attempt=job.data.attempt)
        if now_there is None or now_there.data.state == JobState.CLEANED:
            self.discard(user_id, job_id)
        elif now_there.data.state in {*UNFINISHED, JobState.COMPLETED}:
            # A verdict that came too late: the next attempt would take it for its own.
            self.objects.delete([failure_key(user_id, job_id)])
        else:
            self.objects.delete([result_key(user_id, job_id)])


def started_seconds(job: JobItem, now: datetime) -> float:
    """How long the present attempt has taken."""
    started: datetime | None = job.data.started_at
    return (now - started).total_seconds() if started is not None else 0.0
