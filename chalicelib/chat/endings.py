"""How a question's job goes on and ends: another attempt, a failure with the unit given back, or being forgotten."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from chalicelib import errors
from chalicelib.chat.answers import FAILED
from chalicelib.chat.doors import Objects, Queue
from chalicelib.chat.kept import QueueMessage
from chalicelib.chat.places import all_keys
from chalicelib.clock import Clock
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobState
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.job_moves import Ending
from chalicelib.stores.jobs import JobStore

UNFINISHED: Final = frozenset({JobState.UPLOADED, JobState.PROCESSING, JobState.RETRYING})
_CODE: Final = "CHAT_FAILED"


@dataclass(frozen=True, slots=True)
class Endings:
    """Moves jobs of questions. Every step is conditional on the job being as it was read, and safe to repeat."""

    jobs: JobStore
    objects: Objects
    queue: Queue
    queue_name: str
    clock: Clock
    rules: Rules

    def send(self, job: JobItem, retry: int | None, delay: timedelta = timedelta(0)) -> None:
        """Send word of an attempt.

        Raises:
            Unavailable: the queue did not take it.
        """
        self._send(QueueMessage(user_id=job.data.user_id, job_id=job.data.job_id, retry=retry), delay)

    def is_overdue(self, job: JobItem) -> bool:
        """Whether an unfinished job should have ended: the app is not told "processing" for ever."""
        return job.data.state in UNFINISHED and self.clock.now() >= self._end_of(job)

    def fail_overdue(self, job: JobItem) -> JobItem | None:
        """End an overdue job and return it as it is then; None where somebody was faster."""
        return job if self.fail(job, _CODE, FAILED, JobState.TIMEOUT) else None

    def again_or_fail(self, job: JobItem, trouble: BaseException | None = None) -> None:
        """Try again a little later, as long as there is time and a try left; else the job has failed."""
        if trouble is not None:
            is_expected = isinstance(trouble, errors.AnalystUnavailable | errors.Unavailable)
            level = logging.WARNING if is_expected else logging.ERROR
            log("question_attempt_failed", level=level, error=trouble, job_id=job.data.job_id)
        past, now = int(job.data.retry_count), self.clock.now()
        delays = self.rules.chat_retry_delays
        if past >= len(delays) or now + delays[past] >= self._end_of(job):
            self.fail(job, _CODE, FAILED)
            return
        if not self.jobs.schedule_retry(job, now + delays[past] + self.rules.chat_lease, now):
            self.clear_unwanted(job)
            return
        try:
            self.send(job, int(job.data.retry_count), delays[past])
        except errors.Unavailable as failure:
            # Not raised: the job stands in the due index, and the sweep comes back to it.
            log("question_retry_not_sent", level=logging.WARNING, error=failure, job_id=job.data.job_id)
        log("question_retry_scheduled", job_id=job.data.job_id, retry=int(job.data.retry_count))

    def look_at_overdue(self, job: JobItem) -> None:
        """Move on a job that the sweep found: its message or its worker was lost. One that is done with stays."""
        if self.is_overdue(job):
            self.fail(job, _CODE, FAILED, JobState.TIMEOUT)
        elif job.data.state in UNFINISHED:
            self.again_or_fail(job)

    def fail(self, job: JobItem, code: str, message: str, state: JobState = JobState.FAILED) -> bool:
        """End a job without an answer, give its unit back, and remove the question. False where it moved on."""
        is_ended = self.jobs.end(job, Ending(state, code, message, self.clock.now()))
        if not is_ended:
            self.clear_unwanted(job)
            return False
        job.data.state, job.data.error_code, job.data.error_message = state, code, message
        log("question_failed", job_id=job.data.job_id, code=code, state=state.value)
        self.objects.delete(all_keys(job.data.user_id, job.data.job_id))
        return True

    def forget_later(self, job: JobItem) -> None:
        """Have a fetched answer removed after a while. Where no word can be sent, it expires with the bucket's rule."""
        message = QueueMessage(user_id=job.data.user_id, job_id=job.data.job_id, forget=True)
        try:
            self._send(message, self.rules.chat_kept_after_fetch)
        except errors.Unavailable as failure:
            log("answer_not_scheduled_to_be_forgotten", level=logging.WARNING, error=failure, job_id=job.data.job_id)

    def forget(self, user_id: str, job_id: str) -> None:
        """Remove an answer that was fetched; what stays says only that there was a question. Safe to run twice."""
        job = self.jobs.find(user_id, job_id)
        if job is not None and job.data.state == JobState.COMPLETED and self.jobs.clean(job, self.clock.now()):
            log("answer_forgotten", job_id=job_id)
        self.objects.delete(all_keys(user_id, job_id))

    def clear_unwanted(self, job: JobItem) -> None:
        """Somebody else was faster. Leave no words behind that nobody waits for."""
        user_id, job_id = job.data.user_id, job.data.job_id
        found = self.jobs.find(user_id, job_id)
        log("question_attempt_overtaken", job_id=job_id)
        if found is None or found.data.state not in {*UNFINISHED, JobState.COMPLETED}:
            self.objects.delete(all_keys(user_id, job_id))

    def _end_of(self, job: JobItem) -> datetime:
        asked_at: datetime = job.data.uploaded_at
        return asked_at + self.rules.chat_deadline

    def _send(self, message: QueueMessage, delay: timedelta) -> None:
        self.queue.send(self.queue_name, msgspec.json.encode(message).decode(), int(delay.total_seconds()))
