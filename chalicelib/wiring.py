"""Builds every room once, at the first request or event, and hands each the few things of others that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from chalicelib.billing.messages import MessageUnit
from chalicelib.billing.reset import UsageReset
from chalicelib.billing.subscriptions import FreePlan, Subscriptions
from chalicelib.billing.usage import Reservations
from chalicelib.chat.rooms import Chat
from chalicelib.clock import Clock, SystemClock
from chalicelib.config import APP_NAME, Settings, settings
from chalicelib.documents.contract import ResultAnswer
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
from chalicelib.models.states import BiometricOperation
from chalicelib.privacy.consent_choices import ConsentChoices
from chalicelib.privacy.consents import ConsentForms, require_processing
from chalicelib.privacy.erasure import ErasureRequests
from chalicelib.privacy.erasure_saga import ErasureSaga
from chalicelib.privacy.erasure_steps import Belongings
from chalicelib.privacy.export import Export
from chalicelib.reports.jobs import asks_for_report
from chalicelib.reports.rooms import Reports
from chalicelib.rules import Rules
from chalicelib.stores.apple_accounts import AppleAccounts
from chalicelib.stores.biometrics import BiometricStore
from chalicelib.stores.consents import ConsentStore
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.due import DueUsers
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.limits import LimitStore
from chalicelib.stores.partitions import Partitions
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
from chalicelib.web.cursor import Cursors
from chalicelib.web.health import Health
from chalicelib.web.limits import Limiter
from chalicelib.wiring_analysis import (
    Documents,
    Storage,
    analyst_for,
    build_chat,
    build_documents,
    build_reports,
    storage_of,
)
from chalicelib.wiring_billing import Billing, build_billing

if TYPE_CHECKING:
    from chalicelib.migration.page_jobs import PageJobs


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
    billing: Billing
    usage_reset: UsageReset
    documents: Documents
    reports: Reports[ResultAnswer]
    chat: Chat[MessageUnit]
    export: Export
    erasure: ErasureRequests
    erasure_saga: ErasureSaga

    def attempt(self, message: str) -> None:
        """Make the attempt that a message of the retries queue asks for, whatever kind of job it is of."""
        if asks_for_report(message):
            self.reports.writing.write(message)
        else:
            self.documents.pipeline.retry(message)

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
    subscriptions, analyst = Subscriptions(session_rule, users.by_id, clock), analyst_for(stage, secrets, clock)
    reservations = Reservations(usage, session_rule, require_processing, users.by_id, clock, rules.usage_due_shards)
    storage = _kept(stage, usage, secrets, queues, clock)
    cursors = Cursors(partial(token_keys.derived, keys.Purpose.CURSOR))
    id_tokens, apple_grants = IdTokens((stage.google, stage.apple), clock, rules), _apple_grants(stage, secrets, clock)
    chat = build_chat(users, session_rule, storage, reservations, analyst, clock, stage)
    documents = build_documents(users, session_rule, storage, reservations, analyst, cursors, chat, clock, rules)
    billing = build_billing(stage, users, session_rule, secrets, token_keys, clock)
    export, erasure, erasure_saga = _leaving(
        stage, users, session_rule, storage.objects, apple_grants, billing, queues, clock
    )
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
        billing=billing,
        usage_reset=UsageReset(usage, DueUsers(), queues, stage.resets_queue, clock, rules),
        documents=documents,
        reports=build_reports(stage, users, session_rule, storage, documents.library, analyst, clock),
        chat=chat,
        export=export,
        erasure=erasure,
        erasure_saga=erasure_saga,
    )


def attempts() -> Callable[[str], None]:
    """Return what makes an attempt at a job."""
    return rooms().attempt


def billing_looks() -> Callable[[str], None]:
    """Return what compares subscriptions with what their store says."""
    return rooms().billing.looks.look_at_batch


@cache
def tending() -> Callable[[], None]:
    """Return what looks after the move once a minute: nothing, and without any import, where there is none."""
    stage = settings()
    if not stage.has_legacy_database:
        return lambda: None
    from chalicelib.wiring_migration import tending_of

    rooms()  # Connects the models to the table.
    return tending_of(stage, Secrets(partial(secrets_client, stage.region), SystemClock(), stage.secret_life))


@cache
def page_jobs() -> PageJobs:
    """Return what copies people while the data moves; a stage without a legacy database imports it only if asked.

    Raises:
        InvalidRequest: the stage has no legacy database.
    """
    from chalicelib.wiring_backfill import page_jobs as built

    rooms()  # Connects the models to the table.
    return built()


def _kept(stage: Settings, usage: UsageStore, secrets: Secrets, queues: Queues, clock: Clock) -> Storage:
    """Return where jobs are kept. From here on the models ask their table, through the door of the move where the stage
    has one; a stage that has none imports nothing of it."""
    storage = storage_of(stage, usage, queues, clock)
    if stage.has_legacy_database:
        from chalicelib.wiring_migration import open_door

        open_door(stage, secrets, clock)
    return storage


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
    billing: Billing,
    queues: Queues,
    clock: Clock,
) -> tuple[Export, ErasureRequests, ErasureSaga]:
    """What hands people their data, takes requests for erasure, and carries them out."""
    rules, queue_name, charged_by = stage.rules, stage.erasures_queue, billing.renewals.charged_by
    partitions, erasures = Partitions(), Erasures()
    owned = OwnedObjects(stage.bucket_name, partial(s3_client, stage.region))
    for_export, for_erasure = (
        FreshProof(clock, rules, operation) for operation in (BiometricOperation.EXPORT, BiometricOperation.ERASURE)
    )
    belongings = Belongings(partitions, owned, erasures, ConsentStore(), rules)
    return (
        Export(users, session_rule, for_export, partitions, owned, objects, clock, rules),
        ErasureRequests(erasures, users, session_rule, for_erasure, charged_by, queues, queue_name, clock, rules),
        ErasureSaga(erasures, belongings, users, grants, queues, queue_name, clock, rules),
    )
