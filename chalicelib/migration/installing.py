"""What the engine and a mapping keep in PostgreSQL: put in place, taken away, and looked at whether it all stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from chalicelib.migration import schema
from chalicelib.migration.pool import Pool
from chalicelib.migration.postgres import Connection, Cursor, rows, transaction
from chalicelib.migration.schema import Additions, Tracked

_BETWEEN_LOOKS_SECONDS: Final = 0.2
_TRY_ALONE: Final = "SELECT pg_try_advisory_lock(hashtext('migration.install'))"
"""Tried again and again, and never waited for: who builds an index waits for everybody who waits inside a statement."""
_NOT_ALONE: Final = "SELECT pg_advisory_unlock(hashtext('migration.install'))"
_FITTED: Final = """
SELECT count(*) FROM unnest(%s::text[], %s::text[], %s::text[]) AS wanted (place, name, enabled)
JOIN pg_trigger AS fitted ON fitted.tgrelid = to_regclass(wanted.place) AND fitted.tgname = wanted.name
WHERE NOT fitted.tgisinternal AND fitted.tgenabled::text = wanted.enabled
"""
_VALID: Final = """
SELECT count(*) FROM unnest(%s::text[]) AS wanted (name)
JOIN pg_index AS built ON built.indexrelid = to_regclass(wanted.name) WHERE built.indisvalid
"""
_ALWAYS, _ORDINARILY = "A", "O"


class NotInstallable(Exception):
    """The triggers would not see all that they must; the text says which table."""


@dataclass(frozen=True, slots=True)
class Installation:
    """The notes of changes of some tables, and what a mapping needs beside them. Every step is safe to repeat."""

    pool: Pool
    tracked: Sequence[Tracked]
    additions: Additions = schema.NOTHING
    sleep: Callable[[float], None] = time.sleep

    def install(self) -> None:
        """Put tables, functions and triggers in place, in one transaction, and then the indexes, while others write;
        again is fine, and brings everything up to date.

        Raises:
            NotInstallable: row-level security would hide rows from the triggers.
            Unavailable: PostgreSQL does not answer.
        """
        with self._alone() as connection:
            with transaction(connection) as cursor:
                self._require_sight(cursor)
                cursor.execute(schema.installation(self.tracked, self.additions))
                mark = schema.fingerprint(self.tracked, self.additions)
                cursor.execute(f"COMMENT ON SCHEMA migration IS '{mark}'")
            self._build(connection)

    def remove(self) -> None:
        """Leave nothing of the engine and of the mapping. Again is fine.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self._alone() as connection:
            for name in self.additions.indexes:
                rows(connection, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            with transaction(connection) as cursor:
                cursor.execute(schema.removal(self.tracked, self.additions))

    def is_in_force(self) -> bool:
        """Whether this very installation stands, with every trigger in force and every index built.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            said = rows(connection, "SELECT obj_description(to_regnamespace('migration'), 'pg_namespace')")
            is_this: bool = said == [(schema.fingerprint(self.tracked, self.additions),)]
            return is_this and self._is_fitted(connection) and self._is_built(connection)

    def _is_fitted(self, connection: Connection | Cursor) -> bool:
        places = [schema.place_of(one) for one in (*self.tracked, schema.EXTRAS)]
        wanted = [(place, name, _ALWAYS) for place in places for name in schema.TRIGGERS]
        wanted += [(place, name, _ORDINARILY) for place, name in self.additions.triggers]
        [(fitted,)] = rows(connection, _FITTED, [list(column) for column in zip(*wanted, strict=True)])
        return bool(fitted == len(wanted))

    def _is_built(self, connection: Connection | Cursor) -> bool:
        [(valid,)] = rows(connection, _VALID, (list(self.additions.indexes),))
        return bool(valid == len(self.additions.indexes))

    def _require_sight(self, cursor: Cursor) -> None:
        for one in self.tracked:
            [(is_hidden,)] = rows(cursor, "SELECT row_security_active(%s::regclass)", (schema.place_of(one),))
            if is_hidden:
                raise NotInstallable(f"{one.table}: its rows are hidden from whoever installs; be its owner")

    def _build(self, connection: Connection) -> None:
        """Build indexes; what a crash left half built is built anew."""
        for name, place in self.additions.indexes.items():
            broken = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid"
            if rows(connection, broken, (name,)):
                rows(connection, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            rows(connection, f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {place}")

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Give a connection while nobody else installs or removes: `IF NOT EXISTS` alone does not stand two at once,
        and to another an index that is being built looks as if it were broken. A failure hangs the connection up, and
        with it ends the lock."""
        with self.pool.lend() as connection:
            while rows(connection, _TRY_ALONE) != [(True,)]:
                self.sleep(_BETWEEN_LOOKS_SECONDS)
            yield connection
            rows(connection, _NOT_ALONE)
