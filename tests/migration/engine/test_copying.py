"""Copies, on a real PostgreSQL and the strict engine: conditional, repeatable from every step, over no tombstone."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.migration import places
from chalicelib.migration.phases import Phase
from chalicelib.migration.ports import Holding, Outcome, PhaseMoved
from chalicelib.migration.table import Action, Put, Table
from tests.migration.engine.engine import Engine
from tests.migration.engine.people import anchor, gravestone, guard_key, item, note, person

pytestmark = pytest.mark.second_engine

Sql = Any


class _Killed(BaseException):
    """The process ends here."""


class _Mortal:
    """A table whose user is killed before its n-th write, or right after it."""

    def __init__(self, table: Table, dies_at: int, *, is_after: bool) -> None:
        self._table, self._left, self._is_after = table, dies_at, is_after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def write(self, *actions: Action) -> None:
        self._left -= 1
        if self._left == 0 and not self._is_after:
            raise _Killed
        self._table.write(*actions)
        if self._left == 0:
            raise _Killed


def _add(sql: Sql, key: str = "a", notes: int = 1, email: str | None = None) -> None:
    sql("INSERT INTO people VALUES (%s, 'Ada', %s)", key, email)
    sql("INSERT INTO drawers VALUES (%s, %s)", key, key)
    sql("INSERT INTO notes SELECT %s || '/' || n, %s, 'text' FROM generate_series(1, %s) AS n", key, key, notes)


def _same(engine: Engine, *keys: str) -> None:
    for key in keys:
        there, here = engine.both(key)
        assert there == here, key


def test_a_holding_arrives_whole_and_a_second_copy_does_nothing(engine: Engine, sql: Sql) -> None:
    _add(sql, email="a@x")

    assert engine.copier.copy("a") is Outcome.WRITTEN
    assert engine.copier.copy("a") is Outcome.UNCHANGED
    assert guard_key("a@x") in engine.home.holding("a").items
    assert engine.changes.backlog() == 0
    _same(engine, "a")


def test_an_older_revision_loses(engine: Engine, sql: Sql) -> None:
    _add(sql)
    old = engine.legacy.holding("a")
    sql("UPDATE people SET name = 'Eve'")
    engine.copier.copy("a")

    assert engine.home.store(old) is Outcome.NEWER_THERE
    _same(engine, "a")


def test_four_hundred_items_are_copied_changed_and_removed(engine: Engine, sql: Sql) -> None:
    _add(sql, notes=400)
    assert engine.copier.copy("a") is Outcome.WRITTEN
    sql("UPDATE notes SET body = 'other'")
    sql("DELETE FROM notes WHERE id LIKE 'a/1%%' AND %s", True)
    assert engine.copier.copy("a") is Outcome.WRITTEN
    _same(engine, "a")

    sql("DELETE FROM people")

    assert engine.copier.copy("a") is Outcome.REMOVED
    assert not engine.home.holding("a").items


@pytest.mark.parametrize("is_after", [False, True])
def test_a_copy_that_is_killed_at_any_step_is_made_good_by_the_next(engine: Engine, sql: Sql, is_after: bool) -> None:
    _add(sql, notes=30)
    home = replace(engine.home, most_actions=12)
    steps = 0
    while True:
        steps += 1
        sql("UPDATE notes SET body = 'round ' || %s", str(steps))
        holding = engine.legacy.holding("a")
        try:
            replace(home, table=_Mortal(engine.table, steps, is_after=is_after)).store(holding)
        except _Killed:
            assert replace(home).store(holding) in {Outcome.WRITTEN, Outcome.UNCHANGED}
            _same(engine, "a")
        else:
            break
    assert steps > 5


def test_a_copy_left_half_way_is_not_taken_for_fresh(engine: Engine, sql: Sql) -> None:
    _add(sql, notes=30)
    holding = engine.legacy.holding("a")
    with pytest.raises(_Killed):
        replace(engine.home, most_actions=12, table=_Mortal(engine.table, 2, is_after=True)).store(holding)

    assert not engine.home.state("a").has(holding.revision)


def test_a_late_step_of_a_copy_that_was_taken_over_does_nothing(engine: Engine, sql: Sql) -> None:
    _add(sql, notes=30)
    old = engine.legacy.holding("a")

    class Slow(_Mortal):
        def write(self, *actions: Action) -> None:
            self._left -= 1
            if self._left == 0:
                sql("UPDATE notes SET body = 'new'")
                replace(engine.home, most_actions=12).store(engine.legacy.holding("a"))
            self._table.write(*actions)

    outcome = replace(engine.home, most_actions=12, table=Slow(engine.table, 3, is_after=False)).store(old)

    assert outcome is Outcome.NEWER_THERE
    _same(engine, "a")


def test_whoever_was_removed_is_not_brought_back_by_rows_that_return(engine: Engine, sql: Sql) -> None:
    _add(sql)
    engine.copier.copy("a")
    old = engine.legacy.holding("a")
    sql("DELETE FROM people")

    assert engine.copier.copy("a") is Outcome.REMOVED
    assert engine.home.store(old) is Outcome.BURIED
    _add(sql)
    assert engine.copier.copy("a") is Outcome.BURIED
    assert not engine.home.holding("a").items


def test_whom_the_service_has_erased_is_not_brought_home(engine: Engine, sql: Sql) -> None:
    engine.table.write(Put(item(gravestone("a"), {})))
    _add(sql)

    assert engine.copier.copy("a") is Outcome.BURIED
    assert not engine.home.holding("a").items


def test_a_person_who_is_being_erased_in_postgresql_is_followed_until_nothing_is_left(engine: Engine, sql: Sql) -> None:
    _add(sql, notes=3)
    engine.copier.copy("a")
    engine.table.write(Put(item(gravestone("a"), {})))
    sql("DELETE FROM notes WHERE id = 'a/1'")
    assert engine.copier.copy("a") is Outcome.WRITTEN
    _same(engine, "a")
    sql("DELETE FROM people")

    assert engine.copier.copy("a") is Outcome.REMOVED
    _add(sql)
    assert engine.copier.copy("a") is Outcome.BURIED


def test_an_erasure_at_home_that_comes_between_reading_and_writing_wins(engine: Engine, sql: Sql) -> None:
    _add(sql)

    class Between(_Mortal):
        def write(self, *actions: Action) -> None:
            self._left -= 1
            if self._left == 0:
                self._table.write(Put(item(gravestone("a"), {})))
            self._table.write(*actions)

    home = replace(engine.home, table=Between(engine.table, 1, is_after=False))

    assert home.store(engine.legacy.holding("a")) is Outcome.BURIED
    assert not engine.home.holding("a").items


def test_a_guard_that_changed_hands_follows_whichever_is_copied_first(engine: Engine, sql: Sql) -> None:
    _add(sql, "a", email="x@y")
    _add(sql, "b")
    for key in "ab":
        engine.copier.copy(key)
    sql("UPDATE people SET email = NULL WHERE id = 'a'")
    sql("UPDATE people SET email = 'x@y' WHERE id = 'b'")

    engine.copier.copy("b")

    _same(engine, "a", "b")
    engine.copier.copy("a")
    assert engine.home.holding("b").items[guard_key("x@y")]["data"]["M"]["owner"]["S"] == "b"


def test_an_item_that_something_else_has_changed_is_repaired(engine: Engine, sql: Sql) -> None:
    _add(sql)
    engine.copier.copy("a")
    engine.table.write(Put(next(iter(note("a", "1", "corrupt").values()))))

    assert engine.copier.copy("a") is Outcome.UNCHANGED
    assert engine.copier.repair("a") is Outcome.WRITTEN
    _same(engine, "a")


def test_a_stray_guard_that_names_somebody_is_taken_away_and_another_persons_is_not(engine: Engine, sql: Sql) -> None:
    _add(sql, "a")
    _add(sql, "b")
    engine.copier.copy("a")
    stray, foreign = guard_key("old@address"), guard_key("b@address")
    engine.table.write(Put(item(stray, {"owner": {"S": "a"}})), Put(item(foreign, {"owner": {"S": "b"}})))

    assert engine.copier.repair("a") is Outcome.UNCHANGED, "nothing of a names it"
    assert engine.copier.repair("a", [stray, foreign]) is Outcome.WRITTEN
    assert engine.table.get(stray) is None
    assert engine.table.get(foreign) is not None
    _same(engine, "a")


def test_copies_of_a_past_epoch_are_refused(engine: Engine, sql: Sql) -> None:
    _add(sql)
    holding = engine.legacy.holding("a")
    engine.control.standing()
    engine.another().control.raise_fence(7)

    with pytest.raises(PhaseMoved):
        engine.home.store(holding)


def test_copies_race_each_other_and_writers_and_the_last_state_wins(engine: Engine, sql: Sql) -> None:
    for key in ("a", "b"):
        _add(sql, key, notes=12)
    home = replace(engine.home, most_actions=8)
    copier = replace(engine.copier, home=home)
    problems: list[BaseException] = []

    def run(act: Callable[[int], object]) -> Callable[[], None]:
        def loop() -> None:
            try:
                for number in range(12):
                    act(number)
            except BaseException as problem:  # noqa: BLE001  # looked at below
                problems.append(problem)

        return loop

    acts = [
        lambda number: sql("UPDATE notes SET body = %s WHERE drawer_id = 'a'", f"{number}"),
        lambda number: sql("UPDATE people SET name = %s", f"{number}"),
        lambda number: engine.drainer.drain(20),
        *[lambda number: copier.copy(random.choice("ab")) for _ in range(4)],
    ]
    threads = [threading.Thread(target=run(act)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sql("UPDATE migration.changes SET claimed_until = NULL")

    assert problems == []
    assert engine.drainer.until_empty(20) == 0
    _same(engine, "a", "b")


def test_a_removal_races_copies_and_nobody_comes_back(engine: Engine, sql: Sql) -> None:
    for number in range(6):
        key = f"p{number}"
        _add(sql, key, notes=3)
        engine.copier.copy(key)
        old = engine.legacy.holding(key)
        barrier = threading.Barrier(4)

        def copies(holding: Holding = old, wait: threading.Barrier = barrier) -> None:
            wait.wait()
            engine.home.store(replace(holding, revision=holding.revision + 1))

        def removes(name: str = key, wait: threading.Barrier = barrier) -> None:
            wait.wait()
            sql("UPDATE people SET name = 'x' WHERE id = %s", name)
            sql("DELETE FROM people WHERE id = %s", name)
            engine.copier.copy(name)

        threads = [threading.Thread(target=copies) for _ in range(3)] + [threading.Thread(target=removes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not engine.home.holding(key).items, key


def test_one_poisoned_holding_blocks_nobody(engine: Engine, sql: Sql) -> None:
    _add(sql, "bad")
    _add(sql, "good")
    sql("UPDATE people SET name = repeat('x', 500000) WHERE id = 'bad'")

    done = engine.drainer.drain()

    assert (done.copied, done.failed) == (1, 1)
    assert [trouble.key for trouble in engine.changes.troubles()] == ["bad"]
    assert engine.changes.backlog() > 0
    _same(engine, "good")
    sql("UPDATE people SET name = 'short' WHERE id = 'bad'")
    engine.copier.copy("bad")
    assert engine.changes.troubles() == []
    assert engine.drainer.until_empty(5) == 0
    _same(engine, "bad")


def test_the_engines_own_items_name_nobody(engine: Engine, sql: Sql) -> None:
    _add(sql, "somebody-known")
    engine.copier.copy("somebody-known")

    assert "somebody-known" not in str(engine.table.get(places.copy_key("somebody-known")))


def test_nothing_is_copied_once_home_is_primary(engine: Engine, sql: Sql) -> None:
    _add(sql)
    engine.stands_in(Phase.CUT_OVER)

    with pytest.raises(PhaseMoved):
        engine.copier.repair("a")
    assert anchor("a") in engine.home.holding("a").items
    assert person("a").keys() <= engine.home.holding("a").items.keys()
