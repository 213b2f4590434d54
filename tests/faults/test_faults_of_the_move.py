"""Faults of the table while people move: whatever was promised is on both sides in the end, once."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.faults.moving import MoveRunner
from tests.migration.service.conftest import opened, provider, world  # noqa: F401  # fixtures
from tests.migration.service.world import World

pytestmark = pytest.mark.second_engine


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    "most",
    [
        pytest.param(2, marks=pytest.mark.timeout(300)),
        pytest.param(None, marks=[pytest.mark.prove, pytest.mark.timeout(3600)]),
    ],
)
def test_a_move_loses_nothing_whatever_befalls_the_table(world: World, most: int | None) -> None:  # noqa: F811  # the fixture
    findings = MoveRunner(world).run_all(most)
    print(findings.summary())
    assert findings.failures == [], findings.summary()
    assert findings.total >= (15 if most else 200)
