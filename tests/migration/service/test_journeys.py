"""Everything that the service does, in every phase of the move and while phases change."""

from __future__ import annotations

from itertools import cycle

import pytest

from chalicelib.migration.phases import Phase
from tests.migration.service.world import Journey, World

THERE = (Phase.DUAL_WRITE, Phase.BACKFILL, Phase.VERIFY, Phase.SHADOW_READ, Phase.READ_FALLBACK, Phase.CUT_OVER)
QUICK = (Phase.CUT_OVER,)


@pytest.mark.parametrize(
    "phase", [one if one in QUICK else pytest.param(one, marks=pytest.mark.prove) for one in (Phase.LEGACY, *THERE)]
)
def test_a_person_goes_through_everything_in_one_phase(world: World, phase: Phase) -> None:
    world.stand(phase, percent=100 if phase is Phase.READ_FALLBACK else 0)
    Journey(world).walk()
    if phase is Phase.LEGACY:
        assert world.move.changes.backlog() > 0
        assert world.stored_at_home() == []
        return
    world.settle()
    assert world.differences() == []
    assert not {"drift_seen", "shadow_read_broke"} & world.events()


def test_a_person_notices_nothing_while_the_phase_changes_with_every_step(world: World) -> None:
    journey, phases = Journey(world), cycle((*THERE, *reversed(THERE[:-1]), Phase.LEGACY))
    for step, phase in zip(journey.steps(), phases, strict=False):
        step()
        world.settle()
        world.stand(phase, percent=50 if phase is Phase.READ_FALLBACK else 0)
    world.settle()
    assert world.differences() == []


@pytest.mark.prove
def test_two_people_see_the_primary_move_there_and_back_and_there_again(world: World) -> None:
    ada, bob = Journey(world, "ada"), Journey(world, "bob")
    ada.sign_in()
    world.stand(Phase.READ_FALLBACK, percent=100)
    world.settle()
    world.backfill()
    for phase, person in ((Phase.CUT_OVER, ada), (Phase.READ_FALLBACK, bob), (Phase.CUT_OVER, ada)):
        world.stand(phase)
        for one in (ada, bob) if "access_token" in bob.told else (ada,):
            one.rename()
        if person is bob:
            bob.sign_in()
        world.settle()
        assert world.differences() == []
    bob.upload()
    ada.buy()
    world.settle()
    assert world.differences() == []
