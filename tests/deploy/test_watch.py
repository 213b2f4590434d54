"""Everything that is measured has an alarm or a reason for none, and every alarm watches something that is there."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from chalicelib.config import Settings
from chalicelib.observe.registry import COUNTED, REGISTRY, Metric, namespace
from deploy.generate import ROOT, stage_settings
from deploy.permissions import FUNCTIONS
from deploy.release.names import api_name, function_name, log_group
from deploy.resources import declare
from deploy.stack.template import template
from deploy.watch.alarms import alarms
from deploy.watch.native import API_STAGE
from deploy.watch.reasons import queues_without_age, without_alarm
from deploy.watch.rendered import rollback_alarms
from tests.architecture import sources

STAGES = ("dev", "prod")
NATIVE: Final = {
    "AWS/ApiGateway": {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"},
    "AWS/DynamoDB": {
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "WriteThrottleEvents",
    },
    "AWS/Lambda": {"Errors", "Duration", "Invocations", "Throttles"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
}
"""AWS's documentation of the metrics of each service, as far as they are used."""


@pytest.fixture(params=[*STAGES, "prod, moving"])
def stage(request: pytest.FixtureRequest) -> Settings:
    """The stages as they are set, and one with a legacy database."""
    name, *moving = request.param.split(", ")
    return replace(stage_settings(name), has_legacy_database=bool(moving))


def test_every_metric_of_the_code_has_an_alarm_in_the_template_or_a_reason(stage: Settings) -> None:
    watched = {one["MetricName"] for one in _watched(stage) if one["Namespace"] == namespace(stage.stage)}
    reasons = without_alarm(stage)
    assert watched | set(reasons) == set(Metric)
    assert not watched & set(reasons), "a metric with an alarm needs no reason for having none"
    assert all(len(reason) > 20 for reason in reasons.values())


def test_every_alarm_watches_something_that_is_there(stage: Settings) -> None:
    there = _there(stage)
    for one in _watched(stage):
        dimensions = {each["Name"]: each["Value"] for each in one["Dimensions"]}
        assert (one["Namespace"], one["MetricName"]) in there, one
        assert dimensions in there[one["Namespace"], one["MetricName"]], one


@pytest.mark.parametrize("metric", Metric)
def test_the_code_writes_every_metric(metric: Metric) -> None:
    literals, measured = _said_by_code()
    lines = REGISTRY[metric].lines
    assert set(lines) <= literals, "no code writes this line"
    assert lines or metric.name in measured, "no code measures this"


def test_reads_and_writes_that_are_throttled_ring_from_five_in_two_periods(stage: Settings) -> None:
    found = template(stage)["Resources"]
    for key, metric in (("ReadThrottlesAlarm", "ReadThrottleEvents"), ("WriteThrottlesAlarm", "WriteThrottleEvents")):
        alarm = found[key]["Properties"]
        assert (alarm["MetricName"], alarm["Threshold"], alarm["EvaluationPeriods"]) == (metric, 5, 2)
        assert (alarm["Statistic"], alarm["TreatMissingData"]) == ("Sum", "notBreaching")


def test_every_queue_is_watched_for_dead_letters_and_age_or_says_why_not(stage: Settings) -> None:
    queues = declare(stage).queues
    dead, aged = (
        {one["Dimensions"][0]["Value"] for one in _watched(stage) if one["MetricName"] == name}
        for name in ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
    )
    assert dead == {queue.dead_letter_name for queue in queues}
    assert aged | set(queues_without_age(stage)) == {queue.name for queue in queues}
    assert not aged & set(queues_without_age(stage))


def test_the_errors_of_every_function_are_watched_together(stage: Settings) -> None:
    (one,) = (one for one in _watched(stage) if one["MetricName"] == "Errors")
    assert one["Dimensions"] == [], "without dimensions Lambda adds up all functions"


def test_every_alarm_tells_operators_what_it_means_and_what_to_do(stage: Settings) -> None:
    found = template(stage)["Resources"]
    topic = f"arn:aws:sns:{stage.region}:{stage.account_id}:serenya-{stage.stage}-operators"
    for alarm in _alarms(stage):
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
        assert len(alarm["AlarmDescription"]) <= 1024, "CloudWatch takes no more"
        assert alarm["AlarmDescription"].endswith(f"{alarm['AlarmName'].removeprefix(f'serenya-{stage.stage}-')}.")
        assert alarm["Period" if "Period" in alarm else "EvaluationPeriods"] > 0
    assert found["OperatorsTopic"]["Properties"]["TopicName"] == topic.rsplit(":", 1)[1]
    for declared in alarms(stage):
        seconds = declared.period.total_seconds() * declared.periods
        assert seconds <= 86_400, "CloudWatch looks back no longer than a day"
        assert len(declared.watched) <= 10, "an expression of an alarm takes ten metrics"


def test_the_template_is_small_enough_to_be_sent_along(stage: Settings) -> None:
    assert len(json.dumps(template(stage), separators=(",", ":")).encode()) < 49_500, "CloudFormation takes 51,200"


def test_a_release_answers_to_alarms_that_are_there(stage: Settings) -> None:
    names = {alarm["AlarmName"] for alarm in _alarms(stage)}
    assert rollback_alarms(stage)
    assert set(rollback_alarms(stage)) <= names


def test_two_dashboards_show_every_metric_and_nothing_that_is_not_there(stage: Settings) -> None:
    there, shown = _there(stage), set()
    boards = [one for one in template(stage)["Resources"].values() if one["Type"] == "AWS::CloudWatch::Dashboard"]
    assert [one["Properties"]["DashboardName"].rsplit("-", 1)[1] for one in boards] == ["operations", "business"]
    for board in boards:
        widgets = json.loads(board["Properties"]["DashboardBody"])["widgets"]
        for where, name, *flat, _ in (row for widget in widgets for row in widget["properties"].get("metrics", [])):
            dimensions = dict(zip(flat[::2], flat[1::2], strict=True))
            assert dimensions in there[where, name]
            shown.add(name)
        places = [(widget["x"], widget["y"]) for widget in widgets]
        assert len(places) == len(set(places)), "no widget lies on another"
        for widget in widgets:
            if widget["type"] == "log":
                groups = {log_group(stage.stage, function) for function in FUNCTIONS}
                sources_ = [
                    part.split("'")[1] for part in widget["properties"]["query"].split(" | ") if "SOURCE" in part
                ]
                assert sources_
                assert set(sources_) <= groups
            if widget["type"] == "alarm":
                assert {arn.rsplit(":", 1)[1] for arn in widget["properties"]["alarms"]} == {
                    alarm["AlarmName"] for alarm in _alarms(stage)
                }
    of_the_move = {one for one in Metric if one.startswith("Migration")}
    assert set(Metric) - (set() if stage.has_legacy_database else of_the_move) <= shown


def test_tracing_is_a_setting_of_a_stage_and_off() -> None:
    stages = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"]
    assert all(stages[stage].get("xray", False) is False for stage in STAGES)


def _alarms(stage: Settings) -> Iterator[dict[str, Any]]:
    for one in template(stage)["Resources"].values():
        if one["Type"] == "AWS::CloudWatch::Alarm":
            yield one["Properties"]


def _watched(stage: Settings) -> Iterator[dict[str, Any]]:
    for alarm in _alarms(stage):
        if "MetricName" in alarm:
            yield alarm
        for part in alarm.get("Metrics", []):
            if "MetricStat" in part:
                yield part["MetricStat"]["Metric"]


def _there(stage: Settings) -> dict[tuple[str, str], list[dict[str, str]]]:
    """Every metric that exists once a stage is deployed, with the dimensions that it exists with. Names of queues and
    of the table are read off the template."""
    resources = template(stage)["Resources"].values()
    queues = [one["Properties"]["QueueName"] for one in resources if one["Type"] == "AWS::SQS::Queue"]
    tables = [one["Properties"]["TableName"] for one in resources if one["Type"] == "AWS::DynamoDB::Table"]
    chalice = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))["stages"][stage.stage]
    assert chalice["api_gateway_stage"] == API_STAGE
    dimensions: dict[str, list[dict[str, str]]] = {
        "AWS/ApiGateway": [{"ApiName": api_name(stage.stage), "Stage": chalice["api_gateway_stage"]}],
        "AWS/DynamoDB": [{"TableName": name} for name in tables],
        "AWS/Lambda": [{}, *({"FunctionName": function_name(stage.stage, one)} for one in FUNCTIONS)],
        "AWS/SQS": [{"QueueName": name} for name in queues],
    }
    found = {(where, name): dimensions[where] for where, names in NATIVE.items() for name in names}
    return found | {
        (namespace(stage.stage), metric.value): [{}] for metric in Metric if not REGISTRY[metric].dimensions
    }


def _said_by_code() -> tuple[set[str], set[str]]:
    """Return every text in the code, and the names of metrics that it measures, outside of the registry."""
    literals: set[str] = set()
    measured: set[str] = set()
    for name, tree in sources.modules().items():
        if name == "chalicelib.observe.registry":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Metric":
                measured.add(node.attr)
    return literals, measured


def test_every_counted_line_is_one_of_a_known_metric() -> None:
    assert set(COUNTED.values()) <= set(Metric)
