"""The door by itself: no cost where there is no move, drift that is seen, reads that fall back, and the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from chalicelib.migration import places as engine_places
from chalicelib.migration.figures import Figure
from chalicelib.migration.phases import Phase
from chalicelib.migration.table import Change, Delete
from tests.migration.service.world import Journey, World
from tests.support import ENVIRONMENT

ROOT = Path(__file__).parents[3]
LOOK = """
import sys
from chalicelib import wiring
wiring.rooms()
print(*sorted(name for name in sys.modules if name.startswith(("chalicelib.migration", "chalicelib.wiring_migration"))))
"""


def _imported(**changes: str) -> set[str]:
    environment = {**os.environ, **ENVIRONMENT, **changes}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_a_stage_without_a_legacy_database_imports_nothing_of_the_move() -> None:
    assert _imported() == set()


def test_a_stage_that_only_keeps_the_rights_imports_nothing_of_the_move_either() -> None:
    assert _imported(KEEPS_LEGACY_RIGHTS="true") == set()


def test_a_stage_with_one_goes_through_the_door() -> None:
    assert "chalicelib.migration.door" in _imported(HAS_LEGACY_DATABASE="true")


def test_when_the_move_is_over_postgres_is_asked_nothing(world: World) -> None:
    journey = Journey(world)
    journey.sign_in()
    world.stand(Phase.READ_FALLBACK)
    world.backfill()
    world.stand(Phase.CUT_OVER)
    world.settle()
    world.stand(Phase.RETIRED)
    world.dsn.is_down = True
    world.process.pool.close()
    journey.rename()
    journey.refresh()
    assert world.move.marks.count() == 0


def test_drift_is_seen_and_the_caller_gets_what_postgres_says(world: World) -> None:
    journey = Journey(world)
    world.stand(Phase.DUAL_WRITE)
    journey.sign_in()
    journey.rename()
    world.stand(Phase.SHADOW_READ)
    world.settle()
    profile = (f"USER#{journey.told['user']['id']}", "PROFILE")
    world.move.table.write(Change(profile, sets={"data": {"M": {"name": {"S": "Somebody Else"}}}}))
    assert journey.call("GET", "/user/profile")["user"]["name"] == "Ada Lovelace"
    assert "drift_seen" in world.events()
    assert world.move.figures.known()[Figure.DRIFT].number > 0
    assert world.move.figures.known()[Figure.COMPARED].number > 0
    told = [vars(one) for one in world.caplog.records if getattr(one, "event", "") == "drift_seen"]
    assert told[0]["attributes"] == ["data"]
    assert journey.told["user"]["id"] not in str(told), "who it is stays hidden"


def test_a_change_on_its_way_is_no_drift(world: World) -> None:
    journey = Journey(world)
    world.stand(Phase.SHADOW_READ)
    journey.sign_in()
    world.settle()
    world.table.is_cut = lambda operation, request: operation == "TransactWriteItems"
    journey.rename()
    journey.call("GET", "/user/profile")
    assert world.move.changes.backlog() > 0
    assert "drift_seen" not in world.events()


def test_a_read_that_finds_no_copy_falls_back_and_repairs(world: World) -> None:
    journey = Journey(world)
    world.stand(Phase.READ_FALLBACK, percent=100)
    journey.sign_in()
    world.settle()
    journey.call("GET", "/user/profile")
    before = world.move.figures.known().get(Figure.FALLBACKS)
    user_id = journey.told["user"]["id"]
    world.move.table.write(Delete(engine_places.copy_key(user_id)), Delete((f"USER#{user_id}", "PROFILE")))
    assert journey.call("GET", "/user/profile")["user"]["id"] == user_id
    after = world.move.figures.known()[Figure.FALLBACKS]
    assert before is None or after.number > before.number
    world.settle()
    assert world.move.copier.copy(user_id)
    assert world.differences() == []
