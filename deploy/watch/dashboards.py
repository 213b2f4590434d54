"""Two dashboards: how the service runs, and what people do with it. Three in an account are free."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.config import Settings
from chalicelib.observe.registry import Metric
from deploy.permissions import FUNCTIONS
from deploy.release.names import function_name, log_group
from deploy.resources import declare
from deploy.watch import native
from deploy.watch.alarms import alarms
from deploy.watch.declared import Watched, ours
from deploy.watch.names import alarm_arn

_WIDTH: Final = 12
_HEIGHT: Final = 6
_MODEL_SPENDING: Final = (
    "filter ispresent(ModelCalls.0) | stats sum(coalesce(ModelCents.0, 0)) as cents, "
    "count(*) as calls, sum(input_tokens) as tokens_in, sum(output_tokens) as tokens_out by analyst, kind, outcome"
)
_PLANS: Final = "filter event = 'subscription_decided' | stats count(*) as decided by provider, tier, status, rule"


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: metrics over time, each with its label."""

    title: str
    metrics: Sequence[tuple[Watched, str]]


@dataclass(frozen=True, slots=True)
class Query:
    """One table: what a query of CloudWatch Logs Insights finds in the lines of some functions."""

    title: str
    query: str
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page of charts and tables; `shows_alarms` puts the state of every alarm on top."""

    key: str
    parts: Sequence[Chart | Query]
    shows_alarms: bool = False


def dashboards(settings: Settings) -> tuple[Dashboard, ...]:
    """Return the dashboards of a stage."""
    return (
        Dashboard("operations", (*_traffic(settings), *_work(settings), *_trouble(settings)), shows_alarms=True),
        Dashboard("business", _business(settings)),
    )


def _traffic(settings: Settings) -> tuple[Chart, ...]:
    api = native.api
    return (
        Chart(
            "Requests",
            (
                (api(settings, "Count", "SampleCount"), "requests"),
                (api(settings, "4XXError", "Sum"), "4xx"),
                (api(settings, "5XXError", "Sum"), "5xx"),
            ),
        ),
        Chart(
            "Time to answer (ms)",
            tuple((api(settings, "Latency", statistic), statistic) for statistic in ("p50", "p95", "p99")),
        ),
        Chart(
            "Table",
            (
                (native.table(settings, "ConsumedReadCapacityUnits"), "read units"),
                (native.table(settings, "ConsumedWriteCapacityUnits"), "write units"),
                (native.table(settings, "ReadThrottleEvents"), "throttled reads"),
                (native.table(settings, "WriteThrottleEvents"), "throttled writes"),
            ),
        ),
    )


def _work(settings: Settings) -> tuple[Chart, ...]:
    queues, prefix = declare(settings).queues, f"serenya-{settings.stage}-"
    return (
        Chart(
            "Errors of functions",
            tuple((native.function(function_name(settings.stage, one), "Errors", "Sum"), one) for one in FUNCTIONS),
        ),
        Chart(
            "Oldest message (s)", tuple((native.age(queue.name), queue.name.removeprefix(prefix)) for queue in queues)
        ),
        Chart(
            "Dead letters",
            tuple((native.waiting(queue.dead_letter_name), queue.name.removeprefix(prefix)) for queue in queues),
        ),
    )


def _trouble(settings: Settings) -> tuple[Chart, ...]:
    return (
        _of_ours(
            settings,
            "Trouble",
            (
                Metric.EVENT_FAILED,
                Metric.RAN_NEAR_LIMIT,
                Metric.SECRET_NOT_READ,
                Metric.TOKEN_KEYS_ROTATED,
                Metric.REFRESH_TOKEN_REUSED,
                Metric.ERASURE_OVERDUE,
            ),
        ),
        _of_ours(
            settings,
            "Purchases",
            (Metric.WEBHOOK_FAILED, Metric.STORE_WORD_NOT_UNDERSTOOD, Metric.BILLING_DRIFT_FOUND),
        ),
        _of_ours(
            settings,
            "Language models",
            (Metric.MODEL_CALLS, Metric.MODEL_FAILURES, Metric.CIRCUIT_OPENED, Metric.DAILY_CAP_REACHED),
        ),
        Chart("Usage reset: longest wait (s)", ((ours(settings, Metric.USAGE_RESET_LAG, "Maximum"), "lag"),)),
        *(_move(settings) if settings.has_legacy_rights else ()),
    )


def _move(settings: Settings) -> tuple[Chart, ...]:
    reads = (Metric.MIGRATION_DRIFT, Metric.MIGRATION_FALLBACKS, Metric.MIGRATION_BEHIND)
    return (
        _of_ours(settings, "The move: reads", reads),
        Chart(
            "The move: what waits",
            tuple(
                (ours(settings, metric, "Maximum"), metric.value)
                for metric in (Metric.MIGRATION_BACKLOG, Metric.MIGRATION_SET_ASIDE)
            ),
        ),
    )


def _business(settings: Settings) -> tuple[Chart | Query, ...]:
    of = (settings, "Sign-ups", (Metric.ACCOUNTS_CREATED,))
    return (
        _of_ours(*of),
        _of_ours(settings, "Documents and reports", (Metric.ANALYSES_COMPLETED, Metric.ANALYSES_FAILED)),
        _of_ours(settings, "Questions and orders", (Metric.QUESTIONS_ANSWERED, Metric.REPORTS_ORDERED)),
        _of_ours(settings, "Refused: the month's units are used", (Metric.QUOTA_DENIED,)),
        _of_ours(settings, "Language models (US cents)", (Metric.MODEL_CENTS,)),
        Query("What models cost, by kind", _MODEL_SPENDING, ("api_handler", "retry_analysis", "answer_question")),
        Query("What became of subscriptions", _PLANS, ("api_handler", "sweep_billing", "reconcile_subscriptions")),
    )


def _of_ours(settings: Settings, title: str, metrics: Iterable[Metric]) -> Chart:
    return Chart(title, tuple((ours(settings, metric), metric.value) for metric in metrics))


def body(dashboard: Dashboard, settings: Settings) -> str:
    """Write a dashboard as CloudWatch wants it: widgets in two columns."""
    top = [_alarm_widget(settings)] if dashboard.shows_alarms else []
    start = _HEIGHT if top else 0
    widgets = [
        {
            "type": "metric" if isinstance(part, Chart) else "log",
            "x": number % 2 * _WIDTH,
            "y": start + number // 2 * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "properties": _chart(part, settings) if isinstance(part, Chart) else _query(part, settings),
        }
        for number, part in enumerate(dashboard.parts)
    ]
    return json.dumps({"widgets": [*top, *widgets]}, ensure_ascii=False, separators=(",", ":"))


def _chart(chart: Chart, settings: Settings) -> dict[str, Any]:
    return {
        "title": chart.title,
        "view": "timeSeries",
        "region": settings.region,
        "period": 300,
        "metrics": [watched.row(label) for watched, label in chart.metrics],
    }


def _query(query: Query, settings: Settings) -> dict[str, Any]:
    sources = " | ".join(f"SOURCE '{log_group(settings.stage, function)}'" for function in query.functions)
    return {
        "title": query.title,
        "view": "table",
        "region": settings.region,
        "query": f"{sources} | {query.query}",
    }


def _alarm_widget(settings: Settings) -> dict[str, Any]:
    arns = [alarm_arn(settings, alarm.key) for alarm in alarms(settings)]
    return {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": 2 * _WIDTH,
        "height": _HEIGHT,
        "properties": {"title": "Alarms", "alarms": arns},
    }
