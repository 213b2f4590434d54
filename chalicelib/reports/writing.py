"""The worker: claims the job of a report, has the words written, puts the report together, and stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.gateways.analyst.findings import Analyst
from chalicelib.gateways.analyst.talk import ReportRequest
from chalicelib.ids import new_id
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, JobState
from chalicelib.observe.log import correlate, log
from chalicelib.reports.contract import ReportStyle
from chalicelib.reports.doors import (
    Jobs,
    KeyOf,
    Objects,
    Orders,
    Outcomes,
    Profiles,
    RequireConsent,
    RequireReports,
)
from chalicelib.reports.jobs import JobMessage
from chalicelib.rules import Rules
from chalicelib.stores.job_moves import Claim

if TYPE_CHECKING:
    from chalicelib.reports.compose import Written
    from chalicelib.reports.request import StoredRequest

_JSON: Final = "application/json"


class _OwnerGone(Exception):
    """The account was erased, or is being erased, while the report waited."""


class RequestMissing(errors.JobFailure):
    """There is a job, and nothing to report on."""

    code = "REPORT_DATA_MISSING"
    reason = "The values for this report are not there any more. Please order it again."


@dataclass(frozen=True, slots=True)
class ReportWriting:
    """Writes reports. Of several workers with the same message, one gets the claim; the others do nothing."""

    jobs: Jobs
    orders: Orders
    objects: Objects
    request_key: KeyOf
    result_key: KeyOf
    outcomes: Outcomes
    profiles: Profiles
    require_consent: RequireConsent
    require_reports: RequireReports
    analyst: Analyst
    clock: Clock
    rules: Rules

    def write(self, message: str) -> None:
        """Make the attempt that a message asks for. A message that was overtaken does nothing.

        Raises:
            msgspec.MsgspecError: not one of our messages; it ends among the dead letters. Unavailable: deliver again.
        """
        wanted = msgspec.json.decode(message, type=JobMessage)
        now = self.clock.now()
        claim = Claim(new_id(), now, now + self.rules.job_lease, now + self.rules.job_deadline, wanted.retry)
        job = self.jobs.claim(wanted.user_id, wanted.job_id, claim)
        if job is None:
            log("report_not_due", job_id=wanted.job_id, retry=wanted.retry)
            return
        correlate(job.data.correlation_id)
        log("report_started", job_id=wanted.job_id, attempt=job.data.attempt, retry=job.data.retry_count)
        try:
            self._attempt(job)
        except _OwnerGone:
            self.jobs.drop(job, self.clock.now())
            self.outcomes.discard(wanted.user_id, wanted.job_id)
        except errors.JobFailure as failure:
            self.outcomes.fail(job, failure.code, failure.public_reason)
        except errors.Forbidden as refusal:
            self.outcomes.fail(job, refusal.code, refusal.user_message)
        except Exception as trouble:  # noqa: BLE001  # whatever it was, the job is tried again or fails with a reason
            self.outcomes.retry_or_fail(job, trouble)

    def _attempt(self, job: JobItem) -> None:
        earlier = self.outcomes.earlier(job) if job.data.attempt > 1 else False
        if not isinstance(earlier, bool):
            self.outcomes.fail(job, earlier.error_code, earlier.error_message)
            return
        if not earlier:
            self._require_right(job)
            self._store_report(job, self._request(job))
        self.outcomes.complete(job)
        self._forget_request(job)

    def _require_right(self, job: JobItem) -> None:
        """Pass where the owner is there, consents, and has the report paid for.

        A free report that failed was given back; when its owner has it tried again it is taken again, or one who makes
        reports fail would have two.
        """
        user = self._owner(job)
        self.require_consent(user)
        if job.data.manual_retries == 0 or job.data.has_unit:
            return
        try:
            self.require_reports(user)
        except errors.Forbidden:
            if not self.orders.take_again(job, self.clock.now()):
                raise

    def _owner(self, job: JobItem) -> UserItem:
        user = self.profiles.by_id(job.data.user_id)
        if user is None or user.data.account_status is AccountStatus.DELETED:
            raise _OwnerGone
        return user

    def _request(self, job: JobItem) -> StoredRequest:
        from chalicelib.reports.request import REQUEST_LIMIT_BYTES, read_request

        content = self.objects.get(self.request_key(job.data.user_id, job.data.job_id), REQUEST_LIMIT_BYTES)
        if content is None:
            raise RequestMissing
        return read_request(content)

    def _store_report(self, job: JobItem, request: StoredRequest) -> None:
        from chalicelib.reports.compose import compose, write_report

        written = self._words(job, request)
        now = self.clock.now()
        seconds = (now - job.data.started_at).total_seconds()
        report = compose(request, written, job_id=job.data.job_id, at=now, seconds=seconds, analyst=self.analyst.name)
        # Not replacing: of two answers the first one stands, whoever was late.
        self.objects.put(self.result_key(job.data.user_id, job.data.job_id), write_report(report), _JSON)

    def _words(self, job: JobItem, request: StoredRequest) -> Written:
        """Return the analyst's words. A report needs none of a model's: where no analyst answers in time, code's own
        words stand alone, and a note says so."""
        from chalicelib.gateways.analyst.fallback import STAND_IN_NOTE
        from chalicelib.gateways.analyst.local.talking import narrative_of
        from chalicelib.reports.assembled import assembled, facts_of
        from chalicelib.reports.compose import Written

        asked = ReportRequest(
            owner_id=job.data.user_id,
            facts=facts_of(assembled(request)),
            is_brief=request.preferences.report_style is ReportStyle.SUMMARY,
        )
        by_code = narrative_of(asked)
        try:
            said = self.analyst.report(asked, job.data.lease_until - self.rules.job_storing_time)
        except errors.AnalystUnavailable as trouble:
            log("report_written_without_model", error=trouble, job_id=job.data.job_id)
            said = msgspec.structs.replace(by_code, notes=(STAND_IN_NOTE,))
        return Written(said, by_code)

    def _forget_request(self, job: JobItem) -> None:
        """Remove what was sent, once the report is there: another attempt may still need it otherwise."""
        now_there = self.jobs.find(job.data.user_id, job.data.job_id)
        if now_there is None or now_there.data.state == JobState.COMPLETED:
            self.objects.delete([self.request_key(job.data.user_id, job.data.job_id)])
