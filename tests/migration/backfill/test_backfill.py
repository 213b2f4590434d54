"""Everybody arrives once and exactly, whatever happens meanwhile."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.connection.table import TableConnection

from chalicelib.migration.checkpoints import Orders
from chalicelib.migration.control import KEPT_FOR
from chalicelib.migration.loading import Loader
from chalicelib.migration.phases import Gate, Move, Phase
from chalicelib.migration.ports import Holding, Outcome
from chalicelib.migration.serenya import places
from chalicelib.migration.standing import Standing
from dev.legacy.server import LegacyDatabase
from tests.migration.backfill.world import World
from tests.support import SettableClock

pytestmark = pytest.mark.second_engine
USERS = 60


@pytest.fixture
def world(second_engine: TableConnection, legacy_database: LegacyDatabase) -> World:
    return World.made(legacy_database, second_engine, USERS)


def _stand(world: World, phase: Phase) -> None:
    control = world.operator.move.control
    control.change(control.refreshed(), replace(Standing(), phase=phase, moved_by="test", reason="test"))


@pytest.mark.parametrize("phase", [Phase.LEGACY, Phase.BACKFILL])
def test_everybody_arrives_and_a_second_run_finds_nothing_to_do(world: World, phase: Phase) -> None:
    if phase is not Phase.LEGACY:
        _stand(world, phase)
    workers = world.operator.workers()
    progress = workers.run()
    assert workers.is_complete
    assert progress.counts == {Outcome.WRITTEN: len(world.people)}
    assert world.items() == world.expected()
    assert world.is_verified()
    world.operator.checkpoints().forget()
    assert world.operator.workers().run().counts == {Outcome.UNCHANGED: len(world.people)}


def test_batches_are_written_only_before_anybody_writes_on_both_sides(world: World) -> None:
    operator, asked = world.counted()
    stale = operator.backfill()  # Made while the phase was `legacy`, and used afterwards.
    _stand(world, Phase.DUAL_WRITE)
    stale.copy(world.people)
    operator.backfill().copy(world.people)
    assert asked["BatchWriteItem"] == 0
    assert world.items() == world.expected()


def test_no_batch_is_written_after_the_move_that_begins_between_two(world: World) -> None:
    asked: list[str] = []

    def moving(call: Any) -> Any:
        def ask(operation: str, arguments: dict[str, Any]) -> Any:
            answer = call(operation, arguments)
            asked.append(operation)
            if operation == "BatchWriteItem" and asked.count(operation) == 3:
                _stand(world, Phase.DUAL_WRITE)
            return answer

        return ask

    world.through(moving).backfill().copy(world.people)
    assert asked.count("BatchWriteItem") == 3
    assert world.items() == world.expected()


def test_nobody_is_told_to_write_on_both_sides_while_batches_are_written(world: World) -> None:
    move = world.operator.move
    step, seen = Move(Phase.LEGACY, Phase.DUAL_WRITE, (Gate.NOTHING_LOADS,)), []

    def looking(call: Any) -> Any:
        def ask(operation: str, arguments: dict[str, Any]) -> Any:
            if operation == "BatchWriteItem":
                seen.append([one.reason for one in move.gates.refusals(step, move.control.refreshed())])
            return call(operation, arguments)

        return ask

    through = world.through(looking)
    through.backfill().copy(world.people)
    assert seen
    assert all("1 workers of a backfill by batches are at work" in reasons[0] for reasons in seen)
    assert move.gates.refusals(step, move.control.refreshed()) == []


def test_no_batch_is_written_while_somebody_may_not_know_yet_that_the_move_went_back(world: World) -> None:
    operator, asked = world.counted()
    _stand(world, Phase.DUAL_WRITE)
    _stand(world, Phase.LEGACY)
    operator.backfill().copy(world.people[:20])
    assert asked["BatchWriteItem"] == 0
    moved_at, load = operator.move.control.refreshed().moved_at, operator.backfill().load
    assert isinstance(load, Loader)
    assert moved_at is not None
    later = SettableClock(moved_at + KEPT_FOR * 2)
    replace(operator.backfill(), load=replace(load, clock=later)).copy(world.people[20:])
    assert asked["BatchWriteItem"] > 0
    assert world.items() == world.expected()


def test_nothing_newer_is_written_over_and_nobody_who_is_buried_comes_back(world: World) -> None:
    newer, buried = world.people[:2]
    move = world.operator.move
    old = move.legacy.holdings([newer, buried])
    world.sql("UPDATE users SET name = 'New' WHERE id = %s", newer)
    move.copier.copy(newer)
    for table in ("processing_jobs", "payments", "subscriptions"):
        world.sql(f"DELETE FROM {table} WHERE user_id = %s", buried)
    move.copier.copy(buried)
    tombstone = places.LAYOUT.tombstones_of(buried)[0]
    world.call(
        "PutItem",
        {
            "TableName": world.table_name,
            "Item": {
                "PK": {"S": tombstone[0]},
                "SK": {"S": tombstone[1]},
                "entity_type": {"S": "tombstone"},
                "ttl": {"N": "4000000000"},
            },
        },
    )
    for one in [key for key in world.items() if key[0] == f"USER#{buried}"]:
        world.call("DeleteItem", {"TableName": world.table_name, "Key": {"PK": {"S": one[0]}, "SK": {"S": one[1]}}})
    assert move.copier.bring(old[0]) is Outcome.NEWER_THERE
    for load in (True, False):
        backfill = world.operator.backfill()
        backfill = backfill if load else replace(backfill, load=None)
        world.sql("UPDATE users SET given_name = %s WHERE id = %s", str(load), buried)
        assert backfill.copy([buried]).counts == {Outcome.BURIED: 1}
    assert not [key for key in world.items() if key[0] == f"USER#{buried}"]
    name = world.items()[f"USER#{newer}", "PROFILE"]["data"]["M"]["name"]
    assert name == {"S": "New"}


def test_what_a_crash_leaves_in_the_middle_of_a_batch_is_made_good(world: World) -> None:
    class Died(Exception):
        pass

    def dying(call: Any) -> Any:
        batches = []

        def die(operation: str, arguments: dict[str, Any]) -> Any:
            if operation == "BatchWriteItem":
                batches.append(1)
                if len(batches) == 12:
                    raise Died
            return call(operation, arguments)

        return die

    with pytest.raises(Died):
        world.through(dying).backfill().copy(world.people)
    somebody = next(key for key in world.people if (f"USER#{key}", "PROFILE") in world.items())
    # What was loaded and is not there any more must not stay.
    world.sql("DELETE FROM payments WHERE user_id = %s", somebody)
    world.sql("UPDATE users SET email_verified = false WHERE id = %s", somebody)
    world.operator.workers().run()
    assert world.items() == world.expected()


def test_a_holding_that_fails_by_itself_is_counted_and_keeps_nobody_waiting(world: World) -> None:
    large = world.people[3]
    world.sql("UPDATE user_devices SET public_key = repeat('k', 420000) WHERE user_id = %s", large)
    if not world.sql("SELECT 1 FROM user_devices WHERE user_id = %s", large):
        world.sql(
            "INSERT INTO user_devices (user_id, device_id, platform, public_key) "
            "VALUES (%s, 'd', 'ios', repeat('k', 420000))",
            large,
        )
    workers = world.operator.workers()
    workers.run()
    assert workers.is_complete
    assert workers.failures == 1
    assert {one.key for one in world.operator.move.changes.troubles()} == {large}
    missing = world.expected().keys() - world.items().keys()
    held = world.operator.move.legacy.holding(large)
    assert missing <= held.items.keys()


def test_people_who_change_while_everybody_is_copied_arrive_as_they_are(world: World) -> None:
    _stand(world, Phase.BACKFILL)
    stopped = threading.Event()

    def write() -> None:
        turn = 0
        while not stopped.is_set():
            turn += 1
            world.sql("UPDATE users SET name = %s WHERE id = %s", f"n{turn}", world.people[turn % USERS])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        world.operator.workers(count=2).run()
    finally:
        stopped.set()
        writer.join()
    assert world.operator.move.drainer.until_empty(60) == 0
    assert world.items() == world.expected()


def test_workers_pause_and_go_on_while_they_run(world: World) -> None:
    operator = world.operator
    checkpoints = operator.checkpoints()
    checkpoints.order(Orders(is_paused=True))
    workers = replace(operator.workers(count=2))
    seen: list[tuple[bool, int]] = []

    def look(progress: Any) -> None:
        seen.append((progress.is_paused, progress.keys))
        if len(seen) == 3:
            checkpoints.order(Orders(is_paused=False))

    workers.run(look)
    assert seen[2] == (True, seen[1][1])
    assert workers.is_complete


@pytest.mark.prove  # by the wall clock: on a busy machine the test itself takes two seconds
def test_a_table_that_is_too_busy_slows_the_backfill_down_within_two_seconds_and_loses_nothing(world: World) -> None:
    refused_from = time.monotonic() + 1.0
    refusals: list[float] = []

    def busy(call: Any) -> Any:
        def ask(operation: str, arguments: dict[str, Any]) -> Any:
            now = time.monotonic()
            if operation == "BatchWriteItem" and refused_from < now < refused_from + 1.0:
                refusals.append(now)
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "busy"}}, operation)
            return call(operation, arguments)

        return ask

    operator = world.through(busy)
    limits: list[tuple[float, float | None]] = []
    while time.monotonic() < refused_from:
        operator.backfill(10).page(None)
        operator.checkpoints().forget()
        world.sql("UPDATE users SET family_name = family_name")
        for key in world.people[:10]:
            world.call("DeleteItem", {"TableName": world.table_name, "Key": _state_key(key)})
    workers = operator.workers(count=1)
    workers.run(lambda _: limits.append((time.monotonic(), operator.pace.limit)))
    assert refusals
    assert operator.pace.refusals >= 1
    slowed = next(at for at, limit in limits if limit is not None)
    assert slowed - refusals[0] < 2.0
    assert world.items() == world.expected()


def _state_key(key: str) -> dict[str, Any]:
    from chalicelib.migration import places as engine

    pk, sk = engine.copy_key(key)
    return {"PK": {"S": pk}, "SK": {"S": sk}}


def test_an_empty_holding_that_was_never_here_leaves_no_trace_but_its_revision(world: World) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    assert world.operator.move.copier.bring(Holding(nobody, 5)) is Outcome.REMOVED
    assert not [key for key in world.items() if nobody in key[0]]
