"""Lines in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from chalicelib.observe.log import correlate, log
from chalicelib.observe.metrics import measure
from chalicelib.observe.registry import COUNTED, REGISTRY, Metric


def test_a_line_holds_the_values_and_what_they_were_measured_of(capsys: pytest.CaptureFixture[str]) -> None:
    correlate("request-0001")
    measure({Metric.MODEL_CALLS: 1, Metric.MODEL_CENTS: Decimal("0.5")}, analyst="bedrock", input_tokens=12)

    line = json.loads(capsys.readouterr().out)
    declared = line["_aws"]["CloudWatchMetrics"][0]
    assert declared["Namespace"] == "Serenya/test"
    assert declared["Dimensions"] == [[]], "each combination of dimensions is paid for"
    assert declared["Metrics"] == [{"Name": "ModelCalls", "Unit": "Count"}, {"Name": "ModelCents", "Unit": "None"}]
    assert (line["ModelCalls"], line["ModelCents"]) == ([1.0], [0.5])
    assert (line["analyst"], line["input_tokens"], line["correlation_id"]) == ("bedrock", 12, "request-0001")


def test_each_line_stands_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    measure({Metric.MODEL_CALLS: 1}, one="a")
    measure({Metric.MODEL_FAILURES: 2}, other="b")

    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert ("ModelFailures" in first, "ModelCalls" in second, "one" in second) == (False, False, False)


@pytest.mark.parametrize("event", sorted(COUNTED))
def test_whoever_writes_a_counted_line_has_counted_it(event: str, capsys: pytest.CaptureFixture[str]) -> None:
    log(event, provider="apple")

    (line,) = (json.loads(one) for one in capsys.readouterr().out.splitlines() if '"_aws"' in one)
    (metric,) = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert (metric["Name"], line["line"], line[metric["Name"]]) == (COUNTED[event], event, [1.0])


def test_other_lines_are_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    log("signed_in")

    assert "_aws" not in capsys.readouterr().out


def test_a_value_that_cannot_be_written_stops_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    measure({})

    assert "_aws" not in capsys.readouterr().out
    assert "metrics_not_written" in caplog.text


def test_every_metric_is_declared_and_no_line_counts_twice() -> None:
    assert set(REGISTRY) == set(Metric)
    lines = [line for one in REGISTRY.values() for line in one.lines]
    assert len(lines) == len(set(lines))
