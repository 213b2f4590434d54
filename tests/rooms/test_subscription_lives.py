"""Whole lives of subscriptions in the three stores, told in order, anyhow, and with losses: they end in the same
state, and it is what the store itself holds to be so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pynamodb.connection.table import TableConnection

from dev.storefront.lives import QUICK, Life, lives
from dev.storefront.post import Weather
from tests.rooms import lives_world as world
from tests.rooms.lives_office import Office

MANY = [pytest.mark.prove, pytest.mark.timeout(1800)]
STORES = pytest.mark.parametrize("store", list(world.STORES))
SEEDS = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def street() -> Iterator[world.Street]:
    with world.open_street() as found:
        yield found


def for_examples(number: int, check: Callable[..., None], **drawn: Any) -> None:
    # A failure names its story; to shrink it would take minutes on a real table.
    settings(
        max_examples=number,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(given(**drawn)(check))()


def lives_in(store: str, most_steps: int = 6) -> st.SearchStrategy[Life]:
    return lives(most_steps=most_steps, may_be_shared=store == "apple")


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=MANY)])
@STORES
@pytest.mark.second_engine
def test_a_life_told_anyhow_ends_as_if_told_once_and_in_order(
    second_engine: TableConnection, street: world.Street, store: str, examples: int
) -> None:
    def check(life: Life, seed: int) -> None:
        counter = street.counter(store)
        once = Office(counter)
        story, deliveries = once.lead(life)
        once.require_true(story)
        expected = once.found()
        anyhow = Office(counter)
        anyhow.told_anyhow(
            deliveries, Weather(repeats=0.4, longest_delay=timedelta(minutes=20), seed=seed), once.handed_in
        )
        assert anyhow.found().differs_from(expected) == [], story
        anyhow.require_true(story)

    for_examples(examples, check, life=lives_in(store), seed=SEEDS)


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=MANY)])
@STORES
@pytest.mark.second_engine
def test_what_was_lost_is_found_by_one_reconciliation_and_the_next_finds_nothing(
    second_engine: TableConnection, street: world.Street, store: str, examples: int
) -> None:
    def check(life: Life, seed: int, drops: float) -> None:
        counter = street.counter(store)
        office = Office(counter)
        story, deliveries = office.lead(life, drops=drops, seed=seed, among=QUICK)
        office.reconcile()
        office.require_true(story)
        lossy = office.found()
        replayed, corrected = len(office.replayed), office.corrected
        office.reconcile()
        assert (len(office.replayed), office.corrected) == (replayed, corrected), "a second run found something"
        assert office.found().differs_from(lossy) == []
        whole = Office(counter)
        whole.told_anyhow(deliveries, Weather(), office.handed_in)
        assert lossy.differs_from(whole.found()) == [], story

    for_examples(examples, check, life=lives_in(store), seed=SEEDS, drops=st.sampled_from((0.1, 0.6)))


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=MANY)])
@STORES
@pytest.mark.second_engine
def test_a_long_life_with_losses_and_the_reconciliation_beside_it_ends_true(
    second_engine: TableConnection, street: world.Street, store: str, examples: int
) -> None:
    def check(life: Life, seed: int) -> None:
        counter = street.counter(store)
        office = Office(counter)
        story, deliveries = office.lead(life, drops=0.3, seed=seed, is_reconciled_at_once=True)
        office.require_true(story)
        lossy = office.found()
        whole = Office(counter)
        whole.told_anyhow(deliveries, Weather(), office.handed_in)
        assert lossy.differs_from(whole.found()) == [], story

    for_examples(examples, check, life=lives_in(store), seed=SEEDS)
