"""What a read at home finds of a copy, and what it counts it for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.migration import places
from chalicelib.migration.figures import Figure
from chalicelib.migration.limited import Limited
from chalicelib.migration.phases import Phase
from chalicelib.migration.table import Delete
from tests.migration.engine.engine import Engine
from tests.migration.engine.people import anchor, note, person

pytestmark = pytest.mark.second_engine
Sql = Callable[..., list[Any]]
COUNTED = (Figure.FALLBACKS, Figure.BEHIND, Figure.READ_AT_HOME)


@pytest.fixture
def reading(engine: Engine, sql: Sql) -> Engine:
    """Everybody reads at home, and one person is copied."""
    sql("INSERT INTO people VALUES ('a', 'Ada', NULL)")
    sql("INSERT INTO drawers VALUES ('a', 'a')")
    engine.stands_in(Phase.READ_FALLBACK)
    assert engine.drainer.until_empty(5) == 0
    return engine


def _counted(engine: Engine) -> dict[Figure, int]:
    known = engine.figures.known()
    return {figure: known[figure].number for figure in COUNTED if figure in known}


def test_a_copy_that_is_there_answers(reading: Engine) -> None:
    assert reading.read("a") == person("a")
    assert _counted(reading) == {Figure.READ_AT_HOME: 1}


def test_a_change_of_another_program_leaves_the_copy_behind_until_it_is_drained(reading: Engine, sql: Sql) -> None:
    sql("UPDATE people SET name = 'Ada Lovelace'")
    assert reading.read("a") == person("a", "Ada Lovelace")
    assert _counted(reading) == {Figure.BEHIND: 1}
    assert reading.read("a") == person("a", "Ada Lovelace")
    assert _counted(reading) == {Figure.BEHIND: 1, Figure.READ_AT_HOME: 1}, "the read has made it good"


def test_a_copy_that_arrives_between_two_looks_was_behind(reading: Engine, sql: Sql) -> None:
    sql("UPDATE people SET name = 'Ada Lovelace'")
    made = reading.legacy.revision

    class Slow:
        """Is asked for the revision; the drainer is done before the copy is looked at again."""

        def revision(self, key: str) -> int:
            return made(key)

        def is_noted(self, key: str, revision: int) -> bool:
            reading.drainer.until_empty(5)
            return reading.changes.is_noted(key, revision)

    slow: Any = Slow()
    replaced = replace(reading.reader, legacy=slow, notes=slow)
    assert replaced.read("a", lambda: "PostgreSQL", lambda: "home") == "PostgreSQL"
    assert _counted(reading) == {Figure.BEHIND: 1}


def test_a_copy_that_vanished_is_a_fallback(reading: Engine) -> None:
    reading.table.write(Delete(places.copy_key("a")), Delete(anchor("a")))
    assert reading.read("a") == person("a")
    assert _counted(reading) == {Figure.FALLBACKS: 1}
    assert reading.read("a") == person("a")
    assert _counted(reading) == {Figure.FALLBACKS: 1, Figure.READ_AT_HOME: 1}


def test_a_copy_that_lost_a_change_without_a_note_is_a_fallback(reading: Engine, sql: Sql) -> None:
    sql("UPDATE people SET name = 'Ada Lovelace'")
    sql("DELETE FROM migration.changes")
    assert reading.read("a") == person("a", "Ada Lovelace")
    assert _counted(reading) == {Figure.FALLBACKS: 1}


def test_a_copy_that_nobody_brings_any_more_is_a_fallback(reading: Engine, sql: Sql) -> None:
    sql("UPDATE people SET name = repeat('x', 500000)")
    while not reading.changes.failed("a", "it is too large"):
        continue
    assert reading.read("a") == person("a", "x" * 500_000)
    assert _counted(reading) == {Figure.FALLBACKS: 1}


def test_a_copy_that_lacks_but_its_revision_after_a_roll_back_was_behind(reading: Engine) -> None:
    reading.stands_in(Phase.CUT_OVER)
    reading.write("a", note("a", "n1"))
    open_gates = replace(reading.mover, gates=_Open())
    open_gates.move(Phase.READ_FALLBACK, "test", "back")
    reading.control.set_percent(100, "test", "all")
    assert reading.read("a") == person("a") | note("a", "n1")
    assert reading.read("a") == person("a") | note("a", "n1")
    assert _counted(reading) == {Figure.BEHIND: 1, Figure.READ_AT_HOME: 1}


def test_a_table_that_does_not_answer_is_a_fallback(reading: Engine) -> None:
    class Down:
        """Does not answer."""

        def state(self, key: str) -> Any:
            raise errors.Unavailable

    down: Any = Down()
    reader = replace(reading.reader, home=down, limited=Limited(longest_seconds=5.0))
    assert reader.read("a", lambda: "PostgreSQL", lambda: "home") == "PostgreSQL"
    assert _counted(reading) == {Figure.FALLBACKS: 1}


def test_what_is_behind_is_told_from_the_note_alone_where_no_repair_is_tried(reading: Engine, sql: Sql) -> None:
    sql("UPDATE people SET name = 'Ada Lovelace'")
    busy = replace(reading.reader, limited=Limited(most_at_once=0))
    assert busy.read("a", lambda: "PostgreSQL", lambda: "home") == "PostgreSQL"
    assert _counted(reading) == {Figure.BEHIND: 1}


class _Open:
    def refusals(self, move: Any, standing: Any) -> list[Any]:
        return []
