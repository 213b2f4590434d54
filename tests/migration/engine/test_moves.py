"""Moves of the primary between a real PostgreSQL and the strict engine, with users and other programs at work."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.migration.control import KEPT_FOR
from chalicelib.migration.gates import MoveRefused
from chalicelib.migration.moves import NoSuchMove
from chalicelib.migration.phases import Gate, Phase
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Holding, Outcome, PhaseMoved
from chalicelib.migration.postgres import connect
from dev.legacy.server import LegacyDatabase
from tests.migration.engine.engine import Engine, told_well
from tests.migration.engine.people import note

pytestmark = pytest.mark.second_engine

Sql = Any
PEOPLE = ("a", "b", "c", "d")


def _add(sql: Sql, *keys: str) -> None:
    for key in keys:
        sql("INSERT INTO people VALUES (%s, 'Ada', NULL)", key)
        sql("INSERT INTO drawers VALUES (%s, %s)", key, key)


def _same(engine: Engine, *keys: str) -> None:
    for key in keys:
        there, here = engine.both(key)
        assert there == here, key


@dataclass(slots=True)
class Users:
    """People who write and read all the time, each in a process of their own."""

    engine: Engine
    promised: set[tuple[str, str]] = field(default_factory=set)
    unavailable: int = 0
    slowest: float = 0.0
    problems: list[BaseException] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self, number: int = 4) -> Iterator[None]:
        """Let them work within the block."""
        threads = [threading.Thread(target=self._work, args=(name,)) for name in range(number)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def write_some(self, number: int = 8) -> None:
        """Let so many more writes be promised to them, however slow the machine is."""
        until, wanted = time.monotonic() + 30, len(self.promised) + number
        while len(self.promised) < wanted and not self.problems and time.monotonic() < until:
            time.sleep(0.01)

    def _work(self, name: int) -> None:
        process, written = self.engine.another(), 0
        try:
            while not self._is_over.is_set():
                key, began = random.choice(PEOPLE), time.monotonic()
                items = note(key, f"{name}-{written}")
                written += 1
                try:
                    process.write(key, items)
                except errors.Unavailable:
                    self.unavailable += 1
                    continue
                finally:
                    self.slowest = max(self.slowest, time.monotonic() - began)
                if not items.keys() <= process.read(key).keys():
                    raise AssertionError(f"{sorted(items)} was written and not found")
                self.promised |= items.keys()
        except BaseException as problem:  # noqa: BLE001  # looked at by the test
            self.problems.append(problem)


def _holds_what_was_promised(engine: Engine, users: Users) -> None:
    assert users.problems == []
    assert len(users.promised) >= 16
    found = {where for key in PEOPLE for where in engine.read(key)}
    assert users.promised <= found


def test_there_and_back_and_there_again_while_people_work(engine: Engine, sql: Sql) -> None:
    _add(sql, *PEOPLE)
    engine.stands_in(Phase.READ_FALLBACK, percent=50)
    for key in PEOPLE:
        engine.copier.copy(key)
    operator, users = replace(engine.mover, gates=_Open()), Users(engine)
    with users.at_work():
        users.write_some()
        operator.move(Phase.CUT_OVER, "test", "there")
        users.write_some()
        operator.move(Phase.READ_FALLBACK, "test", "back")
        users.write_some()
        operator.move(Phase.CUT_OVER, "test", "there again")
        users.write_some()
    while engine.replayer.replay()[0]:
        pass

    assert engine.control.refreshed().phase is Phase.CUT_OVER
    assert users.unavailable == 0
    assert users.slowest < 10, "no caller waits for longer than the app does"
    _holds_what_was_promised(engine, users)
    _same(engine, *PEOPLE)
    assert engine.marks.count() == 0


@pytest.mark.prove
def test_the_kill_switch_works_within_ten_seconds_and_loses_nothing(engine: Engine, sql: Sql) -> None:
    _add(sql, *PEOPLE)
    engine = engine.another(kept_for=KEPT_FOR)
    engine.stands_in(Phase.CUT_OVER)
    users = Users(engine)
    with users.at_work():
        users.write_some()
        began = time.monotonic()
        standing = engine.mover.kill("test", "something is wrong")
        took = time.monotonic() - began
        users.write_some()
    engine.mover.mend()

    assert took < 10
    assert (standing.phase, standing.is_killed) == (Phase.READ_FALLBACK, True)
    assert engine.control.history(1) == [standing]
    _holds_what_was_promised(engine, users)
    assert engine.drainer.until_empty(20) == 0
    _same(engine, *PEOPLE)


def test_a_crashed_writer_holds_its_own_key_back_and_nobody_elses(engine: Engine, sql: Sql) -> None:
    _add(sql, "a", "b")
    engine.stands_in(Phase.CUT_OVER)
    mark = engine.marks.put("a", engine.control.refreshed().epoch)
    engine._at_home("a", note("a", "last"))
    engine.mover.kill("test", "something is wrong")
    impatient = replace(engine.writer, patience_seconds=0.2)

    engine.write("b", note("b", "goes on"))
    with pytest.raises(errors.Unavailable) as told:
        impatient.write(["a"], lambda: engine._in_rows("a", note("a", "x")), lambda: None)
    assert told.value.retry_after_seconds
    with pytest.raises(PhaseMoved):
        engine._rows_of("a")
    engine.clock.advance(engine.lease + timedelta(seconds=1))
    engine.mover.mend()

    assert not engine.marks.stands(mark)
    assert set(note("a", "last")) <= engine.read("a").keys()
    engine.write("a", note("a", "again"))
    assert engine.drainer.until_empty(20) == 0
    _same(engine, "a", "b")


@dataclass(slots=True)
class _Slow:
    """A legacy side that takes its time to store, and never holds still for one of the keys."""

    inner: Any
    restless: str | None = None
    seconds: float = 0.1
    stored: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def store(self, holding: Holding) -> Outcome:
        time.sleep(self.seconds)
        if holding.key == self.restless:
            return Outcome.NEWER_THERE
        self.stored += 1
        outcome: Outcome = self.inner.store(holding)
        return outcome


def _hand_over(engine: Engine, key: str, name: str) -> None:
    """Write at home, and leave the rest to whoever finds the mark."""
    mark = engine.marks.put(key, engine.control.refreshed().epoch)
    engine._at_home(key, note(key, name))
    engine.marks.hand_over(mark)


def test_the_kill_switch_ends_in_time_however_much_is_left_to_bring_back(engine: Engine, sql: Sql) -> None:
    people = [f"p{number}" for number in range(40)]
    _add(sql, *people)
    engine.stands_in(Phase.CUT_OVER)
    for key in people:
        _hand_over(engine, key, "at home")
    slow = _Slow(engine.legacy)
    mover = replace(engine.mover, replayer=replace(engine.replayer, legacy=slow), replayed_within_seconds=1.0)
    began = time.monotonic()
    standing = mover.kill("test", "PostgreSQL is slow")
    took = time.monotonic() - began

    assert took < 3.5, "forty marks take at least four seconds"
    assert (standing.phase, standing.is_killed) == (Phase.READ_FALLBACK, True)
    assert 1 <= slow.stored < len(people)
    held = engine.fence.held()
    assert len(held) == len(people) - slow.stored == engine.marks.count()
    with pytest.raises(PhaseMoved):
        engine._rows_of(held[0])
    engine.mover.mend()

    assert (engine.fence.held(), engine.marks.count()) == ([], 0)
    assert all(note(key, "at home").keys() <= engine.read(key).keys() for key in people)
    assert engine.drainer.until_empty(20) == 0
    _same(engine, *people)


def test_a_holding_that_does_not_hold_still_does_not_give_up_the_roll_back(engine: Engine, sql: Sql) -> None:
    _add(sql, "a", "b")
    engine.stands_in(Phase.CUT_OVER)
    _hand_over(engine, "a", "at home")
    _hand_over(engine, "b", "at home")
    legacy = _Slow(engine.legacy, restless="a", seconds=0.0)
    restless = replace(engine.replayer, legacy=legacy, sleep=lambda _: None)
    standing = replace(engine.mover, replayer=restless).kill("test", "something is wrong")

    assert (standing.phase, standing.moving) == (Phase.READ_FALLBACK, None)
    assert engine.fence.held() == ["a"]
    assert note("b", "at home").keys() <= engine.read("b").keys()
    engine.mover.mend()
    assert note("a", "at home").keys() <= engine.read("a").keys()
    assert engine.drainer.until_empty(20) == 0
    _same(engine, "a", "b")


def test_a_cut_over_waits_for_nobody_for_ever_and_opens_again(
    engine: Engine, sql: Sql, legacy_database: LegacyDatabase
) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.READ_FALLBACK)
    slow = Pool(lambda: connect(legacy_database.dsn))
    with slow.transaction() as cursor:
        cursor.execute("UPDATE people SET name = 'slow'")
        with pytest.raises(MoveRefused) as refused:
            replace(engine.mover, gates=_Open()).move(Phase.CUT_OVER, "test", "too early")
    slow.close()
    standing = engine.control.refreshed()

    assert "a transaction was open" in str(refused.value)
    assert (standing.phase, standing.moving) == (Phase.READ_FALLBACK, None)
    engine.write("a", note("a", "goes on"))
    assert engine.drainer.until_empty(5) == 0
    _same(engine, "a")


def test_a_cut_over_that_cannot_drain_is_given_up(engine: Engine, sql: Sql) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.READ_FALLBACK)
    sql("UPDATE people SET name = repeat('x', 500000)")
    mover = replace(engine.mover, gates=_Open(), drained_within_seconds=0.5)

    with pytest.raises(MoveRefused, match="changes were not copied"):
        mover.move(Phase.CUT_OVER, "test", "with something that cannot be copied")

    assert engine.control.refreshed().phase is Phase.READ_FALLBACK
    sql("UPDATE people SET name = 'short'")


@pytest.mark.parametrize("step", ["drain", "shut", "raise_fence", "conclude"])
def test_a_cut_over_whose_mover_dies_is_undone(engine: Engine, sql: Sql, step: str) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.READ_FALLBACK)
    with pytest.raises(_Killed):
        _dying(engine, step).move(Phase.CUT_OVER, "test", "dies")

    assert engine.mover.mend().moving is not None, "not while it may still be at work"
    engine.clock.advance(timedelta(minutes=2))
    standing = engine.mover.mend()

    assert (standing.phase, standing.moving) == (Phase.READ_FALLBACK, None)
    engine.write("a", note("a", "goes on"))
    sql("UPDATE people SET name = 'others go on'")
    assert engine.drainer.until_empty(5) == 0
    _same(engine, "a")


@pytest.mark.parametrize("step", ["raise_fence", "open", "conclude"])
def test_a_roll_back_whose_mover_dies_is_carried_through(engine: Engine, sql: Sql, step: str) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.CUT_OVER)
    engine.write("a", note("a", "at home"))
    with pytest.raises(_Killed):
        _dying(engine, step).move(Phase.READ_FALLBACK, "test", "dies")
    engine.clock.advance(timedelta(minutes=2))
    standing = engine.mover.mend()

    assert (standing.phase, standing.moving) == (Phase.READ_FALLBACK, None)
    assert set(note("a", "at home")) <= engine.read("a").keys()
    engine.write("a", note("a", "goes on"))
    assert engine.drainer.until_empty(5) == 0
    _same(engine, "a")


@pytest.mark.parametrize("step", ["raise_fence", "open", "conclude"])
def test_a_kill_that_others_finish_leaves_the_switch_thrown(engine: Engine, sql: Sql, step: str) -> None:
    _add(sql, "a")
    engine.stands_in(Phase.CUT_OVER)
    engine.write("a", note("a", "at home"))
    with pytest.raises(_Killed):
        _dying(engine, step).kill("test", "dies")
    engine.clock.advance(timedelta(minutes=2))
    standing = engine.mover.mend()

    assert (standing.phase, standing.moving, standing.is_killed) == (Phase.READ_FALLBACK, None, True)
    assert engine.control.refreshed() == standing
    assert not standing.reads_home("a")
    assert set(note("a", "at home")) <= engine.read("a").keys()


def test_refused_moves_name_every_gate_and_its_figure(engine: Engine, sql: Sql) -> None:
    with pytest.raises(MoveRefused) as refused:
        engine.mover.move(Phase.DUAL_WRITE, "test", "too early")
    assert [one.gate for one in refused.value.refusals] == [Gate.PREFLIGHT_CLEAN]
    with pytest.raises(NoSuchMove, match="from here: dual_write"):
        engine.mover.move(Phase.CUT_OVER, "test", "much too early")
    told_well(engine.figures)
    assert engine.mover.move(Phase.DUAL_WRITE, "test", "dry", is_dry=True).phase is Phase.LEGACY
    assert engine.mover.move(Phase.DUAL_WRITE, "test", "now").phase is Phase.DUAL_WRITE
    engine.changes.remove()
    with pytest.raises(MoveRefused, match=r"changes_installed: .*phase_known_everywhere: .* ago"):
        engine.mover.move(Phase.BACKFILL, "test", "without triggers")


class _Open:
    def refusals(self, *_: object) -> list[Any]:
        return []


class _Killed(BaseException):
    """The mover ends here."""


class _DiesIn:
    """Does everything, and ends its user right after one of the methods."""

    def __init__(self, inner: Any, method: str) -> None:
        self._inner, self._method = inner, method

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        def last(*arguments: Any, **named: Any) -> None:
            if name != "conclude":
                found(*arguments, **named)
            raise _Killed

        return last


def _dying(engine: Engine, step: str) -> Any:
    names: dict[str, Callable[[], dict[str, Any]]] = {
        "drain": lambda: {"drainer": _DiesIn(engine.drainer, "until_empty")},
        "shut": lambda: {"fence": _DiesIn(engine.fence, "shut")},
        "open": lambda: {"fence": _DiesIn(engine.fence, "open")},
        "raise_fence": lambda: {"control": _DiesIn(engine.control, "raise_fence")},
        "conclude": lambda: {"control": _DiesIn(engine.control, "conclude")},
    }
    return replace(engine.mover, gates=_Open(), **names[step]())
