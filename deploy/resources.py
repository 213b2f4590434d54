"""Everything around the code, declared once: table, bucket, queues, secret.

Pure data, made from a stage's settings and the models. `dev/provision.py` applies it to an endpoint through boto3;
templates are rendered from the same objects, so that a developer's cloud and production cannot differ by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from chalicelib.config import Settings
from chalicelib.models.base import Item
from chalicelib.models.schema import table_definition

ANALYSIS_TIMEOUT: Final = timedelta(seconds=120)
"""The longest that a function which analyses may run; a test compares it with `.chalice/config.json`."""

RESET_TIMEOUT: Final = timedelta(seconds=60)
"""The longest that a function which resets a batch of users may run."""

ERASURE_TIMEOUT: Final = timedelta(seconds=120)
"""The longest that one run of an erasure may take; the next one goes on where it stopped."""

LOOK_TIMEOUT: Final = timedelta(seconds=180)
"""The longest that a batch of looks at subscriptions may take, with stores that answer slowly."""
MIGRATION_TIMEOUT: Final = timedelta(seconds=300)
"""The longest that one run of a page job may take, a comparison of both sides included."""
CHAT_TIMEOUT: Final = timedelta(seconds=60)
"""The longest that answering one question may take."""

VISIBILITY_FACTOR: Final = 6
"""AWS ("Using Lambda with Amazon SQS", queue configuration): at least six times the function's time-out, so that a
throttled function has room to try again before another worker gets the message."""


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table: `definition` holds keys, indexes and billing, read from the models; a stage decides the rest.

    DynamoDB encrypts every table; `has_account_key` asks for the account's own key instead of one that AWS keeps,
    whose uses then stand in the audit trail.
    """

    name: str
    definition: Mapping[str, Any]
    ttl_attribute: str
    is_recoverable: bool
    is_protected: bool
    has_account_key: bool


@dataclass(frozen=True, slots=True)
class Bucket:
    """A private, encrypted bucket that speaks TLS alone and forgets everything after `expires_after_days`."""

    name: str
    expires_after_days: int
    abort_uploads_after_days: int = 1
    # No versions are kept; should somebody turn them on, older ones leave after this.
    noncurrent_expires_after_days: int = 1
    # A presigned POST carries its own proof, so any page may send one.
    post_origins: tuple[str, ...] = ("*",)
    post_max_age: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with its dead-letter queue.

    `reports_item_failures` says whether the function behind it names the messages of a batch that failed
    (`ReportBatchItemFailures`). Where it does not, a returned list of failures is ignored, as on AWS.
    """

    name: str
    visibility: timedelta
    max_receives: int = 5
    retention: timedelta = timedelta(days=4)
    # Long enough for somebody to look after a holiday; the most that SQS keeps.
    dead_letter_retention: timedelta = timedelta(days=14)
    reports_item_failures: bool = False

    @property
    def dead_letter_name(self) -> str:
        """Where a message goes that was received `max_receives` times and never deleted."""
        return f"{self.name}-dead-letters"


@dataclass(frozen=True, slots=True)
class KeySetSecret:
    """A secret `{"current": {"kid", "secret"}, "previous": null}`; its key is drawn once, when it is created."""

    name: str
    description: str
    key_bytes: int = 32


@dataclass(frozen=True, slots=True)
class GivenSecret:
    """A secret whose value somebody else draws and an operator puts in; `fields` are the names in its JSON object."""

    name: str
    description: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resources:
    """What one stage has."""

    table: Table
    bucket: Bucket
    queues: tuple[Queue, ...]
    token_keys: KeySetSecret
    data_keys: KeySetSecret
    apple_sign_in: GivenSecret
    app_store: GivenSecret
    play_store: GivenSecret
    stripe: GivenSecret
    anthropic: GivenSecret
    legacy_database: GivenSecret

    @property
    def stores(self) -> tuple[GivenSecret, ...]:
        """The secrets of the stores where plans are sold; a stage that sells nothing somewhere leaves its one out."""
        return self.app_store, self.play_store, self.stripe

    @property
    def key_sets(self) -> tuple[KeySetSecret, ...]:
        """The secrets whose first key a deployment draws."""
        return self.token_keys, self.data_keys

    def queue_named(self, name: str) -> Queue | None:
        """Return the declared queue of that name."""
        return next((queue for queue in self.queues if queue.name == name), None)


def declare(settings: Settings) -> Resources:
    """Declare what a stage needs. Production is recoverable and cannot be deleted by a slip; other stages can."""
    is_production = settings.stage == "prod"
    return Resources(
        table=Table(
            name=settings.table_name,
            definition=table_definition(settings.table_name),
            ttl_attribute=Item.ttl.attr_name,
            is_recoverable=is_production,
            is_protected=is_production,
            has_account_key=is_production,
        ),
        bucket=Bucket(name=settings.bucket_name, expires_after_days=settings.rules.job_life.days),
        queues=(
            Queue(settings.retries_queue, visibility=ANALYSIS_TIMEOUT * VISIBILITY_FACTOR),
            Queue(settings.priority_queue, visibility=ANALYSIS_TIMEOUT * VISIBILITY_FACTOR),
            Queue(settings.priority_backlog_queue, visibility=ANALYSIS_TIMEOUT * VISIBILITY_FACTOR),
            Queue(settings.backlog_queue, visibility=ANALYSIS_TIMEOUT * VISIBILITY_FACTOR),
            Queue(settings.chat_queue, visibility=CHAT_TIMEOUT * VISIBILITY_FACTOR),
            Queue(settings.resets_queue, visibility=RESET_TIMEOUT * VISIBILITY_FACTOR),
            Queue(settings.erasures_queue, visibility=ERASURE_TIMEOUT * VISIBILITY_FACTOR),
            Queue(settings.billing_looks_queue, visibility=LOOK_TIMEOUT * VISIBILITY_FACTOR),
            *(
                (Queue(settings.migration_queue, visibility=MIGRATION_TIMEOUT * VISIBILITY_FACTOR),)
                if settings.has_legacy_rights
                else ()
            ),
        ),
        token_keys=KeySetSecret(settings.token_keys_secret, "The keys that sign our access and refresh tokens."),
        data_keys=KeySetSecret(settings.data_keys_secret, "The keys that seal what we keep for others in profiles."),
        apple_sign_in=GivenSecret(
            settings.apple_sign_in_secret,
            "The key of Sign in with Apple, from Apple's developer page.",
            fields=("team_id", "key_id", "client_id", "private_key"),
        ),
        app_store=GivenSecret(
            settings.app_store_secret,
            "The In-App Purchase key, from App Store Connect.",
            fields=("issuer_id", "key_id", "private_key"),
        ),
        play_store=GivenSecret(
            settings.play_store_secret,
            "The key of the service account that reads purchases, from Google's Cloud console.",
            fields=(
                "type",
                "project_id",
                "private_key_id",
                "private_key",
                "client_email",
                "client_id",
                "token_uri",
            ),
        ),
        stripe=GivenSecret(
            settings.stripe_secret,
            "Our API key and the secrets that sign webhooks, from Stripe's dashboard.",
            fields=("api_key", "webhook_secret", "previous_webhook_secret"),
        ),
        anthropic=GivenSecret(
            settings.anthropic_secret,
            "The key of Anthropic's API, from its console; only for stages whose ANALYST names anthropic.",
            fields=("api_key",),
        ),
        legacy_database=GivenSecret(
            settings.legacy_secret,
            "The way into the legacy database, of a user made for the move; only for stages that move people.",
            fields=("dsn",),
        ),
    )


def used_secrets(declared: Resources, settings: Settings) -> tuple[GivenSecret, ...]:
    """Return the given secrets that a stage's settings make use of: an empty one costs as much as a full one."""
    uses = {
        declared.apple_sign_in: settings.has_apple_sign_in_key,
        declared.app_store: settings.app_store is not None,
        declared.play_store: settings.play_store is not None,
        declared.stripe: settings.stripe is not None,
        declared.anthropic: "anthropic" in settings.analysts,
        declared.legacy_database: settings.has_legacy_rights,
    }
    return tuple(secret for secret, is_used in uses.items() if is_used)


def tls_only_policy(bucket: Bucket) -> dict[str, Any]:
    """Write the bucket policy that refuses whoever does not use TLS."""
    arn = f"arn:aws:s3:::{bucket.name}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
