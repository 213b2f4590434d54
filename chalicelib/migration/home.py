"""Holdings in DynamoDB: read as a whole, and replaced as a whole under conditions that let no late copier do harm."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chalicelib import errors, ids
from chalicelib.clock import Clock
from chalicelib.migration import places
from chalicelib.migration.conditions import Absent, AnyOf, Condition, Equals
from chalicelib.migration.copy_state import (
    CopyState,
    Pending,
    in_steps,
    is_still,
    planned,
    read_state,
    written_state,
)
from chalicelib.migration.layout import Layout
from chalicelib.migration.phases import Side
from chalicelib.migration.ports import Holding, ItemKey, Key, Outcome, PhaseMoved, RawItem
from chalicelib.migration.standing import Standing
from chalicelib.migration.table import MOST_ACTIONS, MOST_BYTES, Action, Check, Put, Refused, Table

_MOST_ROUNDS: Final = 12
_LONGEST_WAIT_SECONDS: Final = 0.3
_OURS: Final = 2
"""Every step writes or checks the copy's state and the fence first."""


class Overtaken(Exception):
    """Somebody began to copy a later revision in several steps and has not ended: read anew, and copy that."""


class OwnedElsewhere(Exception):
    """Something that the holding has belongs to another one here: that one is to be copied first."""

    def __init__(self, owner: Key) -> None:
        self.owner = owner
        super().__init__("an item of the holding belongs to another one at home")


@dataclass(frozen=True, slots=True)
class DynamoHome:
    """The side that the data moves to. `standing` says where the move stands: copies are made while the other side is
    primary, and the fence refuses those of a past epoch."""

    table: Table
    layout: Layout
    standing: Callable[[], Standing]
    clock: Clock
    most_actions: int = MOST_ACTIONS
    sleep: Callable[[float], None] = time.sleep
    new_token: Callable[[], str] = ids.new_id

    def holding(self, key: Key) -> Holding:
        """Return what is held, read consistently; `revision` is the one that was copied last, 0 before the first.

        Raises:
            Unavailable: the table does not answer.
        """
        return Holding(key, self.state(key).revision or 0, self._present(key, ()))

    def state(self, key: Key) -> CopyState:
        """Return what is known of the copy.

        Raises:
            Unavailable: the table does not answer.
        """
        return read_state(self.table.get(places.copy_key(key)))

    def store(self, holding: Holding, *, is_repair: bool = False, strays: Sequence[ItemKey] = ()) -> Outcome:
        """Make the items say what the holding says: all at once, or, if it is too large for that, in steps that whoever
        comes next repeats from the start. A repair looks at the items even where this very revision was copied. Where
        they said it already, only the revision is kept (`UNCHANGED`). `strays` are places outside, named by no item,
        where something says that it belongs to the holding: it is taken away unless it does.

        Raises:
            Overtaken: a later revision is on its way, and may have been left half-way.
            OwnedElsewhere: another holding is to be copied first.
            PhaseMoved: this side is primary, or was when the last step was tried.
            Unavailable: the table does not answer.
        """
        for attempt in range(_MOST_ROUNDS):
            try:
                return self._attempt(holding, is_repair, strays)
            except Refused:  # Somebody was quicker: what stands there has to be looked at again.
                longest = min(_LONGEST_WAIT_SECONDS, 0.01 * 2**attempt)
                self.sleep(random.uniform(0, longest))  # noqa: S311  # spreading load, not keeping a secret
        raise errors.Unavailable(message="A holding does not hold still.")

    def bury(self, key: Key) -> None:
        """Keep a holding that was emptied at home from being brought back. Nothing is done for keys that may be filled
        again, and where something is held.

        Raises:
            Unavailable: the table does not answer.
        """
        anchor = self.layout.anchor_of(key)
        state = self.state(key)
        if anchor is None or state.is_buried or self._present(key, ()):
            return
        buried = CopyState(state.revision, None, is_buried=True)
        try:
            self.table.write(
                Put(written_state(key, buried, self.clock.now()), is_still(state)), Check(anchor, Absent())
            )
        except Refused:
            return  # Not empty any more, or buried by somebody else.

    def _attempt(self, holding: Holding, is_repair: bool, strays: Sequence[ItemKey]) -> Outcome:
        """Try once.

        Raises:
            Refused: what was read is not so any more.
        """
        standing = self.standing()
        if standing.primary is not Side.LEGACY:
            raise PhaseMoved("this side is primary")
        state = self.state(holding.key)
        decided = _without_writing(state, holding)
        if decided is not None and not (is_repair and decided is Outcome.UNCHANGED):
            return decided
        present = self._present(holding.key, holding.items, strays)
        checks = self._checks(holding, present)
        if checks is None:
            return Outcome.BURIED
        actions = planned(self.layout, holding, present)
        if decided is Outcome.UNCHANGED and not actions:
            return decided
        # What was never here is not buried: revisions alone keep an older copy of it away.
        is_known = state.revision is not None or bool(present)
        is_mortal = self.layout.anchor_of(holding.key) is not None
        final = CopyState(holding.revision, None, is_buried=holding.is_empty and is_known and is_mortal)
        self._write(holding, state, final, standing.epoch, checks, actions)
        if holding.is_empty:
            return Outcome.REMOVED
        return Outcome.WRITTEN if actions else Outcome.UNCHANGED

    def _write(
        self,
        holding: Holding,
        state: CopyState,
        final: CopyState,
        epoch: int,
        checks: list[Action],
        actions: list[Action],
    ) -> None:
        key, room = holding.key, self.most_actions - _OURS - len(checks)
        steps = list(in_steps(actions, room, MOST_BYTES))
        if len(steps) <= 1:
            self._step(key, self._said(key, final, state), epoch, [*checks, *(steps[0] if steps else [])])
            return
        begun = replace(state, pending=Pending(self.new_token(), holding.revision))
        self._step(key, self._said(key, begun, state), epoch, checks)
        for step in steps:
            self._step(key, Check(places.copy_key(key), is_still(begun)), epoch, [*checks, *step])
        self._step(key, self._said(key, final, begun), epoch, [])

    def _said(self, key: Key, state: CopyState, before: CopyState) -> Put:
        return Put(written_state(key, state, self.clock.now()), is_still(before))

    def _step(self, key: Key, state: Action, epoch: int, actions: list[Action]) -> None:
        is_of_epoch: Condition = Equals(("epoch",), {"N": str(epoch)})
        # Protects the primary from a copier that was held up until after the primary moved.
        fence = Check(places.fence_of(key), is_of_epoch if epoch else AnyOf((Absent(), is_of_epoch)))
        try:
            self.table.write(state, fence, *actions)
        except Refused as refused:
            if 1 in refused.failed:
                raise PhaseMoved("the primary has moved") from refused
            raise

    def _checks(self, holding: Holding, present: Mapping[ItemKey, RawItem]) -> list[Action] | None:
        """Return what must still be so when it is written; None where the holding is not to come back.

        Where the service has said that somebody is gone, what stands here may still be kept up to date, as it is taken
        away bit by bit on the other side; but nothing is put where nothing stands.
        """
        tombstones = self.layout.tombstones_of(holding.key)
        if not tombstones or holding.is_empty:
            return []
        if not self.table.get_many(tombstones):
            return [Check(tombstone, Absent()) for tombstone in tombstones]
        return [] if self.layout.anchor_of(holding.key) in present else None

    def _present(
        self, key: Key, wanted: Mapping[ItemKey, RawItem] | tuple[()], strays: Sequence[ItemKey] = ()
    ) -> dict[ItemKey, RawItem]:
        """Return what is held here, with those items outside that are named by it, wanted, or strays of its own.

        Raises:
            OwnedElsewhere: something that is wanted belongs to another holding.
        """
        inside = [item for name in self.layout.partitions_of(key) for item in self.table.partition(name)]
        found = {(item["PK"]["S"], item["SK"]["S"]): item for item in inside}
        within = set(self.layout.partitions_of(key))
        named = [*self.layout.named_outside(inside), *(one for one in (*wanted, *strays) if one[0] not in within)]
        for where, item in (self.table.get_many(named) if named else {}).items():
            owner = self.layout.key_of(item)
            if owner == key:
                found[where] = item
            elif where in wanted:
                raise OwnedElsewhere(owner)
        return found


def _without_writing(state: CopyState, holding: Holding) -> Outcome | None:
    """Return what is decided by the state of the copy alone."""
    if state.is_buried and not holding.is_empty:
        return Outcome.BURIED
    if state.revision is not None and state.revision > holding.revision:
        return Outcome.NEWER_THERE
    if state.pending is not None:
        if state.pending.revision > holding.revision:
            raise Overtaken(f"revision {state.pending.revision} is on its way")
        return None
    return Outcome.UNCHANGED if state.revision == holding.revision else None
