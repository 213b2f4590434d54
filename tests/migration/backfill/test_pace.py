"""The pace: half as fast at once, and back again."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.migration.pace import Pace, eased_by_refusals


class Time:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _pace(time: Time, **more: Any) -> Pace:
    return Pace(monotonic=time.monotonic, sleep=time.sleep, **more)


def _done_in(pace: Pace, time: Time, seconds: float, each: float = 0.01) -> int:
    """How much one worker does, whose thing takes so long by itself."""
    until, done = time.now + seconds, 0
    while time.now < until:
        pace.take()
        time.sleep(each)
        done += 1
    return done


def test_nothing_is_held_back_while_nothing_is_refused() -> None:
    time = Time()
    assert _done_in(_pace(time), time, 5) == pytest.approx(500, abs=5)


def test_within_two_seconds_of_a_refusal_it_goes_half_as_fast() -> None:
    time = Time()
    pace = _pace(time)
    _done_in(pace, time, 5)
    pace.ease()
    assert _done_in(pace, time, 1) == pytest.approx(50, abs=8)


def test_refusals_that_come_together_are_one_and_those_that_go_on_slow_it_further() -> None:
    time = Time()
    pace = _pace(time)
    _done_in(pace, time, 5)
    for _ in range(20):
        pace.ease()
    assert pace.limit == pytest.approx(50, abs=5)
    for _ in range(3):
        time.sleep(0.6)
        pace.ease()
    assert pace.limit is not None
    assert pace.limit <= 8


def test_it_recovers_when_nothing_is_refused_any_more() -> None:
    time = Time()
    pace = _pace(time)
    _done_in(pace, time, 5)
    pace.ease()
    _done_in(pace, time, 30)
    assert _done_in(pace, time, 1) == pytest.approx(100, abs=5)


def test_an_operator_sets_how_fast_it_may_go_at_most() -> None:
    time = Time()
    assert _done_in(_pace(time, most=20.0), time, 10) == pytest.approx(200, abs=5)


@pytest.mark.parametrize(
    "refusal",
    [
        {"Error": {"Code": "ProvisionedThroughputExceededException"}},
        {"Error": {"Code": "ThrottlingException"}},
        {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": "None"}, {"Code": "ThrottlingError"}],
        },
    ],
)
def test_a_refusal_for_want_of_capacity_slows_everybody_down(refusal: Any) -> None:
    time = Time()
    pace = _pace(time)

    def refuse(operation: str, arguments: dict[str, Any]) -> Any:
        raise ClientError(refusal, operation)

    with pytest.raises(ClientError):
        eased_by_refusals(refuse, pace)("PutItem", {})
    assert pace.limit is not None


def test_items_that_were_not_taken_and_conditions_that_failed_are_told_apart() -> None:
    time = Time()
    pace = _pace(time)

    def refuse(operation: str, arguments: dict[str, Any]) -> Any:
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException"}}, operation)

    with pytest.raises(ClientError):
        eased_by_refusals(refuse, pace)("PutItem", {})
    assert pace.limit is None
    eased_by_refusals(lambda *_: {"UnprocessedItems": {"t": [1]}}, pace)("BatchWriteItem", {})
    assert pace.limit is not None
