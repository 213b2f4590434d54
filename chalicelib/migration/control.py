"""The phase as it is stored: read from one item and kept for seconds, changed by conditional writes, with a history."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.migration import places, standing
from chalicelib.migration.conditions import Absent, AnyOf, Below, Condition, Equals
from chalicelib.migration.phases import Phase, Side
from chalicelib.migration.standing import Moving, Standing
from chalicelib.migration.table import Change, Put, Refused, Table
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log

KEPT_FOR: Final = timedelta(seconds=3)
"""How long a process may believe what it read; the kill switch works everywhere after this."""
_RETRIED_AFTER: Final = timedelta(seconds=1)
_FENCES_AT_ONCE: Final = 64


class ChangedMeanwhile(Exception):
    """Somebody else has changed the phase item since it was read."""


@dataclass(slots=True)
class _Kept:
    """What this process believes, and until when."""

    standing: Standing | None = None
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Control:
    """The phase of a stage.

    `is_legacy_primary` asks PostgreSQL whether it still takes writes, for a process that starts while the table does
    not answer.
    """

    table: Table
    clock: Clock
    is_legacy_primary: Callable[[], bool] = lambda: False
    kept_for: timedelta = KEPT_FOR
    monotonic: Callable[[], float] = time.monotonic
    _kept: _Kept = field(default_factory=_Kept)

    def standing(self) -> Standing:
        """Return where the move stands, at most `kept_for` old; while the primary moves, read anew each time.

        Raises:
            Unavailable: the table does not answer, and nothing says that PostgreSQL is primary.
        """
        kept = self._kept
        if kept.standing is not None and kept.standing.moving is None and self.monotonic() < kept.until:
            return kept.standing
        try:
            return self.refreshed()
        except errors.Unavailable as trouble:
            return self._without_table(trouble)

    def refreshed(self) -> Standing:
        """Return where the move stands now.

        Raises:
            Unavailable: the table does not answer.
        """
        asked_at = self.monotonic()
        found = standing.read(self.table.get(places.PHASE))
        self._keep(found, asked_at + self.kept_for.total_seconds())
        return found

    def history(self, limit: int | None = None) -> list[Standing]:
        """Return what the phase was changed to, newest first.

        Raises:
            Unavailable: the table does not answer.
        """
        return [standing.read(item) for item in self.table.partition(places.HISTORY, limit, is_newest_first=True)]

    def change(self, before: Standing, after: Standing, event: AuditEvent = AuditEvent.MIGRATION_CHANGED) -> Standing:
        """Change the phase item if it is still as it was read, with an entry in its history and a line of audit. Return
        what it says now.

        Raises:
            ChangedMeanwhile: it is not.
            Unavailable: the table does not answer; whether it was changed is unknown.
        """
        now = self.clock.now()
        after = replace(after, version=before.version + 1, moved_at=now)
        values = standing.written(after)
        is_as_read: Condition = Equals(("version",), {"N": str(before.version)}) if before.version else Absent()
        try:
            self.table.write(
                Put(places.engine_item(places.PHASE, now, values), is_as_read),
                Put(places.engine_item(places.history_key(after.version), now, values), Absent()),
            )
        except Refused:
            # The answer to a write that worked may be lost, and its repetition is refused.
            if self.refreshed() != after:
                raise ChangedMeanwhile(f"version {before.version} is not the last") from None
        self._keep(after, 0.0)
        audit.record(event, phase=str(after.phase), epoch=after.epoch, operator=after.moved_by, cause=after.reason)
        return after

    def begin(self, before: Standing, target: Phase, by: str, reason: str, *, is_kill: bool = False) -> Standing:
        """Say that the primary begins to move; writers wait from now on. One that was begun before is taken over: what
        its mover still does has no effect. With `is_kill` the kill switch is thrown when it has arrived.

        Raises:
            ChangedMeanwhile: somebody else was first.
            Unavailable: the table does not answer.
        """
        moving = Moving(target, before.version + 1, self.clock.now(), by, reason, is_kill=is_kill)
        return self.change(before, replace(before, moving=moving, moved_by=by, reason=reason))

    def abandon(self, begun: Standing, reason: str) -> Standing:
        """Say that a move is given up; its mover's later steps have no effect. `conclude` ends it.

        Raises:
            ChangedMeanwhile: somebody else was first.
            Unavailable: the table does not answer.
        """
        assert begun.moving is not None, "only a move that was begun can be given up"
        moving = replace(begun.moving, epoch=begun.version + 1, is_abandoned=True)
        return self.change(begun, replace(begun, moving=moving, reason=reason))

    def conclude(self, begun: Standing) -> Standing:
        """Say that the move has arrived, or, if it was abandoned, is over.

        Raises:
            ChangedMeanwhile: somebody else was first.
            Unavailable: the table does not answer.
        """
        moving = begun.moving
        assert moving is not None, "only a move that was begun can end"
        phase = begun.phase if moving.is_abandoned else moving.target
        killed = begun.is_killed or (moving.is_kill and not moving.is_abandoned)
        event = AuditEvent.MIGRATION_CHANGED if moving.is_abandoned else AuditEvent.MIGRATION_MOVED
        percent = begun.percent if moving.is_abandoned else 0
        after = replace(begun, phase=phase, epoch=moving.epoch, percent=percent, is_killed=killed, moving=None)
        return self.change(begun, after, event)

    def raise_fence(self, epoch: int) -> None:
        """Refuse every write at home that was begun in an earlier epoch. Never lowers it.

        Raises:
            Unavailable: the table does not answer; some shares may stand higher than others.
        """
        is_lower = AnyOf((Absent(), Below(("epoch",), epoch)))
        for first in range(0, places.FENCES, _FENCES_AT_ONCE):
            waiting = [places.fence_key(number) for number in range(first, min(first + _FENCES_AT_ONCE, places.FENCES))]
            while waiting:
                sets = places.engine_values(self.clock.now()) | {"epoch": {"N": str(epoch)}}
                try:
                    self.table.write(*(Change(key, sets=sets, condition=is_lower) for key in waiting))
                    break
                except Refused as refused:  # Those stand as high already, or higher.
                    waiting = [key for number, key in enumerate(waiting) if number not in refused.failed]

    def set_percent(self, percent: int, by: str, reason: str) -> Standing:
        """Set of how many per cent of the keys are read at home.

        Raises:
            ValueError: not between 0 and 100, or the phase shares no reads.
            ChangedMeanwhile: somebody else was first.
            Unavailable: the table does not answer.
        """
        before = self.refreshed()
        if not 0 <= percent <= 100 or before.phase is not Phase.READ_FALLBACK:
            raise ValueError(f"{percent} per cent in the phase {before.phase}")
        after = replace(before, percent=percent, moved_by=by, reason=reason)
        return self.change(before, after, AuditEvent.MIGRATION_CHANGED)

    def throw_switch(self, by: str, reason: str) -> Standing:
        """Read and write in PostgreSQL alone, everywhere within seconds, while it is primary. Again is fine.

        Raises:
            ChangedMeanwhile: somebody else was first.
            Unavailable: the table does not answer.
        """
        before = self.refreshed()
        if before.is_killed:
            return before
        after = replace(before, is_killed=True, moved_by=by, reason=reason)
        return self.change(before, after, AuditEvent.MIGRATION_KILLED)

    def revive(self, by: str, reason: str) -> Standing:
        """Take the kill switch back. Again is fine.

        Raises:
            ChangedMeanwhile: somebody else was first.
            Unavailable: the table does not answer.
        """
        before = self.refreshed()
        return self.change(before, replace(before, is_killed=False, moved_by=by, reason=reason))

    def _keep(self, found: Standing, until: float) -> None:
        self._kept.standing, self._kept.until = found, until

    def _without_table(self, trouble: errors.Unavailable) -> Standing:
        """While PostgreSQL is primary it goes on without the table: its own fence says whether it still is, and notes
        wait for the other side. Nothing is copied or read at home until the table answers."""
        known = self._kept.standing
        if known is not None and known.primary is Side.LEGACY:
            self._keep(known, self.monotonic() + _RETRIED_AFTER.total_seconds())
            return known
        if self.is_legacy_primary():
            log("phase_unknown", level=logging.ERROR, error=trouble)
            return Standing(Phase.DUAL_WRITE, is_killed=True)
        raise trouble
