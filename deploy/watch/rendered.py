"""Alarms and dashboards as resources of CloudFormation."""

from __future__ import annotations

from typing import Any

from chalicelib.config import Settings
from deploy.release.names import operators_topic_arn
from deploy.stack.parts import Part, logical_id, resource
from deploy.watch.alarms import alarms
from deploy.watch.dashboards import body, dashboards
from deploy.watch.declared import Alarm
from deploy.watch.names import watch_name


def resources(settings: Settings) -> Part:
    """Return every alarm and dashboard of a stage. Alarms tell the operators' topic when they go off and when they
    end."""
    return {
        **{f"{logical_id(one.key)}Alarm": _alarm(one, settings) for one in alarms(settings)},
        **{
            f"{logical_id(one.key)}Dashboard": resource(
                "AWS::CloudWatch::Dashboard",
                {"DashboardName": watch_name(settings, one.key), "DashboardBody": body(one, settings)},
            )
            for one in dashboards(settings)
        },
    }


def rollback_alarms(settings: Settings) -> tuple[str, ...]:
    """Return the names of the alarms that a release answers to."""
    return tuple(watch_name(settings, one.key) for one in alarms(settings) if one.takes_release_back)


def _alarm(alarm: Alarm, settings: Settings) -> dict[str, Any]:
    topic = operators_topic_arn(settings)
    properties = {
        "AlarmName": watch_name(settings, alarm.key),
        # What to do stands on the page: a template that is sent along has 51,200 bytes at most.
        "AlarmDescription": f"{alarm.means} What to do: docs/alarms.md, {alarm.key}.",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": alarm.threshold,
        "EvaluationPeriods": alarm.periods,
        "DatapointsToAlarm": alarm.datapoints or alarm.periods,
        "TreatMissingData": alarm.missing.value,
        "AlarmActions": [topic],
        "OKActions": [topic],
    }
    return resource("AWS::CloudWatch::Alarm", properties | _measured(alarm), DependsOn="OperatorsTopic")


def _measured(alarm: Alarm) -> dict[str, Any]:
    seconds = int(alarm.period.total_seconds())
    if len(alarm.watched) == 1:
        (one,) = alarm.watched
        is_percentile = one.statistic.startswith("p")
        return {
            "Namespace": one.namespace,
            "MetricName": one.name,
            "Dimensions": one.dimension_list,
            "Period": seconds,
            # A few slow answers in a quiet hour say nothing of one in twenty.
            **(
                {"ExtendedStatistic": one.statistic, "EvaluateLowSampleCountPercentile": "ignore"}
                if is_percentile
                else {"Statistic": one.statistic}
            ),
        }
    parts = [
        {
            "Id": f"m{number}",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": one.namespace, "MetricName": one.name, "Dimensions": one.dimension_list},
                "Period": seconds,
                "Stat": one.statistic,
            },
        }
        for number, one in enumerate(alarm.watched)
    ]
    # A sum, not `SUM(METRICS())`: of missing values the former would be missing, so each is filled.
    added = " + ".join(f"FILL(m{number}, 0)" for number in range(len(parts)))
    return {"Metrics": [*parts, {"Id": "all", "Expression": added, "Label": alarm.key, "ReturnData": True}]}
