"""What has no alarm, and why: everything that is measured has one, or stands here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chalicelib.config import Settings
from chalicelib.observe.registry import Metric

WITHOUT_ALARM: Final[Mapping[Metric, str]] = {
    Metric.MIGRATION_BEHIND: "As it is meant to be: such a copy follows within a minute or so.",
    Metric.MIGRATION_FALLBACKS: "Each repairs what it found, and nobody notices; the cut-over waits for quiet.",
    Metric.MODEL_CALLS: "Their number is no trouble; what fails and what it costs have alarms.",
    Metric.CIRCUIT_OPENED: "Three failures in a row come before it, and failures have an alarm.",
    Metric.DAILY_CAP_REACHED: "The cap does what it is for, and the person is helped by the local analyst.",
    Metric.QUOTA_DENIED: "Each is the plan at work, and good news for sales. Whoever is refused wrongly is a defect of "
    "counting, which no number of refusals tells; the business dashboard shows them beside the uploads.",
    Metric.ACCOUNTS_CREATED: "A figure of the business.",
    Metric.ANALYSES_COMPLETED: "A figure of the business; that none is made shows in errors, dead letters and age.",
    Metric.ANALYSES_FAILED: "Most are pictures that nobody can read. What fails for reasons of ours shows as failures "
    "of models, errors and dead letters.",
    Metric.QUESTIONS_ANSWERED: "A figure of the business.",
    Metric.REPORTS_ORDERED: "A figure of the business.",
}


_OF_THE_MOVE: Final = (Metric.MIGRATION_DRIFT, Metric.MIGRATION_BACKLOG, Metric.MIGRATION_SET_ASIDE)


def without_alarm(settings: Settings) -> Mapping[Metric, str]:
    """Return what has no alarm in a stage, with the reason."""
    if settings.has_legacy_rights:
        return WITHOUT_ALARM
    return {**WITHOUT_ALARM, **dict.fromkeys(_OF_THE_MOVE, "The stage moves nobody, so nothing writes it.")}


def queues_without_age(settings: Settings) -> Mapping[str, str]:
    """Return the queues whose age nobody is woken for, with the reason."""
    copying = "An operator who copies people looks at the progress; nobody else waits for it."
    return {
        **({settings.migration_queue: copying} if settings.has_legacy_rights else {}),
        settings.priority_queue: "It is served before the one that is watched, by a function of the same kind.",
        settings.priority_backlog_queue: "It waits by design: its owner has another document before it.",
        settings.backlog_queue: "It waits by design: its owner has another document before it.",
        settings.chat_queue: "A question that waits for four minutes is ended with a reason by the sweep; what keeps "
        "it waiting shows as errors.",
        settings.resets_queue: "Late costs nobody anything; how late has a metric of its own.",
        settings.erasures_queue: "The sweep finds what is overdue, and that has an alarm.",
        settings.billing_looks_queue: "Whatever was not looked at today is looked at tomorrow.",
    }


ERRORS_TOGETHER: Final = (
    "No function has an alarm on its own errors: one adds up those of all, for the price of one, and the "
    "dashboard tells them apart. Lambda adds up an account, so a second stage in it rings as well; what a release "
    "answers to (`events-failed`, `api-5xx`) is of the stage alone."
)
INDEX_THROTTLES: Final = (
    "DynamoDB counts throttles of an index apart. Writes that an index throttles fail at the table, and what then "
    "fails shows as errors and 5xx; index reads are made by sign-in and by the sweeps, which show likewise."
)
