"""The drill: a table is restored to yesterday, and who was erased since is erased from it again."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.config import Settings
from chalicelib.migration import places as engine_places
from chalicelib.migration.marks import DynamoMarks
from chalicelib.migration.phases import Phase
from chalicelib.migration.standing import Standing, written
from chalicelib.migration.table import DynamoTable
from chalicelib.models import keys
from chalicelib.models.base import connect
from chalicelib.models.schema import table_definition
from chalicelib.observe.audit import hashed
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.users import Users
from deploy.release.place import Refused
from deploy.restore.__main__ import _parsed, run
from deploy.restore.known import Known, known_of
from deploy.restore.reapply import KeptBack, Reapplication, scan
from tests.rooms.documents_world import World, empty_bucket, make_bucket
from tests.rooms.leaving_world import Leaving
from tests.support import SettableClock

RESTORED = "restored"


class Drill:
    """Two people yesterday, a copy of the table as it was then, and one of them erased since."""

    def __init__(self, settings: Settings, clock: SettableClock) -> None:
        self.settings, self.clock = settings, clock
        self.client: Any = boto3.client("dynamodb", region_name=settings.region)
        self.client.create_table(**table_definition(RESTORED))
        self.gone = Leaving(settings, clock, World(settings, clock))
        self.gone.settle()
        self.stays = self.gone.another()

    def restore(self) -> None:
        """What restoring to this instant gives: every item as it is, in another table."""
        for item in scan(self.client, self.settings.table_name):
            self.client.put_item(TableName=RESTORED, Item=item)

    def erase(self, *, minutes: int = 40) -> str:
        """Have the person erased in the table that is in use."""
        request_id = self.gone.ask()
        self.gone.run(minutes)
        return request_id

    def work(self) -> Reapplication:
        """The tool's work on the restored table, with the clock of the test."""
        saga = replace(self.gone.saga, queue=KeptBack())
        connect(RESTORED, self.settings.region)
        return Reapplication(self.client, RESTORED, saga, Erasures(), Users(), self.clock, self.settings.rules)

    def known(self) -> Known:
        return known_of(scan(self.client, self.settings.table_name))

    def traces(self, leaving: Leaving) -> list[str]:
        items = map(json.dumps, scan(self.client, RESTORED))
        return [item for item in items if any(secret in item for secret in leaving.secrets[:4])]

    def item(self, key: keys.Key) -> Any:
        found = self.client.get_item(TableName=RESTORED, Key={"PK": {"S": key.pk}, "SK": {"S": key.sk}})
        return found.get("Item")


@pytest.fixture
def drill(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[Drill]:
    make_bucket(settings)
    found = Drill(settings, clock)
    yield found
    connect(settings.table_name, settings.region)
    found.client.delete_table(TableName=RESTORED)
    empty_bucket(settings)


def test_who_was_erased_since_is_erased_again_and_nobody_else(drill: Drill) -> None:
    drill.restore()
    request_id = drill.erase()
    untouched = drill.traces(drill.stays)
    assert drill.traces(drill.gone), "the restored table has brought the person back"

    done = drill.work().apply(drill.known())

    assert (done.erased, done.waiting, done.failed) == (1, 0, 0)
    assert drill.traces(drill.gone) == []
    assert drill.traces(drill.stays) == untouched
    assert drill.item(keys.tombstone_key(drill.gone.user_id)), "nobody may bring them back now"
    receipt = drill.item(keys.erasure_key(keys.erasure_name(request_id)))
    assert receipt["data"]["M"]["status"]["S"] == "completed", "the receipt that they hold an id of stands"
    assert [one for one in scan(drill.client, RESTORED) if one["PK"]["S"].startswith("RETAINED#")], "payments are kept"


def test_a_second_run_finds_nothing_to_do(drill: Drill) -> None:
    drill.restore()
    drill.erase()
    drill.work().apply(drill.known())
    before = sorted(map(json.dumps, scan(drill.client, RESTORED)))
    work = drill.work()
    assert work.affected(drill.known()) == []
    assert work.apply(drill.known()).erased == 0
    assert sorted(map(json.dumps, scan(drill.client, RESTORED))) == before


def test_an_erasure_that_ran_when_the_instant_was_is_carried_on_under_its_name(drill: Drill) -> None:
    request_id = drill.gone.ask()
    drill.restore()
    drill.gone.run(40)
    done = drill.work().apply(drill.known())
    assert done.erased == 1
    assert drill.traces(drill.gone) == []
    receipt = drill.item(keys.erasure_key(keys.erasure_name(request_id)))
    assert "user_id" not in receipt["data"]["M"]


def test_one_that_was_asked_for_and_not_done_keeps_the_name_that_the_person_holds(drill: Drill) -> None:
    drill.restore()
    request_id = drill.gone.ask()
    done = drill.work().apply(drill.known())
    assert done.erased == 1
    assert drill.item(keys.erasure_key(keys.erasure_name(request_id)))["data"]["M"]["status"]["S"] == "completed"


def test_a_table_that_is_lost_is_made_up_for_by_the_audit_trail(drill: Drill, tmp_path: Path) -> None:
    drill.restore()
    line = {"event": "erasure_completed", "kind": "audit", "user": hashed(drill.gone.user_id)}
    other = {"event": "signed_in", "kind": "audit", "user": hashed(drill.stays.user_id)}
    known = known_of((), [json.dumps(line), "", json.dumps(other)])
    work = drill.work()
    assert work.affected(known) == [drill.gone.user_id]
    assert work.apply(known).erased == 1
    assert drill.traces(drill.gone) == []
    assert drill.traces(drill.stays)


def test_a_worker_that_may_still_store_something_is_waited_for(drill: Drill) -> None:
    drill.gone.world.send()
    drill.restore()
    drill.erase()
    connect(drill.settings.table_name, drill.settings.region)
    drill.clock.instant -= timedelta(minutes=40)
    first = drill.work().apply(drill.known())
    assert (first.erased, first.waiting) == (0, 1)
    drill.clock.advance(timedelta(hours=1))
    assert drill.work().apply(drill.known()).erased == 1
    assert drill.traces(drill.gone) == []


def test_a_killed_run_is_made_good_by_the_next(drill: Drill) -> None:
    drill.restore()
    drill.erase()
    work = drill.work()
    begun = work._beginning(work.users.by_id(drill.gone.user_id), "somename")  # type: ignore[arg-type]  # it is there
    assert work.erasures.begin(begun), "and here the process ended"
    assert drill.work().apply(drill.known()).erased == 1
    assert drill.traces(drill.gone) == []


def test_the_command_says_how_many_and_writes_nothing_until_told(
    drill: Drill, capsys: pytest.CaptureFixture[str]
) -> None:
    drill.restore()
    drill.erase()
    before = sorted(map(json.dumps, scan(drill.client, RESTORED)))
    assert run(_asked("--to", RESTORED), drill.settings, drill.client) == 3
    assert "1 people in restored were erased" in capsys.readouterr().out
    assert sorted(map(json.dumps, scan(drill.client, RESTORED))) == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--to", "serenya-test"), "the table in use"),
        (("--to", "nowhere"), "no table nowhere"),
        (("--to", RESTORED, "--from", "elsewhere"), "no table elsewhere"),
        (("--to", RESTORED, "--from", "nothing"), "at least one"),
    ],
)
def test_what_cannot_be_meant_is_refused(drill: Drill, options: tuple[str, ...], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        run(_asked(*options), drill.settings, drill.client)


def _say_phase(drill: Drill, table: str, phase: Phase) -> None:
    item = engine_places.engine_item(engine_places.PHASE, drill.clock.now(), written(Standing(phase)))
    drill.client.put_item(TableName=table, Item=item)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("is_restored", [True, False])
def test_a_table_in_the_middle_of_a_move_is_not_gone_back_to(drill: Drill, phase: Phase, is_restored: bool) -> None:
    drill.restore()
    drill.erase()
    _say_phase(drill, RESTORED if is_restored else drill.settings.table_name, phase)
    if phase in {Phase.LEGACY, Phase.RETIRED}:
        assert run(_asked("--to", RESTORED), drill.settings, drill.client) == 3
        return
    with pytest.raises(Refused, match=f"{phase}.*PostgreSQL has what is true"):
        run(_asked("--to", RESTORED, "--apply"), drill.settings, drill.client)
    assert drill.traces(drill.gone), "nothing was written"
    assert run(_asked("--to", RESTORED, "--is-alone"), drill.settings, drill.client) == 3


def test_marks_of_a_restored_table_are_forgotten_and_nothing_else(
    drill: Drill, capsys: pytest.CaptureFixture[str]
) -> None:
    drill.restore()
    _say_phase(drill, RESTORED, Phase.CUT_OVER)
    table = DynamoTable(RESTORED, drill.client._make_api_call)
    marks = DynamoMarks(table, drill.clock)
    before = sorted(map(json.dumps, scan(drill.client, RESTORED)))
    marks.put_all(["ada", "bob", "ERASURE#1"], 0)
    asked = "--to", RESTORED, "--forget-marks"
    assert run(_asked(*asked), drill.settings, drill.client) == 3
    assert marks.count() == 3
    assert run(_asked(*asked, "--apply"), drill.settings, drill.client) == 0
    assert "3 marks were taken out" in capsys.readouterr().out
    assert sorted(map(json.dumps, scan(drill.client, RESTORED))) == before
    assert run(_asked(*asked), drill.settings, drill.client) == 0


def test_a_line_that_cannot_be_read_stops_everything() -> None:
    with pytest.raises(ValueError, match="line 1"):
        known_of((), ["erasure_completed of somebody"])


def _asked(*options: str) -> Namespace:
    return _parsed(["--stage", "dev", *options])
