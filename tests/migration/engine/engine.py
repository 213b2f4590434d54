"""All parts of the engine over two real sides, and what users and other programs do to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from chalicelib.migration.changes import PostgresChanges
from chalicelib.migration.conditions import Present
from chalicelib.migration.control import Control
from chalicelib.migration.copying import Copier
from chalicelib.migration.drain import Drainer
from chalicelib.migration.fence import PostgresFence, enter, enter_to_read
from chalicelib.migration.figures import Figure, Figures
from chalicelib.migration.gates import Gates
from chalicelib.migration.home import DynamoHome
from chalicelib.migration.limited import Limited
from chalicelib.migration.loading import Loading
from chalicelib.migration.marks import DynamoMarks
from chalicelib.migration.moves import Mover
from chalicelib.migration.phases import ORDER, Phase
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.reads import Reader
from chalicelib.migration.replay import Replayer
from chalicelib.migration.table import Check, Put, Refused, Table
from chalicelib.migration.writes import Writer
from tests.migration.engine.people import LAYOUT, TRACKED, PeopleLegacy, anchor
from tests.support import SettableClock


@dataclass(slots=True)
class Engine:
    """The engine as one process has it. `another` is a second process over the same sides."""

    pool: Pool
    table: Table
    clock: SettableClock
    kept_for: timedelta = timedelta(seconds=0.2)
    limited: Limited = field(default_factory=lambda: Limited(longest_seconds=5.0, pause_seconds=0.0))
    lease: timedelta = timedelta(seconds=30)
    legacy: PeopleLegacy = field(init=False)
    changes: PostgresChanges = field(init=False)
    fence: PostgresFence = field(init=False)
    control: Control = field(init=False)
    home: DynamoHome = field(init=False)
    marks: DynamoMarks = field(init=False)
    copier: Copier = field(init=False)
    replayer: Replayer = field(init=False)
    drainer: Drainer = field(init=False)
    figures: Figures = field(init=False)
    gates: Gates = field(init=False)
    mover: Mover = field(init=False)
    writer: Writer = field(init=False)
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        table, clock = self.table, self.clock
        self.legacy, self.changes = PeopleLegacy(self.pool), PostgresChanges(self.pool, TRACKED)
        self.fence = PostgresFence(self.pool, timedelta(seconds=0.5))
        self.control = Control(table, clock, self.fence.is_open, self.kept_for)
        self.home = DynamoHome(table, LAYOUT, self.control.standing, clock)
        self.marks = DynamoMarks(table, clock, lambda: self.lease)
        self.copier = Copier(self.legacy, self.home, self.changes)
        self.replayer = Replayer(self.legacy, self.home, self.marks, self.fence)
        self.drainer = Drainer(self.legacy, self.changes, self.copier)
        self.figures = Figures(table, clock, self.control.standing)
        self.gates = Gates(
            self.figures, self.changes, self.marks, self.fence, Loading(table, clock), clock, sleep=lambda _: None
        )
        self.mover = Mover(
            self.control, self.gates, self.fence, self.drainer, self.replayer, self.marks, marks_waited_for_seconds=0.5
        )
        refuses: Callable[[BaseException], bool] = lambda failure: isinstance(failure, Refused)  # noqa: E731
        self.writer = Writer(self.control, self.copier, self.replayer, self.marks, refuses, self.limited)
        self.reader = Reader(
            self.control, self.legacy, self.home, self.copier, self.changes, self.figures, self.limited
        )

    def another(self, **changes: Any) -> Engine:
        """A second process over the same sides."""
        return replace(self, **changes)

    def stands_in(self, phase: Phase, percent: int = 100) -> None:
        """Stand in a phase, as if every gate on the way there had been passed."""
        mover = replace(self.mover, gates=_Open())
        while (standing := self.control.refreshed()).phase is not phase:
            if standing.phase is Phase.READ_FALLBACK:
                assert self.drainer.until_empty(120) == 0
            mover.move(list(Phase)[ORDER[standing.phase] + 1], "test", "on the way")
        if phase is Phase.READ_FALLBACK:
            self.control.set_percent(percent, "test", "on the way")

    def write(self, key: Key, items: Mapping[ItemKey, RawItem]) -> None:
        """A user writes, on condition that they exist."""
        self.writer.write([key], lambda: self._in_rows(key, items), lambda: self._at_home(key, items))

    def read(self, key: Key) -> dict[ItemKey, RawItem]:
        """A user reads."""
        return self.reader.read(key, lambda: self._rows_of(key), lambda: dict(self.home.holding(key).items))

    def both(self, key: Key) -> tuple[dict[ItemKey, RawItem], dict[ItemKey, RawItem]]:
        """What the two sides hold."""
        return dict(self.legacy.holding(key).items), dict(self.home.holding(key).items)

    def _in_rows(self, key: Key, items: Mapping[ItemKey, RawItem]) -> None:
        with self.pool.transaction() as cursor:
            enter(cursor, [key])
            held = dict(self.legacy.held(cursor, key).items)
            if anchor(key) not in held:
                raise Refused([0])
            self.legacy.replace(cursor, key, held | dict(items))

    def _at_home(self, key: Key, items: Mapping[ItemKey, RawItem]) -> None:
        self.table.write(*map(Put, items.values()), Check(anchor(key), Present()))

    def _rows_of(self, key: Key) -> dict[ItemKey, RawItem]:
        with self.pool.transaction() as cursor:
            enter_to_read(cursor, [key])
            return dict(self.legacy.held(cursor, key).items)


class _Open:
    def refusals(self, move: Any, standing: Any) -> list[Any]:
        return []


def told_well(figures: Figures) -> None:
    """Tell every figure that a gate asks for, as if all were well."""
    for figure in (Figure.PREFLIGHT, Figure.BACKFILL, Figure.VERIFICATION):
        figures.tell(figure)
