"""Changes on the relational side: triggers that note them, whoever makes them, and what has become of the notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from chalicelib.migration.installing import Installation
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Change, Key
from chalicelib.migration.postgres import rows
from chalicelib.migration.schema import NOTHING, Additions, Tracked

CLAIM: Final = timedelta(seconds=30)
"""How long a drainer has notes for itself. Another then takes them too, which costs work and harms nothing."""
MOST_FAILURES: Final = 6
"""After so many failures of its own a key is set aside: it waits for somebody to look, and blocks nobody."""
FIRST_WAIT: Final = timedelta(seconds=1)
_MOST_OF_PROBLEM: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_CLAIM: Final = """
UPDATE migration.changes SET claimed_until = clock_timestamp() + %s * interval '1 second'
WHERE number IN (
    SELECT waiting.number FROM migration.changes AS waiting
    LEFT JOIN migration.troubles AS trouble ON trouble.key = waiting.key
    WHERE (waiting.claimed_until IS NULL OR waiting.claimed_until < clock_timestamp())
      AND (trouble.key IS NULL OR (NOT trouble.is_set_aside AND trouble.retry_at <= clock_timestamp()))
    ORDER BY waiting.number LIMIT %s
    FOR UPDATE OF waiting SKIP LOCKED
) RETURNING number, key, revision, noted_at
"""
_FAILED: Final = """
INSERT INTO migration.troubles AS known (key, failures, problem, retry_at)
VALUES (%s, 1, %s, clock_timestamp() + %s * interval '1 second')
ON CONFLICT (key) DO UPDATE SET failures = known.failures + 1, problem = excluded.problem,
    last_at = clock_timestamp(), retry_at = clock_timestamp() + %s * (2 ^ known.failures) * interval '1 second',
    is_set_aside = known.is_set_aside OR known.failures + 1 >= %s
RETURNING is_set_aside
"""
_NOTED: Final = """
SELECT 1 FROM migration.changes AS waiting WHERE waiting.key = %s AND waiting.revision <= %s
  AND NOT EXISTS (SELECT FROM migration.troubles AS known WHERE known.key = waiting.key AND known.is_set_aside)
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A key that could not be copied for a reason of its own."""

    key: Key
    failures: int
    problem: str
    is_set_aside: bool


@dataclass(frozen=True, slots=True)
class PostgresChanges:
    """Notes in PostgreSQL, of the tables that are `tracked`; `additions` are installed with them. Every method is safe
    to call from several processes."""

    pool: Pool
    tracked: Sequence[Tracked]
    additions: Additions = NOTHING

    @property
    def _installation(self) -> Installation:
        return Installation(self.pool, self.tracked, self.additions)

    def install(self) -> None:
        """Put everything in place that notes changes, and what the mapping needs; again is fine, and brings it up to
        date.

        Raises:
            NotInstallable: row-level security would hide rows from the triggers.
            Unavailable: PostgreSQL does not answer.
        """
        self._installation.install()

    def remove(self) -> None:
        """Leave nothing of the engine in PostgreSQL. Again is fine.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        self._installation.remove()

    def is_installed(self) -> bool:
        """Whether this very installation stands, with every trigger in force and every index built.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        return self._installation.is_in_force()

    def installed_at(self) -> datetime | None:
        """Return since when changes are noted, by the clock of PostgreSQL; None where nothing is installed. Bringing an
        installation up to date leaves its instant as it is; removing it ends it.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            if rows(connection, "SELECT to_regclass('migration.control') IS NULL") == [(True,)]:
                return None
            [(base,)] = rows(connection, "SELECT base FROM migration.control")
        return _EPOCH + timedelta(microseconds=base)

    def waiting(self, limit: int) -> Sequence[Change]:
        """Claim notes that wait, oldest first. Keys that are in trouble are left out until it is their time.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            found = rows(connection, _CLAIM, (CLAIM.total_seconds(), limit))
        return sorted((Change(*row) for row in found), key=lambda change: change.number)

    def settle(self, numbers: Sequence[int]) -> None:
        """Forget exactly these notes.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            rows(connection, "DELETE FROM migration.changes WHERE number = ANY(%s)", (list(numbers),))

    def settle_until(self, key: Key, revision: int) -> None:
        """Forget the notes that a holding of this revision contains, and the trouble that the key was in.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            rows(connection, "DELETE FROM migration.changes WHERE key = %s AND revision <= %s", (key, revision))
            rows(connection, "DELETE FROM migration.troubles WHERE key = %s", (key,))

    def backlog(self) -> int:
        """Return how many notes wait, those of keys that were set aside included.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            [(number,)] = rows(connection, "SELECT count(*) FROM migration.changes")
        return int(number)

    def is_noted(self, key: Key, revision: int) -> bool:
        """Whether a change of this key, up to a revision, is on its way to be copied: its note waits, and is not set
        aside.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            return bool(rows(connection, _NOTED, (key, revision)))

    def failed(self, key: Key, problem: str) -> bool:
        """Keep that a key could not be copied for a reason of its own, and let it wait longer each time. Return whether
        it was set aside.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        wait = FIRST_WAIT.total_seconds()
        with self.pool.lend() as connection:
            found = rows(connection, _FAILED, (key, problem[:_MOST_OF_PROBLEM], wait, wait, MOST_FAILURES))
        return bool(found[0][0])

    def unclaim(self, numbers: Sequence[int]) -> None:
        """Give notes back that were claimed and not dealt with.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        with self.pool.lend() as connection:
            sql = "UPDATE migration.changes SET claimed_until = NULL WHERE number = ANY(%s)"
            rows(connection, sql, (list(numbers),))

    def troubles(self) -> list[Trouble]:
        """Return the keys in trouble, those set aside first.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        sql = "SELECT key, failures, problem, is_set_aside FROM migration.troubles ORDER BY is_set_aside DESC, key"
        with self.pool.lend() as connection:
            return [Trouble(*row) for row in rows(connection, sql)]

    def set_aside(self) -> int:
        """Return how many keys were set aside.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        return sum(trouble.is_set_aside for trouble in self.troubles())
