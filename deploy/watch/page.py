"""The operators' page about alarms, made from their declarations."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from chalicelib.config import Settings
from chalicelib.observe.registry import REGISTRY, Metric
from deploy.watch.alarms import alarms
from deploy.watch.declared import Alarm
from deploy.watch.reasons import ERRORS_TOGETHER, INDEX_THROTTLES, WITHOUT_ALARM, queues_without_age

_HEAD: Final = """# Alarms

Made by `python -m deploy.generate` from `deploy/watch/`. An alarm is called `serenya-<stage>-<name>`. It tells the
topic `serenya-<stage>-operators` when it goes off and when it ends; whoever was given to the deployment as
`OPERATORS_EMAIL`
gets an e-mail. The pages named in quotes are sections of [operations.md](operations.md)."""

_MOVING_ALONE: Final = "(Only in a stage that moves people.)"

_WITHOUT: Final = """## What has no alarm, and why

| | why |
|---|---|"""


def alarms_page(settings: Settings) -> str:
    """Return the page; names of queues are those of the settings' stage, without it. What only stages have that move
    people says so, and everything else stands as it is in the others."""
    lines = [_HEAD, ""]
    usual = {
        alarm.key: alarm for alarm in alarms(replace(settings, has_legacy_database=False, keeps_legacy_rights=False))
    }
    for alarm in alarms(settings):
        only = "" if alarm.key in usual else f" {_MOVING_ALONE}"
        when = _when(usual.get(alarm.key, alarm))
        lines += [f"## {alarm.key}", "", f"**{alarm.means}**{only} {when}", "", alarm.todo, ""]
    lines.append(_WITHOUT)
    lines += [
        f"| metric `{metric}`: {REGISTRY[metric].meaning} | {reason} |" for metric, reason in WITHOUT_ALARM.items()
    ]
    prefix = f"serenya-{settings.stage}-"
    for queue, reason in queues_without_age(settings).items():
        lines.append(f"| age of the queue `{queue.removeprefix(prefix)}` | {reason} |")
    lines.append(f"| errors of each function | {ERRORS_TOGETHER} |")
    lines.append(f"| throttles of the table's indexes | {INDEX_THROTTLES} |")
    return "\n".join([*lines, "", *_metrics()]) + "\n"


def _metrics() -> list[str]:
    rows = [
        f"| `{metric}` | {REGISTRY[metric].unit} | {REGISTRY[metric].meaning} | {_written_by(metric)} |"
        for metric in Metric
    ]
    head = "Namespace `Serenya/<stage>`, without dimensions; properties of each line can be queried in the logs."
    return [
        "## Every metric of ours",
        "",
        head,
        "",
        "| metric | unit | meaning | counts the lines |",
        "|---|---|---|---|",
        *rows,
    ]


def _written_by(metric: Metric) -> str:
    return ", ".join(f"`{line}`" for line in REGISTRY[metric].lines)


def _when(alarm: Alarm) -> str:
    (statistic,) = {one.statistic for one in alarm.watched}
    names = ", ".join(sorted({f"`{one.name}`" for one in alarm.watched}))
    several = f" of {len(alarm.watched)} added up" if len(alarm.watched) > 1 else ""
    often = (
        f"in {alarm.periods} periods of {_time(alarm.period)} in a row" if alarm.periods > 1 else _time(alarm.period)
    )
    joint = "" if alarm.periods > 1 else "within "
    return f"Goes off when {statistic} of {names}{several} is {alarm.threshold:g} or more {joint}{often}."


def _time(period: timedelta) -> str:
    minutes = int(period.total_seconds() // 60)
    if minutes >= 1440:
        return f"{minutes // 1440} day"
    if minutes >= 60:
        return f"{minutes // 60} hour"
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
