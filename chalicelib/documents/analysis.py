"""The pipeline: an uploaded document is claimed, read, analysed, and its result stored; each step is safe to repeat."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import msgspec

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.documents.doors import Objects, Profiles, RequireConsent
from chalicelib.documents.outcomes import JSON, Outcomes, RetryMessage, started_seconds
from chalicelib.documents.places import result_key
from chalicelib.documents.results import Failure, compose, write
from chalicelib.documents.sources import Sources
from chalicelib.gateways.analyst.findings import Analyst
from chalicelib.ids import new_id
from chalicelib.models.job import JobItem
from chalicelib.models.states import AccountStatus, JobState
from chalicelib.observe.log import correlate, log
from chalicelib.rules import Rules
from chalicelib.stores.job_moves import Claim
from chalicelib.stores.jobs import JobStore


class OwnerGone(Exception):
    """The account was erased, or is being erased, while its document waited."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Works on documents. Of several workers with the same event, one gets the claim; the others do nothing."""

    jobs: JobStore
    objects: Objects
    outcomes: Outcomes
    profiles: Profiles
    require_consent: RequireConsent
    analyst: Analyst
    sources: Sources
    clock: Clock
    rules: Rules

    def retry(self, message: str) -> None:
        """Make the attempt that a message asks for, the first one or a retry. One that was overtaken does nothing.

        Raises:
            msgspec.MsgspecError: not one of our messages; it ends among the dead letters. Unavailable: deliver again.
        """
        wanted = msgspec.json.decode(message, type=RetryMessage)
        self._work_on(wanted.user_id, wanted.job_id, wanted.retry)

    def _work_on(self, user_id: str, job_id: str, retry: int | None) -> None:
        job = self._claim(user_id, job_id, retry)
        if job is None:
            self._explain_refused_claim(user_id, job_id, retry)
            return
        correlate(job.data.correlation_id)
        log("analysis_started", job_id=job_id, attempt=job.data.attempt, retry=job.data.retry_count)
        try:
            self._attempt(job)
        except OwnerGone:
            self.jobs.drop(job, self.clock.now())
            self.outcomes.discard(user_id, job_id)
        except errors.JobFailure as failure:
            self.outcomes.fail(job, failure.code, failure.public_reason)
        except (errors.InvalidRequest, errors.TooLarge, errors.Forbidden) as refusal:
            self.outcomes.fail(job, refusal.code, refusal.user_message)
        except Exception as trouble:  # noqa: BLE001  # whatever it was, the job is tried again or fails with a reason
            self.outcomes.retry_or_fail(job, trouble)

    def _claim(self, user_id: str, job_id: str, retry: int | None) -> JobItem | None:
        now = self.clock.now()
        lease_until, deadline = now + self.rules.job_lease, now + self.rules.job_deadline
        return self.jobs.claim(user_id, job_id, Claim(new_id(), now, lease_until, deadline, retry))

    def _explain_refused_claim(self, user_id: str, job_id: str, retry: int | None) -> None:
        """Somebody else has it, or it is done: fine. A document without a living job is removed."""
        job = self.jobs.find(user_id, job_id)
        if job is None or job.data.state == JobState.CLEANED:
            self.outcomes.discard(user_id, job_id)
            return
        log("analysis_not_due", job_id=job_id, state=job.data.state.value, retry=retry)

    def _attempt(self, job: JobItem) -> None:
        if job.data.attempt > 1:
            earlier = self.outcomes.earlier(job)
            if isinstance(earlier, Failure):
                self.outcomes.fail(job, earlier.error_code, earlier.error_message)
                return
            if earlier:
                self.outcomes.complete(job)
                return
        self._require_consent(job)
        document = self.sources.read(job)
        analysis = self.analyst.analyse(document, job.data.lease_until - self.rules.job_storing_time)
        now = self.clock.now()
        if now >= job.data.lease_until and self._is_overtaken(job):
            log("late_answer_dropped", level=logging.WARNING, job_id=job.data.job_id, attempt=job.data.attempt)
            return
        result = compose(
            analysis,
            job_id=job.data.job_id,
            analyst=analysis.analyst or self.analyst.name,
            at=now,
            seconds=started_seconds(job, now),
        )
        # Not replacing: of two answers the first one stands, whoever was late.
        self.objects.put(result_key(job.data.user_id, job.data.job_id), write(result), JSON)
        self.outcomes.complete(job)

    def _is_overtaken(self, job: JobItem) -> bool:
        """Whether a job whose lease is over has gone on without us. One that only waits for its next attempt has not:
        what is stored now saves that one its call."""
        now_there = self.jobs.find(job.data.user_id, job.data.job_id)
        if now_there is None:
            return True
        is_waiting = now_there.data.state == JobState.RETRYING
        return not is_waiting and now_there.data.claim_token != job.data.claim_token

    def _require_consent(self, job: JobItem) -> None:
        user = self.profiles.by_id(job.data.user_id)
        if user is None or user.data.account_status is AccountStatus.DELETED:
            raise OwnerGone
        self.require_consent(user)
