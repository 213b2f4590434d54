"""What the operators' page says to PostgreSQL while a stage moves: run, with the service and the table beside it."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from chalicelib.migration.phases import Phase
from chalicelib.migration.ports import PhaseMoved
from chalicelib.migration.postgres import connect, rows, sqlstate
from chalicelib.migration.schema import CLOSED
from chalicelib.migration.table import Change
from chalicelib.models.keys import erasure_name
from tests.migration.service.conftest import opened, provider, world
from tests.migration.service.world import ERASURE, Journey, World
from tests.operations.page import SQL, blocks

__all__ = ["opened", "provider", "world"]  # fixtures: pytest finds them by their names here
pytestmark = [pytest.mark.prove, pytest.mark.second_engine]
AT = "2026-11-21T17:00:00.000000Z"
SUSPEND_BEFORE, SUSPEND_AFTER, ERASURES = (one.text for one in blocks() if one.kind == SQL)


def test_before_the_cut_over_postgresql_suspends_and_the_table_follows(world: World) -> None:
    journey = _arrived(world, Phase.READ_FALLBACK, percent=100)
    person = journey.told["user"]["id"]
    _say(world, SUSPEND_BEFORE, person)
    assert world.move.changes.backlog() == 1
    world.settle()
    assert _answer(journey) == 403
    assert world.differences() == []


def test_after_it_the_table_suspends_and_postgresql_is_told_the_same(world: World) -> None:
    journey = _arrived(world, Phase.CUT_OVER)
    person, move = journey.told["user"]["id"], world.move
    _suspend_in_the_table(world, person)
    assert _answer(journey) == 403
    assert (world.differences(), move.marks.count()) == ([person], 0), "nobody else brings it back"
    with pytest.raises(PhaseMoved):
        move.copier.repair(person)
    with pytest.raises(Exception, match="not the primary") as refused:
        _say(world, SUSPEND_BEFORE, person)
    assert sqlstate(refused.value) == CLOSED
    _say(world, SUSPEND_AFTER, person)
    assert world.differences() == []
    world.stand(Phase.READ_FALLBACK)
    assert move.changes.backlog() == 0
    assert _answer(journey) == 403


def test_an_erasure_is_found_in_postgresql(world: World) -> None:
    journey = _arrived(world, Phase.DUAL_WRITE)
    wish = journey.call("POST", "/gdpr/erasure-request", ERASURE)
    name = erasure_name(wish["erasure_request_id"])
    receipt, due = _say(world, ERASURES.replace("<name>", name), "")
    assert "initiated" in str(receipt)
    assert [one[0] for one in due] == [f"ERASURE#{name}"]


def _arrived(world: World, phase: Phase, percent: int = 0) -> Journey:
    journey = Journey(world)
    journey.sign_in()
    world.stand(Phase.DUAL_WRITE)
    world.backfill()
    world.stand(phase, percent)
    world.settle()
    return journey


def _answer(journey: Journey) -> int:
    answer = journey.world.service.call("GET", "/user/profile", token=journey.told["access_token"])
    return int(answer.status_code)


def _say(world: World, text: str, person: str) -> list[list[Any]]:
    """Run a block as it stands, with its placeholders filled in; return what each statement found."""
    filled = text.replace("<user id>", person).replace("<at>", AT)
    with closing(connect(world.dsn.address)) as connection:
        return [list(rows(connection, one)) for one in filled.split(";") if one.strip()]


def _suspend_in_the_table(world: World, person: str) -> None:
    """As the page's command does."""
    profile = (f"USER#{person}", "PROFILE")
    stored = world.move.table.get(profile)
    assert stored is not None
    data = {"M": {**stored["data"]["M"], "account_status": {"S": "suspended"}}}
    world.move.table.write(Change(profile, sets={"data": data, "updated_at": {"S": AT}}))
