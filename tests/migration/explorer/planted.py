"""Mistakes, planted one at a time: the explorer has to find each, so that finding none means something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from chalicelib.migration import places
from chalicelib.migration.control import Control
from chalicelib.migration.copy_state import CopyState, written_state
from chalicelib.migration.copying import Copier
from chalicelib.migration.drain import Drainer
from chalicelib.migration.home import DynamoHome
from chalicelib.migration.marks import DynamoMarks
from chalicelib.migration.moves import Mover
from chalicelib.migration.ports import Change, Holding, Key, Mark, Outcome
from chalicelib.migration.reads import Looked, Reader
from chalicelib.migration.standing import Standing
from chalicelib.migration.table import Action, Check, Put
from chalicelib.migration.writes import Writer
from tests.migration.engine.memory import MemoryPostgres
from tests.migration.explorer import scenarios
from tests.migration.explorer.world import Parts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake: what it is, what is built wrongly, where it shows, and as what."""

    name: str
    parts: Parts
    scenario: scenarios.Scenario
    shows_as: str


class _Unconditional(DynamoHome):
    """Says what was copied without looking whether somebody else was quicker."""

    def _said(self, key: Key, state: CopyState, before: CopyState) -> Put:
        return Put(written_state(key, state, self.clock.now()))


class _Unfenced(DynamoHome):
    """Copies in any epoch."""

    def _step(self, key: Key, state: Action, epoch: int, actions: list[Action]) -> None:
        self.table.write(state, *actions)


class _StepsOfAnybody(DynamoHome):
    """Takes the steps of a large copy without looking whether somebody has taken it over."""

    def _step(self, key: Key, state: Action, epoch: int, actions: list[Action]) -> None:
        if isinstance(state, Check):
            self.table.write(*actions)
        else:
            super()._step(key, state, epoch, actions)


class _OverForeignGuards(DynamoHome):
    """Puts and takes what lies outside, whoever owns it."""

    def _step(self, key: Key, state: Action, epoch: int, actions: list[Action]) -> None:
        freely = [one if isinstance(one, Check) else replace(one, condition=None) for one in actions]
        super()._step(key, state, epoch, freely)

    def _present(self, key: Key, wanted: Any, strays: Any = ()) -> Any:
        return super()._present(key, ())


class _Unburied(DynamoHome):
    """Leaves no tombstone where somebody was erased at home."""

    def bury(self, key: Key) -> None:
        return


class _HighWater(MemoryPostgres):
    """Goes on after the highest number that was seen."""

    def waiting(self, limit: int) -> Sequence[Change]:
        after = getattr(self, "seen", 0)
        found = [note for note in self.notes if note.number > after and note.number not in self.claimed]
        if found:
            self.seen = found[-1].number
        return found


class _SettlesAll(MemoryPostgres):
    """Forgets all notes of a key that was copied, those of later changes too."""

    def settle_until(self, key: Key, revision: int) -> None:
        super().settle_until(key, revision + 1_000)


class _NeverClosed(MemoryPostgres):
    """Does not close for writers."""

    def close(self, version: int) -> None:
        self._claim(version)

    def shut(self, version: int) -> None:
        return


class _AlwaysReadable(MemoryPostgres):
    """Closes for writers, and goes on answering reads."""

    def shut(self, version: int) -> None:
        return


class _HoldsNothing(MemoryPostgres):
    """Opens for every key, whoever may still write it at home."""

    def open(self, version: int, held: Sequence[Key] = ()) -> None:
        super().open(version)


class _LastOneWins(MemoryPostgres):
    """Takes whatever is brought back, however early it was read."""

    def store(self, holding: Holding) -> Outcome:
        return super().store(replace(holding, revision=self.revision(holding.key)))


class _ClearsAll(DynamoMarks):
    """Takes away every mark of a key, not only its own."""

    def clear(self, mark: Mark) -> bool:
        found = [one for one in self.waiting(100) if one.key == mark.key]
        return all(super(_ClearsAll, self).clear(one) for one in found)


class _AnyEpoch(DynamoMarks):
    """Marks without looking at the fence."""

    def put_all(self, keys: Sequence[Key], epoch: int) -> list[Mark]:
        item = self.table.get(places.fence_key(0))
        return super().put_all(keys, int(item["epoch"]["N"]) if item else epoch)


class _StandsForEver(DynamoMarks):
    """Believes that a mark stands because it once did."""

    def stands(self, mark: Mark) -> bool:
        return True


class _WithoutDraining(Mover):
    """Cuts over without waiting for the last changes."""

    def _cut_over(self, begun: Standing) -> Standing:
        return Mover._cut_over(replace_drainer(self), begun)


class _Drained:
    def until_empty(self, seconds: float) -> int:
        return 0


def replace_drainer(mover: Mover) -> Mover:
    """Return a mover that believes that everything is drained."""
    return replace(mover, drainer=_Drained())


class _MarksAfterwards(Writer):
    """Writes first and marks then."""

    def _at_home(self, standing: Standing, keys: Sequence[Key], on_home: Callable[[], T]) -> T:
        answer = on_home()
        self._bring_back(self.marks.put_all(keys, standing.epoch))
        return answer


class _ForgetsRefused(Writer):
    """Takes the mark away when the other side fails."""

    def _bring_back(self, marks: Sequence[Mark]) -> None:
        for mark in marks:
            self.marks.clear(mark)


class _Believes(Reader):
    """Reads at home whatever PostgreSQL says."""

    def _look(self, key: Key, from_home: Callable[[], T]) -> tuple[Looked, list[T]]:
        return Looked.FRESH, [from_home()]


class _LooksOnce(Reader):
    """Looks at the copy before it reads and not after."""

    def _look(self, key: Key, from_home: Callable[[], T]) -> tuple[Looked, list[T]]:
        revision = self.legacy.revision(key)
        answer = from_home()
        return (Looked.FRESH, [answer]) if self.home.state(key).has(revision) else (Looked.BEHIND, [])


def _impatient(*arguments: Any, **named: Any) -> Mover:
    """A mover that does not wait until everybody knows."""
    mover = Mover(*arguments, **named)
    return replace(mover, control=replace(mover.control, kept_for=timedelta(0)))


class _NeverLooksAgain(Control):
    """Believes for ever what it read once."""

    def standing(self) -> Standing:
        return self._kept.standing or self.refreshed()


class _TwoSnapshots(Copier):
    """Reads the rows, and a moment later their revision: a change between the two is never copied."""

    def copy(self, key: Key) -> Outcome:
        items = self.legacy.holding(key).items
        return self.bring(Holding(key, self.legacy.revision(key), items))


class _SettlesFirst(Copier):
    """Forgets the notes before the copy is made."""

    def _brought(self, holding: Holding, is_repair: bool, depth: int, strays: Any = ()) -> Outcome:
        self.changes.settle_until(holding.key, holding.revision)
        return super()._brought(holding, is_repair, depth)


class _SettlesClaimed(Drainer):
    """Forgets what it has claimed, whatever became of the copy."""

    def _through(self, numbers: Any) -> Any:
        for some in numbers.values():
            self.changes.settle(some)
        return super()._through(numbers)


LOST, STALE, DIFFER, BACK, NEVER = "a lost write", "a stale read", "the sides differ", "erased is back", "never ends"

PLANTED: tuple[Planted, ...] = (
    Planted("a copy without its condition", Parts(home=_Unconditional), scenarios.writes_and_copies, DIFFER),
    Planted("a copy that no fence refuses", Parts(home=_Unfenced), scenarios.cut_over_and_late_copies, LOST),
    Planted("steps of a copy that was taken over", Parts(home=_StepsOfAnybody), scenarios.large_holdings, DIFFER),
    Planted("guards put over another's", Parts(home=_OverForeignGuards), scenarios.guards_change_hands, DIFFER),
    Planted("no tombstone after an erasure at home", Parts(home=_Unburied), scenarios.restored, "erased is back"),
    Planted("rows and revision of two snapshots", Parts(copier=_TwoSnapshots), scenarios.writes_and_copies, DIFFER),
    Planted("settling by high-water mark", Parts(postgres=_HighWater), scenarios.late_commits, NEVER),
    Planted("settling all notes of a key", Parts(postgres=_SettlesAll), scenarios.writes_and_copies, DIFFER),
    Planted("settling before copying", Parts(copier=_SettlesFirst), scenarios.writes_and_copies, DIFFER),
    Planted("settling what was only claimed", Parts(drainer=_SettlesClaimed), scenarios.writes_and_copies, DIFFER),
    Planted("a cut-over without the fence", Parts(postgres=_NeverClosed), scenarios.cut_over, ""),
    Planted(
        "a cut-over that goes on answering reads", Parts(postgres=_AlwaysReadable), scenarios.cut_over_alone, STALE
    ),
    Planted("a cut-over that does not drain", Parts(mover=_WithoutDraining), scenarios.cut_over, STALE),
    Planted("a bring-back of any age", Parts(postgres=_LastOneWins), scenarios.writes_at_home, DIFFER),
    Planted("clearing marks of others", Parts(marks=_ClearsAll), scenarios.writes_at_home, DIFFER),
    Planted("marking after the write", Parts(writer=_MarksAfterwards), scenarios.writes_at_home, DIFFER),
    Planted("forgetting what was not brought back", Parts(writer=_ForgetsRefused), scenarios.writes_at_home, DIFFER),
    Planted("marks of a past epoch", Parts(marks=_AnyEpoch), scenarios.roll_back, ""),
    Planted("a roll-back that holds nothing back", Parts(postgres=_HoldsNothing), scenarios.roll_back, ""),
    Planted("a roll-back before everybody knows", Parts(mover=_impatient), scenarios.roll_back_alone, STALE),
    Planted("a late replay", Parts(marks=_StandsForEver), scenarios.roll_back_and_late_replay, LOST),
    Planted("reading at home unasked", Parts(reader=_Believes), scenarios.shared_reads, STALE),
    Planted("a look at the copy before its time", Parts(reader=_LooksOnce), scenarios.shared_reads, STALE),
    Planted("believing the phase for ever", Parts(control=_NeverLooksAgain), scenarios.roll_back_alone, STALE),
)
