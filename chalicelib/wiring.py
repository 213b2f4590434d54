"""Builds every room once, at the first request or event, and hands each the few things of others that it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from chalicelib.billing.reset import UsageReset
from chalicelib.billing.subscriptions import FreePlan, Subscriptions
from chalicelib.billing.usage import Reservations
from chalicelib.clock import Clock, SystemClock
from chalicelib.config import Rules, Settings, settings
from chalicelib.documents.analysis import Pipeline
from chalicelib.documents.inspection import inspect
from chalicelib.documents.library import Library
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.sweep import JobSweep
from chalicelib.documents.uploads import Uploads
from chalicelib.gateways.analyst import analyst_named
from chalicelib.gateways.object_store import ObjectStore, s3_client
from chalicelib.gateways.oidc import IdTokens
from chalicelib.gateways.queues import Queues
from chalicelib.gateways.secrets import Secrets, secrets_client
from chalicelib.identity import keys
from chalicelib.identity.profiles import Profiles
from chalicelib.identity.sessions import SessionRule, Sessions
from chalicelib.identity.sign_in import SignIn
from chalicelib.identity.tokens import AccessTokens, RefreshTokens
from chalicelib.models.base import connect
from chalicelib.privacy.consents import ConsentForms, require_processing
from chalicelib.stores.due import DueUsers
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.limits import LimitStore
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
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
    profiles: Profiles
    subscriptions: Subscriptions
    usage_reset: UsageReset
    uploads: Uploads
    library: Library
    pipeline: Pipeline
    job_sweep: JobSweep

    def subject_of_address(self, address: str) -> str:
        """Return a keyed hash of a client address, to count calls by."""
        return keys.subject_of_address(self.token_keys, address)


@cache
def rooms() -> Rooms:
    """The rooms of this process."""
    return build(settings(), SystemClock())


def build(stage: Settings, clock: Clock) -> Rooms:
    """Build the rooms of a stage; tests hand in a clock that they can set."""
    connect(stage.table_name, stage.region)
    rules, users = stage.rules, Users()
    secrets = Secrets(partial(secrets_client, stage.region), clock, stage.secret_life)
    token_keys = keys.TokenKeys(secrets, stage.token_keys_secret)
    access_tokens = AccessTokens(token_keys, stage.token_issuer, stage.token_audience, clock, rules)
    sessions = Sessions(users, access_tokens, RefreshTokens(token_keys), clock, rules)
    session_rule = SessionRule(clock)
    subscriptions = Subscriptions(session_rule, users.by_id, clock)
    usage, queues = UsageStore(), Queues(stage.region)
    reservations = Reservations(usage, session_rule, require_processing, users.by_id, clock, rules.usage_due_shards)
    jobs = JobStore(usage, rules.job_due_shards)
    objects = ObjectStore(stage.bucket_name, partial(s3_client, stage.region))
    outcomes = Outcomes(jobs, objects, queues, stage.retries_queue, clock, rules)
    analyst = analyst_named(stage.analyst)
    return Rooms(
        rules=rules,
        token_keys=token_keys,
        access_tokens=access_tokens,
        limiter=Limiter(LimitStore(clock), clock),
        health=Health(clock),
        sign_in=SignIn(
            users,
            IdTokens((stage.google, stage.apple), clock, rules),
            sessions,
            ConsentForms(),
            FreePlan(),
            clock,
            rules,
        ),
        sessions=sessions,
        profiles=Profiles(users, session_rule, subscriptions, clock),
        subscriptions=subscriptions,
        usage_reset=UsageReset(usage, DueUsers(), queues, stage.resets_queue, clock, rules),
        uploads=Uploads(users, session_rule, require_processing, reservations, jobs, objects, inspect, clock, rules),
        library=Library(users, session_rule, jobs, objects, outcomes, clock, rules),
        pipeline=Pipeline(jobs, objects, outcomes, users, require_processing, analyst, inspect, clock, rules),
        job_sweep=JobSweep(jobs, objects, outcomes, clock, rules),
    )
