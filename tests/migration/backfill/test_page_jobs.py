"""Page jobs in the deployed service: calls of an operator, and messages of the queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import config, errors, wiring
from chalicelib.migration.checkpoints import Orders
from chalicelib.migration.figures import Figure
from chalicelib.migration.page_jobs import PageJobs
from chalicelib.migration.phases import Phase
from chalicelib.migration.ports import Outcome
from chalicelib.migration.serenya.columns import OF_PEOPLE
from dev.legacy.server import LegacyDatabase
from tests import support
from tests.migration.backfill.world import World


class Box:
    """A queue that keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        self.sent.append((message, delay_seconds))

    def send_batch(self, queue_name: str, messages: Any) -> None:
        for message in messages:
            self.send(queue_name, message)


@pytest.fixture
def world(table: TableConnection, legacy_database: LegacyDatabase) -> World:
    return World.made(legacy_database, table, 30)


def _jobs(world: World, box: Box) -> PageJobs:
    operator = world.operator
    control, figures = operator.move.control, operator.move.figures
    verify: Any = lambda: {"is_clean": world.is_verified()}  # noqa: E731  # one line is all it is
    return PageJobs(
        operator.backfill, operator.checkpoints, control.refreshed, figures, box, "queue", OF_PEOPLE, verify
    )


def test_ten_people_at_a_time_until_all_are_there(world: World) -> None:
    jobs = _jobs(world, Box())
    answers = [jobs.call({"action": "migrate", "table": "users", "limit": 10}) for _ in range(5)]
    assert [one["people"] for one in answers] == [10, 10, 10, 0, 0]
    assert [one["is_complete"] for one in answers] == [False, False, False, True, True]
    assert answers[0][Outcome.WRITTEN] == 10
    assert world.items() == world.expected()


def test_people_who_are_moved_by_hand_are_not_written_by_batches(world: World) -> None:
    operator, asked = world.counted()
    counted = replace(world, operator=operator)
    assert _jobs(counted, Box()).call({"action": "migrate", "limit": 1000})["people"] == len(world.people)
    assert asked["BatchWriteItem"] == 0
    assert asked["TransactWriteItems"] > 0
    assert world.items() == world.expected()


def test_the_whole_run_is_worked_on_by_messages_and_ends(world: World) -> None:
    box = Box()
    jobs = _jobs(world, box)
    answer = jobs.call({"action": "migrate_all"})
    assert (answer["parts"], answer["parts_left"], len(box.sent)) == (16, 16, 8)
    waiting = [message for message, _ in box.sent]
    for message in waiting:
        jobs.work(message)
    assert world.items() == world.expected()
    assert jobs.call({"action": "migrate_all"})["parts_left"] == 0
    assert len(box.sent) == 8
    assert jobs.call({"action": "compare_data"}) == {"is_clean": True}


def test_a_run_by_messages_is_as_old_as_its_beginning(world: World) -> None:
    move, jobs = world.operator.move, _jobs(world, Box())
    move.control.change(move.control.refreshed(), replace(move.control.refreshed(), phase=Phase.BACKFILL))
    begun = max(part.begun_at for part in world.operator.checkpoints().parts())
    move.changes.remove()
    move.changes.install()
    jobs.work(json.dumps({"run": "main"}))
    known, installed_at = move.figures.known()[Figure.BACKFILL], move.changes.installed_at()
    assert known.is_well
    assert installed_at is not None
    assert known.true_at <= begun < installed_at, "the gate does not take it for what was noted since"


def test_a_message_of_a_paused_run_waits(world: World) -> None:
    box = Box()
    world.operator.checkpoints().order(Orders(is_paused=True))
    _jobs(world, box).work(json.dumps({"run": "main"}))
    assert box.sent == [('{"run": "main"}', 60)]
    assert world.items() == {}


@pytest.mark.parametrize(
    "event",
    [
        {"action": "drop_everything"},
        {"action": "migrate", "table": "schema_versions"},
        {"action": "migrate", "limit": 0},
        {"action": "migrate", "limit": "10"},
        {"action": "migrate", "limit": 10**6},
    ],
)
def test_a_call_that_makes_no_sense_is_refused_with_the_reason(world: World, event: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        _jobs(world, Box()).call(event)
    assert "one of" in refused.value.message or "1 to" in refused.value.message


@pytest.fixture
def _fresh_wiring() -> Iterator[None]:
    wiring.page_jobs.cache_clear()
    wiring.rooms.cache_clear()
    yield
    wiring.page_jobs.cache_clear()
    wiring.rooms.cache_clear()


@pytest.mark.usefixtures("_fresh_wiring")
def test_the_deployed_function_answers_calls_and_takes_messages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import app

    told = support.test_settings(HAS_LEGACY_DATABASE="true")
    monkeypatch.setattr(config, "settings", lambda: told)
    for place in ("chalicelib.wiring", "chalicelib.wiring_backfill"):
        monkeypatch.setattr(f"{place}.settings", lambda: told)
    monkeypatch.setattr("chalicelib.wiring_backfill.dsn_of", lambda *_: world.dsn)
    answer = app.move_people({"action": "migrate", "table": "users", "limit": 5}, None)
    assert answer["people"] == 5
    app.move_people({"Records": [{"body": json.dumps({"run": "main"}), "receiptHandle": "x"}]}, None)
    assert world.items() == world.expected()


@pytest.mark.usefixtures("table", "_fresh_wiring")
def test_a_stage_without_a_legacy_database_refuses() -> None:
    import app

    with pytest.raises(errors.InvalidRequest, match="no legacy database"):
        app.move_people({"action": "migrate_all"}, None)
