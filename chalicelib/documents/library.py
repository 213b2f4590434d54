"""The library: where a job stands, its result, another try, and its removal. Only its owner ever finds a job."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.documents.contract import CleanupAnswer, ResultAnswer, RetryAnswer, ShownState, StatusAnswer
from chalicelib.documents.doors import Objects, Profiles, SessionRule
from chalicelib.documents.jobs import RESULT_LIMIT_BYTES, is_gone, not_found, progress, shown_state
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.places import all_keys, failure_key, result_key, upload_prefix
from chalicelib.documents.results import Failure, read_failure, read_result
from chalicelib.ids import is_job_id, is_job_id_of
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.jobs import JobStore
from chalicelib.web.request import Caller

_MOST_TRIES: Final = 4
"""A job that moves on while it is being cleaned is read again so often."""


@dataclass(frozen=True, slots=True)
class Library:
    """Answers about jobs from one read of profile and job. The owner is in the key: a foreign id finds nothing."""

    profiles: Profiles
    sessions: SessionRule
    jobs: JobStore
    objects: Objects
    outcomes: Outcomes
    clock: Clock
    rules: Rules

    def status(self, caller: Caller, job_id: str) -> StatusAnswer:
        """Tell where a job stands: one call to AWS.

        Raises:
            NotFound: JOB_NOT_FOUND.
        """
        job = self._find(caller, job_id)
        if job is None:
            return self._status_by_location(caller.user_id, job_id)
        now = self.clock.now()
        shown = shown_state(job, now, self.rules)
        answer = StatusAnswer(job_id=job_id, status=shown, retry_count=int(job.data.retry_count))
        if shown in {ShownState.PROCESSING, ShownState.COMPLETED}:
            answer.progress = progress(job, now, self.rules)
        else:
            answer.error_message = job.data.error_message or "The analysis is taking longer than expected."
        return answer

    def result(self, caller: Caller, job_id: str) -> ResultAnswer:
        """Return what the document says; it can be read again and again.

        Raises:
            NotFound: JOB_NOT_FOUND. Conflict: RESULT_NOT_READY, or JOB_FAILED with `details.error_code`.
        """
        return read_result(self.stored(caller, job_id))

    def stored(self, caller: Caller, job_id: str) -> bytes:
        """Return the result of a job of any kind as it is stored.

        Raises:
            NotFound, Conflict: as `result` does.
        """
        job = self._find(caller, job_id)
        now = self.clock.now()
        if job is not None:
            shown = shown_state(job, now, self.rules)
            if shown == ShownState.PROCESSING:
                raise _not_ready()
            if shown != ShownState.COMPLETED:
                raise _failed(str(job.data.error_code or "PROCESSING_TIMEOUT"), job.data.error_message)
        content = self.objects.get(result_key(caller.user_id, job_id), RESULT_LIMIT_BYTES)
        if content is not None:
            return content
        if job is not None:
            raise not_found()
        failure = self._failure_by_location(caller.user_id, job_id)
        if failure is not None:
            raise _failed(failure.error_code, failure.error_message)
        raise _not_ready()

    def retry(self, caller: Caller, job_id: str) -> RetryAnswer:
        """Try a failed job again, at once and for no unit: the unit of its failure went back and is not taken again.

        Raises:
            NotFound: JOB_NOT_FOUND. Conflict: JOB_ALREADY_COMPLETED or JOB_IN_PROGRESS.
            TooManyRequests: RETRY_LIMIT_REACHED, after three.
        """
        job = self._find(caller, job_id)
        if job is None:
            raise not_found()
        now = self.clock.now()
        shown = shown_state(job, now, self.rules)
        if shown == ShownState.COMPLETED:
            raise errors.Conflict("JOB_ALREADY_COMPLETED", user_message="This document has been analysed already.")
        if shown == ShownState.PROCESSING:
            raise _in_progress()
        if job.data.manual_retries >= self.rules.job_retries_by_owner:
            raise errors.TooManyRequests(
                "RETRY_LIMIT_REACHED",
                user_message="This document was tried several times. Please upload it again.",
                retry_after_seconds=max(1, int((job.ttl or 0) - now.timestamp())),
            )
        # Before the job moves on, or the next attempt would take the old failure for its own.
        self.objects.delete([failure_key(caller.user_id, job_id)])
        if not self.outcomes.try_again(job, timedelta(0), is_by_owner=True):
            raise _in_progress()
        return RetryAnswer(job_id=job_id, status=ShownState.PROCESSING, retry_count=int(job.data.retry_count))

    def clean_up(self, caller: Caller, job_id: str) -> CleanupAnswer:
        """Remove a document, its result and its job; the second time too is fine. The unit of a job that has not
        completed is given back, and its worker, if any, leaves nothing behind.

        Raises:
            NotFound: JOB_NOT_FOUND, where the caller never had such a job.
        """
        job = self._find(caller, job_id, is_cleaned_too=True)
        if job is None:
            self._status_by_location(caller.user_id, job_id)
        elif not self._is_cleaned(caller, job):
            raise errors.Unavailable(message="The job does not stand still.")
        self.objects.delete(all_keys(caller.user_id, job_id))
        return CleanupAnswer(job_id=job_id, message="The document and its result were removed.")

    def _is_cleaned(self, caller: Caller, job: JobItem) -> bool:
        for _ in range(_MOST_TRIES):
            if job.data.state == JobState.CLEANED:
                return True
            was = job.data.state.value
            if self.jobs.clean(job, self.clock.now()):
                log("job_cleaned_up", job_id=job.data.job_id, was=was)
                return True
            found = self.jobs.find(caller.user_id, job.data.job_id)
            if found is None:
                return True
            job = found
        return False

    def _find(self, caller: Caller, job_id: str, *, is_cleaned_too: bool = False) -> JobItem | None:
        """Return the caller's job. An id of an impossible shape costs no question about a job.

        None leaves the locations to decide: the item is gone or never was. An id that we never gave to the caller is
        at no location, and is not looked for.
        """
        # Answers of the chat are read under their own path.
        if not is_job_id(job_id) or job_id.startswith(JobKind.CHAT):
            self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
            raise not_found()
        user, job = self.jobs.find_with_owner(caller.user_id, job_id)
        self.sessions.require_live(user, caller)
        if job is None or is_gone(job, self.clock.now()):
            if not is_job_id_of(caller.user_id, job_id):
                raise not_found()
            return None
        if job.data.state == JobState.CLEANED and not is_cleaned_too:
            raise not_found()
        return job

    def _status_by_location(self, user_id: str, job_id: str) -> StatusAnswer:
        if self.objects.exists(result_key(user_id, job_id)):
            return StatusAnswer(job_id=job_id, status=ShownState.COMPLETED, retry_count=0, progress=100)
        failure = self._failure_by_location(user_id, job_id)
        if failure is not None:
            message = failure.error_message
            return StatusAnswer(job_id=job_id, status=ShownState.FAILED, retry_count=0, error_message=message)
        log("job_known_by_its_document_alone", level=logging.WARNING, job_id=job_id)
        return StatusAnswer(job_id=job_id, status=ShownState.PROCESSING, retry_count=0)

    def _failure_by_location(self, user_id: str, job_id: str) -> Failure | None:
        """Return why there is no result; None where the document alone is there, and NotFound where nothing is."""
        content = self.objects.get(failure_key(user_id, job_id), RESULT_LIMIT_BYTES)
        if content is not None:
            return read_failure(content)
        if not self.objects.any_under(upload_prefix(user_id, job_id)):
            raise not_found()
        return None


def _not_ready() -> errors.Conflict:
    return errors.Conflict("RESULT_NOT_READY", user_message="The result is not ready yet. Please wait a moment.")


def _in_progress() -> errors.Conflict:
    return errors.Conflict("JOB_IN_PROGRESS", user_message="This document is being analysed. Please wait a moment.")


def _failed(code: str, message: str | None) -> errors.Conflict:
    reason = message or "This document could not be analysed."
    return errors.Conflict("JOB_FAILED", user_message=reason, details={"error_code": code, "error_message": reason})
