"""Builds what asks the analyst: documents, chat and reports, and where jobs of every kind are kept."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from chalicelib.billing.entitlements import Entitlements, Feature
from chalicelib.billing.messages import MessageReservations, MessageUnit, message_name
from chalicelib.billing.usage import Reservations
from chalicelib.chat import rooms as chat_rooms
from chalicelib.chat.rooms import Admission, Chat, Counting
from chalicelib.clock import Clock
from chalicelib.config import Settings
from chalicelib.documents import places
from chalicelib.documents.analysis import Pipeline
from chalicelib.documents.arrivals import Arrivals
from chalicelib.documents.contract import ResultAnswer
from chalicelib.documents.inspection import inspect
from chalicelib.documents.lanes import Lanes
from chalicelib.documents.library import Library
from chalicelib.documents.listing import JobListing
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.sources import Sources
from chalicelib.documents.sweep import JobSweep
from chalicelib.documents.uploads import Uploads
from chalicelib.gateways.analyst import analyst_of
from chalicelib.gateways.analyst.findings import Analyst
from chalicelib.gateways.object_store import ObjectStore, s3_client
from chalicelib.gateways.queues import Queues
from chalicelib.gateways.secrets import Secrets
from chalicelib.identity.sessions import SessionRule
from chalicelib.models.base import connect
from chalicelib.models.states import JobKind
from chalicelib.privacy.consents import require_processing
from chalicelib.reports import rooms as report_rooms
from chalicelib.reports.rooms import Reports
from chalicelib.rules import Rules
from chalicelib.stores.job_lists import JobLists
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.message_units import MessageUnits
from chalicelib.stores.model_spending import ModelSpending
from chalicelib.stores.report_orders import ReleasesByKind, ReportOrders
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
from chalicelib.web.cursor import Cursors


class Storage(NamedTuple):
    """Jobs, their objects, and how they end."""

    usage: UsageStore
    jobs: JobStore
    objects: ObjectStore
    outcomes: Outcomes


def analyst_for(stage: Settings, secrets: Secrets, clock: Clock) -> Analyst:
    """The stage's analysts, and the book that keeps what models cost."""
    return analyst_of(stage, secrets, ModelSpending(stage.rules.model_daily_cap_cents, clock), clock)


class Documents(NamedTuple):
    """The rooms of documents."""

    uploads: Uploads
    library: Library
    listing: JobListing
    arrivals: Arrivals
    pipeline: Pipeline
    job_sweep: JobSweep


def build_documents(
    users: Users,
    sessions: SessionRule,
    storage: Storage,
    reservations: Reservations,
    analyst: Analyst,
    cursors: Cursors,
    chat: Chat[MessageUnit],
    clock: Clock,
    rules: Rules,
) -> Documents:
    """Build what takes documents in, has them explained, and hands out what they say."""
    _, jobs, objects, outcomes = storage
    sources, overdue = Sources(objects, inspect, rules), {JobKind.CHAT: chat.endings.look_at_overdue}
    return Documents(
        Uploads(users, sessions, require_processing, reservations, jobs, objects, inspect, clock, rules),
        Library(users, sessions, jobs, objects, outcomes, clock, rules),
        JobListing(users, sessions, JobLists(), cursors, clock, rules),
        Arrivals(jobs, objects, sources, outcomes, clock, rules),
        Pipeline(jobs, objects, outcomes, users, require_processing, analyst, sources, clock, rules),
        JobSweep(jobs, objects, outcomes, clock, rules, overdue),
    )


def build_chat(
    users: Users,
    sessions: SessionRule,
    storage: Storage,
    reservations: Reservations,
    analyst: Analyst,
    clock: Clock,
    stage: Settings,
) -> Chat[MessageUnit]:
    """Build what answers questions, while somebody waits and later."""
    asked_by = Admission(users, sessions, require_processing)
    messages = MessageReservations(reservations, MessageUnits(storage.usage), clock, stage.rules)
    counting = Counting(messages, message_name, reservations)
    kept = chat_rooms.Places(storage.jobs, storage.objects, Queues(stage.region), stage.chat_queue)
    return chat_rooms.chat_of(asked_by, counting, kept, analyst, clock, stage.rules)


def build_reports(
    stage: Settings,
    users: Users,
    sessions: SessionRule,
    storage: Storage,
    library: Library,
    analyst: Analyst,
    clock: Clock,
) -> Reports[ResultAnswer]:
    """What takes orders of reports, writes them, and hands out results."""
    entitlements = Entitlements(clock, stage.upgrade_url)
    requires = partial(entitlements.require, feature=Feature.MEDICAL_REPORTS)
    has_trends = partial(entitlements.has, feature=Feature.ADVANCED_ANALYTICS)
    kept = report_rooms.Places(
        ReportOrders(), storage.jobs, storage.objects, storage.outcomes, Queues(stage.region), stage.retries_queue,
        places.request_key, places.result_key,
    )  # fmt: skip
    rights = report_rooms.Rights(users, sessions, require_processing, requires, has_trends)
    return report_rooms.reports_of(rights, kept, library, analyst, clock, stage.rules)


def storage_of(stage: Settings, usage: UsageStore, queues: Queues, clock: Clock) -> Storage:
    """Return where jobs are kept, of every kind; from here on the models know their table."""
    connect(stage.table_name, stage.region)
    jobs = JobStore(ReleasesByKind(usage, ReportOrders()), stage.rules.job_due_shards)
    objects = ObjectStore(stage.bucket_name, partial(s3_client, stage.region))
    lanes = Lanes(stage.priority_queue, stage.retries_queue, stage.priority_backlog_queue, stage.backlog_queue)
    outcomes = Outcomes(jobs, objects, queues, stage.retries_queue, clock, stage.rules, lanes)
    return Storage(usage, jobs, objects, outcomes)
