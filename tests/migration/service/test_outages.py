"""A side that is down for ten minutes, a process that believes an old phase, and the kill switch: no user notices."""

from __future__ import annotations

import time
from threading import Thread
from typing import Any

import pytest

from chalicelib.migration.phases import Phase
from tests.api.service import minutes, refused
from tests.migration.service.world import Journey, World

BEFORE_CUT_OVER = (Phase.DUAL_WRITE, Phase.SHADOW_READ, Phase.READ_FALLBACK)


def _is_copy(operation: str, request: dict[str, Any]) -> bool:
    return operation == "TransactWriteItems" and "MIGRATION#COPY#" in str(request)


def _is_anything(*_: Any) -> bool:
    return True


CUTS: dict[str, Any] = {"copies fail": _is_copy, "the table is down": _is_anything}
QUICK = {(Phase.READ_FALLBACK, "the table is down")}


def _lives_on(world: World, journey: Journey) -> None:
    """Ten minutes of somebody's life."""
    for _ in range(5):
        world.service.clock.advance(minutes(2))
        journey.refresh()
        journey.rename()


@pytest.mark.parametrize(
    ("phase", "is_cut"),
    [
        pytest.param(phase, is_cut, id=f"{phase}-{name}", marks=[] if (phase, name) in QUICK else pytest.mark.prove)
        for phase in BEFORE_CUT_OVER
        for name, is_cut in CUTS.items()
    ],
)
def test_before_cut_over_nobody_notices_that_the_table_is_down(world: World, phase: Phase, is_cut: Any) -> None:
    world.stand(phase, percent=100 if phase is Phase.READ_FALLBACK else 0)
    journey = Journey(world)
    journey.sign_in()
    world.table.is_cut = is_cut
    _lives_on(world, journey)
    journey.buy()
    assert world.table.cuts > 0
    assert world.move.changes.backlog() > 0
    world.table.is_cut = lambda *_: False
    world.settle()
    assert world.differences() == []


def test_before_cut_over_limits_are_counted_while_the_table_is_down(world: World) -> None:
    world.stand(Phase.DUAL_WRITE)
    journey = Journey(world)
    journey.sign_in()
    world.table.is_cut = _is_anything
    answers = [
        world.service.call("GET", "/user/profile", token=journey.told["access_token"]).status_code for _ in range(130)
    ]
    assert set(answers) == {200, 429}
    assert 90 <= answers.count(200) <= 101


def test_after_cut_over_nobody_notices_that_postgres_is_down(world: World) -> None:
    journey = Journey(world)
    journey.sign_in()
    world.stand(Phase.READ_FALLBACK)
    world.backfill()
    world.stand(Phase.CUT_OVER)
    world.dsn.is_down = True
    world.process.pool.close()
    _lives_on(world, journey)
    journey.buy()
    assert world.move.marks.count() > 0
    world.dsn.is_down = False
    done, failed = world.move.replayer.replay()
    assert done > 0
    assert (failed, world.move.marks.count()) == ([], 0)
    assert world.differences() == []


def test_while_postgres_is_primary_and_down_callers_are_told_to_come_again(world: World) -> None:
    journey = Journey(world)
    journey.sign_in()
    world.dsn.is_down = True
    world.process.pool.close()
    answer = world.service.call("GET", "/user/profile", token=journey.told["access_token"])
    refused(answer, 503, "SERVICE_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_process_that_believes_an_old_phase_writes_and_reads_on_the_right_side(forgetful_world: World) -> None:
    world, journey = forgetful_world, Journey(forgetful_world)
    journey.sign_in()
    world.stand(Phase.READ_FALLBACK)
    world.backfill()
    for target in (Phase.CUT_OVER, Phase.READ_FALLBACK):
        journey.rename()  # The phase is read now, and believed for a second.
        Thread(target=world.stand, args=(target,)).start()
        until = time.monotonic() + 20
        while world.move.control.refreshed().phase is not target or world.move.control.refreshed().moving:
            journey.rename()
            assert time.monotonic() < until
        journey.rename()
        world.settle()
        assert world.differences() == []


@pytest.mark.prove
def test_the_kill_switch_sends_everything_back_to_postgres_and_loses_nothing(world: World) -> None:
    journey = Journey(world)
    journey.sign_in()
    world.stand(Phase.READ_FALLBACK, percent=100)
    world.backfill()
    for phase in (Phase.READ_FALLBACK, Phase.CUT_OVER):
        if phase is Phase.CUT_OVER:
            world.move.control.revive("test", "again")
            world.settle()
            world.stand(phase)
        journey.rename()
        begun = time.monotonic()
        world.move.mover.kill("test", "something is wrong")
        assert time.monotonic() - begun < 10
        world.table.is_cut = lambda operation, request: not operation.startswith("Get") and "USER#" in str(request)
        journey.rename()
        journey.refresh()
        assert world.table.cuts == 0, "nothing of anybody is read or written in the table"
        world.table.is_cut = lambda *_: False
        standing = world.move.control.refreshed()
        assert (standing.is_killed, standing.phase) == (True, Phase.READ_FALLBACK)
    world.move.control.revive("test", "again")
    world.settle()
    assert world.differences() == []
