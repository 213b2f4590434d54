"""Through thousands of interleavings no write is lost, nobody comes back, no read is stale and the sides agree in the
end; and each of many planted mistakes is found."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from chalicelib.migration import places
from tests.migration.explorer.planted import PLANTED, Planted
from tests.migration.explorer.scenarios import SCENARIOS
from tests.migration.explorer.search import Found, Search
from tests.migration.explorer.world import Parts

QUICK_STATES = 250
STATES_TO_PROVE = 10_000
STATES_UNTIL_FOUND = 40_000


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One share of everything that is spread: what is spread is not what is looked at here."""
    monkeypatch.setattr(places, "FENCES", 1)
    monkeypatch.setattr(places, "MARK_SHARDS", 1)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _explored(name: str, most_states: int, interruptions: int = 4) -> Found:
    return Search(lambda: SCENARIOS[name](Parts()), most_states, most_interruptions=interruptions).run()


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_stale_or_back_in_the_likeliest_interleavings(name: str) -> None:
    found = _explored(name, QUICK_STATES)

    assert found.violation is None, "\n".join([found.violation or "", *found.trace])
    assert found.states >= QUICK_STATES or found.ends > 10


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_nothing_is_lost_stale_or_back_in_a_hundred_thousand_states(capsys: pytest.CaptureFixture[str]) -> None:
    total = 0
    for name in SCENARIOS:
        found = _explored(name, STATES_TO_PROVE)
        assert found.violation is None, "\n".join([name, found.violation or "", *found.trace])
        total += found.states
        with capsys.disabled():
            print(f"{name}: {found.states} states, {found.runs} runs, {found.ends} ends, {found.seconds:.0f} s")
    assert total >= 100_000


SLOW = {
    "a copy that no fence refuses",
    "steps of a copy that was taken over",
    "guards put over another's",
    "settling before copying",
    "settling what was only claimed",
    "marking after the write",
}
"""Found after thousands of states."""


@pytest.mark.parametrize(
    "planted",
    [pytest.param(one, id=one.name, marks=pytest.mark.prove if one.name in SLOW else ()) for one in PLANTED],
)
def test_a_planted_mistake_is_found(planted: Planted) -> None:
    found = Search(lambda: planted.scenario(planted.parts), STATES_UNTIL_FOUND).run()

    assert found.violation is not None, f"{found.states} states, and nothing was found"
    assert planted.shows_as in found.violation
    assert found.trace
