"""Lines in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from chalicelib.observe.metrics import COUNT, NONE, measure


def test_a_line_holds_the_values_and_what_they_were_measured_of(capsys: pytest.CaptureFixture[str]) -> None:
    measure({"InputTokens": (12, COUNT), "Cents": (Decimal("0.5"), NONE)}, analyst="bedrock", kind="chat")

    line = json.loads(capsys.readouterr().out)
    declared = line["_aws"]["CloudWatchMetrics"][0]
    assert declared["Namespace"] == "Serenya"
    assert {"analyst", "kind"} <= set(declared["Dimensions"][0])
    assert [one["Name"] for one in declared["Metrics"]] == ["InputTokens", "Cents"]
    assert (line["InputTokens"], line["Cents"], line["analyst"]) == ([12.0], [0.5], "bedrock")


def test_each_line_stands_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    measure({"First": (1, COUNT)}, one="a")
    measure({"Second": (2, COUNT)}, other="b")

    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert ("Second" in first, "First" in second, "one" in second) == (False, False, False)


def test_a_value_that_cannot_be_written_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    measure({"Odd": (1, "Bananas")}, analyst="x")

    assert "metrics_not_written" in caplog.text
