"""What the door asks of the table by itself, one way through it after the other: policies are held against this
(`tests/calls`), so nothing of it may be left to luck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import clock as clocks
from chalicelib.config import settings
from chalicelib.migration.door import Door
from chalicelib.migration.limited import Limited
from chalicelib.migration.phases import Phase
from chalicelib.models.base import shared_connection
from chalicelib.wiring_migration import Move, move_of
from tests.migration.service.world import Journey, World

NOBODYS = {"ERASURE#1": "ERASURE", "UNCLAIMED#1": "STORE#1", "GUARD#EVENT#1": "GUARD"}
NEVER_CHECKED = "GUARD#EVENT#1"
RETAINED = "RETAINED#1"


@pytest.fixture
def ada(world: World) -> str:
    """Somebody who is in PostgreSQL; returns who."""
    journey = Journey(world)
    journey.sign_in()
    return str(journey.told["user"]["id"])


@pytest.fixture
def processes(world: World) -> Iterator[list[Move]]:
    """Processes that a test starts."""
    found: list[Move] = []
    yield found
    for one in found:
        one.door.shadow.settle()
        one.pool.close()


def _process(world: World, processes: list[Move]) -> Door:
    """The door of a process that has asked nothing yet, and has all the time for the other side."""
    client: Any = shared_connection().connection.client
    process = move_of(
        settings().table_name, client._make_api_call, world.dsn, clocks.SystemClock(), kept_for=timedelta(0)
    )
    processes.append(process)
    return replace(process.door, writer=replace(process.door.writer, limited=Limited(longest_seconds=60)))


def _key(partition: str) -> dict[str, Any]:
    return {"PK": {"S": partition}, "SK": {"S": NOBODYS.get(partition, "PAYMENT#1")}}


def _put(door: Door, partition: str) -> None:
    at = {"S": "2026-03-01T00:00:00.000000Z"}
    item = {**_key(partition), "entity_type": {"S": "other"}, "created_at": at, "updated_at": at, "data": {"M": {}}}
    door("PutItem", {"TableName": settings().table_name, "Item": item})


def _check(door: Door, partition: str, user_id: str) -> None:
    """Change somebody's profile only if this is not there."""
    if partition == NEVER_CHECKED:
        return
    table, names = settings().table_name, {"ExpressionAttributeNames": {"#u": "updated_at"}}
    profile = {"PK": {"S": f"USER#{user_id}"}, "SK": {"S": "PROFILE"}}
    absent = {"TableName": table, "Key": _key(partition), "ConditionExpression": "attribute_not_exists(PK)"}
    update = {
        "TableName": table,
        "Key": profile,
        "UpdateExpression": "SET #u = :u",
        "ExpressionAttributeValues": {":u": {"S": "2026-03-15T00:00:00.000000Z"}},
        **names,
    }
    door("TransactWriteItems", {"TransactItems": [{"ConditionCheck": absent}, {"Update": update}]})


@pytest.mark.parametrize("partition", NOBODYS)
def test_what_is_nobodys_is_copied_compared_marked_and_brought_back(
    world: World, ada: str, processes: list[Move], partition: str
) -> None:
    world.stand(Phase.SHADOW_READ)
    world.backfill()
    door = _process(world, processes)
    _check(door, partition, ada)
    _put(door, partition)
    asked = {"TableName": settings().table_name, "Key": _key(partition)}
    assert door("GetItem", asked)["Item"]["PK"]["S"] == partition
    door.shadow.settle()
    assert world.differences() == []
    door("DeleteItem", asked)
    assert world.differences() == []
    assert "Item" not in door("GetItem", asked)
    world.backfill()
    world.stand(Phase.CUT_OVER)
    door = _process(world, processes)
    _check(door, partition, ada)
    _put(door, partition)
    assert world.differences() == []
    assert world.move.marks.count() == 0
    door("DeleteItem", asked)
    world.dsn.is_down = True
    processes[-1].pool.close()
    _check(door, partition, ada)
    _put(door, partition)
    assert world.move.marks.count() > 0
    world.dsn.is_down = False
    world.settle()
    assert world.differences() == []


def test_what_is_retained_of_somebody_is_copied_until_it_is_gone(world: World, processes: list[Move]) -> None:
    world.stand(Phase.DUAL_WRITE)
    door = _process(world, processes)
    _put(door, RETAINED)
    assert world.stored_at_home() == [RETAINED]
    door("DeleteItem", {"TableName": settings().table_name, "Key": _key(RETAINED)})
    assert world.stored_at_home() == []


def test_who_is_gone_at_home_is_buried_and_a_check_of_a_profile_marks_its_owner(
    world: World, ada: str, processes: list[Move]
) -> None:
    world.stand(Phase.BACKFILL)
    world.backfill()
    world.stand(Phase.CUT_OVER)
    door, table = _process(world, processes), settings().table_name
    items = world.move.home.holding(ada).items
    gone = [{"Delete": {"TableName": table, "Key": {"PK": {"S": pk}, "SK": {"S": sk}}}} for pk, sk in items]
    door("TransactWriteItems", {"TransactItems": gone})
    assert world.move.home.state(ada).is_buried
    assert world.move.legacy.holding(ada).items == {}


def test_an_index_is_asked_where_the_phase_says(world: World, processes: list[Move]) -> None:
    asked = {
        "TableName": settings().table_name,
        "IndexName": "GSI3-UsageDue",
        "KeyConditionExpression": "GSI3PK = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "ERASURE_DUE"}},
    }
    assert _process(world, processes)("Query", asked)["Items"] == []
    world.stand(Phase.READ_FALLBACK, percent=100)
    assert _process(world, processes)("Query", asked)["Items"] == []
