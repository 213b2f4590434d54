"""A side that is down costs the user nothing, and nothing is missing when it is back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.migration.limited import Limited
from chalicelib.migration.phases import Phase
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Key
from chalicelib.migration.postgres import connect
from dev.legacy.server import LegacyDatabase
from tests.migration.engine.engine import Engine
from tests.migration.engine.people import note

pytestmark = pytest.mark.second_engine

Sql = Any
TEN_MINUTES = timedelta(minutes=10)


@dataclass(slots=True)
class Switchable:
    """A table that stops to answer."""

    inner: Any
    is_down: bool = False
    asked: int = 0

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.asked += 1
            if self.is_down:
                raise errors.Unavailable(message="The table does not answer.")
            return getattr(self.inner, name)(*arguments, **named)

        return call


@dataclass(slots=True)
class Seconds:
    """A clock that only goes on, when it is told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Shown:
    """What the app showed to each person last."""

    items: dict[Key, dict[Any, Any]] = field(default_factory=dict)


def _add(sql: Sql, *keys: str) -> None:
    for key in keys:
        sql("INSERT INTO people VALUES (%s, 'Ada', NULL)", key)
        sql("INSERT INTO drawers VALUES (%s, %s)", key, key)


def _same(engine: Engine, *keys: str) -> None:
    for key in keys:
        there, here = engine.both(key)
        assert there == here, key


def test_home_is_down_for_ten_minutes_and_nobody_notices(engine: Engine, sql: Sql) -> None:
    people = [f"p{number}" for number in range(5)]
    _add(sql, *people)
    engine.stands_in(Phase.READ_FALLBACK)
    for key in people:
        engine.copier.copy(key)
    table, seconds = Switchable(engine.table), Seconds()
    service = engine.another(table=table, limited=Limited(monotonic=seconds))
    service.read("p0")
    table.is_down, table.asked = True, 0
    for minute in range(10):
        for number, key in enumerate(people):
            service.write(key, note(key, f"{minute}-{number}"))
            assert note(key, f"{minute}-{number}").keys() <= service.read(key).keys()
            seconds.now += 12.0
        engine.clock.advance(timedelta(minutes=1))
        sql("UPDATE people SET name = %s WHERE id = 'p3'", f"from outside, {minute}")
    waiting = engine.changes.backlog()
    with pytest.raises(errors.Unavailable):
        replace(engine.drainer, copier=service.copier).drain()
    table.is_down = False

    assert waiting >= 50
    assert engine.drainer.until_empty(60) == 0
    assert engine.changes.troubles() == []
    _same(engine, *people)


def test_postgresql_is_down_for_ten_minutes_after_the_cut_over_and_nobody_notices(
    engine: Engine, sql: Sql, legacy_database: LegacyDatabase
) -> None:
    people = [f"p{number}" for number in range(3)]
    _add(sql, *people)
    engine.stands_in(Phase.CUT_OVER)
    address = {"dsn": legacy_database.dsn}
    seconds = Seconds()
    flaky = Pool(lambda: connect(address["dsn"], timeout_seconds=1))
    service = engine.another(pool=flaky, limited=Limited(monotonic=seconds, longest_seconds=5.0))
    with _unreachable(address):
        for minute in range(10):
            for key in people:
                service.write(key, note(key, f"{minute}"))
                assert note(key, f"{minute}").keys() <= service.read(key).keys()
                seconds.now += 20.0
            engine.clock.advance(timedelta(minutes=1))
        with pytest.raises(errors.Unavailable):
            service.mover.kill("test", "there is nothing to go back to")
        service.write("p0", note("p0", "goes on"))
    flaky.close()

    assert engine.marks.count() == 31
    while engine.replayer.replay()[0]:
        pass
    assert engine.marks.count() == 0
    _same(engine, *people)


def test_a_service_that_starts_while_the_table_is_down_works_in_postgresql(engine: Engine, sql: Sql) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.DUAL_WRITE)
    table = Switchable(engine.table, is_down=True)
    service = engine.another(table=table)

    service.write("a", note("a", "x"))

    assert set(note("a", "x")) <= service.read("a").keys()
    assert engine.drainer.until_empty(5) == 0
    _same(engine, "a")
    engine.fence.close(1_000)
    with pytest.raises(errors.Unavailable):
        engine.another(table=table).control.standing()


_MOST_ROUNDS = 20


@pytest.mark.parametrize("writes", [60, pytest.param(5_000, marks=[pytest.mark.prove, pytest.mark.timeout(900)])])
def test_after_many_writes_at_home_the_way_back_gives_what_the_app_showed(
    engine: Engine, sql: Sql, writes: int
) -> None:
    people = [f"p{number}" for number in range(max(10, writes // 25))]
    _add(sql, *people)
    engine.stands_in(Phase.CUT_OVER)
    draw = random.Random(7)
    plan = [(draw.choice(people), number) for number in range(writes)]
    service = engine.another()

    def write(one: tuple[Key, int]) -> None:
        key, number = one
        # Every tenth writer dies right after its write, every tenth does not reach PostgreSQL.
        if number % 10 == 3:
            engine.marks.put(key, service.control.standing().epoch)
            service._at_home(key, note(key, f"{number % 40}", f"said {number}"))
        elif number % 10 == 7:
            mark = engine.marks.put(key, service.control.standing().epoch)
            service._at_home(key, note(key, f"{number % 40}", f"said {number}"))
            engine.marks.hand_over(mark)
        else:
            service.write(key, note(key, f"{number % 40}", f"said {number}"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, plan))
    shown = {key: service.read(key) for key in people}
    engine.clock.advance(engine.lease + timedelta(seconds=1))
    engine.mover.kill("test", "back")
    assert engine.control.refreshed().phase is Phase.READ_FALLBACK
    for _ in range(_MOST_ROUNDS):  # As once a minute: a round has its time, and how much that is enough for is another.
        engine.mover.mend()
        if not engine.fence.held():
            break

    assert engine.fence.held() == []
    assert {key: dict(engine.legacy.holding(key).items) for key in people} == shown
    assert engine.drainer.until_empty(60) == 0
    _same(engine, *people)


@contextmanager
def _unreachable(address: dict[str, str]) -> Iterator[None]:
    """Point to where no server listens."""
    before, address["dsn"] = address["dsn"], "postgresql://postgres@/x?host=/nowhere"
    try:
        yield
    finally:
        address["dsn"] = before
