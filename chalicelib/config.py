"""All settings in one place: what a stage calls its things, and every number that the design decides.

Names are derived from stage and account, so that nothing is pasted by hand. What may differ per stage comes from the
environment,
written by `.chalice/config.json`; what is a promise to users is a constant of `Rules`, with a test per number.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Final

APP_NAME: Final = "serenya"
VERSION: Final = "0.1.0"


@dataclass(frozen=True, slots=True)
class IdentityProvider:
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
class Rules:
    """The numbers that users feel (design, decision 4, and the contract's limits). The same in every stage."""

    # An access token is short, because it is verified without asking the table who has been signed out since.
    access_token_life: timedelta = timedelta(minutes=15)
    # A session slides by this much with each refresh …
    session_life: timedelta = timedelta(hours=24)
    # … and ends here whatever is refreshed.
    session_hard_cap: timedelta = timedelta(days=7)
    # Clocks of phones and providers are wrong by up to a minute.
    clock_skew: timedelta = timedelta(seconds=60)
    # An unknown key id makes us ask the provider again, but not more often than this.
    jwks_refetch_after: timedelta = timedelta(minutes=1)
    # Known keys are asked for anew after this, so that a withdrawn key stops working.
    jwks_life: timedelta = timedelta(hours=6)
    # While the provider does not answer, keys that we knew are trusted for this much longer …
    jwks_stale_life: timedelta = timedelta(hours=24)
    # … and with no key at all we ask again after this, because nobody can sign in.
    jwks_retry_after: timedelta = timedelta(seconds=5)
    # Real ID tokens have 700 to 1,500 bytes; more than this is not worth a signature check.
    id_token_limit_bytes: int = 8 * 1024
    # A biometric proof holds for days …
    biometric_proof_life: timedelta = timedelta(days=7)
    # … where much is at stake (export, erasure, purchases) for minutes …
    fresh_proof_life: timedelta = timedelta(minutes=5)
    # … and a challenge can be signed for minutes.
    biometric_challenge_life: timedelta = timedelta(minutes=5)
    # So many wrong signatures in a row lock a registration until the device enrols anew.
    biometric_most_failures: int = 5
    # Who signed in this recently may replace a registration without proof by the key that is replaced.
    recent_sign_in_life: timedelta = timedelta(minutes=10)
    # Apple retries a notification for about a day; an older one is a replay. What it claimed is remembered longer.
    apple_notice_life: timedelta = timedelta(days=7)
    # A multipart body may carry this much file; API Gateway itself refuses above about 4.5 MB (see
    # docs/decisions.md).
    upload_limit_bytes: int = 5 * 1024 * 1024
    # What the parts and fields of a form may add to the file that it carries.
    form_overhead_bytes: int = 64 * 1024
    # A presigned POST goes straight to S3 and may carry more.
    presigned_limit_bytes: int = 10 * 1024 * 1024
    # A presigned POST can be used for this long.
    presigned_life: timedelta = timedelta(minutes=10)
    # JSON bodies.
    body_limit_bytes: int = 1024 * 1024
    # A job that is not done by then is retried or failed, never "processing" for ever.
    job_deadline: timedelta = timedelta(minutes=5)
    # One attempt may take this long before another worker may claim the job.
    job_lease: timedelta = timedelta(seconds=100)
    # Of that, this much is kept for storing what the analyst said.
    job_storing_time: timedelta = timedelta(seconds=10)
    # A late sweep (it runs every minute) is given this long before the app is told that a job has timed out.
    job_overdue_grace: timedelta = timedelta(minutes=2)
    # So often may the owner ask for another try, beside the automatic ones.
    job_retries_by_owner: int = 3
    # Unfinished jobs are spread over this many partitions of the index; one takes about 300 uploads a second.
    job_due_shards: int = 1
    # Waits before the automatic retries; their number is the number of retries.
    job_retry_delays: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=5),
    )
    # Documents, results and jobs leave after two days: the app keeps them on the phone.
    job_life: timedelta = timedelta(days=2)
    # What replaced sessions, devices and subscriptions leave behind.
    history_life: timedelta = timedelta(days=400)
    # A receipt of an erasure, and what keeps the erased person from coming back, stay for so long. Table backups reach
    # back 35 days.
    erasure_record_life: timedelta = timedelta(days=90)
    # An erasure that is not done after this is started again by the sweep.
    erasure_overdue_after: timedelta = timedelta(minutes=10)
    # A provider that does not take back its token holds up the rest of an erasure no longer than this.
    erasure_grant_patience: timedelta = timedelta(hours=72)
    # What somebody who asks for erasure is told; most take seconds.
    erasure_estimated_hours: int = 24
    # An export up to this size is the answer itself (Lambda carries 6 MB); a larger one is stored and linked to.
    export_inline_limit_bytes: int = 4 * 1024 * 1024
    # Stored results are part of an export up to this number and size in all; the others are linked to.
    export_inline_objects: int = 50
    export_inline_object_bytes: int = 2 * 1024 * 1024
    # A link to a stored object can be used for this long.
    download_life: timedelta = timedelta(minutes=10)
    # The documents page: how long the app is told to wait.
    estimated_analysis_seconds: int = 30
    # Due users are spread over this many partitions of the index.
    usage_due_shards: int = 8
    # One message resets this many users.
    usage_reset_batch: int = 25
    # The first sweep of all looks back this far; whoever was due earlier is counted rightly anyway, and leaves the
    # index with the next use.
    usage_sweep_look_back: timedelta = timedelta(days=62)


@dataclass(frozen=True, slots=True)
class Settings:
    """A stage's settings, read once from the environment."""

    stage: str
    account_id: str
    region: str
    google: IdentityProvider
    apple: IdentityProvider
    analyst: str
    # Where Apple exchanges and revokes tokens: `/token` and `/revoke` are added.
    apple_auth_url: str = "https://appleid.apple.com/auth"
    # Whether the stage holds the key of "Sign in with Apple". Without it nothing is exchanged, kept or revoked there.
    has_apple_sign_in_key: bool = False
    # Signing keys are read again after this, so that a rotation or a revocation is picked up without a deployment.
    secret_life: timedelta = timedelta(seconds=60)
    rules: Rules = field(default_factory=Rules)

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
    def resets_queue(self) -> str:
        """Batches of users whose usage period has ended."""
        return f"{APP_NAME}-{self.stage}-usage-resets"

    @property
    def erasures_queue(self) -> str:
        """Erasures to be carried on."""
        return f"{APP_NAME}-{self.stage}-erasures"

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


def _texts(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def load(environment: Mapping[str, str]) -> Settings:
    """Read a stage's settings.

    Raises:
        KeyError: a variable that has no sensible default is missing; the service must not start without it.
    """
    stage = environment["SERENYA_STAGE"]
    return Settings(
        stage=stage,
        account_id=environment["SERENYA_ACCOUNT_ID"],
        region=environment.get("SERENYA_REGION") or environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"],
        google=IdentityProvider(
            name="google",
            issuers=_texts(environment.get("GOOGLE_ISSUERS", "https://accounts.google.com,accounts.google.com")),
            audiences=_texts(environment["GOOGLE_CLIENT_IDS"]),
            jwks_url=environment.get("GOOGLE_JWKS_URL", "https://www.googleapis.com/oauth2/v3/certs"),
        ),
        apple=IdentityProvider(
            name="apple",
            issuers=_texts(environment.get("APPLE_ISSUERS", "https://appleid.apple.com")),
            audiences=_texts(environment["APPLE_CLIENT_IDS"]),
            jwks_url=environment.get("APPLE_JWKS_URL", "https://appleid.apple.com/auth/keys"),
        ),
        analyst=environment.get("ANALYST", "local"),
        apple_auth_url=environment.get("APPLE_AUTH_URL", "https://appleid.apple.com/auth").rstrip("/"),
        has_apple_sign_in_key=environment.get("HAS_APPLE_SIGN_IN_KEY", "false") == "true",
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
