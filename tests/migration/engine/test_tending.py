"""Once a minute everything is looked after that nobody waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.migration.guard_rails import GuardRails, Load
from chalicelib.migration.phases import Phase
from chalicelib.migration.serenya.rails import RULES, counts_of
from chalicelib.migration.tending import Tending
from tests.migration.engine.engine import Engine
from tests.migration.engine.people import note

pytestmark = pytest.mark.second_engine

Sql = Any


def _tending(engine: Engine) -> Tending:
    rails = GuardRails(Load(engine.table, engine.clock), engine.control, engine.mover, RULES, engine.clock)
    return Tending(engine.control, engine.mover, engine.drainer, engine.changes, rails)


def _add(sql: Sql, key: str) -> None:
    sql("INSERT INTO people VALUES (%s, 'Ada', NULL)", key)
    sql("INSERT INTO drawers VALUES (%s, %s)", key, key)


def test_a_round_copies_what_others_wrote(engine: Engine, sql: Sql) -> None:
    _add(sql, "a")
    assert _tending(engine).tend()
    assert not engine.home.holding("a").items, "in the phase legacy nothing is copied"
    engine.stands_in(Phase.DUAL_WRITE)

    assert _tending(engine).tend()

    there, here = engine.both("a")
    assert there == here
    assert engine.changes.backlog() == 0


def test_before_anything_is_installed_a_round_does_nothing(engine: Engine, sql: Sql) -> None:
    engine.changes.remove()

    assert _tending(engine).tend()
    assert engine.fence.is_reachable()
    assert not engine.fence.is_open()


def test_a_round_brings_back_what_a_crashed_writer_left(engine: Engine, sql: Sql) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.CUT_OVER)
    engine.marks.put("a", engine.control.refreshed().epoch)
    engine._at_home("a", note("a", "last"))
    engine.clock.advance(engine.lease + timedelta(seconds=1))

    assert _tending(engine).tend()

    there, here = engine.both("a")
    assert there == here
    assert engine.marks.count() == 0


def test_five_minutes_of_errors_after_the_cut_over_roll_it_back(engine: Engine, sql: Sql) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.CUT_OVER)
    engine.write("a", note("a", "at home"))
    load = Load(engine.table, engine.clock)
    engine.clock.advance(timedelta(minutes=1))
    for _ in range(5):
        for _ in range(10):
            load.add(counts_of("/profile", 500, 20.0))
        load.flush()
        engine.clock.advance(timedelta(minutes=1))

    assert _tending(engine).tend()

    standing = engine.control.refreshed()
    assert (standing.phase, standing.is_killed, standing.moved_by) == (Phase.READ_FALLBACK, True, "guard rails")
    assert "errors: 1.0000 of 50" in standing.reason
    assert set(note("a", "at home")) <= engine.read("a").keys()


def test_a_part_that_falls_short_keeps_the_others_from_nothing(engine: Engine, sql: Sql) -> None:
    class Silent:
        def check(self) -> list[Any]:
            raise errors.Unavailable

    _add(sql, "a")
    engine.stands_in(Phase.DUAL_WRITE)

    assert not replace(_tending(engine), rails=Silent()).tend()
    assert engine.changes.backlog() == 0
