"""The daily cap and the switch of models, on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.stores.model_spending import ModelSpending
from tests.support import SettableClock

CENT = 10_000


@pytest.fixture
def spending(any_engine: TableConnection, clock: SettableClock) -> ModelSpending:
    return ModelSpending(100, clock)


def test_what_is_within_the_cap_is_counted_and_the_rest_is_refused(spending: ModelSpending) -> None:
    assert spending.set_aside("one", 60 * CENT)
    assert spending.set_aside("one", 41 * CENT) is None
    assert spending.set_aside("one", 40 * CENT)
    assert spending.spent("one") == 100 * CENT


def test_each_person_has_a_cap_of_their_own(spending: ModelSpending) -> None:
    assert spending.set_aside("one", 100 * CENT)
    assert spending.set_aside("two", 100 * CENT)


def test_a_call_that_alone_is_above_the_cap_is_refused(spending: ModelSpending) -> None:
    assert spending.set_aside("one", 101 * CENT) is None
    assert spending.spent("one") == 0


def test_a_settled_call_counts_what_it_cost(spending: ModelSpending) -> None:
    at = spending.set_aside("one", 60 * CENT)
    assert at is not None
    spending.settle("one", -50 * CENT, at)

    assert spending.spent("one") == 10 * CENT
    assert spending.set_aside("one", 90 * CENT)


def test_a_call_over_midnight_is_settled_on_the_day_that_it_was_counted_for(
    spending: ModelSpending, clock: SettableClock
) -> None:
    at = spending.set_aside("one", 60 * CENT)
    assert at is not None
    clock.advance(timedelta(days=1))
    spending.settle("one", -50 * CENT, at)

    assert spending.spent("one") == 0
    assert spending.set_aside("one", 100 * CENT)


def test_of_many_calls_at_once_no_more_pass_than_the_cap_allows(spending: ModelSpending) -> None:
    with ThreadPoolExecutor(12) as pool:
        passed = list(pool.map(lambda _: spending.set_aside("one", 30 * CENT) is not None, range(12)))

    assert sum(passed) == 3
    assert spending.spent("one") == 90 * CENT


def test_models_are_on_until_they_are_turned_off_and_on_again(spending: ModelSpending) -> None:
    assert spending.is_on()
    spending.turn(is_off=True, reason="runaway")
    assert not spending.is_on()
    spending.turn(is_off=False, reason="mended")
    assert spending.is_on()
