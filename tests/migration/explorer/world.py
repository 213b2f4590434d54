"""A small world for the explorer: both sides, processes that run the engine's real code on them, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import errors
from chalicelib.migration import conditions
from chalicelib.migration.control import Control
from chalicelib.migration.copying import Copier
from chalicelib.migration.drain import Drainer
from chalicelib.migration.figures import Figure
from chalicelib.migration.gates import Refusal
from chalicelib.migration.home import DynamoHome
from chalicelib.migration.limited import NotTried
from chalicelib.migration.marks import LONGEST_LEASE, DynamoMarks
from chalicelib.migration.moves import Mover
from chalicelib.migration.phases import Move, Phase, Side
from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.reads import Reader
from chalicelib.migration.replay import Replayer
from chalicelib.migration.standing import Standing
from chalicelib.migration.table import Check, Delete, Put, Refused
from chalicelib.migration.writes import Writer
from tests.migration.engine.memory import ForeignRefused, MemoryPostgres, MemoryTable
from tests.migration.engine.people import LAYOUT, anchor, note
from tests.migration.explorer.scheduler import Actor, State, Watched
from tests.migration.explorer.search import Violation

KEPT_SECONDS = 0.04
PATIENCE_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class Direct:
    """Does aside work at once, or never: threads of its own would be nobody's steps."""

    is_down: bool = False

    def attempt(self, work: Callable[[], object]) -> Exception | None:
        if self.is_down:
            return NotTried()
        try:
            work()
        except Exception as trouble:  # noqa: BLE001  # as the real one
            return trouble
        return None


class Uncounted:
    """Counts nothing."""

    def count(self, figure: Figure, by: int = 1) -> None:
        """Nothing."""


class OpenGates:
    """Lets everything through: here the fences alone have to hold."""

    def refusals(self, move: Move, standing: Standing) -> list[Refusal]:
        return []


@dataclass(slots=True)
class Time:
    """The wall clock and the one that only goes on. Both stand until somebody sleeps or leases end."""

    instant: datetime = datetime(2026, 3, 14, tzinfo=UTC)
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.instant


@dataclass(slots=True)
class Parts:
    """Which classes a process is built from: planted mistakes replace some."""

    home: Callable[..., Any] = DynamoHome
    marks: Callable[..., Any] = DynamoMarks
    replayer: Callable[..., Any] = Replayer
    copier: Callable[..., Any] = Copier
    drainer: Callable[..., Any] = Drainer
    writer: Callable[..., Any] = Writer
    reader: Callable[..., Any] = Reader
    mover: Callable[..., Any] = Mover
    control: Callable[..., Any] = Control
    postgres: Callable[..., MemoryPostgres] = MemoryPostgres


class Process:
    """One process of the service or of the engine, as its wiring would build it."""

    def __init__(self, world: SmallWorld, actor: Actor | None) -> None:
        parts, time = world.parts, world.time
        self.table: Any = world.table if actor is None else Watched(world.table, actor, "table")
        self.postgres: Any = world.postgres if actor is None else Watched(world.postgres, actor, "postgres")
        draw = (lambda: f"setup-{world.draw()}") if actor is None else actor.draw

        def sleep(seconds: float) -> None:
            if actor is None:
                time.seconds += seconds
            else:
                actor.reached("sleep", lambda: world.slept(seconds))

        kept = timedelta(seconds=KEPT_SECONDS)
        self.control = parts.control(self.table, time, kept_for=kept, monotonic=lambda: time.seconds)
        self.home = parts.home(
            self.table,
            LAYOUT,
            self.control.standing,
            time,
            most_actions=world.most_actions,
            sleep=sleep,
            new_token=draw,
        )
        self.marks = parts.marks(self.table, time, new_version=draw)
        self.copier = parts.copier(self.postgres, self.home, self.postgres)
        self.replayer = parts.replayer(self.postgres, self.home, self.marks, self.postgres, sleep=sleep)
        self.drainer = parts.drainer(
            self.postgres, self.postgres, self.copier, at_once=1, sleep=sleep, monotonic=lambda: time.seconds
        )
        patience: dict[str, Any] = {
            "limited": Direct(world.asides_fail),
            "patience_seconds": PATIENCE_SECONDS,
            "sleep": sleep,
            "monotonic": lambda: time.seconds,
        }
        self.writer = parts.writer(
            self.control,
            self.copier,
            self.replayer,
            self.marks,
            lambda failure: isinstance(failure, Refused),
            **patience,
        )
        self.reader = parts.reader(
            self.control, self.postgres, self.home, self.copier, self.postgres, Uncounted(), **patience
        )
        self.mover = parts.mover(
            self.control,
            OpenGates(),
            self.postgres,
            self.drainer,
            self.replayer,
            self.marks,
            drained_within_seconds=0.0,
            marks_waited_for_seconds=0.0,
            overdue_after=world.overdue_after,
            sleep=sleep,
            monotonic=lambda: time.seconds,
        )


@dataclass(slots=True)
class SmallWorld:
    """Both sides and their people, and what was promised to users so far."""

    phase: Phase
    parts: Parts = field(default_factory=Parts)
    percent: int = 100
    most_actions: int = 100
    overdue_after: timedelta = timedelta(0)
    asides_fail: bool = False
    """The other side does not answer whoever writes on the primary."""
    table: MemoryTable = field(default_factory=MemoryTable)
    time: Time = field(default_factory=Time)
    postgres: MemoryPostgres = field(init=False)
    actors: list[Actor] = field(default_factory=list)
    promised: dict[Key, set[ItemKey]] = field(default_factory=dict)
    erasing: set[Key] = field(default_factory=set)
    erased: set[Key] = field(default_factory=set)
    erased_at_home: set[Key] = field(default_factory=set)
    drawn: int = 0

    def __post_init__(self) -> None:
        self.postgres = self.parts.postgres()

    def draw(self) -> int:
        """A number that was not drawn yet."""
        self.drawn += 1
        return self.drawn

    def slept(self, seconds: float) -> None:
        """Let time pass: at least as long as anybody believes what they read."""
        self.time.seconds = round(self.time.seconds + max(seconds, KEPT_SECONDS + 0.01), 3)

    def has(self, key: Key, items: Mapping[ItemKey, RawItem], *, is_copied: bool = True) -> None:
        """Let a person be there before anything begins."""
        self.postgres.held_items[key] = dict(items)
        if is_copied:
            Process(self, None).copier.copy(key)

    def begin(self) -> None:
        """Stand in the phase, with the fences as the way there leaves them."""
        control = Process(self, None).control
        if self.phase in {Phase.CUT_OVER, Phase.RETIRED}:
            control.raise_fence(1)
            control.change(Standing(), Standing(self.phase, epoch=1))
            self.postgres.is_open = self.postgres.is_readable = False
        else:
            control.change(Standing(), Standing(self.phase, percent=self.percent))

    def actor(self, name: str, act: Callable[[Process], None], **more: Any) -> None:
        """Let somebody take part."""

        def acting(actor: Actor) -> None:
            actor.reached("begins", lambda: None)
            try:
                act(Process(self, actor))
            except (errors.Unavailable, ForeignRefused, Refused):
                return  # The caller is told so.

        self.actors.append(Actor(name, acting, **more))

    def digest(self) -> int:
        """A number for the sides and the clocks as they are."""
        promised = tuple((key, tuple(sorted(found))) for key, found in sorted(self.promised.items()))
        gone = (tuple(sorted(self.erasing)), tuple(sorted(self.erased)))
        return hash((self.table.digest, self.postgres.digest(), self.time.instant, self.time.seconds, promised, gone))

    # What people do.

    def adds(self, name: str, key: Key = "a") -> None:
        """A user adds a note."""
        items = note(key, name)

        def act(process: Process) -> None:
            process.writer.write(
                [key],
                lambda: process.postgres.write(key, items, anchor(key)),
                lambda: process.table.write(*map(Put, items.values()), Check(anchor(key), conditions.Present())),
            )
            self.promised.setdefault(key, set()).update(items)

        self.actor(f"{name} adds", act)

    def adds_from_outside(self, name: str, key: Key = "a") -> None:
        """Another program adds a note to PostgreSQL."""
        items = note(key, name)

        def act(process: Process) -> None:
            process.postgres.write_foreign(key, items)
            self.promised.setdefault(key, set()).update(items)

        self.actor(f"{name} adds from outside", act, may_crash=False)

    def changes_from_outside(self, name: str, key: Key = "a") -> None:
        """Another program changes what a note says."""

        def act(process: Process) -> None:
            process.postgres.write_foreign(key, note(key, name, "changed"))

        self.actor("f1 changes from outside", act, may_crash=False)

    def is_erased(self, key: Key = "a") -> None:
        """A user is erased by the service."""

        def at_home(process: Process) -> None:
            while found := process.table.partition(f"PERSON#{key}"):
                where = [(item["PK"]["S"], item["SK"]["S"]) for item in found]
                process.table.write(*map(Delete, where))
            self.erased_at_home.add(key)

        def act(process: Process) -> None:
            self.erasing.add(key)
            process.writer.write([key], lambda: process.postgres.erase(key), lambda: at_home(process))
            self.erased.add(key)

        self.actor("eraser", act)

    def reads(self, times: int = 1, key: Key = "a") -> None:
        """A user reads, and must find what was promised before."""

        def read(process: Process) -> None:
            expected, was_erased = set(self.promised.get(key, ())), key in self.erased
            found = process.reader.read(
                key,
                lambda: set(process.postgres.read(key)),
                lambda: {(one["PK"]["S"], one["SK"]["S"]) for one in process.table.partition(f"PERSON#{key}")},
            )
            if was_erased and found:
                raise Violation(f"a read found {sorted(found)} of somebody erased")
            if key not in self.erasing and not expected <= found:
                raise Violation(f"a stale read: {sorted(expected - found)} was written and is not found")

        def act(process: Process) -> None:
            for _ in range(times):
                read(process)

        self.actor("reader", act, may_crash=False)

    def acts(self, name: str, act: Callable[[Process], object], **more: Any) -> None:
        """Somebody of the engine does something; that the phase has moved is no surprise to them."""

        def acting(process: Process) -> None:
            from chalicelib.migration.control import ChangedMeanwhile
            from chalicelib.migration.fence import FenceLost
            from chalicelib.migration.gates import MoveRefused
            from chalicelib.migration.moves import NoSuchMove
            from chalicelib.migration.ports import PhaseMoved

            try:
                act(process)
            except (PhaseMoved, ChangedMeanwhile, FenceLost, MoveRefused, NoSuchMove):
                return

        self.actor(name, acting, **more)

    def leases_end(self) -> None:
        """Time passes, once nobody writes any more."""
        writers = [actor for actor in self.actors if actor.name.endswith(" adds") or actor.name == "eraser"]

        def act(actor: Actor) -> None:
            actor.reached("time passes", self._advance)

        are_done = lambda: all(one.state is not State.WAITING for one in writers)  # noqa: E731  # one expression
        self.actors.append(Actor("leases end", act, may_crash=False, is_enabled=are_done))

    def _advance(self) -> None:
        self.time.instant += LONGEST_LEASE

    # What must hold in the end.

    def check_end(self) -> None:
        """Let the engine put right what crashes left, and compare.

        Raises:
            Violation: something is lost, came back, or differs.
        """
        self.time.instant += LONGEST_LEASE + timedelta(days=1)
        self.time.seconds += 1_000
        self.postgres.claimed.clear()
        process = Process(self, None)
        for _ in range(3):
            process.mover.mend()
        standing = process.control.refreshed()
        if standing.primary is Side.LEGACY:
            for key in list(self.postgres.held_items):
                if process.home.state(key).revision is None:  # The backfill goes on where it stopped.
                    process.copier.copy(key)
            process.drainer.until_empty(1.0)
        self._look(process, standing)

    def _look(self, process: Process, standing: Standing) -> None:
        left = {
            "notes": self.postgres.notes,
            "marks": process.marks.waiting(10),
            "keys held back": sorted(self.postgres.held_back),
            "moves": [standing.moving] if standing.moving else [],
        }
        if any(left.values()):
            raise Violation(f"something never ends: { {name: some for name, some in left.items() if some} }")
        if self.postgres.is_open is not (standing.primary is Side.LEGACY):
            raise Violation(f"PostgreSQL is {'open' if self.postgres.is_open else 'closed'} in {standing.phase}")
        for key in {*self.postgres.held_items, *self.promised}:
            self._compare(key, process, standing)

    def _compare(self, key: Key, process: Process, standing: Standing) -> None:
        there, here = dict(process.postgres.holding(key).items), dict(process.home.holding(key).items)
        primary = there if standing.primary is Side.LEGACY else here
        if key in self.erased and (there or here):
            raise Violation(f"somebody erased is back: in PostgreSQL {sorted(there)}, at home {sorted(here)}")
        lost = self.promised.get(key, set()) - set(primary)
        if lost and key not in self.erasing:
            raise Violation(f"a lost write: {sorted(lost)} is not in {standing.primary}")
        if there != here:
            raise Violation(
                f"the sides differ: only in PostgreSQL {sorted(set(there) - set(here))}, "
                f"only at home {sorted(set(here) - set(there))}, "
                f"otherwise {sorted(where for where in there if where in here and there[where] != here[where])}"
            )
