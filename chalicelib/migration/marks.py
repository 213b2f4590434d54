"""Marks on the home side: which keys may have changed there and have not been brought back yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from chalicelib import ids
from chalicelib.clock import Clock, iso, parse_iso
from chalicelib.migration import places
from chalicelib.migration.conditions import Absent, AnyOf, Condition, Equals, Present
from chalicelib.migration.ports import Key, Mark, PhaseMoved, RawItem
from chalicelib.migration.table import Action, Change, Check, Delete, Put, Refused, Table

MARGIN: Final = timedelta(minutes=1)
"""For clocks that differ, and for what was on its way when its function ended."""
LONGEST_LEASE: Final = timedelta(minutes=15) + MARGIN
"""Longer than any function runs."""


def lease_within(left: timedelta | None) -> timedelta:
    """Return how long a writer may still be writing that is ended after this time; None where nobody knows."""
    return LONGEST_LEASE if left is None else min(left + MARGIN, LONGEST_LEASE)


@dataclass(frozen=True, slots=True)
class DynamoMarks:
    """Marks in the table. `lease` says how long a writer that begins now may still be writing: whoever knows when its
    function is ended gives less, so that a crash is made good sooner."""

    table: Table
    clock: Clock
    lease: Callable[[], timedelta] = lambda: LONGEST_LEASE
    new_version: Callable[[], str] = ids.new_id

    def put(self, key: Key, epoch: int) -> Mark:
        """Put a mark, on condition that the epoch is still this one.

        Raises:
            PhaseMoved: it is not.
            Unavailable: the table does not answer.
        """
        return self.put_all([key], epoch)[0]

    def put_all(self, keys: Sequence[Key], epoch: int) -> list[Mark]:
        """Put marks for all keys of one write, or for none.

        Raises:
            PhaseMoved: the epoch is another one.
            Unavailable: the table does not answer.
        """
        now = self.clock.now()
        marks = [Mark(key, self.new_version(), now, now + self.lease()) for key in dict.fromkeys(keys)]
        is_of_epoch: Condition = Equals(("epoch",), {"N": str(epoch)})
        still = is_of_epoch if epoch else AnyOf((Absent(), is_of_epoch))
        fences = {places.fence_of(mark.key) for mark in marks}
        actions: list[Action] = [Put(_written(mark)) for mark in marks]
        actions += [Check(fence, still) for fence in sorted(fences)]
        try:
            self.table.write(*actions)
        except Refused as refused:
            raise PhaseMoved(f"epoch {epoch} is over") from refused
        return marks

    def clear(self, mark: Mark) -> bool:
        """Take one's own mark away; return whether it was still there.

        Raises:
            Unavailable: the table does not answer.
        """
        try:
            self.table.write(Delete(places.mark_key(mark.key, mark.version), Present()))
        except Refused:
            return False
        return True

    def stands(self, mark: Mark) -> bool:
        """Whether a mark still stands.

        Raises:
            Unavailable: the table does not answer.
        """
        return self.table.get(places.mark_key(mark.key, mark.version)) is not None

    def hand_over(self, mark: Mark) -> None:
        """Say that the writer is done with the home side and leaves the rest to whoever finds the mark.

        Raises:
            Unavailable: the table does not answer; its lease will end.
        """
        ended = {"expires_at": {"S": iso(self.clock.now())}}
        try:
            self.table.write(Change(places.mark_key(mark.key, mark.version), sets=ended, condition=Present()))
        except Refused:
            return  # Somebody has done the rest already.

    def waiting(self, limit: int) -> Sequence[Mark]:
        """Return marks that stand, oldest first; of more than `limit`, some.

        Raises:
            Unavailable: the table does not answer.
        """
        found: list[Mark] = []
        for number in range(places.MARK_SHARDS):
            found += [_read(item) for item in self.table.partition(places.marks_partition(number), limit)]
        return sorted(found, key=lambda mark: (mark.put_at, mark.version))[:limit]

    def due(self, limit: int) -> Sequence[Mark]:
        """Return marks whose writers are gone or done, oldest first: at most so many of each share.

        Raises:
            Unavailable: the table does not answer.
        """
        now = self.clock.now()
        found: list[Mark] = []
        for number in range(places.MARK_SHARDS):
            # All of the share: marks of writers at work may stand before those that are due.
            marks = [_read(item) for item in self.table.partition(places.marks_partition(number))]
            found += [mark for mark in marks if mark.expires_at <= now][:limit]
        return sorted(found, key=lambda mark: (mark.put_at, mark.version))

    def count(self) -> int:
        """Return how many marks stand.

        Raises:
            Unavailable: the table does not answer.
        """
        return sum(len(self.table.partition(places.marks_partition(number))) for number in range(places.MARK_SHARDS))

    def marked(self, keys: Collection[Key]) -> set[Key]:
        """Return those of some keys that have a mark. Each share of the marks is read once at most.

        Raises:
            Unavailable: the table does not answer.
        """
        shares = sorted({places.share(key, places.MARK_SHARDS) for key in keys})
        standing = (one for share in shares for one in self.table.partition(places.marks_partition(share)))
        return {mark.key for mark in map(_read, standing)}.intersection(keys)


def _written(mark: Mark) -> RawItem:
    values = {
        "key": {"S": mark.key},
        "version": {"S": mark.version},
        "put_at": {"S": iso(mark.put_at)},
        "expires_at": {"S": iso(mark.expires_at)},
    }
    return places.engine_item(places.mark_key(mark.key, mark.version), mark.put_at, values)


def _read(item: RawItem) -> Mark:
    put_at, expires_at = parse_iso(item["put_at"]["S"]), parse_iso(item["expires_at"]["S"])
    return Mark(item["key"]["S"], item["version"]["S"], put_at, expires_at)
