"""Moves from phase to phase: gates first, then, where the primary moves, a fence that lets no write fall between."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.migration.control import ChangedMeanwhile, Control
from chalicelib.migration.fence import Fence, FenceBusy, FenceLost
from chalicelib.migration.gates import MoveRefused, Refusal
from chalicelib.migration.phases import PERMITTED, Gate, Move, Phase, Side, move_between, moves_from
from chalicelib.migration.ports import Key, Mark, PhaseMoved
from chalicelib.migration.standing import Standing
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log

DRAINED_WITHIN_SECONDS: Final = 5.0
"""Writers wait so long at most while the last changes are copied; else the move is given up."""
MARKS_WAITED_FOR_SECONDS: Final = 3.0
REPLAYED_WITHIN_SECONDS: Final = 4.0
"""A roll-back brings back what it can in this time; the keys that are left are held back, alone, until `mend` has
brought them back too."""
MENDED_WITHIN_SECONDS: Final = 20.0
OVERDUE_AFTER: Final = timedelta(seconds=60)
"""A move of the primary that takes longer has lost its mover."""
_BETWEEN_LOOKS_SECONDS: Final = 0.05
_EVERY_MARK: Final = 1_000_000


class NoSuchMove(Exception):
    """No move leads from where we stand to there."""


class Keeper(Protocol):
    """Keeps the gates."""

    def refusals(self, move: Move, standing: Standing) -> list[Refusal]:
        """Return every gate of a move that does not let through now."""


class Drains(Protocol):
    """Copies what notes speak of."""

    def until_empty(self, seconds: float) -> int:
        """Work until no note waits, or the time is over; return how many wait."""


class Replays(Protocol):
    """Brings back what marks speak of."""

    def replay(self, limit: int = ..., is_over: Callable[[], bool] = ...) -> tuple[int, list[Key]]:
        """Finish the marks whose writers are gone or done, until the time is over."""

    def release_done(self) -> int:
        """Let go of keys that are held back and have no mark any more."""


class Standings(Protocol):
    """Marks that stand."""

    def waiting(self, limit: int) -> Sequence[Mark]:
        """Return marks that stand, oldest first."""


@dataclass(frozen=True, slots=True)
class Mover:
    """Moves phases. Of two movers at once one wins; one that dies half-way is made good by `mend`."""

    control: Control
    gates: Keeper
    fence: Fence
    drainer: Drains
    replayer: Replays
    marks: Standings
    drained_within_seconds: float = DRAINED_WITHIN_SECONDS
    marks_waited_for_seconds: float = MARKS_WAITED_FOR_SECONDS
    replayed_within_seconds: float = REPLAYED_WITHIN_SECONDS
    mended_within_seconds: float = MENDED_WITHIN_SECONDS
    overdue_after: timedelta = OVERDUE_AFTER
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def move(self, target: Phase, by: str, reason: str, *, is_dry: bool = False) -> Standing:
        """Move to a neighbouring phase, or, dry, find out whether that would be let through.

        Raises:
            NoSuchMove: no move leads there from here, or one is under way.
            MoveRefused: gates do not let through; every one is named with its figure.
            ChangedMeanwhile: somebody else moved at the same moment.
            Unavailable: a side does not answer; `mend` undoes what was begun.
        """
        standing = self.control.refreshed()
        move = move_between(standing.phase, target)
        if move is None or standing.moving is not None:
            raise NoSuchMove(_no_move(standing, target))
        refusals = self.gates.refusals(move, standing)
        if refusals:
            raise self._refused(standing, target, by, refusals)
        if is_dry:
            return standing
        if not move.changes_primary:
            percent = 0 if move.target is not standing.phase else standing.percent
            return self.control.change(
                standing,
                replace(standing, phase=target, percent=percent, moved_by=by, reason=reason),
                AuditEvent.MIGRATION_MOVED,
            )
        begun = self.control.begin(standing, target, by, reason)
        return self._cut_over(begun) if move.is_forward else self._roll_back(begun)

    def kill(self, by: str, reason: str) -> Standing:
        """Have PostgreSQL answer everything, everywhere within ten seconds, and lose nothing; gates are not asked.

        Raises:
            NoSuchMove: PostgreSQL was let go of.
            ChangedMeanwhile: somebody else moved at the same moment.
            Unavailable: a side does not answer. Where the primary is at home, PostgreSQL is needed to go back to.
        """
        standing = self.control.refreshed()
        if standing.phase is Phase.RETIRED:
            raise NoSuchMove("there is no way back: PostgreSQL was let go of")
        if standing.primary is Side.LEGACY:
            return self.control.throw_switch(by, reason)
        begun = self.control.begin(standing, Phase.READ_FALLBACK, by, reason, is_kill=True)
        audit.record(AuditEvent.MIGRATION_KILLED, phase=str(standing.phase), operator=by, cause=reason)
        return self._roll_back(begun)

    def mend(self, by: str = "mend") -> Standing:
        """Finish what a mover left half-way: a cut-over is undone, a roll-back is carried through. Does nothing while a
        mover may still be at work. Also finishes marks, and lets go of keys that have none.

        Raises:
            ChangedMeanwhile: somebody else was first.
            Unavailable: a side does not answer; try again.
        """
        standing = self.control.refreshed()
        moving, changed_at = standing.moving, standing.moved_at
        if moving is not None:
            if changed_at is not None and self.control.clock.now() - changed_at < self.overdue_after:
                return standing
            log("overdue_move_found", level=logging.ERROR, target=str(moving.target), by=moving.by)
            if moving.is_abandoned or moving.target is Phase.CUT_OVER:
                standing = self._abandon(standing, "its mover was lost")
            else:
                begun = self.control.begin(standing, moving.target, by, moving.reason, is_kill=moving.is_kill)
                standing = self._roll_back(begun)
        if PERMITTED[standing.phase].is_copied:
            self.replayer.replay(_EVERY_MARK, self._over_after(self.mended_within_seconds))
            self.replayer.release_done()
        return standing

    def _cut_over(self, begun: Standing) -> Standing:
        """PostgreSQL takes no writes, everything it has is copied, copies are fenced off, the phase is set."""
        assert begun.moving is not None
        try:
            self.fence.close(begun.version)
            left = self.drainer.until_empty(self.drained_within_seconds)
            if left:
                raise FenceBusy(f"{left} changes were not copied within {self.drained_within_seconds:.0f} s")
            self.fence.shut(begun.version)
            self.control.raise_fence(begun.moving.epoch)
            return self.control.conclude(begun)
        except (FenceBusy, FenceLost, ChangedMeanwhile, PhaseMoved, errors.Unavailable) as trouble:
            log("cut_over_given_up", level=logging.ERROR, error=trouble)
            self._give_up(begun, str(trouble))
            if isinstance(trouble, FenceBusy):
                refusals = [Refusal(Gate.BACKLOG_ZERO, str(trouble))]
                raise self._refused(begun, begun.moving.target, begun.moved_by, refusals) from trouble
            raise

    def _give_up(self, begun: Standing, why: str) -> None:
        """Abandon our move, unless it has arrived after all or is somebody else's by now."""
        now = self.control.refreshed()
        if now.moving is not None and begun.moving is not None and now.moving.epoch == begun.moving.epoch:
            self._abandon(now, why)

    def _abandon(self, begun: Standing, why: str) -> Standing:
        return self._conclude_abandoned(self.control.abandon(begun, why))

    def _conclude_abandoned(self, abandoned: Standing) -> Standing:
        """Undo: late steps of the mover have no effect any more, and the primary is where it was."""
        assert abandoned.moving is not None
        self.control.raise_fence(abandoned.moving.epoch)
        if abandoned.primary is Side.LEGACY:
            self.fence.open(abandoned.version)
        else:
            self._close_again(abandoned.version)
        return self.control.conclude(abandoned)

    def _close_again(self, version: int) -> None:
        """A roll-back that was given up may have opened PostgreSQL with its last step. Nobody was told to write there;
        other programs are kept out again as soon as it answers."""
        try:
            self.fence.close(version)
            self.fence.shut(version)
        except (errors.Unavailable, FenceBusy, FenceLost) as trouble:
            log("fence_left_open", level=logging.ERROR, error=trouble)

    def _roll_back(self, begun: Standing) -> Standing:
        """No mark is put any more, what marks stand for is brought back, PostgreSQL is opened, the phase is set.

        A mark whose writer may still be writing, or for which the time was too short, does not hold up everybody: its
        key alone is held back.
        """
        assert begun.moving is not None
        # Nobody believes any more that reads come from home, once this time is over.
        until_known = self.monotonic() + self.control.kept_for.total_seconds()
        try:
            self.fence.claim(begun.version)
            self.control.raise_fence(begun.moving.epoch)
            left = self._replayed()
        except errors.Unavailable as trouble:
            # Until PostgreSQL is opened it can be left as it is.
            log("roll_back_given_up", level=logging.ERROR, error=trouble)
            self._give_up(begun, "PostgreSQL or the table does not answer")
            raise
        while self.monotonic() < until_known:
            self.sleep(_BETWEEN_LOOKS_SECONDS)
        self.fence.open(begun.version, sorted({mark.key for mark in left}))
        return self.control.conclude(begun)

    def _replayed(self) -> Sequence[Mark]:
        """Finish what can be finished soon, and return the marks that are left."""
        is_over = self._over_after(self.replayed_within_seconds)
        is_waited = self._over_after(self.marks_waited_for_seconds)
        while True:
            self.replayer.replay(_EVERY_MARK, is_over)
            left = self.marks.waiting(_EVERY_MARK)
            if not left or is_waited():
                return left
            self.sleep(_BETWEEN_LOOKS_SECONDS)

    def _over_after(self, seconds: float) -> Callable[[], bool]:
        until = self.monotonic() + seconds
        return lambda: self.monotonic() >= until

    def _refused(self, standing: Standing, target: Phase, by: str, refusals: list[Refusal]) -> MoveRefused:
        refused = MoveRefused(refusals)
        audit.record(
            AuditEvent.MIGRATION_REFUSED,
            phase=str(standing.phase),
            target=str(target),
            operator=by,
            cause=str(refused),
        )
        return refused


def _no_move(standing: Standing, target: Phase) -> str:
    if standing.moving is not None:
        return f"a move to {standing.moving.target} is under way since {standing.moving.began_at.isoformat()}"
    known = ", ".join(move.target for move in moves_from(standing.phase)) or "nowhere"
    return f"no move leads from {standing.phase} to {target}; from here: {known}"
