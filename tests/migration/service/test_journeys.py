"""Everything that the service does, in every phase of the move and while phases change."""

from __future__ import annotations

import pytest

from chalicelib.migration.phases import Phase
from tests.migration.service.world import Journey, World

PG_PRIMARY = (Phase.LEGACY, Phase.DUAL_WRITE, Phase.BACKFILL, Phase.VERIFY, Phase.SHADOW_READ, Phase.READ_FALLBACK)


@pytest.mark.parametrize("phase", [*PG_PRIMARY, Phase.CUT_OVER])
def test_a_person_goes_through_everything_in_one_phase(world: World, phase: Phase) -> None:
    world.stand(phase, percent=100 if phase is Phase.READ_FALLBACK else 0)
    Journey(world).walk()
    if phase is Phase.LEGACY:
        assert world.move.changes.backlog() > 0
        assert not world.move.table.get(("USER#", "PROFILE"))
        return
    assert world.differences() == []
    assert world.move.changes.backlog() == 0
    assert world.move.marks.count() == 0
