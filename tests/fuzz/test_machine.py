"""The whole service against a simple model, whatever people, a store and time do in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test
from pynamodb.connection.table import TableConnection

from dev.identity_provider import IdentityProvider
from tests.fuzz.machine import ServiceMachine
from tests.fuzz.world import World, world


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as found:
        yield found


@pytest.fixture
def place(table: TableConnection, provider: IdentityProvider) -> Iterator[World]:
    with world(provider) as found:
        yield found


def run(place: World, runs: int, steps: int, seed: int = 8, *, is_shrunk: bool = True) -> None:
    """Run the machine so often with so many steps. The same seed takes the same ways; what fails is told by the
    shortest way that fails, unless that is not asked for."""
    machine: Any = type("Machine", (ServiceMachine,), {"world": place})
    settings = hypothesis.settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if is_shrunk else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(hypothesis.seed(seed)(machine), settings=settings)


@pytest.mark.timeout(300)
def test_the_service_is_as_its_model_says(place: World) -> None:
    run(place, runs=25, steps=6)


@pytest.mark.prove
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", [9, 10, 11, 12])
def test_the_service_is_as_its_model_says_on_five_hundred_ways_in_all(place: World, seed: int) -> None:
    run(place, runs=125, steps=12, seed=seed)
