"""Lives of subscriptions told in any order, over and over: what is known in the end is the same, and true."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.storefront.lives import Life, lives
from tests.rooms import lives_world as world


@pytest.fixture(scope="module")
def street() -> Iterator[world.Street]:
    with world.open_street() as found:
        yield found


@pytest.mark.parametrize("examples", [4, pytest.param(400, marks=[pytest.mark.prove, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("store", list(world.STORES))
def test_a_life_told_in_any_order_is_known_as_if_told_once_and_in_order(
    street: world.Street, store: str, examples: int
) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(life=lives(may_be_shared=store == "apple"), seed=st.integers(0, 2**32))
    def check(life: Life, seed: int) -> None:
        counter = street.counter(store)
        once, anyhow = world.Books(counter.provider), world.Books(counter.provider)
        story, deliveries = world.told_in_order(counter, life, once)
        world.require_true(counter, story, world.decided(once.known, counter.products))
        world.told_anyhow(counter, deliveries, anyhow, seed)
        assert world.differences(once.known, anyhow.known) == [], story
        world.require_true(counter, story, world.decided(anyhow.known, counter.products))

    check()
