"""The functions of a stage that moves, wired as they are deployed: what a schedule, a queue and operators set off."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from chalice.test import Client

import app as page
from chalicelib import clock as clocks
from chalicelib import config, wiring
from chalicelib.migration.checkpoints import Orders
from chalicelib.migration.phases import Phase
from chalicelib.migration.serenya.rails import counts_of
from chalicelib.migration.standing import Standing
from chalicelib.models import base
from chalicelib.models.schema import table_definition
from dev.event_shapes import queue_event
from dev.legacy.server import LegacyDatabase
from tests.migration.backfill.world import World
from tests.migration.service.world import OpenGates
from tests.support import SettableClock

MINUTE = timedelta(minutes=1)
RENAME = "UPDATE users SET name = 'Renamed'"


@dataclass
class Stage:
    """The functions of a deployed stage, the operator beside them, and the cloud's part between."""

    world: World
    client: Client
    clock: SettableClock

    def tend(self) -> Standing:
        """Fire the schedule, and return where the move stands then."""
        self.client.lambda_.invoke(
            "tend_move", self.client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
        )
        return self.world.operator.move.control.refreshed()

    def ask(self, **event: Any) -> Any:
        """Invoke the function of the backfill as an operator does."""
        return self.client.lambda_.invoke("move_people", event).payload

    def work(self) -> int:
        """Carry what waits in the queue to the function; return how many messages there were."""
        sqs, queue = boto3.client("sqs", region_name="eu-central-1"), config.settings().migration_queue
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        messages: list[Any] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            self.client.lambda_.invoke("move_people", queue_event([message], f"arn:aws:sqs:eu-central-1:0:{queue}"))
        return len(messages)

    def work_all(self) -> None:
        """Have the queue's workers do everything."""
        self.ask(action="migrate_all")
        while self.work():
            pass

    def stand(self, phase: Phase) -> None:
        """Move step by step, through open gates."""
        move, order = self.world.operator.move, list(Phase)
        mover = replace(move.mover, gates=OpenGates())
        while (now := move.control.refreshed()).phase is not phase:
            step = 1 if order.index(phase) > order.index(now.phase) else -1
            mover.move(order[order.index(now.phase) + step], "test", "a test")

    def suffer(self) -> None:
        """Let a fifth of what is asked fail, for so long that guard rails see it."""
        for _ in range(6):
            for number in range(30):
                self.world.operator.move.load.add(counts_of("/user/profile", 500 if number % 5 == 0 else 200, 9.0))
            self.world.operator.move.load.flush()
            self.clock.advance(MINUTE)


@pytest.fixture
def stage(second_cloud: str, legacy_database: LegacyDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A dozen people in PostgreSQL, everything installed, the flag set and the secret filled; a name of its own."""
    clock = SettableClock()
    monkeypatch.setattr(clocks.SystemClock, "now", lambda _: clock.now())
    monkeypatch.setenv("AWS_ENDPOINT_URL", second_cloud)
    monkeypatch.setenv("SERENYA_STAGE", f"test{uuid.uuid4().hex[:8]}")
    monkeypatch.setenv("HAS_LEGACY_DATABASE", "true")
    _forget()
    settings = config.settings()
    _make_surroundings(settings, legacy_database.dsn)
    world = World.made(legacy_database, base.connect(settings.table_name, settings.region), 12)
    try:
        with Client(page.app) as client:
            yield Stage(world, client, clock)
    finally:
        world.operator.move.pool.close()
        boto3.client("dynamodb", region_name=settings.region).delete_table(TableName=settings.table_name)
        _forget()


def _make_surroundings(settings: config.Settings, dsn: str) -> None:
    region = settings.region
    boto3.client("dynamodb", region_name=region).create_table(**table_definition(settings.table_name))
    boto3.client("sqs", region_name=region).create_queue(QueueName=settings.migration_queue)
    keys = {"current": {"kid": "k1", "secret": "a" * 43}, "previous": None}
    for name, value in ((settings.legacy_secret, {"dsn": dsn}), (settings.token_keys_secret, keys)):
        boto3.client("secretsmanager", region_name=region).create_secret(Name=name, SecretString=json.dumps(value))


def _forget() -> None:
    for kept in (config.settings, wiring.rooms, wiring.tending, wiring.page_jobs):
        kept.cache_clear()
    base.Item._connection = None


OTHERS = (("RETAINED#z", "PAYMENT#1"), ("ERASURE#1", "ERASURE"), ("UNCLAIMED#1", "STORE#1"), ("GUARD#EVENT#1", "GUARD"))


def _keep_others(stage: Stage) -> None:
    """Let the service write, into PostgreSQL, what belongs to nobody there."""
    for partition, sort in OTHERS:
        stage.world.operator.move.door(
            "PutItem",
            {
                "TableName": stage.world.table_name,
                "Item": {
                    "PK": {"S": partition},
                    "SK": {"S": sort},
                    "entity_type": {"S": "other"},
                    "created_at": {"S": "2026-03-01T00:00:00.000000Z"},
                    "updated_at": {"S": "2026-03-01T00:00:00.000000Z"},
                    "data": {"M": {}},
                },
            },
        )


def test_people_are_moved_a_few_at_a_time_by_hand_and_then_all_of_them_by_the_queue(stage: Stage) -> None:
    _keep_others(stage)
    assert stage.ask(action="migrate", limit=10)["people"] == 10
    answer = stage.ask(action="migrate_all")
    assert (answer["parts"], answer["parts_left"]) == (16, 16)
    stage.work_all()
    assert {*stage.world.expected(), *OTHERS} == set(stage.world.items())
    assert stage.ask(action="compare_data")["is_clean"] is True


def test_while_people_write_everything_is_copied_under_conditions_and_the_end_is_told(stage: Stage) -> None:
    stage.stand(Phase.BACKFILL)
    stage.ask(action="migrate_all")
    stage.world.operator.checkpoints().order(Orders(is_paused=True))
    assert stage.work() == 8
    assert stage.world.items() == {}
    stage.world.operator.checkpoints().order(Orders())
    stage.work_all()  # Asked anew, because what waits in the queue comes back only after a minute.
    assert stage.world.items() == stage.world.expected()
    assert stage.world.operator.move.figures.known()


def test_requests_are_counted_for_the_guard_rails_and_the_database_is_found_by_the_secret(stage: Stage) -> None:
    for _ in range(2):
        answer = stage.client.http.request("GET", "/gdpr/erasure-status/00000000-0000-4000-8000-000000000000")
        assert answer.status_code == 404, answer.body
        stage.clock.advance(MINUTE)
    counted = stage.world.operator.move.load.minutes(stage.clock.now(), 3 * MINUTE)
    assert [dict(one)["requests"] for one in counted.values() if one] == [1]


def test_what_others_changed_is_copied_once_a_minute(stage: Stage) -> None:
    stage.stand(Phase.DUAL_WRITE)
    stage.world.sql(RENAME)
    assert stage.world.operator.move.changes.backlog() > 0
    stage.tend()
    assert stage.world.operator.move.changes.backlog() == 0
    stage.world.sql("DELETE FROM users WHERE id = %s", stage.world.people[0])
    stage.tend()
    assert stage.world.items() == stage.world.expected()


def test_broken_rails_throw_the_switch_before_cut_over_and_roll_back_after_it(stage: Stage) -> None:
    stage.stand(Phase.READ_FALLBACK)
    stage.tend()
    stage.suffer()
    assert stage.tend().is_killed
    stage.world.operator.move.control.revive("test", "again")
    stage.stand(Phase.CUT_OVER)
    assert stage.tend().phase is Phase.CUT_OVER
    stage.suffer()
    found = stage.tend()
    assert (found.phase, found.is_killed, found.moving) == (Phase.READ_FALLBACK, True, None)


def test_marks_that_a_writer_left_are_brought_back(stage: Stage) -> None:
    move = stage.world.operator.move
    stage.stand(Phase.BACKFILL)
    stage.work_all()
    stage.stand(Phase.CUT_OVER)
    people = stage.world.people[:2]
    for number, person in enumerate(people):
        mark = move.marks.put(person, move.control.refreshed().epoch)
        if number:
            # Of this one nothing is left at home: it is buried.
            for item in move.home.holding(person).items:
                stage.world.call(
                    "DeleteItem",
                    {"TableName": stage.world.table_name, "Key": {"PK": {"S": item[0]}, "SK": {"S": item[1]}}},
                )
        move.marks.hand_over(mark)
    stage.clock.advance(MINUTE)
    stage.tend()
    assert move.marks.count() == 0
    assert move.home.state(people[1]).is_buried


@pytest.mark.parametrize(
    ("before", "target"), [(Phase.READ_FALLBACK, Phase.CUT_OVER), (Phase.CUT_OVER, Phase.READ_FALLBACK)]
)
def test_a_move_whose_mover_was_lost_is_ended(stage: Stage, before: Phase, target: Phase) -> None:
    stage.stand(before)
    control = stage.world.operator.move.control
    control.begin(control.refreshed(), target, "somebody", "who is gone")
    stage.clock.advance(2 * MINUTE)
    found = stage.tend()
    assert (found.phase, found.moving) == (Phase.READ_FALLBACK, None), (
        "a cut-over is undone, a way back carried through"
    )
