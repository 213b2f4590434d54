"""Cost follows what is asked for, not what is stored: a small part of `python -m bench.growth`, counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pynamodb.connection.table import TableConnection

from bench.growth import Cost, Counter, Curve, curves_of_people, curves_of_reset
from bench.growth_migration import moved
from bench.growth_people import make_surroundings
from chalicelib.config import Settings
from dev.legacy.server import Server

NUMBERS = (30, 90)


@pytest.fixture
def counter() -> Iterator[Counter]:
    found = Counter()
    with found.watching():
        yield found


@pytest.mark.timeout(600)
def test_what_people_ask_for_costs_by_what_they_get(
    table: TableConnection, settings: Settings, counter: Counter
) -> None:
    make_surroundings(settings)
    curves = {curve.name: curve for curve in curves_of_people(settings, counter, NUMBERS)}
    assert [name for name, curve in curves.items() if not curve.is_as_it_should_be] == []
    assert all(curve.growth("read_units") < 1.1 for curve in curves.values() if not curve.is_asked)
    assert {name for name, curve in curves.items() if curve.is_asked} == {"documents-of-two-days", "export"}


@pytest.mark.timeout(600)
def test_a_reset_costs_by_who_is_due(table: TableConnection, settings: Settings, counter: Counter) -> None:
    among, many = curves_of_reset(settings, counter, 20, (20, 60))
    assert among.is_as_it_should_be
    assert {among.growth(measure) for measure in ("calls", "read_units", "write_units")} == {1.0}
    assert many.is_as_it_should_be
    assert many.costs[1].calls - many.costs[0].calls == 40, "a write for each of them"


@pytest.mark.timeout(600)
def test_a_move_costs_by_who_moves(
    second_cloud: str, legacy_postgres: Server, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", second_cloud)
    pairs = [moved(legacy_postgres, counter, number) for number in (4, 16)]
    for costs in zip(*pairs, strict=True):
        assert Curve("move", "The move", "people", is_asked=True, costs=costs).is_as_it_should_be


def _curve(*calls: int, is_asked: bool) -> Curve:
    costs = tuple(Cost(10**number, one, 1.0, 1.0, 1.0) for number, one in enumerate(calls))
    return Curve("x", "x", "x", is_asked, costs)


def test_a_curve_that_grows_with_what_is_stored_is_told() -> None:
    assert _curve(5, 5, 5, is_asked=False).is_as_it_should_be
    assert not _curve(5, 5, 6, is_asked=False).is_as_it_should_be
    assert _curve(5, 50, 500, is_asked=True).is_as_it_should_be
    assert not _curve(5, 50, 600, is_asked=True).is_as_it_should_be
    assert not _curve(0, 0, 5, is_asked=False).is_as_it_should_be, "from nothing to something"
