"""A fault of AWS at any call of any journey, and the repetition by whoever asked: everything is as it must be."""

from __future__ import annotations

import pytest

from tests.faults.house import House
from tests.faults.journeys import JOURNEYS
from tests.faults.planted import careless
from tests.faults.running import Case, Runner

pytestmark = pytest.mark.second_engine
SEED = 20_260_314
LEAST = 2_000


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
    for case in runner.pairs(20, SEED):
        runner.run(case)
    print(runner.findings.summary())
    assert runner.findings.failures == [], runner.findings.summary()
    assert runner.findings.total >= LEAST


def test_every_journey_is_met_by_faults(house: House) -> None:
    runner = Runner(house)
    assert all(len(runner.calls(one.name)) >= 1 for one in JOURNEYS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("places", "cases"),
    [
        # A job that is put without a condition is counted twice when its answer gets lost.
        (["USER#.* JOB#"], ["upload / {n}:lost answer:once"]),
        # Guards that anybody may overwrite let two first sign-ins make two people.
        (["GUARD#"], ["sign-up / {n}:rival:once"]),
        # A rotation without its generation makes of a lost answer a stolen token.
        (["USER#.* PROFILE"], ["refresh / {n}:lost answer:once", "refresh / {n}:rival:once"]),
        # A consent that is chosen without its chain stands there twice.
        (["USER#.* PROFILE", "USER#.* CONSENT#"], ["withdrawn consent / {n}:rival:once"]),
        # A reset that looks at nothing takes the units of the month that has just begun, or brings a profile back.
        (["USER#.* PROFILE"], ["erasure / {n}:lost answer:once", "hopeless analysis / {n}:lost answer:once"]),
    ],
)
def test_a_store_without_its_condition_is_found(house: House, places: list[str], cases: list[str]) -> None:
    runner = Runner(house, spoil=careless(*places))
    found = []
    for pattern in cases:
        name = pattern.partition(" / ")[0]
        for number in range(1, len(runner.calls(name)) + 1):
            found.append(runner.run(Case.read(pattern.format(n=number))))
    assert any(found), "no case found the planted mistake"


def test_a_case_is_run_again_by_its_name() -> None:
    name = "upload / 3:lost answer:once + 5:conflict:on"
    assert str(Case.read(name)) == name
    assert Case.read(name).command == f"python -m tests.faults '{name}'"
