"""A small world around the reports room: table, bucket and jobs are real, the analyst and the queue are scripted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from chalicelib import errors
from chalicelib.billing.entitlements import Entitlements, Feature
from chalicelib.documents import places
from chalicelib.documents.contract import ResultAnswer
from chalicelib.documents.library import Library
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.sweep import JobSweep
from chalicelib.gateways.analyst.findings import Analysis, Document
from chalicelib.gateways.analyst.local.talking import narrative_of
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from chalicelib.identity.sessions import SessionRule
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import Tier
from chalicelib.privacy.consents import require_processing
from chalicelib.reports.contract import DoctorReportRequest, OrderAnswer
from chalicelib.reports.doctor_reports import DoctorReports
from chalicelib.reports.shelf import Shelf
from chalicelib.reports.writing import ReportWriting
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.report_orders import ReleasesByKind, ReportOrders
from chalicelib.stores.usage import UsageStore
from chalicelib.web.request import Caller
from tests.rooms.documents_world import FakeQueue, World

UPGRADE = "serenya://subscription/plans"
GLUCOSE = {
    "lab_results": [{"test_name": "Glucose", "test_value": 6.40, "test_unit": "mmol/L", "test_date": "2026-03-01"}]
}


@dataclass
class Writer:
    """An analyst that writes as the local one does, or what it is told."""

    name: str = "scripted"
    steps: list[Narrative | Exception] = field(default_factory=list)
    asked: list[tuple[ReportRequest, datetime]] = field(default_factory=list)

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        raise errors.AnalystUnavailable

    def answer(self, question: Question, deadline: datetime) -> Reply:
        raise errors.AnalystUnavailable

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        self.asked.append((request, deadline))
        step = self.steps.pop(0) if self.steps else narrative_of(request)
        if isinstance(step, Exception):
            raise step
        return step


class ReportsWorld:
    """Everything of the reports room, and a user who signed up a day ago."""

    def __init__(self, world: World, *, tier: Tier = Tier.FREE, days_since_sign_up: float = 1) -> None:
        self.base, self.clock, self.rules = world, world.clock, world.settings.rules
        self.writer = Writer()
        self.queue = FakeQueue(self.clock, world.calls.step)
        orders, sessions = ReportOrders(), SessionRule(self.clock)
        self.jobs = JobStore(ReleasesByKind(UsageStore(), orders), self.rules.job_due_shards)
        name = world.settings.retries_queue
        self.outcomes = Outcomes(self.jobs, world.objects, self.queue, name, self.clock, self.rules)
        self.library = Library(world.users, sessions, self.jobs, world.objects, self.outcomes, self.clock, self.rules)
        self.sweep = JobSweep(self.jobs, world.objects, self.outcomes, self.clock, self.rules)
        self.shelf: Shelf[ResultAnswer] = Shelf(self.library)
        entitlements = Entitlements(self.clock, UPGRADE)

        def requires(user: UserItem) -> None:
            entitlements.require(user, Feature.MEDICAL_REPORTS)

        def has_trends(user: UserItem) -> bool:
            return entitlements.has(user, Feature.ADVANCED_ANALYTICS)

        self.reports = DoctorReports(
            world.users, sessions, require_processing, requires, has_trends, self.library, orders, self.jobs,
            world.objects, places.request_key, self.queue, name, self.clock, self.rules,
        )  # fmt: skip
        self.writing = ReportWriting(
            self.jobs, orders, world.objects, places.request_key, places.result_key, self.outcomes, world.users,
            require_processing, requires, self.writer, self.clock, self.rules,
        )  # fmt: skip
        self.caller = self.add_user(world.user_id, tier, days_since_sign_up)

    def add_user(self, user_id: str, tier: Tier = Tier.FREE, days_since_sign_up: float = 1) -> Caller:
        caller = self.base.add_user(user_id, tier=tier)
        user = self.base.users.by_id(user_id)
        assert user is not None
        user.created_at = self.clock.now() - timedelta(days=days_since_sign_up)
        user.save()
        return caller

    def order(self, *, key: str | None = None, caller: Caller | None = None, **body: Any) -> OrderAnswer:
        """Order a report of some glucose, or of what is given."""
        sent = json.dumps(body or {"health_data": GLUCOSE}).encode()
        request = msgspec.json.decode(sent, type=DoctorReportRequest)
        return self.reports.order(caller or self.caller, {"idempotency-key": key} if key else {}, request)

    def ordered(self, **more: Any) -> str:
        return str(self.order(**more).job_id)

    def deliver(self) -> int:
        """Carry the messages that are due; return how many there were."""
        seen = self.queue.visible()
        for message in seen:
            self.writing.write(message)
        return len(seen)

    def finish(self, minutes: int = 60) -> None:
        """Let time pass: a sweep each minute, messages when they are due."""
        for _ in range(minutes):
            self.clock.advance(timedelta(minutes=1))
            self.sweep.sweep()
            self.deliver()

    def written(self, **more: Any) -> Any:
        """Order, write and return a report."""
        job_id = self.ordered(**more)
        self.deliver()
        return self.shelf.result(self.caller, job_id, None)

    def job(self, job_id: str) -> JobItem | None:
        return self.jobs.find(self.base.user_id, job_id)

    def free_report(self) -> str | None:
        user = self.base.users.by_id(self.base.user_id)
        assert user is not None
        taken: str | None = user.data.free_report_job_id
        return taken
