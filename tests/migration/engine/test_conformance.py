"""What the explorer takes for DynamoDB and PostgreSQL does the same as DynamoDB's stand-ins and a real PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pynamodb.connection.table import TableConnection

from chalicelib.migration.changes import PostgresChanges
from chalicelib.migration.conditions import Absent, AllOf, AnyOf, Below, Condition, Equals, Present
from chalicelib.migration.fence import FenceLost, PostgresFence, enter, enter_to_read
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Holding, PhaseMoved
from chalicelib.migration.schema import CLOSED
from chalicelib.migration.table import Action, Change, Check, Delete, Put, Refused, key_of
from tests.migration.engine.conftest import dynamo
from tests.migration.engine.memory import ForeignRefused, MemoryPostgres, MemoryTable
from tests.migration.engine.people import STAMP, TRACKED, PeopleLegacy, anchor, note, person

KEYS = [("MIGRATION#T", f"S{number}") for number in range(3)]
VALUES = st.sampled_from([{"N": "1"}, {"N": "2"}, {"S": "x"}])
CONDITIONS: Any = st.recursive(
    st.one_of(
        st.just(Absent()),
        st.just(Present()),
        st.builds(Equals, st.sampled_from([("count",), ("part", "token")]), st.one_of(st.none(), VALUES)),
        st.builds(Below, st.just(("count",)), st.integers(0, 3)),
    ),
    lambda inner: st.one_of(
        st.builds(AnyOf, st.tuples(inner, inner)),
        st.builds(AllOf, st.tuples(inner, inner)),
    ),
    max_leaves=3,
)


def _item(key: tuple[str, str], count: str, token: str | None) -> dict[str, Any]:
    part = {} if token is None else {"token": {"S": token}}
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}, "count": {"N": count}, "part": {"M": part}, **STAMP}


ACTIONS: Any = st.one_of(
    st.builds(
        lambda key, count, token, condition: Put(_item(key, count, token), condition),
        st.sampled_from(KEYS),
        st.sampled_from("123"),
        st.sampled_from([None, "x", "y"]),
        st.one_of(st.none(), CONDITIONS),
    ),
    st.builds(Delete, st.sampled_from(KEYS), st.one_of(st.none(), CONDITIONS)),
    st.builds(Check, st.sampled_from(KEYS), CONDITIONS),
    st.builds(
        lambda key, sets, adds, condition: Change(key, STAMP | sets, ("part",), adds, condition),
        st.sampled_from(KEYS),
        st.dictionaries(st.just("word"), st.just({"S": "x"})),
        st.dictionaries(st.just("count"), st.integers(1, 2)),
        st.one_of(st.none(), CONDITIONS),
    ),
)


def _distinct(actions: list[Action]) -> list[Action]:
    """DynamoDB takes each item once in a transaction."""
    return list({key_of(one.item) if isinstance(one, Put) else one.key: one for one in actions}.values())


def _outcome(write: Callable[[], None]) -> tuple[int, ...] | None:
    try:
        write()
    except Refused as refused:
        return refused.failed
    return None


@pytest.mark.second_engine
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(ACTIONS, min_size=1, max_size=3).map(_distinct), min_size=1, max_size=4))
def test_the_table_in_memory_refuses_and_writes_as_the_real_one(
    second_engine: TableConnection, writes: list[list[Action]]
) -> None:
    real, memory = dynamo(second_engine), MemoryTable()
    for key in KEYS:
        real.write(Delete(key))
    for actions in writes:
        assert _outcome(lambda some=actions: memory.write(*some)) == _outcome(lambda some=actions: real.write(*some))  # type: ignore[misc]  # bound at once
        assert dict(memory.get_many(KEYS)) == dict(real.get_many(KEYS))
    assert memory.partition("MIGRATION#T") == real.partition("MIGRATION#T")
    assert memory.partition("MIGRATION#T", 2, is_newest_first=True) == real.partition(
        "MIGRATION#T", 2, is_newest_first=True
    )


class _RealPostgres:
    """PostgreSQL with the shape of the one in memory."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._legacy = pool, PeopleLegacy(pool)
        self._changes, self._fence = PostgresChanges(pool, TRACKED), PostgresFence(pool)

    def __getattr__(self, name: str) -> Any:
        for side in (self._legacy, self._changes, self._fence):
            if hasattr(side, name):
                return getattr(side, name)
        raise AttributeError(name)

    def write(self, key: str, puts: Any, needed: Any) -> None:
        with self._pool.transaction() as cursor:
            enter(cursor, [key])
            held = dict(self._legacy.held(cursor, key).items)
            if needed not in held:
                raise Refused([0])
            self._legacy.replace(cursor, key, held | puts)

    def write_foreign(self, key: str, puts: Any, deletes: Any = ()) -> None:
        from chalicelib.migration.postgres import sqlstate

        try:
            with self._pool.transaction() as cursor:
                held = dict(self._legacy.held(cursor, key).items)
                kept = {where: one for where, one in (held | puts).items() if where not in deletes}
                self._legacy.replace(cursor, key, kept)
        except Exception as failure:
            if sqlstate(failure) == CLOSED:
                raise ForeignRefused from failure
            raise

    def held(self) -> Any:
        return self._fence.held()

    def read(self, key: str) -> Any:
        with self._pool.transaction() as cursor:
            enter_to_read(cursor, [key])
            return dict(self._legacy.held(cursor, key).items)


def _acts(draw: random.Random, number: int) -> Callable[[Any], Any]:
    """Something that is done to PostgreSQL, drawn at random."""
    key, version = draw.choice("ab"), draw.randint(0, 4)
    acts: list[Callable[[Any], Any]] = [
        lambda side: side.write(key, note(key, str(number)), anchor(key)),
        lambda side: side.write_foreign(key, person(key) | note(key, str(number))),
        lambda side: side.write_foreign(key, {}, list(side.holding(key).items)),
        lambda side: sorted(side.read(key)),
        lambda side: side.close(version),
        lambda side: side.shut(version),
        lambda side: side.open(version),
        lambda side: side.open(version, [key]),
        lambda side: side.release([key]),
        lambda side: side.held(),
        lambda side: side.settle_until(key, side.revision(key)),
        lambda side: side.settle_until(key, side.revision(key) - 1),
        lambda side: str(side.store(Holding(key, side.revision(key), person(key) | note(key, "back")))),
        lambda side: str(side.store(Holding(key, side.revision(key) - 1, {}))),
    ]
    return draw.choice(acts)


def _told(act: Callable[[Any], Any], side: Any) -> Any:
    try:
        return act(side)
    except (PhaseMoved, FenceLost, Refused, ForeignRefused) as trouble:
        return type(trouble).__name__


@pytest.mark.parametrize("seed", range(4))
def test_postgresql_in_memory_does_what_the_real_one_does(people_pool: Pool, seed: int) -> None:
    draw, memory, real = random.Random(seed), MemoryPostgres(), _RealPostgres(people_pool)
    grown = {"a": memory.revision("a"), "b": memory.revision("b")}
    for number in range(60):
        act = _acts(draw, number)
        before = {key: real.revision(key) for key in "ab"}
        assert _told(act, memory) == _told(act, real), number
        for key in "ab":
            assert memory.holding(key).items == real.holding(key).items
            assert (memory.revision(key) > grown[key]) == (real.revision(key) > before[key])
            waits = any(change.key == key for change in memory.notes)
            assert waits == real.is_noted(key, real.revision(key))
            assert memory.is_noted(key, grown[key]) == real.is_noted(key, before[key])
            grown[key] = memory.revision(key)
    assert memory.held() == sorted(real.held())


@pytest.mark.second_engine
def test_a_condition_is_written_without_a_reserved_word(second_engine: TableConnection) -> None:
    table = dynamo(second_engine)
    condition: Condition = AllOf(
        (Absent(), Equals(("status",), None), AnyOf((Absent(), Equals(("name",), {"S": "x"}))))
    )

    table.write(Change(("MIGRATION#T", "S"), STAMP | {"status": {"S": "x"}}, ("data",), {"count": 1}, condition))

    assert (table.get(("MIGRATION#T", "S")) or {})["status"] == {"S": "x"}
