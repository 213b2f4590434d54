"""Lives of subscriptions that the store names nobody for, or that come to another account: whose they are in the end,
and who paid, does not depend on what was told or handed in first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from pynamodb.connection.table import TableConnection

from chalicelib.models.states import SubscriptionProvider
from dev.storefront.lives import Life, lives
from dev.storefront.post import Weather
from tests.rooms import lives_world as world
from tests.rooms.lives_office import Found, Office, Ownership
from tests.rooms.test_subscription_lives import MANY, SEEDS, for_examples

KINDS = [("google", Ownership.CLAIMED), *(("apple", one) for one in Ownership if one is not Ownership.NAMED)]
LIVES = lives(most_steps=6)
INSTANTS = st.integers(0, 8)


@pytest.fixture(scope="module")
def street() -> Iterator[world.Street]:
    with world.open_street() as found:
        yield found


def require_payers(office: Office, found: Found) -> None:
    """Check that every payment is with the account that its own transaction names, else with who handed it in."""
    if office.counter.shop.name is SubscriptionProvider.APPLE:
        assert found.payers == {one: office.payers[one] for one in found.payers}
    else:
        assert set(found.payers.values()) == {world.ACCOUNT}


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=MANY)])
@pytest.mark.parametrize(("store", "ownership"), KINDS)
@pytest.mark.second_engine
def test_whose_it_is_and_who_paid_does_not_depend_on_what_came_first(
    second_engine: TableConnection, street: world.Street, store: str, ownership: Ownership, examples: int
) -> None:
    def check(life: Life, seed: int, claimed_at: int, told_after: int) -> None:
        counter = street.counter(store)
        once = Office(counter)
        story, deliveries = once.lead(life, ownership=ownership, claimed_at=claimed_at)
        once.require_true(story)
        expected = once.found()
        require_payers(once, expected)
        anyhow = Office(counter)
        # Once the store names somebody else for it nobody can claim it: the claim came before that.
        after = 0 if ownership is Ownership.CLAIMED_AND_MOVED else told_after
        weather = Weather(repeats=0.4, longest_delay=timedelta(minutes=20), seed=seed)
        if ownership is Ownership.CLAIMED_AND_MOVED and once.handed_in is not None:
            anyhow.told_anyhow((), Weather(), once.handed_in)
        anyhow.told_anyhow(deliveries, weather, None if after == 0 and ownership.moves else once.handed_in, after)
        assert anyhow.found().differs_from(expected) == [], story
        anyhow.require_true(story)

    for_examples(examples, check, life=LIVES, seed=SEEDS, claimed_at=INSTANTS, told_after=INSTANTS)


@pytest.mark.parametrize("examples", [2, pytest.param(60, marks=MANY)])
@pytest.mark.second_engine
def test_what_was_lost_of_a_life_that_moved_is_found_for_who_paid_it(
    second_engine: TableConnection, street: world.Street, examples: int
) -> None:
    def check(life: Life, seed: int) -> None:
        counter = street.counter("apple")
        office = Office(counter)
        story, _ = office.lead(life, drops=0.5, seed=seed, ownership=Ownership.MOVED, is_reconciled_at_once=True)
        office.require_true(story)
        require_payers(office, office.found())

    for_examples(examples, check, life=LIVES, seed=SEEDS)
