"""A fault of AWS at any call of any journey, and the repetition by whoever asked: everything is as it must be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pynamodb.exceptions import PynamoDBException

from chalicelib import errors
from chalicelib.stores import partitions, users
from tests.faults.aim import Shot
from tests.faults.house import House
from tests.faults.journeys import JOURNEYS
from tests.faults.planted import careless
from tests.faults.running import Case, Runner

pytestmark = pytest.mark.second_engine
SEED = 20_260_314
LEAST = 2_500


@pytest.mark.timeout(600)
def test_a_sample_of_faults_leaves_everything_as_it_must_be(house: House) -> None:
    runner = Runner(house)
    for case in runner.sample(100, SEED):
        runner.run(case)
    print(runner.findings.summary())
    assert runner.findings.failures == [], runner.findings.summary()
    assert runner.findings.total >= 90, "nearly every case reaches its call"


@pytest.mark.prove
@pytest.mark.timeout(7200)
def test_every_fault_at_every_call_and_pairs_of_them_leave_everything_as_it_must_be(house: House) -> None:
    runner = Runner(house)
    for case in runner.cases():
        runner.run(case)
    for case in runner.pairs(6, SEED):
        runner.run(case)
    print(runner.findings.summary())
    assert runner.findings.failures == [], runner.findings.summary()
    assert runner.findings.total >= LEAST


def test_every_journey_is_met_by_faults(house: House) -> None:
    runner = Runner(house)
    assert all(len(runner.calls(one.name)) >= 1 for one in JOURNEYS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("places", "journey", "shots"),
    [
        # A job that is put without a condition counts a unit again when the app repeats what it did not hear of.
        (["USER#.* JOB#"], "upload", ("lost answer:call", "rival:once")),
        # Guards that anybody may overwrite let two first sign-ins make two people.
        (["GUARD#"], "sign-up", ("rival:once",)),
        # A job that fails without looking whether its unit went back gives it back twice.
        (["USER#.* (JOB#|PROFILE)"], "hopeless analysis", ("rival:once", "lost answer:call")),
    ],
)
def test_a_store_without_its_condition_is_found(
    house: House, places: list[str], journey: str, shots: tuple[str, ...]
) -> None:
    assert _is_found(Runner(house, spoil=careless(*places)), journey, shots)


@pytest.mark.timeout(600)
def test_a_batch_whose_rest_is_forgotten_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    left_of = partitions._left_of

    def forgotten(waiting: list[dict[str, str]]) -> list[dict[str, str]]:
        left_of(waiting)
        return []

    monkeypatch.setattr(partitions, "_left_of", forgotten)
    assert _is_found(Runner(house), "erasure", ("half done:once",))


@pytest.mark.timeout(600)
def test_a_fault_that_is_told_as_the_callers_mistake_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def careless_translation() -> Iterator[None]:
        try:
            yield
        except PynamoDBException as failure:
            raise errors.NotFound("PROFILE_NOT_FOUND") from failure

    monkeypatch.setattr(users, "translated", careless_translation)
    assert _is_found(Runner(house), "upload", ("throttled:call",))


def _is_found(runner: Runner, journey: str, shots: tuple[str, ...]) -> bool:
    """Whether any of these faults, at any call, shows that something is wrong."""
    numbers = range(1, len(runner.calls(journey)) + 1)
    return any(
        runner.run(Case(journey, (Shot.read(f"{number}:{shot}"),))) is not None for shot in shots for number in numbers
    )


def test_a_case_is_run_again_by_its_name() -> None:
    name = "upload / 3:lost answer:once + 5:conflict:on"
    assert str(Case.read(name)) == name
    assert Case.read(name).command == f"python -m tests.faults '{name}'"
