"""What the engine asks of the two sides of a move, in words that belong to neither.

The unit of everything is a *holding*: all that one side holds under one key (here: one person, with everything that
belongs to them). A holding is copied, compared, buried and brought back as a whole; nothing smaller moves alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

Key = str
"""What a holding is known by on both sides."""

ItemKey = tuple[str, str]
"""Partition key and sort key of one item."""

RawItem = Mapping[str, Any]
"""An item in DynamoDB's own notation (`{"PK": {"S": ...}, ...}`), keys included."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Everything that a side holds under a key, read at one moment.

    `items` includes what lies under other partition keys and belongs to it all the same, such as guards. `revision`
    grows with every change on the relational side, and is 0 where nobody has counted yet. A side that holds nothing
    under a key gives an empty holding, whose revision still says when it became empty.
    """

    key: Key
    revision: int
    items: Mapping[ItemKey, RawItem] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        return not self.items


class Outcome(StrEnum):
    """What became of an attempt to bring a holding to the other side."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    NEWER_THERE = "newer_there"
    BURIED = "buried"
    """A tombstone stands there: whoever was erased is not brought back."""
    REMOVED = "removed"
    """There was nothing to bring, so the other side was emptied, and a tombstone put."""


class Legacy(Protocol):
    """The relational side."""

    def keys(self, after: Key | None, limit: int, until: Key | None = None) -> Sequence[Key]:
        """Return keys in their order, after one and up to and including another; fewer than `limit` only at the end."""

    def holding(self, key: Key) -> Holding:
        """Return what is held, read in one snapshot."""

    def holdings(self, keys: Sequence[Key]) -> Sequence[Holding]:
        """Return several holdings of one snapshot, with a number of queries that does not grow with the keys."""

    def revision(self, key: Key) -> int:
        """Return only the revision that `holding` would have now (`migration.revision_of(key)`)."""

    def store(self, holding: Holding) -> Outcome:
        """Make the rows say what the holding says, in one transaction: the way back. What has no column is kept beside
        the rows, so that `holding` gives back exactly these items.

        Only while the revision there is still `holding.revision` (else `NEWER_THERE`, and nothing is done); and the
        revision grows even where nothing differed. So of two who bring the same holding back at once, the one who read
        it earlier has to read it again, and cannot put an older state over a newer one. The transaction says
        `migration.origin = 'home'` (`schema.FROM_HOME`): its own changes are counted and not noted.
        """


class Home(Protocol):
    """The side that the data moves to."""

    def holding(self, key: Key) -> Holding:
        """Return what is held, read consistently; `revision` is the one that was copied last."""

    def store(self, holding: Holding, *, is_repair: bool = False, strays: Sequence[ItemKey] = ()) -> Outcome:
        """Make the items say what the holding says: never over a newer copy, never over a tombstone; all or, if it was
        interrupted, again from the start by whoever finds it. A repair looks at the items even where this very revision
        was copied. `strays` are looked at too: items outside that no item of it names."""

    def bury(self, key: Key) -> None:
        """Keep a holding that was emptied here from being brought back."""


@dataclass(frozen=True, slots=True)
class Change:
    """A key that changed on the relational side, and the number of the note that says so."""

    number: int
    key: Key
    revision: int
    """What the change made the key's revision."""
    noted_at: datetime


class Changes(Protocol):
    """Notes of changes on the relational side, written in the transaction that makes the change, whoever makes it."""

    def waiting(self, limit: int) -> Sequence[Change]:
        """Return notes that nobody has dealt with, oldest first."""

    def settle(self, numbers: Sequence[int]) -> None:
        """Forget notes that were dealt with; exactly these, since an older one may be committed later."""

    def settle_until(self, key: Key, revision: int) -> None:
        """Forget the notes of changes that a holding of this revision contains. Revisions of one key are counted under
        a lock until commit, so none of these can still appear."""

    def backlog(self) -> int:
        """Return how many notes wait, those that were set aside included."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A key about to change on the home side, put before the change, and taken away when the other side has it too.

    Each writer has its own: of two writers of one key, the first to be done must not take away what stands for a
    change that is still to come.
    """

    key: Key
    version: str
    put_at: datetime
    expires_at: datetime
    """After this the writer is surely gone, and whoever finds the mark does the work."""


class Marks(Protocol):
    """Marks on the home side: what changes capture is on the relational one."""

    def put(self, key: Key, epoch: int) -> Mark:
        """Put a mark, on condition that the phase is still of this epoch.

        Raises:
            PhaseMoved: it is not.
        """

    def clear(self, mark: Mark) -> bool:
        """Take one's own mark away; return whether it was still there."""

    def hand_over(self, mark: Mark) -> None:
        """Say that the writer is done with the home side and leaves the rest to whoever finds the mark."""

    def waiting(self, limit: int) -> Sequence[Mark]:
        """Return marks that stand, oldest first."""


class PhaseMoved(Exception):
    """The phase is another one than the writer believed: read it anew, and take the way that it says."""


class Rows(Protocol):
    """The mapping inside one open transaction of the relational side, for whoever evaluates operations on items there.

    `cursor` is one of `postgres.transaction`. Whoever calls has locked the `migration.revisions` rows of the keys that
    it is about to change; nothing here begins, commits or locks.
    """

    def holders(self, cursor: Any, partitions: Sequence[str]) -> Mapping[str, Key]:
        """Return who holds these partitions now, of those whose name does not say it (guards); absent ones are left
        out."""

    def indexed(self, cursor: Any, index: str, partition: str) -> Sequence[RawItem]:
        """Return what stands in a partition of an index: of each item its two keys and the two of the index."""

    def items(self, cursor: Any, keys: Sequence[Key]) -> Mapping[Key, Mapping[ItemKey, RawItem]]:
        """Return what is held under each of the keys; nothing for those under which nothing is held."""

    def save(self, cursor: Any, key: Key, before: Mapping[ItemKey, RawItem], after: Mapping[ItemKey, RawItem]) -> None:
        """Make rows and extras say `after`, where they say `before` now."""

    def keys(self, cursor: Any, after: Key | None, limit: int) -> Sequence[Key]:
        """Return keys in their order, those of nobody's items included; fewer than `limit` only at the end."""
