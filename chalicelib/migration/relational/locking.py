"""Which holdings a request touches, and the locks and the fence that its transaction stands behind.

The order of locks is the same for everybody: the fence, shared; guards, by name; revisions, by key; rows last. Whoever
waits for a revision holds nothing that a legacy program could wait for, and while rows are written the wait is shorter
than PostgreSQL's search for deadlocks: of the two it is always this side that gives up and tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from chalicelib.migration import fence
from chalicelib.migration.ports import Key, RawItem, Rows
from chalicelib.migration.postgres import Cursor, rows

WAIT_FOR_ROWS_MS: Final = 400
"""Below `deadlock_timeout`, which is a second."""
_LOCK_GUARDS: Final = """
SELECT pg_advisory_xact_lock(hashtextextended(one, 7)) FROM (SELECT unnest(%s::text[]) AS one ORDER BY 1) AS guards
"""
_REVISIONS: Final = "SELECT one, migration.revision_of(one) FROM unnest(%s::text[]) AS one"


class Places(Protocol):
    """Whose an item is: given by the mapping."""

    @property
    def stays(self) -> Callable[[str], bool]:
        """Whether a partition is no part of the move."""
        ...

    @property
    def key_in(self) -> Callable[[str], Key | None]:
        """Return the key that a partition belongs to; None where only the item says it."""
        ...

    @property
    def key_of(self) -> Callable[[RawItem], Key]:
        """Return the key that an item belongs to."""
        ...

    @property
    def owner_path(self) -> tuple[str, ...]:
        """Where an item says whose it is, if its partition does not."""
        ...

    @property
    def partitions_of(self) -> Callable[[Key], tuple[str, ...]]:
        """Return the partitions in which a holding stands, the likeliest first."""
        ...


class OthersToo(Exception):
    """The items turned out to belong to further keys; begin again, with these locked as well."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = frozenset(keys)
        super().__init__(f"{len(self.keys)} further keys")


def holders(cursor: Cursor, mapping: Rows, places: Places, partitions: Iterable[str]) -> dict[str, Key]:
    """Return whose these partitions are; those that are nobody's yet are left out."""
    known = {one: places.key_in(one) for one in partitions}
    unknown = [one for one, key in known.items() if key is None]
    found = {one: key for one, key in known.items() if key is not None}
    return found | dict(mapping.holders(cursor, unknown) if unknown else {})


def lock(cursor: Cursor, places: Places, partitions: Iterable[str], keys: Iterable[Key]) -> None:
    """Lock guards and keys until the end of the transaction; the fence is held already.

    Raises:
        PhaseMoved: PostgreSQL holds one of the keys back.
    """
    if guards := sorted({one for one in partitions if places.key_in(one) is None}):
        cursor.execute(_LOCK_GUARDS, (guards,))
    fence.enter(cursor, sorted(set(keys)))


def wait_at_most(cursor: Cursor, milliseconds: int) -> None:
    """Let the transaction wait for each lock so long."""
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{max(1, milliseconds)}ms",))


def revisions(cursor: Cursor, keys: Sequence[Key]) -> Mapping[Key, int]:
    """Return the revisions that the keys have now, inside this transaction."""
    found: list[Any] = rows(cursor, _REVISIONS, (list(keys),))
    return dict(found)
