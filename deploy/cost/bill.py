"""The sum: what a month takes of everything that has a price, and what that costs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from chalicelib.config import Settings
from chalicelib.observe.registry import Metric
from deploy.cost.counts import Counts, Run, read_recorded
from deploy.cost.prices import PriceList
from deploy.cost.usage import ASSUMED, DAYS, MINUTES, SCHEDULES, Month
from deploy.generate import ROOT
from deploy.resources import declare, used_secrets
from deploy.watch.alarms import alarms
from deploy.watch.dashboards import dashboards

D = Decimal
GIGABYTE: Final = D(1024**3)
_S3_WRITES: Final = ("s3:PutObject", "s3:ListObjectsV2", "s3:CopyObject", "s3:ListObjectVersions")
_S3_READS: Final = ("s3:GetObject", "s3:HeadObject")
_WRITTEN_PER_EVENT: Final[Mapping[Metric, Mapping[str, Decimal]]] = {
    Metric.ACCOUNTS_CREATED: {"sign_up": D(1)},
    Metric.ANALYSES_COMPLETED: {"document": D(1), "report": D(1)},
    Metric.ANALYSES_FAILED: {"document": D("0.1")},
    Metric.QUESTIONS_ANSWERED: {"question": D(1)},
    Metric.REPORTS_ORDERED: {"report": D(1)},
    Metric.QUOTA_DENIED: {"document": D("0.2")},
    Metric.MODEL_CALLS: {"document": D(1), "question": D(1), "report": D(1)},
    Metric.MODEL_CENTS: {"document": D(1), "question": D(1), "report": D(1)},
    Metric.MODEL_FAILURES: {"document": D("0.02"), "question": D("0.02")},
    Metric.USAGE_RESET_LAG: {"idle_sweep_usage": D(1)},
}
"""How often the ordinary ones are written: a metric is paid for by the hour in which it is. The others mean trouble."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: by the price list, and after what of it every account has free."""

    name: str
    amount: Decimal
    dollars: Decimal
    dollars_after_free: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill; the language models' own price stands apart."""

    lines: tuple[Line, ...]
    model_dollars: Decimal

    @property
    def dollars(self) -> Decimal:
        """The sum by the price list, as if nothing were free."""
        return sum((line.dollars for line in self.lines), D(0))

    @property
    def dollars_after_free(self) -> Decimal:
        """The sum of an account that has nothing else in it."""
        return sum((line.dollars_after_free for line in self.lines), D(0))


def bill(settings: Settings, month: Month, prices: PriceList) -> Bill:
    """Return the bill of a stage as its settings are."""
    amounts = _standing(settings)
    _add(amounts, _moving(settings, month))
    lines = []
    for name, amount in sorted(amounts.items()):
        price = prices.prices[name]
        after_free = max(D(0), amount - price.free)
        lines.append(Line(name, amount, amount * price.dollars, after_free * price.dollars))
    return Bill(tuple(lines), _models(settings, month))


def _standing(settings: Settings) -> dict[str, Decimal]:
    """What is there whether anybody comes or not."""
    declared = declare(settings)
    has_maximum = settings.workers_at_once
    pollers = sum(
        ASSUMED.pollers_with_maximum if queue.name in has_maximum else ASSUMED.pollers for queue in declared.queues
    )
    seconds = MINUTES * 60
    return {
        "alarm metrics": D(sum(len(alarm.watched) for alarm in alarms(settings))),
        "dashboards": D(len(dashboards(settings))),
        "secrets": D(len(declared.key_sets) + len(used_secrets(declared, settings))),
        "own keys": D(0),
        "event rules": D(len(SCHEDULES)),
        "sqs requests": pollers * seconds / ASSUMED.seconds_of_poll,
        # The sweep of every minute keeps one role asking.
        "kms requests": MINUTES / ASSUMED.kms_minutes * (2 if declared.table.has_account_key else 0),
    }


def _moving(settings: Settings, month: Month) -> dict[str, Decimal]:
    """What follows what people and schedules do."""
    recorded, times = read_recorded(), month.journeys()
    amounts: dict[str, Decimal] = defaultdict(D)
    for name, often in times.items():
        _add(amounts, {what: amount * often for what, amount in of_journey(name, recorded[name], settings).items()})
    users = D(month.users)
    table_gigabytes = users * ASSUMED.bytes_of_user / GIGABYTE
    is_busy = min(D(1), amounts["api gateway requests"] / MINUTES)
    amounts["dynamodb GB-months"] = table_gigabytes
    amounts["dynamodb backup GB-months"] = table_gigabytes if declare(settings).table.is_recoverable else D(0)
    amounts["log GB-months"] = amounts["log GB"]
    amounts["secret reads"] = is_busy * MINUTES * ASSUMED.processes * 2
    amounts["metrics"] = _metrics(times)
    return amounts


def of_journey(name: str, counts: Counts, settings: Settings) -> dict[str, Decimal]:
    """Return what one journey takes of everything that is paid by use."""
    chalice = _chalice(settings.stage)
    architecture = chalice["lambda_architecture"]
    requests = sum(1 for run in counts.runs if run.is_request)
    sent = sum(run.sent_bytes + ASSUMED.bytes_of_headers for run in counts.runs if run.is_request)
    logged = (
        counts.log_lines * ASSUMED.bytes_of_log_line
        + counts.metric_lines * ASSUMED.bytes_of_metric_line
        + len(counts.runs) * ASSUMED.bytes_of_run
        + requests * ASSUMED.bytes_of_access_line
    )
    messages = counts.of("sqs:SendMessage", "sqs:SendMessageBatch")
    return {
        "lambda requests": D(len(counts.runs)),
        f"lambda GB-seconds {architecture}": gigabyte_seconds(name, counts, settings, chalice),
        "api gateway requests": D(requests),
        "dynamodb write units": D(str(counts.write_units)),
        "dynamodb read units": D(str(counts.read_units)),
        "s3 writes and lists": D(counts.of(*_S3_WRITES)),
        "s3 reads": D(counts.of(*_S3_READS)),
        "s3 GB-months": counts.stored_bytes / GIGABYTE * ASSUMED.days_of_object / DAYS,
        # Sent, received and removed. A queue's address is asked for once by each process.
        "sqs requests": D(3 * messages),
        "log GB": logged / GIGABYTE,
        "GB sent to people": sent / GIGABYTE,
    }


def gigabyte_seconds(name: str, counts: Counts, settings: Settings, chalice: Mapping[str, Any]) -> Decimal:
    """Return what the runs of a journey are paid for: their own work on the share of a core that their memory buys,
    their waiting for AWS and for a model, and some cold starts."""
    memory = {one: declared["lambda_memory_size"] for one, declared in chalice["lambda_functions"].items()}
    waiting = sum(
        often * ASSUMED.milliseconds_of_call.get(call, ASSUMED.milliseconds_of_call[call.split(":")[0]])
        for call, often in counts.calls.items()
    )
    total: Decimal = D(0)
    for run in counts.runs:
        total += _milliseconds(run, memory[run.function]) * memory[run.function]
    # Which run waited for which call is not recorded: the dearest of them is taken to have.
    longest = max(memory[run.function] for run in counts.runs)
    total += waiting * longest
    if settings.analysts[0] != "local":
        total += 1_000 * ASSUMED.model_seconds.get(name, 0) * longest
    return total / 1_000 / 1_024


def _milliseconds(run: Run, megabytes: int) -> Decimal:
    share: Decimal = min(D(1), D(megabytes) / ASSUMED.megabytes_of_core)
    return max(D(1), run.own_milliseconds / share) + ASSUMED.share_of_cold_starts * ASSUMED.milliseconds_of_cold_start


def _metrics(times: Mapping[str, Decimal]) -> Decimal:
    """Return how many metrics are paid for: each by the hours in which it is written."""
    hours, ordinary = DAYS * 24, D(0)
    for journeys in _WRITTEN_PER_EVENT.values():
        ordinary += min(hours, sum((often * times[name] for name, often in journeys.items()), D(0)))
    trouble = ASSUMED.hours_of_trouble * (len(Metric) - len(_WRITTEN_PER_EVENT))
    return (ordinary + trouble) / hours


def _models(settings: Settings, month: Month) -> Decimal:
    """What language models cost, where the first analyst is one."""
    if settings.analysts[0] == "local":
        return D(0)
    prices = settings.models.bedrock.prices if settings.analysts[0] == "bedrock" else settings.models.anthropic.prices
    times = month.journeys()
    micros = sum(
        times[name] * (prices.per_input * read + prices.per_output * written)
        for name, (read, written) in ASSUMED.model_tokens.items()
    )
    return D(micros) / 1_000_000


def _add(amounts: dict[str, Decimal], more: Mapping[str, Decimal]) -> None:
    for name, amount in more.items():
        amounts[name] = amounts.get(name, D(0)) + amount


def _chalice(stage: str) -> dict[str, Any]:
    """Return what `.chalice/config.json` says of a stage, with what it says of all."""
    whole = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return {**whole, **whole["stages"][stage]}
