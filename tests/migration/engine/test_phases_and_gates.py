"""Phases, their moves, the gates between them, and the item that says where the move stands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.migration import places
from chalicelib.migration.control import KEPT_FOR, ChangedMeanwhile, Control
from chalicelib.migration.figures import Figure, Figures
from chalicelib.migration.gates import FRESH_FOR, LEAST_READS, QUIET_FOR, Gates
from chalicelib.migration.loading import LOADS_FOR, Loading
from chalicelib.migration.phases import MOVES, ORDER, PERMITTED, Gate, Move, Phase, Side, move_between, moves_from
from chalicelib.migration.standing import Moving, Standing, part_of, read, written
from tests.migration.engine.memory import MemoryTable
from tests.support import SettableClock


@dataclass(slots=True)
class Sides:
    """Both sides, as gates see them."""

    installed: bool = True
    waiting: int = 0
    aside: int = 0
    marks: int = 0
    held: int = 0
    reachable: bool = True
    since: datetime | None = datetime(2026, 3, 1, tzinfo=UTC)

    def installed_at(self) -> datetime | None:
        return self.since

    def is_installed(self) -> bool:
        if not self.reachable:
            raise errors.Unavailable
        return self.installed

    def backlog(self) -> int:
        return self.waiting

    def set_aside(self) -> int:
        return self.aside

    def count(self) -> int:
        return self.marks

    def count_held(self) -> int:
        return self.held

    def is_reachable(self) -> bool:
        return self.reachable


@dataclass(slots=True)
class Kept:
    """A table, a clock, figures and gates over both sides."""

    table: MemoryTable = field(default_factory=MemoryTable)
    clock: SettableClock = field(default_factory=SettableClock)
    sides: Sides = field(default_factory=Sides)
    epoch: int = 0
    seconds: float = 0.0
    loading: list[AbstractContextManager[None]] = field(default_factory=list)

    @property
    def figures(self) -> Figures:
        return Figures(
            self.table, self.clock, lambda: Standing(epoch=self.epoch, version=7), monotonic=lambda: self.seconds
        )

    @property
    def control(self) -> Control:
        return Control(self.table, self.clock, monotonic=lambda: self.seconds)

    def loads(self) -> None:
        """Somebody writes by batches, and is killed at it."""
        self.loading.append(Loading(self.table, self.clock).told())
        self.loading[-1].__enter__()

    def reasons(self, gate: Gate, standing: Standing | None = None) -> list[str]:
        """Why a gate does not let through."""
        gates = Gates(
            self.figures,
            self.sides,
            self.sides,
            self.sides,
            Loading(self.table, self.clock),
            self.clock,
            sleep=lambda _: None,
        )
        move = Move(Phase.LEGACY, Phase.DUAL_WRITE, (gate,))
        return [one.reason for one in gates.refusals(move, standing or Standing(moved_at=self.clock.now()))]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_each_phase_leads_to_the_next_and_each_but_the_last_leads_back() -> None:
    for phase in Phase:
        forward = [move.target for move in moves_from(phase) if move.is_forward]
        back = [move.target for move in moves_from(phase) if not move.is_forward]
        assert [ORDER[target] for target in forward] == ([ORDER[phase] + 1] if phase is not Phase.RETIRED else [])
        is_end = phase in {Phase.LEGACY, Phase.RETIRED}
        assert [ORDER[target] for target in back] == ([] if is_end else [ORDER[phase] - 1])


def test_the_primary_moves_at_the_cut_over_and_back_and_nowhere_else() -> None:
    moving = {(move.origin, move.target) for move in MOVES if move.changes_primary}

    assert moving == {(Phase.READ_FALLBACK, Phase.CUT_OVER), (Phase.CUT_OVER, Phase.READ_FALLBACK)}


def test_the_cut_over_asks_for_everything_that_the_issue_names() -> None:
    move = move_between(Phase.READ_FALLBACK, Phase.CUT_OVER)

    assert move is not None
    wanted = {Gate.VERIFICATION_CLEAN, Gate.VERIFICATION_FRESH, Gate.BACKLOG_ZERO, Gate.FALLBACKS_QUIET}
    assert wanted <= set(move.gates)


def test_every_gate_stands_before_some_move_and_can_be_asked(kept: Kept) -> None:
    assert {gate for move in MOVES for gate in move.gates} == set(Gate)
    for gate in Gate:
        kept.reasons(gate)


def _counted_late(kept: Kept, figure: Figure, times: int) -> None:
    kept.clock.advance(QUIET_FOR)
    kept.figures.count(figure, times)


def _quiet_reads(kept: Kept, figure: Figure) -> None:
    kept.clock.advance(QUIET_FOR)
    kept.figures.count(figure, LEAST_READS)


GATES: dict[str, tuple[Gate, Callable[[Kept], object], str, Callable[[Kept], object]]] = {
    "triggers": (
        Gate.CHANGES_INSTALLED,
        lambda kept: setattr(kept.sides, "installed", False),
        "triggers",
        lambda kept: setattr(kept.sides, "installed", True),
    ),
    "a preflight": (
        Gate.PREFLIGHT_CLEAN,
        lambda kept: kept.figures.tell(Figure.PREFLIGHT, number=3, is_well=False),
        "3 defects",
        lambda kept: kept.figures.tell(Figure.PREFLIGHT, number=2),
    ),
    "time to know": (
        Gate.PHASE_KNOWN_EVERYWHERE,
        lambda kept: None,
        "0 s ago",
        lambda kept: kept.clock.advance(KEPT_FOR * 2),
    ),
    "nobody who loads": (
        Gate.NOTHING_LOADS,
        lambda kept: kept.loads(),
        "1 workers of a backfill by batches are at work; they are gone in 300 s at the latest",
        lambda kept: kept.clock.advance(LOADS_FOR),
    ),
    "a backfill": (
        Gate.BACKFILL_COMPLETE,
        lambda kept: kept.figures.tell(Figure.BACKFILL, number=70, is_well=False),
        "70 copied",
        lambda kept: kept.figures.tell(Figure.BACKFILL, number=100),
    ),
    "a clean verification": (
        Gate.VERIFICATION_CLEAN,
        lambda kept: kept.figures.tell(Figure.VERIFICATION, number=4, is_well=False),
        "4 differences",
        lambda kept: kept.figures.tell(Figure.VERIFICATION),
    ),
    "a backlog of zero": (
        Gate.BACKLOG_ZERO,
        lambda kept: setattr(kept.sides, "waiting", 7),
        "7 changes wait",
        lambda kept: setattr(kept.sides, "waiting", 0),
    ),
    "nothing set aside": (
        Gate.NOTHING_SET_ASIDE,
        lambda kept: setattr(kept.sides, "aside", 2),
        "2 keys were set aside",
        lambda kept: setattr(kept.sides, "aside", 0),
    ),
    "no marks": (
        Gate.MARKS_ZERO,
        lambda kept: setattr(kept.sides, "marks", 5),
        "5 writes wait",
        lambda kept: setattr(kept.sides, "marks", 0),
    ),
    "nothing held back": (
        Gate.NOTHING_HELD,
        lambda kept: setattr(kept.sides, "held", 1),
        "1 keys are held back",
        lambda kept: setattr(kept.sides, "held", 0),
    ),
    "postgresql": (
        Gate.LEGACY_REACHABLE,
        lambda kept: setattr(kept.sides, "reachable", False),
        "does not answer",
        lambda kept: setattr(kept.sides, "reachable", True),
    ),
    "credentials": (
        Gate.CREDENTIALS_LISTED,
        lambda kept: None,
        "nobody has attested",
        lambda kept: kept.figures.tell(Figure.CREDENTIALS, note="ada"),
    ),
    "no fallbacks": (
        Gate.FALLBACKS_QUIET,
        lambda kept: _counted_late(kept, Figure.FALLBACKS, 9),
        "9 reads fell back",
        lambda kept: _quiet_reads(kept, Figure.READ_AT_HOME),
    ),
    "no drift": (
        Gate.DRIFT_QUIET,
        lambda kept: _counted_late(kept, Figure.DRIFT, 2),
        "2 comparisons differed",
        lambda kept: _quiet_reads(kept, Figure.COMPARED),
    ),
    "reads that could have fallen back": (
        Gate.FALLBACKS_QUIET,
        lambda kept: _counted_late(kept, Figure.READ_AT_HOME, LEAST_READS - 1),
        "99 reads were answered at home since the last move; at least 100",
        lambda kept: kept.figures.count(Figure.READ_AT_HOME),
    ),
    "reads that could have differed": (
        Gate.DRIFT_QUIET,
        lambda kept: kept.clock.advance(QUIET_FOR),
        "0 reads were compared since the last move; at least 100",
        lambda kept: kept.figures.count(Figure.COMPARED, LEAST_READS),
    ),
}


@pytest.mark.parametrize("name", GATES)
def test_a_gate_says_what_is_wrong_with_its_figure_and_then_lets_through(kept: Kept, name: str) -> None:
    gate, spoil, said, mend = GATES[name]
    standing = Standing(version=7, moved_at=kept.clock.now())
    spoil(kept)
    assert said in " ".join(kept.reasons(gate, standing))
    mend(kept)
    assert kept.reasons(gate, standing) == []


def test_a_verification_grows_old_and_says_nothing_once_the_primary_has_moved(kept: Kept) -> None:
    kept.figures.tell(Figure.VERIFICATION)
    assert kept.reasons(Gate.VERIFICATION_FRESH) == []
    assert "primary has moved" in kept.reasons(Gate.VERIFICATION_FRESH, Standing(epoch=3))[0]
    kept.clock.advance(FRESH_FOR + timedelta(minutes=1))
    assert "verified 1441 min ago" in kept.reasons(Gate.VERIFICATION_FRESH)[0]


def test_a_verification_is_as_old_as_its_beginning_and_of_the_epoch_in_which_it_began(kept: Kept) -> None:
    began_at, standing = kept.clock.now(), Standing(epoch=3)
    kept.epoch = 3
    kept.clock.advance(FRESH_FOR - timedelta(minutes=1))
    kept.figures.tell(Figure.VERIFICATION, began_at=began_at, epoch=2)
    assert "primary has moved" in kept.reasons(Gate.VERIFICATION_FRESH, standing)[0]
    kept.figures.tell(Figure.VERIFICATION, began_at=began_at, epoch=3)
    assert kept.reasons(Gate.VERIFICATION_FRESH, standing) == []
    kept.sides.since = began_at + timedelta(seconds=1)
    assert "from before changes were noted" in kept.reasons(Gate.VERIFICATION_FRESH, standing)[0]
    kept.sides.since = began_at
    kept.clock.advance(timedelta(minutes=2))
    assert "verified 1441 min ago" in kept.reasons(Gate.VERIFICATION_FRESH, standing)[0]


@pytest.mark.parametrize(
    ("figure", "gate"), [(Figure.BACKFILL, Gate.BACKFILL_COMPLETE), (Figure.VERIFICATION, Gate.VERIFICATION_FRESH)]
)
def test_what_was_found_before_the_present_installation_counts_no_more(kept: Kept, figure: Figure, gate: Gate) -> None:
    kept.figures.tell(figure)
    assert kept.reasons(gate) == []
    kept.sides.since = None
    assert kept.reasons(gate) == ["nothing is installed that notes changes"]
    kept.clock.advance(timedelta(minutes=1))
    kept.sides.since = kept.clock.now()
    assert "from before changes were noted" in kept.reasons(gate)[0]
    kept.figures.tell(figure)
    assert kept.reasons(gate) == []


def test_reads_before_the_last_move_say_nothing_of_what_came_after(kept: Kept) -> None:
    kept.figures.count(Figure.COMPARED, 10 * LEAST_READS)
    kept.clock.advance(QUIET_FOR)
    moved = kept.clock.now() - QUIET_FOR
    assert kept.reasons(Gate.DRIFT_QUIET, Standing(version=7, moved_at=moved)) == []
    assert "0 reads were compared" in kept.reasons(Gate.DRIFT_QUIET, Standing(version=8, moved_at=moved))[0]


def test_copies_that_only_lag_do_not_hold_the_cut_over_up(kept: Kept) -> None:
    standing = Standing(version=7, moved_at=kept.clock.now())
    kept.clock.advance(QUIET_FOR)
    kept.figures.count(Figure.READ_AT_HOME, LEAST_READS)
    kept.figures.count(Figure.BEHIND, 50)
    assert kept.reasons(Gate.FALLBACKS_QUIET, standing) == []


def test_what_was_attested_before_the_last_move_counts_no_more(kept: Kept) -> None:
    kept.figures.tell(Figure.SNAPSHOT, note="ada")
    kept.clock.advance(timedelta(seconds=1))

    assert "attested by ada before" in kept.reasons(Gate.SNAPSHOT_TAKEN)[0]


def test_a_gate_that_cannot_look_does_not_let_through(kept: Kept) -> None:
    kept.sides.reachable = False

    assert kept.reasons(Gate.CHANGES_INSTALLED) == ["PostgreSQL or the table does not answer"]


def test_what_goes_well_is_written_every_few_seconds_under_the_move_in_which_it_was_counted(kept: Kept) -> None:
    figures = replace(kept.figures, standing=lambda: Standing(version=kept.epoch))
    for kept.epoch, kept.seconds in ((3, 0.0), (3, 2.0), (4, 4.0), (4, 4.5), (4, 6.0), (4, 7.0)):
        figures.count(Figure.COMPARED)
    assert figures.known()[Figure.COMPARED].by_version == {3: 2, 4: 3}
    assert figures.known()[Figure.COMPARED].number == 5


def test_a_process_that_does_not_know_the_phase_counts_for_no_move(kept: Kept) -> None:
    def unknown() -> Standing:
        raise errors.Unavailable

    figures = replace(kept.figures, standing=unknown)
    figures.count(Figure.READ_AT_HOME, 5)
    assert (figures.known()[Figure.READ_AT_HOME].number, figures.known()[Figure.READ_AT_HOME].by_version) == (5, {0: 5})


def test_a_count_is_written_at_once_and_then_once_a_second(kept: Kept) -> None:
    figures = kept.figures
    for _ in range(5):
        figures.count(Figure.DRIFT)
    assert figures.known()[Figure.DRIFT].number == 1
    kept.seconds += 1.5
    figures.count(Figure.DRIFT)
    assert figures.known()[Figure.DRIFT].number == 6


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("is_killed", [False, True])
def test_what_a_phase_permits(phase: Phase, is_killed: bool) -> None:
    standing = Standing(phase, percent=100, is_killed=is_killed)

    assert standing.primary is (Side.HOME if phase in {Phase.CUT_OVER, Phase.RETIRED} else Side.LEGACY)
    is_at_home = standing.primary is Side.HOME
    assert standing.reads_home("a") is (is_at_home or (phase is Phase.READ_FALLBACK and not is_killed))
    assert standing.compares is (phase is Phase.SHADOW_READ and not is_killed)
    assert standing.copies is (PERMITTED[phase].is_copied and (is_at_home or not is_killed))


def test_a_percentage_sticks_to_its_keys_and_is_about_right() -> None:
    keys = [f"key-{number}" for number in range(4_000)]
    among = {
        percent: {key for key in keys if Standing(Phase.READ_FALLBACK, percent=percent).reads_home(key)}
        for percent in (0, 5, 25, 50, 100)
    }

    assert among[0] == set()
    assert among[5] < among[25] < among[50] < among[100] == set(keys)
    assert 800 < len(among[25]) < 1_200
    assert part_of("key-1") == 1_499, "whoever was among them stays among them, in later versions too"


def test_the_phase_item_says_everything_that_was_written(kept: Kept) -> None:
    moving = Moving(Phase.CUT_OVER, 4, kept.clock.now(), "ada", "it is time", is_abandoned=True, is_kill=True)
    standing = Standing(Phase.READ_FALLBACK, 3, 2, 50, True, moving, kept.clock.now(), "ada", "it is time")

    assert read(written(standing)) == standing
    assert read(None) == Standing()


def test_a_kill_that_is_given_up_throws_no_switch_and_one_that_arrives_does(kept: Kept) -> None:
    control = kept.control
    begun = control.begin(control.refreshed(), Phase.READ_FALLBACK, "ada", "something is wrong", is_kill=True)
    assert not control.conclude(control.abandon(begun, "its mover was lost")).is_killed
    again = control.begin(control.refreshed(), Phase.READ_FALLBACK, "ada", "something is wrong", is_kill=True)

    assert control.conclude(again).is_killed
    assert control.refreshed().is_killed


def test_of_two_who_change_the_phase_at_once_one_is_told(kept: Kept) -> None:
    ada, bo = kept.control, kept.control
    before = ada.refreshed()
    assert bo.refreshed() == before
    ada.change(before, replace(before, phase=Phase.DUAL_WRITE, moved_by="ada"))

    with pytest.raises(ChangedMeanwhile):
        bo.change(before, replace(before, phase=Phase.DUAL_WRITE, moved_by="bo"))
    assert [one.moved_by for one in bo.history()] == ["ada"]


def test_the_phase_is_believed_for_seconds_and_no_longer(kept: Kept) -> None:
    service, operator = kept.control, kept.control
    service.standing()
    operator.throw_switch("ada", "something is wrong")

    kept.seconds += KEPT_FOR.total_seconds() - 0.1
    assert not service.standing().is_killed
    kept.seconds += 0.2
    assert service.standing().is_killed
    operator.revive("ada", "it was nothing")
    assert not operator.standing().is_killed


def test_while_the_primary_moves_everybody_looks_anew(kept: Kept) -> None:
    service, operator = kept.control, kept.control
    begun = operator.begin(operator.refreshed(), Phase.CUT_OVER, "ada", "it is time")
    assert service.standing().moving is not None
    operator.conclude(begun)

    assert service.standing().phase is Phase.CUT_OVER


def test_the_fence_only_rises(kept: Kept) -> None:
    kept.control.raise_fence(5)
    kept.control.raise_fence(3)

    raised = [kept.table.get(places.fence_key(number)) for number in range(places.FENCES)]
    assert {int((one or {})["epoch"]["N"]) for one in raised} == {5}


def test_every_change_of_the_phase_is_audited(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    control = kept.control
    control.change(control.refreshed(), Standing(Phase.READ_FALLBACK, moved_by="ada", reason="test"))
    control.set_percent(20, "ada", "a fifth")
    control.throw_switch("ada", "something is wrong")

    lines: list[Any] = [vars(line) for line in caplog.records if getattr(line, "kind", None) == "audit"]
    assert [line["event"] for line in lines] == ["migration_changed", "migration_changed", "migration_killed"]
    assert {line["operator"] for line in lines} == {"ada"}
    with pytest.raises(ValueError, match="101"):
        control.set_percent(101, "ada", "too much")
