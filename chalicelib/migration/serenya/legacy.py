"""The legacy database as the engine sees it: holdings of people, and of what is nobody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Holding, Key, Outcome
from chalicelib.migration.postgres import is_conflict, rows
from chalicelib.migration.schema import FROM_HOME
from chalicelib.migration.serenya.mapped import SerenyaRows

_MOST_ATTEMPTS: Final = 5


class _NewerThere(Exception):
    """Ends a transaction that must not count."""


@dataclass(frozen=True, slots=True)
class SerenyaLegacy:
    """Holdings in PostgreSQL (`ports.Legacy`). Safe to share between threads: each call has a connection of its own."""

    pool: Pool
    mapping: SerenyaRows

    def keys(self, after: Key | None, limit: int, until: Key | None = None) -> Sequence[Key]:
        """Return keys in their order; fewer than `limit` only at the end.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.transaction(is_read_only=True) as cursor:
            return self.mapping.keys(cursor, after, limit, until)

    def holding(self, key: Key) -> Holding:
        """Return what is held, of one snapshot.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        return self.holdings([key])[0]

    def holdings(self, keys: Sequence[Key]) -> Sequence[Holding]:
        """Return several holdings of one snapshot: one query, however many (where row-level security hides jobs from
        us, one more for each).

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.transaction(is_read_only=True) as cursor:
            found = self.mapping.found(cursor, keys)
            return [Holding(key, found[key].revision, self.mapping.given(cursor, found[key])) for key in keys]

    def revision(self, key: Key) -> int:
        """Return the revision that a holding would have now.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            [(revision,)] = rows(connection, "SELECT migration.revision_of(%s)", (key,))
        return int(revision)

    def store(self, holding: Holding) -> Outcome:
        """Make the rows say what the holding says, in one transaction, while the revision is still the holding's.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        for attempt in range(_MOST_ATTEMPTS):
            try:
                return self._stored(holding)
            except _NewerThere:
                return Outcome.NEWER_THERE
            except Exception as failure:
                if not is_conflict(failure) or attempt == _MOST_ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt raises or returns")

    def _stored(self, holding: Holding) -> Outcome:
        with self.pool.transaction() as cursor:
            rows(cursor, FROM_HOME)
            # Counts and locks at once: whoever else brings this holding back waits here, and then has an older one.
            [(reached,)] = rows(cursor, "SELECT reached FROM migration.bump(ARRAY[%s]::text[])", (holding.key,))
            if reached - 1 != holding.revision:
                raise _NewerThere
            found = self.mapping.found(cursor, [holding.key])[holding.key]
            before = self.mapping.given(cursor, found)
            if before == holding.items:
                return Outcome.UNCHANGED
            self.mapping.save(cursor, holding.key, before, holding.items)
            return Outcome.REMOVED if holding.is_empty else Outcome.WRITTEN
