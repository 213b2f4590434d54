"""Builds every room once, at the first request or event, and hands each the few things of others that it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

from chalicelib.billing.entitlements import Entitlements, Feature
from chalicelib.billing.reset import UsageReset
from chalicelib.billing.standing import renews
from chalicelib.billing.subscriptions import FreePlan, Subscriptions
from chalicelib.billing.usage import Reservations
from chalicelib.chat.rooms import Admission, Chat, Counting, Places, chat_of
from chalicelib.chat.uncounted import Uncounted, UncountedJobs, UncountedMessages, message_name
from chalicelib.clock import Clock, SystemClock
from chalicelib.config import APP_NAME, Settings, settings
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
from chalicelib.gateways.apple_identity import AppleIdentity
from chalicelib.gateways.object_store import ObjectStore, s3_client
from chalicelib.gateways.oidc import IdTokens
from chalicelib.gateways.owned_objects import OwnedObjects
from chalicelib.gateways.queues import Queues
from chalicelib.gateways.sealed import Seals
from chalicelib.gateways.secrets import Secrets, secrets_client
from chalicelib.identity import keys
from chalicelib.identity.apple_events import AppleEvents
from chalicelib.identity.apple_grants import AppleGrants
from chalicelib.identity.biometrics import Biometrics
from chalicelib.identity.devices import Devices
from chalicelib.identity.enrolment import Enrolment
from chalicelib.identity.profiles import Profiles
from chalicelib.identity.proofs import FreshProof
from chalicelib.identity.sessions import SessionRule, Sessions
from chalicelib.identity.sign_in import SignIn
from chalicelib.identity.tokens import AccessTokens, RefreshTokens
from chalicelib.models.base import connect
from chalicelib.models.states import BiometricOperation, JobKind
from chalicelib.privacy.consent_choices import ConsentChoices
from chalicelib.privacy.consents import ConsentForms, require_processing
from chalicelib.privacy.erasure import ErasureRequests
from chalicelib.privacy.erasure_saga import ErasureSaga
from chalicelib.privacy.erasure_steps import Belongings
from chalicelib.privacy.export import Export
from chalicelib.reports import rooms as report_rooms
from chalicelib.reports.jobs import asks_for_report
from chalicelib.reports.rooms import Reports
from chalicelib.rules import Rules
from chalicelib.stores.apple_accounts import AppleAccounts
from chalicelib.stores.biometrics import BiometricStore
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.due import DueUsers
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.job_lists import JobLists
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.limits import LimitStore
from chalicelib.stores.model_spending import ModelSpending
from chalicelib.stores.partitions import Partitions
from chalicelib.stores.report_orders import ReleasesByKind, ReportOrders
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
from chalicelib.web.cursor import Cursors
from chalicelib.web.health import Health
from chalicelib.web.limits import Limiter


@dataclass(frozen=True, slots=True)
class Rooms:
    """Every room of the service. Building it asks nobody anything."""

    rules: Rules
    token_keys: keys.TokenKeys
    access_tokens: AccessTokens
    limiter: Limiter
    health: Health
    sign_in: SignIn
    sessions: Sessions
    apple_events: AppleEvents
    enrolment: Enrolment
    biometrics: Biometrics
    profiles: Profiles
    consents: ConsentChoices
    devices: Devices
    subscriptions: Subscriptions
    usage_reset: UsageReset
    uploads: Uploads
    library: Library
    listing: JobListing
    arrivals: Arrivals
    pipeline: Pipeline
    job_sweep: JobSweep
    reports: Reports[ResultAnswer]
    chat: Chat[Uncounted]
    export: Export
    erasure: ErasureRequests
    erasure_saga: ErasureSaga

    def attempt(self, message: str) -> None:
        """Make the attempt that a message of the retries queue asks for, whatever kind of job it is of."""
        if asks_for_report(message):
            self.reports.writing.write(message)
        else:
            self.pipeline.retry(message)

    def subject_of_address(self, address: str) -> str:
        """Return a keyed hash of a client address, to count calls by."""
        return keys.subject_of_address(self.token_keys, address)


@cache
def rooms() -> Rooms:
    """The rooms of this process."""
    return build(settings(), SystemClock())


def build(stage: Settings, clock: Clock) -> Rooms:
    """Build the rooms of a stage; tests hand in a clock that they can set."""
    rules, users, session_rule, usage = stage.rules, Users(), SessionRule(clock), UsageStore()
    secrets, queues = Secrets(partial(secrets_client, stage.region), clock, stage.secret_life), Queues(stage.region)
    token_keys = keys.TokenKeys(secrets, stage.token_keys_secret)
    access_tokens = AccessTokens(token_keys, stage.token_issuer, stage.token_audience, clock, rules)
    sessions = Sessions(users, access_tokens, RefreshTokens(token_keys), clock, rules)
    subscriptions, analyst = Subscriptions(session_rule, users.by_id, clock), _analyst(stage, secrets, clock)
    reservations = Reservations(usage, session_rule, require_processing, users.by_id, clock, rules.usage_due_shards)
    jobs, objects, outcomes, sources = storage = _storage(stage, usage, queues, clock)
    id_tokens, apple_grants = IdTokens((stage.google, stage.apple), clock, rules), _apple_grants(stage, secrets, clock)
    library = Library(users, session_rule, jobs, objects, outcomes, clock, rules)
    chat = _chat(stage, Admission(users, session_rule, require_processing), jobs, objects, analyst, clock)
    export, erasure, erasure_saga = _leaving(stage, users, session_rule, objects, apple_grants, queues, clock)
    return Rooms(
        rules=rules,
        token_keys=token_keys,
        access_tokens=access_tokens,
        limiter=Limiter(LimitStore(clock), clock),
        health=Health(clock),
        sign_in=SignIn(users, id_tokens, sessions, ConsentForms(), FreePlan(), apple_grants, clock, rules),
        sessions=sessions,
        apple_events=AppleEvents(id_tokens, users, AppleAccounts(), erasure, clock, rules),
        enrolment=Enrolment(users, BiometricStore(), session_rule, clock, rules),
        biometrics=Biometrics(users, BiometricStore(), session_rule, clock, rules),
        profiles=Profiles(users, session_rule, subscriptions, clock),
        consents=ConsentChoices(users, ConsentStore(), session_rule, clock),
        devices=Devices(users, DeviceStore(), session_rule, clock),
        subscriptions=subscriptions,
        usage_reset=UsageReset(usage, DueUsers(), queues, stage.resets_queue, clock, rules),
        uploads=Uploads(users, session_rule, require_processing, reservations, jobs, objects, inspect, clock, rules),
        library=library,
        listing=JobListing(users, session_rule, JobLists(), _cursors(token_keys), clock, rules),
        arrivals=Arrivals(jobs, objects, sources, outcomes, clock, rules),
        pipeline=Pipeline(jobs, objects, outcomes, users, require_processing, analyst, sources, clock, rules),
        job_sweep=JobSweep(jobs, objects, outcomes, clock, rules, {JobKind.CHAT: chat.endings.look_at_overdue}),
        reports=_reports(stage, users, session_rule, storage, library, analyst, clock),
        chat=chat,
        export=export,
        erasure=erasure,
        erasure_saga=erasure_saga,
    )


def _analyst(stage: Settings, secrets: Secrets, clock: Clock) -> Analyst:
    """The stage's analysts, and the book that keeps what models cost."""
    return analyst_of(stage, secrets, ModelSpending(stage.rules.model_daily_cap_cents, clock), clock)


def _chat(
    stage: Settings, asked_by: Admission, jobs: JobStore, objects: ObjectStore, analyst: Analyst, clock: Clock
) -> Chat[Uncounted]:
    """What answers questions, while somebody waits and later."""
    later = UncountedJobs(ReportOrders(), asked_by.sessions, asked_by.require_consent, clock)
    counting = Counting(UncountedMessages(), message_name, later)
    places = Places(jobs, objects, Queues(stage.region), stage.chat_queue)
    return chat_of(asked_by, counting, places, analyst, clock, stage.rules)


def _reports(
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


class Storage(NamedTuple):
    """Jobs, their objects, and how they end."""

    jobs: JobStore
    objects: ObjectStore
    outcomes: Outcomes
    sources: Sources


def _cursors(token_keys: keys.TokenKeys) -> Cursors:
    return Cursors(partial(token_keys.derived, keys.Purpose.CURSOR))


def _storage(stage: Settings, usage: UsageStore, queues: Queues, clock: Clock) -> Storage:
    connect(stage.table_name, stage.region)
    jobs = JobStore(ReleasesByKind(usage, ReportOrders()), stage.rules.job_due_shards)
    objects = ObjectStore(stage.bucket_name, partial(s3_client, stage.region))
    lanes = Lanes(stage.priority_queue, stage.retries_queue, stage.priority_backlog_queue, stage.backlog_queue)
    outcomes = Outcomes(jobs, objects, queues, stage.retries_queue, clock, stage.rules, lanes)
    return Storage(jobs, objects, outcomes, Sources(objects, inspect, stage.rules))


def _apple_grants(stage: Settings, secrets: Secrets, clock: Clock) -> AppleGrants:
    """What keeps and revokes what Apple grants."""
    seals = Seals(secrets, stage.data_keys_secret, f"{APP_NAME}/apple-refresh-token")
    return AppleGrants(AppleAccounts(), _apple_identity(stage, secrets, clock), seals, clock)


def _apple_identity(stage: Settings, secrets: Secrets, clock: Clock) -> AppleIdentity | None:
    """Apple's token endpoints, where the stage has a key for them. Client secrets are made for Apple's issuer."""
    if not stage.has_apple_sign_in_key:
        return None
    return AppleIdentity(secrets, stage.apple_sign_in_secret, stage.apple_auth_url, stage.apple.issuers[0], clock)


def _leaving(
    stage: Settings,
    users: Users,
    session_rule: SessionRule,
    objects: ObjectStore,
    grants: AppleGrants,
    queues: Queues,
    clock: Clock,
) -> tuple[Export, ErasureRequests, ErasureSaga]:
    """What hands people their data, takes requests for erasure, and carries them out."""
    rules, queue_name = stage.rules, stage.erasures_queue
    partitions, erasures = Partitions(), Erasures()
    owned = OwnedObjects(stage.bucket_name, partial(s3_client, stage.region))
    for_export, for_erasure = (
        FreshProof(clock, rules, operation) for operation in (BiometricOperation.EXPORT, BiometricOperation.ERASURE)
    )
    belongings = Belongings(partitions, owned, erasures, ConsentStore(), rules)
    return (
        Export(users, session_rule, for_export, partitions, owned, objects, clock, rules),
        ErasureRequests(erasures, users, session_rule, for_erasure, renews, queues, queue_name, clock, rules),
        ErasureSaga(erasures, belongings, users, grants, queues, queue_name, clock, rules),
    )
