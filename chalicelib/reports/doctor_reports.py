"""Orders of reports: what was sent is read, whoever may have a report gets a job, and the values wait in the bucket."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.ids import derived_id, job_id_of
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import log
from chalicelib.reports.contract import DoctorReportRequest, OrderAnswer
from chalicelib.reports.doors import (
    Documents,
    HasTrends,
    Jobs,
    KeyOf,
    Objects,
    Orders,
    Profiles,
    Queue,
    RequireConsent,
    RequireReports,
    SessionRule,
)
from chalicelib.reports.jobs import missing, new_job, write_message
from chalicelib.rules import Rules
from chalicelib.stores.report_orders import Order, OrderOutcome
from chalicelib.web.request import Caller

if TYPE_CHECKING:
    # Reading values takes patterns of units and names, whose making no other route should wait for.
    from chalicelib.reports.request import StoredRequest

_JSON: Final = "application/json"
_MOST_READS: Final = 5
"""How often a profile that changes under our hands is read again before the caller is asked to come back."""
_MOST_ROUNDS: Final = 10
"""So often the same values can be ordered anew, without a key, after a failure or a removal within two days."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_OVER: Final = frozenset({JobState.FAILED, JobState.TIMEOUT, JobState.CLEANED})


@dataclass(frozen=True, slots=True)
class DoctorReports:
    """Takes orders. Premium, or the one free report within a week of sign-up: of two orders at once one gets that."""

    profiles: Profiles
    sessions: SessionRule
    require_consent: RequireConsent
    require_reports: RequireReports
    has_trends: HasTrends
    documents: Documents[Any]
    orders: Orders
    jobs: Jobs
    objects: Objects
    request_key: KeyOf
    queue: Queue
    queue_name: str
    clock: Clock
    rules: Rules

    def order(self, caller: Caller, headers: Mapping[str, str], request: DoctorReportRequest) -> OrderAnswer:
        """Order a report; header names are in lower case.

        The same values (and the same `Idempotency-Key`, if there is one) are the same report, however often they
        arrive; without a key, values whose report failed or was removed are ordered anew.

        Raises:
            InvalidRequest: MISSING_HEALTH_DATA, INVALID_DOCUMENT_IDS, INVALID_JSON. NotFound, Conflict: a document.
            Forbidden: CONSENT_REQUIRED; PREMIUM_REQUIRED with `details.upgrade_url`.
            Conflict: REPORT_ALREADY_CLEANED_UP. Unavailable: not stored, and nothing taken.
        """
        from chalicelib.reports.request import gathered

        user = self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        self.require_consent(user)
        wanted = gathered(request, self._results(caller, request), self.clock.now().date(), self.rules)
        job_id, found = self._job_of(caller.user_id, wanted, headers.get("idempotency-key", "").strip())
        if found is None:
            found = self._begin(user, caller, job_id, wanted)
        if found.data.state == JobState.RETRYING and found.data.attempt == 0:
            has_trends = bool(found.data.has_unit) or self.has_trends(user)
            self._hand_over(found, msgspec.structs.replace(wanted, has_trends=has_trends))
        return OrderAnswer(
            job_id=job_id,
            estimated_completion_seconds=self.rules.estimated_analysis_seconds,
            polling_endpoint=f"/api/v1/process/status/{job_id}",
        )

    def _results(self, caller: Caller, request: DoctorReportRequest) -> list[Any]:
        """Return the caller's own results by their ids; somebody else's is not found."""
        ids = request.document_ids if isinstance(request.document_ids, list) else []
        wanted = list(dict.fromkeys(one.lower().removeprefix(f"{JobKind.RESULT}_") for one in ids))
        has_values = any(isinstance(one, msgspec.Raw) for one in (request.health_data, request.medical_data))
        if not wanted and not has_values:
            raise missing()
        if len(wanted) > self.rules.report_most_documents:
            raise errors.InvalidRequest(
                "INVALID_DOCUMENT_IDS",
                f"At most {self.rules.report_most_documents} documents go into a report.",
                user_message=f"Please choose at most {self.rules.report_most_documents} documents.",
                details={"field": "document_ids"},
            )
        if not all(_UUID.fullmatch(one) for one in wanted):
            raise errors.NotFound("JOB_NOT_FOUND", user_message="We could not find this document.")
        return [
            msgspec.to_builtins(self.documents.result(caller, f"{JobKind.RESULT}_{one}"), builtin_types=())
            for one in wanted
        ]

    def _job_of(self, user_id: str, wanted: StoredRequest, key: str) -> tuple[str, JobItem | None]:
        """Return the id of the order's job, and the job where it was ordered before."""
        from chalicelib.reports.request import write_request

        content = hashlib.sha256(write_request(wanted)).hexdigest()
        for number in range(_MOST_ROUNDS):
            again = "" if key else str(number)
            unique = derived_id("report", user_id, content, key, again)
            job_id = job_id_of(user_id, JobKind.REPORT, unique)
            found = self.jobs.find(user_id, job_id)
            if found is None or found.data.state not in _OVER:
                return job_id, found
            if key and found.data.state == JobState.CLEANED:
                raise errors.Conflict(
                    "REPORT_ALREADY_CLEANED_UP", user_message="This report was removed. Please order it again."
                )
            if key:
                return job_id, found
        raise errors.TooManyRequests(
            "RETRY_LIMIT_REACHED",
            user_message="This report was tried several times. Please try again in two days.",
            retry_after_seconds=int(self.rules.job_life.total_seconds()),
        )

    def _begin(self, user: UserItem, caller: Caller, job_id: str, wanted: StoredRequest) -> JobItem:
        """Write the job and take the free report where it is one; for an order that was faster, return its job."""
        for _ in range(_MOST_READS):
            now = self.clock.now()
            is_free = self._is_free(user, now)
            deadline = now + self.rules.job_deadline
            due, key = self.jobs.due_key(job_id, deadline), self.request_key(caller.user_id, job_id)
            job = new_job(caller.user_id, job_id, key, due, deadline, now, self.rules)
            match self.orders.order(_order(user, caller, now, is_free=is_free), job):
                case OrderOutcome.ORDERED:
                    log("report_ordered", job_id=job_id, is_free=is_free, values=len(wanted.values))
                    return job
                case OrderOutcome.REPEATED:
                    found = self.jobs.find(caller.user_id, job_id)
                    if found is not None:
                        return found
            user = self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
            self.require_consent(user)
        raise errors.Unavailable(message="The profile is changing too quickly to order a report.")

    def _is_free(self, user: UserItem, now: datetime) -> bool:
        """Whether the order takes the free report. That one is the whole report, trends included: it is there to show
        what Premium is.

        Raises:
            Forbidden: PREMIUM_REQUIRED.
        """
        try:
            self.require_reports(user)
        except errors.Forbidden:
            is_new = now < user.created_at + self.rules.free_report_window
            if not is_new or user.data.free_report_job_id is not None:
                raise
            return True
        return False

    def _hand_over(self, job: JobItem, wanted: StoredRequest) -> None:
        """Store the values and send the job to be written. If the values cannot be stored, job and free report go back;
        a message that is lost is sent again by the sweep."""
        from chalicelib.reports.request import write_request

        try:
            self.objects.put(str(job.data.object_key), write_request(wanted), _JSON)
        except errors.Unavailable:
            is_dropped = self._drop(job)
            log("report_not_stored", level=logging.WARNING, job_id=job.data.job_id, is_dropped=is_dropped)
            raise
        try:
            self.queue.send(self.queue_name, write_message(job))
        except errors.Unavailable as trouble:
            log("report_message_not_sent", level=logging.WARNING, error=trouble, job_id=job.data.job_id)

    def _drop(self, job: JobItem) -> bool:
        try:
            return self.jobs.drop(job, self.clock.now())
        except errors.Unavailable:
            return False


def _order(user: UserItem, caller: Caller, now: datetime, *, is_free: bool) -> Order:
    subscription = user.data.current_subscription
    return Order(
        user_id=caller.user_id,
        session_id=caller.session_id,
        subscription_id=subscription.subscription_id,
        subscription_updated_at=subscription.updated_at,
        is_free=is_free,
        at=now,
    )
