"""Builds what several rooms are handed: stores, keys, rules about sessions, and where jobs are kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chalicelib.once import once

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.billing.entitlements import Entitlements
    from chalicelib.billing.subscriptions import Subscriptions
    from chalicelib.billing.usage import Reservations
    from chalicelib.clock import Clock
    from chalicelib.config import Settings
    from chalicelib.documents.outcomes import Outcomes
    from chalicelib.gateways.analyst.findings import Analyst
    from chalicelib.gateways.object_store import ObjectStore
    from chalicelib.gateways.oidc import IdTokens
    from chalicelib.gateways.owned_objects import OwnedObjects
    from chalicelib.gateways.queues import Queues
    from chalicelib.gateways.secrets import Secrets
    from chalicelib.identity.apple_grants import AppleGrants
    from chalicelib.identity.keys import TokenKeys
    from chalicelib.identity.sessions import SessionRule
    from chalicelib.models.profile import UserItem
    from chalicelib.stores.jobs import JobStore
    from chalicelib.stores.usage import UsageStore
    from chalicelib.stores.users import Users
    from chalicelib.web.cursor import Cursors


class Shared:
    """What several rooms are handed, each made when it is first asked for. Making it asks nobody anything.

    Imports stand where something is made: a function pays, at its cold start, for the rooms that it uses
    (`tests/performance/imports.json` holds how many modules that is).
    """

    def __init__(self, stage: Settings, clock: Clock) -> None:
        self.stage = stage
        self.clock = clock
        self.rules = stage.rules

    @once
    def users(self) -> Users:
        """Questions about profiles."""
        from chalicelib.stores.users import Users

        return Users()

    @once
    def session_rule(self) -> SessionRule:
        """Whether a session still lives."""
        from chalicelib.identity.sessions import SessionRule

        return SessionRule(self.clock)

    @once
    def secrets(self) -> Secrets:
        """Secrets of the stage."""
        from chalicelib.gateways.secrets import Secrets, secrets_client

        return Secrets(partial(secrets_client, self.stage.region), self.clock, self.stage.secret_life)

    @once
    def token_keys(self) -> TokenKeys:
        """The keys that sign our tokens."""
        from chalicelib.identity.keys import TokenKeys

        return TokenKeys(self.secrets, self.stage.token_keys_secret)

    @once
    def cursors(self) -> Cursors:
        """Signed places in lists."""
        from chalicelib.identity.keys import Purpose
        from chalicelib.web.cursor import Cursors

        return Cursors(partial(self.token_keys.derived, Purpose.CURSOR))

    @once
    def queues(self) -> Queues:
        """Sends messages."""
        from chalicelib.gateways.queues import Queues

        return Queues(self.stage.region)

    @once
    def id_tokens(self) -> IdTokens:
        """Verifies what Google and Apple sign."""
        from chalicelib.gateways.oidc import IdTokens

        return IdTokens((self.stage.google, self.stage.apple), self.clock, self.rules)

    @once
    def apple_grants(self) -> AppleGrants:
        """Keeps and revokes what Apple grants. Where the stage has no key for Apple's token endpoints it does nothing;
        client secrets are made for Apple's issuer."""
        from chalicelib.config import APP_NAME
        from chalicelib.gateways.apple_identity import AppleIdentity
        from chalicelib.gateways.sealed import Seals
        from chalicelib.identity.apple_grants import AppleGrants
        from chalicelib.stores.apple_accounts import AppleAccounts

        stage, secrets, identity = self.stage, self.secrets, None
        if stage.has_apple_sign_in_key:
            issuer = stage.apple.issuers[0]
            identity = AppleIdentity(secrets, stage.apple_sign_in_secret, stage.apple_auth_url, issuer, self.clock)
        seals = Seals(secrets, stage.data_keys_secret, f"{APP_NAME}/apple-refresh-token")
        return AppleGrants(AppleAccounts(), identity, seals, self.clock)

    @once
    def usage(self) -> UsageStore:
        """Counts units."""
        from chalicelib.stores.usage import UsageStore

        return UsageStore()

    @once
    def reservations(self) -> Reservations:
        """Reserves units of the usage period."""
        from chalicelib.billing.usage import Reservations

        shards = self.rules.usage_due_shards
        return Reservations(self.usage, self.session_rule, self.require_consent, self.users.by_id, self.clock, shards)

    @once
    def subscriptions(self) -> Subscriptions:
        """What people may use, and have used."""
        from chalicelib.billing.subscriptions import Subscriptions

        return Subscriptions(self.session_rule, self.users.by_id, self.clock)

    @once
    def entitlements(self) -> Entitlements:
        """What a tier opens."""
        from chalicelib.billing.entitlements import Entitlements

        return Entitlements(self.clock, self.stage.upgrade_url)

    @property
    def require_consent(self) -> Callable[[UserItem], None]:
        """Lets pass whoever agreed to the processing of medical data."""
        from chalicelib.privacy.consents import require_processing

        return require_processing

    @once
    def jobs(self) -> JobStore:
        """Jobs of every kind."""
        from chalicelib.stores.jobs import JobStore
        from chalicelib.stores.report_orders import ReleasesByKind, ReportOrders

        return JobStore(ReleasesByKind(self.usage, ReportOrders()), self.rules.job_due_shards)

    @once
    def objects(self) -> ObjectStore:
        """The bucket."""
        from chalicelib.gateways.object_store import ObjectStore, s3_client

        return ObjectStore(self.stage.bucket_name, partial(s3_client, self.stage.region))

    @once
    def owned_objects(self) -> OwnedObjects:
        """The bucket, person by person."""
        from chalicelib.gateways.object_store import s3_client
        from chalicelib.gateways.owned_objects import OwnedObjects

        return OwnedObjects(self.stage.bucket_name, partial(s3_client, self.stage.region))

    @once
    def outcomes(self) -> Outcomes:
        """How jobs go on and end."""
        from chalicelib.documents.lanes import Lanes
        from chalicelib.documents.outcomes import Outcomes

        stage = self.stage
        lanes = Lanes(stage.priority_queue, stage.retries_queue, stage.priority_backlog_queue, stage.backlog_queue)
        return Outcomes(self.jobs, self.objects, self.queues, stage.retries_queue, self.clock, self.rules, lanes)

    @once
    def analyst(self) -> Analyst:
        """The stage's analysts, and the book that keeps what models cost."""
        from chalicelib.gateways.analyst import analyst_of
        from chalicelib.stores.model_spending import ModelSpending

        book = ModelSpending(self.rules.model_daily_cap_cents, self.clock)
        return analyst_of(self.stage, self.secrets, book, self.clock)
