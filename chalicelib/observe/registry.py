"""Every metric that the service can write, declared once: code, alarms, dashboards and the operators' page go by this.

A metric is paid for by name and by combination of dimensions ($0.30 a month while it is written), so there are few, and
they have no dimensions; what else is to be known of a number stands beside it in its line, where a query finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    """CloudWatch's units, as far as they are used. It has none for money."""

    COUNT = "Count"
    SECONDS = "Seconds"
    NONE = "None"


class Metric(StrEnum):
    """Their names. A test fails for one that no code writes, and for one without an alarm or a reason for none."""

    # Operations
    EVENT_FAILED = "EventFailed"
    RAN_NEAR_LIMIT = "RanNearLimit"
    WEBHOOK_FAILED = "WebhookFailed"
    STORE_WORD_NOT_UNDERSTOOD = "StoreWordNotUnderstood"
    BILLING_DRIFT_FOUND = "BillingDriftFound"
    ERASURE_OVERDUE = "ErasureOverdue"
    REFRESH_TOKEN_REUSED = "RefreshTokenReused"  # noqa: S105  # a name, not a secret
    TOKEN_KEYS_ROTATED = "TokenKeysRotated"  # noqa: S105  # a name, not a secret
    SECRET_NOT_READ = "SecretNotRead"  # noqa: S105  # a name, not a secret
    USAGE_RESET_LAG = "UsageResetLag"
    MIGRATION_DRIFT = "MigrationDrift"
    MIGRATION_FALLBACKS = "MigrationFallbacks"
    MIGRATION_BEHIND = "MigrationBehind"
    MIGRATION_BACKLOG = "MigrationBacklog"
    MIGRATION_SET_ASIDE = "MigrationSetAside"
    # Models
    MODEL_CALLS = "ModelCalls"
    MODEL_FAILURES = "ModelFailures"
    MODEL_CENTS = "ModelCents"
    CIRCUIT_OPENED = "CircuitOpened"
    DAILY_CAP_REACHED = "DailyCapReached"
    # Business
    ACCOUNTS_CREATED = "AccountsCreated"
    QUOTA_DENIED = "QuotaDenied"
    ANALYSES_COMPLETED = "AnalysesCompleted"
    ANALYSES_FAILED = "AnalysesFailed"
    QUESTIONS_ANSWERED = "QuestionsAnswered"
    REPORTS_ORDERED = "ReportsOrdered"


@dataclass(frozen=True, slots=True)
class Declared:
    """What one metric says. Each log line named in `lines` counts one; a metric without lines is measured where it
    arises."""

    meaning: str
    unit: Unit = Unit.COUNT
    dimensions: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


REGISTRY: Final[Mapping[Metric, Declared]] = {
    Metric.EVENT_FAILED: Declared(
        "Events, messages and schedules whose function raised an error, and which come again.",
        lines=("message_failed", "records_failed", "tick_failed"),
    ),
    Metric.RAN_NEAR_LIMIT: Declared("Runs that took more than four fifths of their time.", lines=("ran_near_limit",)),
    Metric.WEBHOOK_FAILED: Declared(
        "Notices that we answered with an error, or whose signature we did not accept.",
        lines=("webhook_failed", "billing_notice_refused", "apple_notice_refused"),
    ),
    Metric.STORE_WORD_NOT_UNDERSTOOD: Declared(
        "Words of a store that we could not read or apply, and products that no plan of ours is named for.",
        lines=(
            "app_store_word_unreadable",
            "play_store_order_not_readable",
            "unknown_product_bought",
            "billing_replay_failed",
        ),
    ),
    Metric.BILLING_DRIFT_FOUND: Declared(
        "Subscriptions and payments of which a store said something else than we had.", lines=("billing_drift_found",)
    ),
    Metric.ERASURE_OVERDUE: Declared(
        "Erasures that a sweep found unfinished; each is counted at every sweep.", lines=("overdue_erasure_found",)
    ),
    Metric.REFRESH_TOKEN_REUSED: Declared(
        "Refresh tokens that came back after they had been replaced twice.", lines=("refresh_token_reused",)
    ),
    Metric.TOKEN_KEYS_ROTATED: Declared(
        "Processes that saw another key sign than before.", lines=("token_keys_rotated",)
    ),
    Metric.SECRET_NOT_READ: Declared(
        "Failed attempts to read a secret; each process tries once a minute.", lines=("secret_not_read",)
    ),
    Metric.USAGE_RESET_LAG: Declared(
        "At the end of a sweep: for how long the longest waiting user had been due; 0 where nobody was.", Unit.SECONDS
    ),
    Metric.MIGRATION_DRIFT: Declared("Reads that the table would have answered otherwise than the old database did."),
    Metric.MIGRATION_FALLBACKS: Declared(
        "Reads that the table could not answer although no change was on its way to it, and the old database did."
    ),
    Metric.MIGRATION_BEHIND: Declared(
        "Reads that the old database answered while a change was on its way to the table."
    ),
    Metric.MIGRATION_BACKLOG: Declared("Changes that wait to be copied, looked at once a minute."),
    Metric.MIGRATION_SET_ASIDE: Declared("Keys that were not copied after several attempts and wait for somebody."),
    Metric.MODEL_CALLS: Declared("Calls to language models."),
    Metric.MODEL_FAILURES: Declared("Calls to language models that failed or were refused."),
    Metric.MODEL_CENTS: Declared("What language models cost, in US cents.", Unit.NONE),
    Metric.CIRCUIT_OPENED: Declared(
        "Times that a process left a model alone for a while, after failures in a row.", lines=("circuit_opened",)
    ),
    Metric.DAILY_CAP_REACHED: Declared("Calls not made because a person's models had cost enough that day."),
    Metric.ACCOUNTS_CREATED: Declared("Sign-ups.", lines=("account_created",)),
    Metric.QUOTA_DENIED: Declared("Requests refused because the month's units were used.", lines=("quota_denied",)),
    Metric.ANALYSES_COMPLETED: Declared("Documents explained and reports written.", lines=("analysis_completed",)),
    Metric.ANALYSES_FAILED: Declared("Documents and reports given up, with a reason.", lines=("analysis_failed",)),
    Metric.QUESTIONS_ANSWERED: Declared("Questions answered.", lines=("message_answered", "question_answered")),
    Metric.REPORTS_ORDERED: Declared("Reports for doctors ordered.", lines=("report_ordered",)),
}

COUNTED: Final[Mapping[str, Metric]] = {line: metric for metric, one in REGISTRY.items() for line in one.lines}
"""The log lines that are counted, by their event: whoever writes such a line has counted it."""

NAMESPACE: Final = "Serenya"


def namespace(stage: str) -> str:
    """Return the namespace of a stage's metrics: two stages in one account are not added up."""
    return f"{NAMESPACE}/{stage}"
