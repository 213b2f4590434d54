"""What operators do by hand: dry unless told otherwise, and never silent about what went wrong."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from dataclasses import replace
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.migration import __main__ as typed
from chalicelib.migration.checkpoints import Orders
from chalicelib.migration.command_words import DONE, WRONG
from chalicelib.migration.commands import COMMANDS
from chalicelib.migration.figures import Figure
from chalicelib.migration.gates import MoveRefused
from chalicelib.migration.phases import Gate, Move, Phase
from dev.legacy.server import LegacyDatabase
from tests.migration.backfill.world import World

_GIVEN: dict[str, Any] = {
    "json": False,
    "do": False,
    "run": "main",
    "by": "ada",
    "reason": "a test",
    "workers": 1,
    "parts": 16,
    "lease": 60.0,
    "again": False,
    "most": None,
    "seconds": 20.0,
    "percent": None,
    "least": None,
    "json_to": None,
    "html_to": None,
    "repair": False,
    "show_values": False,
    "lose_extras": False,
    "accept": None,
}


@pytest.fixture
def world(table: TableConnection, legacy_database: LegacyDatabase) -> World:
    return World.made(legacy_database, table, 30)


def _said(world: World, command: str, **given: Any) -> tuple[int, str]:
    out = io.StringIO()
    return COMMANDS[command](world.operator, Namespace(**{**_GIVEN, **given}), out), out.getvalue()


@pytest.mark.parametrize(
    "command", ["install", "backfill", "pause", "resume", "drain", "remove", "kill", "revive", "mend"]
)
def test_without_do_nothing_is_changed(world: World, command: str) -> None:
    before = world.operator.move.control.refreshed()
    code, said = _said(world, command)
    assert code == DONE
    assert said.endswith("dry: nothing was changed; --do does it\n")
    assert world.operator.move.control.refreshed() == before
    assert world.items() == {}
    assert world.operator.move.changes.is_installed()
    assert world.operator.checkpoints().orders() == Orders()


def test_workers_are_told_to_stop_and_to_go_on(world: World) -> None:
    assert _said(world, "pause", do=True)[0] == DONE
    assert world.operator.checkpoints().orders() == Orders(is_paused=True)
    assert _said(world, "resume", most=7.0)[1].startswith("would have the workers go on, 7 keys a second at most\n")
    assert world.operator.checkpoints().orders().is_paused
    assert _said(world, "resume", most=7.0, do=True)[0] == DONE
    assert world.operator.checkpoints().orders() == Orders(is_paused=False, most_per_second=7.0)


@pytest.mark.parametrize("do", [False, True])
def test_per_cent_are_set_in_the_phase_that_has_them_and_nowhere_else(world: World, *, do: bool) -> None:
    control = world.operator.move.control
    control.change(control.refreshed(), replace(control.refreshed(), phase=Phase.SHADOW_READ))
    for phase in ("read_fallback", "shadow_read"):
        code, said = _said(world, "move", phase=phase, percent=50, do=do)
        assert (code, said.startswith("refused: the phase is shadow_read, and per cent")) == (WRONG, True)
    assert (control.refreshed().phase, control.refreshed().percent) == (Phase.SHADOW_READ, 0)
    control.change(control.refreshed(), replace(control.refreshed(), phase=Phase.READ_FALLBACK))
    assert _said(world, "move", phase="read_fallback", percent=50, do=True) == (DONE, "read_fallback 50 %\n")


def test_fewer_reads_are_enough_where_somebody_says_why_and_it_stays_in_the_history(world: World) -> None:
    move = world.operator.move
    control, told_at = move.control, move.figures.clock.now()
    for figure in (Figure.VERIFICATION, Figure.BACKFILL):
        move.figures.tell(figure)
    quiet = replace(move.gates, quiet_for=told_at - told_at)
    world = replace(world, operator=replace(world.operator, move=replace(move, gates=quiet)))
    control.change(control.refreshed(), replace(control.refreshed(), phase=Phase.SHADOW_READ))
    move.figures.count(Figure.COMPARED, 12)
    for least, reason in ((13, "a quiet night"), (0, "a quiet night"), (12, "by hand")):
        with pytest.raises((MoveRefused, ValueError), match=r"12 reads were compared .* at least 13|--least is 1"):
            _said(world, "move", phase="read_fallback", least=least, reason=reason, do=True)
    assert "12, of them 12 since the last move" in _said(world, "status")[1]
    assert _said(world, "move", phase="read_fallback", least=12, reason="a quiet night", do=True)[0] == DONE
    assert "a quiet night (after 12 reads instead of 100)" in _said(world, "report")[1]
    assert "12, of them 0 since the last move" in _said(world, "status")[1]


def test_a_step_back_asks_for_nothing_that_is_not_typed(world: World) -> None:
    control = world.operator.move.control
    control.change(control.refreshed(), replace(control.refreshed(), phase=Phase.DUAL_WRITE))
    given = typed._parser().parse_args(["rollback", "--do", "--by", "somebody", "--reason", "errors"])
    assert COMMANDS[given.command](world.operator, given, io.StringIO()) == DONE
    assert control.refreshed().phase is Phase.LEGACY


def test_the_way_from_the_first_look_to_a_clean_verification(world: World, tmp_path: Any) -> None:
    code, said = _said(world, "preflight", json=True, do=True)
    assert code == 2  # Somebody's item is nearly as large as an item may be.
    assert json.loads(said)
    with pytest.raises(MoveRefused, match="preflight_clean"):
        _said(world, "move", phase="dual_write", do=True)
    _said(world, "preflight", do=True, accept="they fit")
    assert _said(world, "move", phase="dual_write", do=True) == (DONE, "dual_write\n")
    with pytest.raises(MoveRefused, match="phase_known_everywhere"):
        _said(world, "move", phase="backfill", do=True)
    # The gate waits until every process knows; the rest does not need it to.
    assert _said(world, "backfill", do=True)[0] == DONE
    assert world.operator.move.figures.known()[Figure.BACKFILL].is_well
    assert _said(world, "drain", do=True) == (DONE, "0 notes wait\n")
    page = tmp_path / "report.html"
    assert _said(world, "verify", html_to=str(page))[0] == DONE
    assert "<svg" in page.read_text(encoding="utf-8")
    told = json.loads(_said(world, "status", json=True)[1])
    assert (told["phase"], told["backlog"], told["parts_done"]) == ("dual_write", 0, "16/16")
    assert "ada" in _said(world, "report")[1]
    assert _said(world, "rollback", do=True) == (DONE, "legacy\n")


def test_a_key_that_failed_in_the_backfill_is_tried_again_by_drain_until_it_is_copied(world: World) -> None:
    _said(world, "preflight", do=True, accept="they fit")
    _said(world, "move", phase="dual_write", do=True)
    large = world.people[3]
    world.sql(
        "INSERT INTO user_devices (user_id, device_id, platform, public_key) "
        "VALUES (%s, 'much', 'ios', repeat('k', 420000))",
        large,
    )
    world.sql("DELETE FROM migration.changes")  # As where the backfill alone is to bring everybody.
    changes, figures = world.operator.move.changes, world.operator.move.figures
    code, said = _said(world, "backfill", do=True)
    assert (code, "1 keys failed" in said) == (WRONG, True)
    for _ in range(2):
        code, said = _said(world, "drain", do=True)
        assert (code, f"{large} cannot be copied" in said) == (WRONG, True)
        assert [one.key for one in changes.troubles()] == [large]
        assert not figures.known()[Figure.BACKFILL].is_well
    world.sql("ALTER TABLE user_devices DISABLE TRIGGER ALL")  # It is mended, and no note says so.
    world.sql("UPDATE user_devices SET public_key = 'k' WHERE device_id = 'much'")
    assert _said(world, "drain", do=True) == (DONE, "0 notes wait\n")
    assert changes.troubles() == []
    assert figures.known()[Figure.BACKFILL].is_well
    assert world.items() == world.expected()
    assert _said(world, "backfill", do=True)[0] == DONE


def test_a_run_that_began_before_the_present_installation_counts_no_more(world: World) -> None:
    move = world.operator.move
    move.control.change(move.control.refreshed(), replace(move.control.refreshed(), phase=Phase.BACKFILL))
    assert _said(world, "backfill", do=True)[0] == DONE
    assert _refusals(world, Gate.BACKFILL_COMPLETE) == []
    began_at = move.figures.known()[Figure.BACKFILL].true_at
    move.changes.remove()
    world.sql("UPDATE users SET given_name = 'of whom nobody has noted this'")
    move.changes.install()
    assert _said(world, "backfill", do=True)[0] == DONE, "every part was done before"
    assert move.figures.known()[Figure.BACKFILL].true_at == began_at
    [refused] = _refusals(world, Gate.BACKFILL_COMPLETE)
    assert "from before changes were noted; `backfill --again`" in refused
    assert _said(world, "backfill", do=True, again=True)[0] == DONE
    assert _refusals(world, Gate.BACKFILL_COMPLETE) == []
    assert world.items() == world.expected()


def _refusals(world: World, gate: Gate) -> list[str]:
    move = world.operator.move
    step = Move(Phase.BACKFILL, Phase.VERIFY, (gate,))
    return [one.reason for one in move.gates.refusals(step, move.control.refreshed())]


def test_a_difference_is_told_by_the_exit_code_and_repaired_on_demand(world: World) -> None:
    _said(world, "backfill", do=True)
    one = world.people[0]
    key = {"PK": {"S": f"USER#{one}"}, "SK": {"S": "PROFILE"}}
    world.call("DeleteItem", {"TableName": world.table_name, "Key": key})
    assert _said(world, "verify")[0] == WRONG
    assert _said(world, "repair", keys=[one])[1].endswith("--do does it\n")
    assert _said(world, "verify", repair=True, do=True)[0] == DONE
    assert world.items() == world.expected()


def test_what_stands_beside_rows_is_not_lost_by_a_slip(world: World) -> None:
    legacy = world.operator.move.legacy
    holding = legacy.holding(world.people[0])
    place = next(key for key in holding.items if key[1] == "PROFILE")
    profile = {**holding.items[place], "data": {"M": {**holding.items[place]["data"]["M"], "x": {"S": "y"}}}}
    legacy.store(replace(holding, items={**holding.items, place: profile}))
    code, said = _said(world, "remove", do=True)
    assert (code, world.operator.move.changes.is_installed()) == (WRONG, True)
    assert "1 things stand beside" in said
    assert _said(world, "remove", do=True, lose_extras=True)[0] == DONE
    assert not world.operator.move.changes.is_installed()
    assert world.sql("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE '%migration%'") == [(0,)]
    assert world.sql("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'migration_%'") == [(0,)]


def test_nothing_is_copied_once_the_data_is_at_home(world: World) -> None:
    control = world.operator.move.control
    control.change(control.refreshed(), replace(control.refreshed(), phase=Phase.CUT_OVER))
    assert _said(world, "backfill", do=True)[0] == WRONG
    assert _said(world, "remove", do=True)[0] == WRONG
    assert world.items() == {}
