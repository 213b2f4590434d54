"""All settings in one place: what a stage calls its things, and what may differ between stages.

Names are derived from stage and account, so that nothing is pasted by hand. What may differ per stage comes from the
environment, written by `.chalice/config.json`; what is a promise to users stands in `rules.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final

import msgspec

from chalicelib import config_billing
from chalicelib.config_billing import AppStore, PlayStore, Stripe, texts
from chalicelib.model_config import ModelSettings, load_models
from chalicelib.rules import Rules

__all__ = ["APP_NAME", "VERSION", "AppStore", "IdentityProvider", "PlayStore", "Settings", "Stripe", "load", "settings"]

APP_NAME: Final = "serenya"
VERSION: Final = "0.1.0"


class IdentityProvider(msgspec.Struct, frozen=True):
    """How one provider's ID tokens are told from forgeries.

    `issuers` are the accepted `iss` values, `audiences` our client ids with that provider, `jwks_url` where its keys
    are published.
    Sources: Google "Verify the Google ID token on your server side" (both spellings of the issuer), Apple "Verifying
    a user".
    """

    name: str
    issuers: tuple[str, ...]
    audiences: tuple[str, ...]
    jwks_url: str


@dataclass(frozen=True, slots=True)
class Settings:
    """A stage's settings, read once from the environment."""

    stage: str
    account_id: str
    region: str
    google: IdentityProvider
    apple: IdentityProvider
    # The analysts in the order in which they are asked, such as `bedrock,local`: bedrock, anthropic, local.
    analyst: str
    # Where the models are that the stage asks, and what they cost.
    models: ModelSettings = field(default_factory=ModelSettings)
    # Where Apple exchanges and revokes tokens: `/token` and `/revoke` are added.
    apple_auth_url: str = "https://appleid.apple.com/auth"
    # Whether the stage holds the key of "Sign in with Apple". Without it nothing is exchanged, kept or revoked there.
    has_apple_sign_in_key: bool = False
    # Whether the stage's data is still on its way from the legacy database: without it nothing of the move is imported.
    has_legacy_database: bool = False
    # Whether a stage whose people have moved keeps, for one release more, what versions with a legacy database ask for:
    # permissions, secret, queue. Then one can roll back across the release that takes the database away.
    keeps_legacy_rights: bool = False
    # Where that database is, on a developer's machine alone; anywhere else the secret says it.
    legacy_dsn: str | None = None
    app_store: AppStore | None = None
    play_store: PlayStore | None = None
    stripe: Stripe | None = None
    # Where the app sends people who need a higher tier; the app's own address of its page of plans.
    upgrade_url: str = "serenya://subscription/plans"
    # Signing keys are read again after this, so that a rotation or a revocation is picked up without a deployment.
    secret_life: timedelta = timedelta(seconds=60)
    rules: Rules = field(default_factory=Rules)

    @property
    def has_legacy_rights(self) -> bool:
        """Whether what stands around the code is that of a stage with a legacy database."""
        return self.has_legacy_database or self.keeps_legacy_rights

    @property
    def is_local(self) -> bool:
        """Whether this is a developer's machine with the embedded cloud."""
        return self.stage == "local"

    @property
    def table_name(self) -> str:
        """The one table."""
        return f"{APP_NAME}-{self.stage}"

    @property
    def bucket_name(self) -> str:
        """Documents, results and failures. S3 names are global, hence the account."""
        return f"{APP_NAME}-{self.stage}-documents-{self.account_id}"

    @property
    def retries_queue(self) -> str:
        """Jobs waiting for their next attempt."""
        return f"{APP_NAME}-{self.stage}-analysis-retries"

    @property
    def priority_queue(self) -> str:
        """Jobs of tiers that go first, waiting for their next attempt: nobody else's stand before them."""
        return f"{APP_NAME}-{self.stage}-analysis-priority"

    @property
    def priority_backlog_queue(self) -> str:
        """Further jobs of people in tiers that go first who have one waiting already."""
        return f"{APP_NAME}-{self.stage}-analysis-priority-backlog"

    @property
    def backlog_queue(self) -> str:
        """Further jobs of people who have one waiting already: a flood stands here, before nobody's first."""
        return f"{APP_NAME}-{self.stage}-analysis-backlog"

    @property
    def workers_at_once(self) -> Mapping[str, int]:
        """How many functions may work on a queue at a time; on the others as many as AWS gives."""
        analyses, backlog = self.rules.analyses_at_once, self.rules.backlog_at_once
        lanes = {self.retries_queue: analyses, self.priority_backlog_queue: backlog, self.backlog_queue: backlog}
        # Each holds connections to PostgreSQL.
        return {**lanes, self.migration_queue: backlog}

    @property
    def resets_queue(self) -> str:
        """Batches of users whose usage period has ended."""
        return f"{APP_NAME}-{self.stage}-usage-resets"

    @property
    def chat_queue(self) -> str:
        """Questions waiting for their answer, and answers waiting to be forgotten."""
        return f"{APP_NAME}-{self.stage}-chat-answers"

    @property
    def erasures_queue(self) -> str:
        """Erasures to be carried on."""
        return f"{APP_NAME}-{self.stage}-erasures"

    @property
    def migration_queue(self) -> str:
        """SQS queue of the parts of a backfill that wait to be worked on."""
        return f"{APP_NAME}-{self.stage}-migration"

    @property
    def billing_looks_queue(self) -> str:
        """Batches of subscriptions to be looked at where they were bought."""
        return f"{APP_NAME}-{self.stage}-billing-looks"

    @property
    def token_issuer(self) -> str:
        """`iss` of our access tokens: a token of one stage is worth nothing in another."""
        return f"{APP_NAME}/{self.stage}"

    @property
    def token_audience(self) -> str:
        """`aud` of our access tokens."""
        return f"{APP_NAME}-app/{self.stage}"

    @property
    def token_keys_secret(self) -> str:
        """Secrets Manager id of the key set that signs our tokens: `{"current": {"kid", "secret"}, "previous": … |
        null, "next": … | null}`, changed by `python -m deploy.rotate_keys`."""
        return f"{APP_NAME}/{self.stage}/token-keys"

    @property
    def data_keys_secret(self) -> str:
        """Secrets Manager id of the key set that seals what we keep for others, such as Apple's refresh tokens:
        `{"current": {"kid", "secret"}, "previous": … | null, "older": […]}`. A key leaves when nothing is sealed with
        it any more."""
        return f"{APP_NAME}/{self.stage}/data-keys"

    @property
    def apple_sign_in_secret(self) -> str:
        """Secrets Manager id of the key that Apple's developer page gave us: `{"team_id", "key_id", "client_id",
        "private_key"}`, the last one as PEM."""
        return f"{APP_NAME}/{self.stage}/apple-sign-in"

    @property
    def app_store_secret(self) -> str:
        """Secrets Manager id of the In-App Purchase key that App Store Connect gives out: `{"issuer_id", "key_id",
        "private_key"}`, the last one as in the `.p8` file."""
        return f"{APP_NAME}/{self.stage}/app-store"

    @property
    def analysts(self) -> tuple[str, ...]:
        """The analysts by name, the first one to be asked first."""
        return texts(self.analyst)

    @property
    def anthropic_secret(self) -> str:
        """Secrets Manager id of the key from Anthropic's console: `{"api_key"}`."""
        return f"{APP_NAME}/{self.stage}/anthropic"

    @property
    def play_store_secret(self) -> str:
        """Secrets Manager id of the key of the service account that reads purchases on Google Play: the JSON file that
        the Cloud console gives out, unchanged (`client_email`, `private_key_id`, `private_key`, `token_uri`, …)."""
        return f"{APP_NAME}/{self.stage}/play-store"

    @property
    def legacy_secret(self) -> str:
        """Secrets Manager id of the way into the legacy database: `{"dsn":
        "postgresql://user:password@host/name?sslmode=verify-full&sslrootcert=…"}`; without `verify-full` nobody
        connects. Removed, with its user, when the move is over."""
        return f"{APP_NAME}/{self.stage}/legacy-database"

    @property
    def stripe_secret(self) -> str:
        """Secrets Manager id of what Stripe's dashboard gives out: `{"api_key", "webhook_secret",
        "previous_webhook_secret"}`; the last one is null but while the webhook's secret is rolled."""
        return f"{APP_NAME}/{self.stage}/stripe"


def load(environment: Mapping[str, str]) -> Settings:
    """Read a stage's settings.

    Raises:
        KeyError: a variable that has no sensible default is missing; the service must not start without it.
    """
    stage = environment["SERENYA_STAGE"]
    region = environment.get("SERENYA_REGION") or environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"]
    return Settings(
        stage=stage,
        account_id=environment["SERENYA_ACCOUNT_ID"],
        region=region,
        google=IdentityProvider(
            name="google",
            issuers=texts(environment.get("GOOGLE_ISSUERS", "https://accounts.google.com,accounts.google.com")),
            audiences=texts(environment["GOOGLE_CLIENT_IDS"]),
            jwks_url=environment.get("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        ),
        apple=IdentityProvider(
            name="apple",
            issuers=texts(environment.get("APPLE_ISSUERS", "https://appleid.apple.com")),
            audiences=texts(environment["APPLE_CLIENT_IDS"]),
            jwks_url=environment.get("APPLE_JWKS_URL", "https://appleid.apple.com/auth/keys"),
        ),
        analyst=environment.get("ANALYST", "local"),
        models=load_models(environment, region),
        apple_auth_url=environment.get("APPLE_AUTH_URL", "https://appleid.apple.com/auth").rstrip("/"),
        upgrade_url=environment.get("UPGRADE_URL", "serenya://subscription/plans"),
        has_apple_sign_in_key=environment.get("HAS_APPLE_SIGN_IN_KEY", "false") == "true",
        has_legacy_database=environment.get("HAS_LEGACY_DATABASE", "false") == "true",
        keeps_legacy_rights=environment.get("KEEPS_LEGACY_RIGHTS", "false") == "true",
        legacy_dsn=environment.get("LEGACY_DSN") if stage == "local" else None,
        app_store=config_billing.app_store(environment),
        play_store=config_billing.play_store(environment),
        stripe=config_billing.stripe(environment),
    )


@cache
def settings() -> Settings:
    """The settings of this process.

    AWS's own clients, and Chalice when it packages, ask the environment for the region: a stage has one, so they get
    that.
    """
    found = load(os.environ)
    os.environ.setdefault("AWS_DEFAULT_REGION", found.region)
    return found
