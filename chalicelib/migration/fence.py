"""The fence before PostgreSQL: whether it takes writes, whether it answers reads, and which keys it holds back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Key, PhaseMoved
from chalicelib.migration.postgres import Cursor, rows, sqlstate

PATIENCE: Final = timedelta(seconds=2)
"""How long closing waits for transactions that are open; new ones wait behind it, so it must be short."""
_LOCK_NOT_AVAILABLE: Final = "55P03"


class FenceBusy(Exception):
    """Some transaction has been open for longer than closing waits."""


class FenceLost(Exception):
    """A later mover has the fence."""


class Fence(Protocol):
    """What a mover does with the fence. Each step names the version of the phase item that it acts for; a step for an
    earlier one than the last does nothing but raise `FenceLost`."""

    def close(self, version: int) -> None:
        """Let writers in flight end, and no other begin.

        Raises:
            FenceBusy: some do not end.
        """

    def shut(self, version: int) -> None:
        """Answer no reads either, once it is closed."""

    def claim(self, version: int) -> None:
        """Keep earlier movers out."""

    def open(self, version: int, held: Sequence[Key] = ()) -> None:
        """Take writes and answer reads, but of keys that are held back."""

    def release(self, keys: Sequence[Key]) -> None:
        """Hold keys back no longer."""

    def held(self) -> Sequence[Key]:
        """Return the keys that are held back."""


@dataclass(frozen=True, slots=True)
class PostgresFence:
    """The fence in PostgreSQL itself: every write there locks its row for sharing, so that closing it waits for all of
    them, those of other programs included, whose triggers lock it too.

    Every method raises `Unavailable` where PostgreSQL does not answer.
    """

    pool: Pool
    patience: timedelta = PATIENCE

    def close(self, version: int) -> None:
        """Let writers in flight end, and no other begin.

        Raises:
            FenceBusy: some do not end.
            FenceLost: a later mover has it.
        """
        self._step(version, "SET is_open = false WHERE is_open")

    def shut(self, version: int) -> None:
        """Answer no reads either, once it is closed.

        Raises:
            FenceBusy: some reads do not end.
            FenceLost: a later mover has it.
        """
        self._step(version, "SET is_readable = false WHERE NOT is_open", must_change=True)

    def claim(self, version: int) -> None:
        """Keep earlier movers out.

        Raises:
            FenceLost: a later mover has it.
        """
        self._step(version)

    def open(self, version: int, held: Sequence[Key] = ()) -> None:
        """Take writes and answer reads, but of keys that are held back.

        Raises:
            FenceLost: a later mover has it.
        """
        # Where it stands open, nothing is changed, and so nobody who writes is waited for.
        self._step(version, "SET is_open = true, is_readable = true WHERE NOT (is_open AND is_readable)", held)

    def release(self, keys: Sequence[Key]) -> None:
        """Hold keys back no longer, all at once."""
        with self.pool.lend() as connection:
            rows(
                connection,
                "UPDATE migration.revisions SET is_held = false WHERE key = ANY(%s) AND is_held",
                (list(keys),),
            )

    def held(self) -> Sequence[Key]:
        """Return the keys that are held back."""
        with self.pool.lend() as connection:
            return [row[0] for row in rows(connection, "SELECT key FROM migration.revisions WHERE is_held")]

    def count_held(self) -> int:
        """Return how many keys are held back."""
        return len(self.held())

    def is_reachable(self) -> bool:
        """Whether PostgreSQL answers."""
        try:
            self.is_open()
        except errors.Unavailable:
            return False
        return True

    def is_open(self) -> bool:
        """Whether writes are taken. Where nothing is installed nobody can say so, and the answer is no."""
        with self.pool.lend() as connection:
            if rows(connection, "SELECT to_regclass('migration.control') IS NULL") == [(True,)]:
                return False
            return bool(rows(connection, "SELECT 1 FROM migration.control WHERE is_open"))

    def _step(
        self, version: int, change: str | None = None, held: Sequence[Key] = (), *, must_change: bool = False
    ) -> None:
        """Take a step for a mover, in one transaction: movers stand in a row of their own, which no writer locks."""
        try:
            with self.pool.transaction() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {round(self.patience.total_seconds() * 1000)}")
                cursor.execute("UPDATE migration.movers SET version = %s WHERE version <= %s", (version, version))
                if cursor.rowcount != 1:
                    raise FenceLost(f"version {version} is not the last")
                if held:
                    cursor.execute(_HOLD, (list(held),))
                if change is not None:
                    cursor.execute(f"UPDATE migration.control {change}")
                    if must_change and cursor.rowcount != 1:
                        raise FenceLost("it stands open")
        except Exception as failure:
            if sqlstate(failure) == _LOCK_NOT_AVAILABLE:
                raise FenceBusy(
                    f"a transaction was open for more than {self.patience.total_seconds():g} s"
                ) from failure
            raise


_HOLD: Final = """
INSERT INTO migration.revisions (key, revision, is_held)
SELECT one, (SELECT base FROM migration.control), true FROM unnest(%s::text[]) AS one
ON CONFLICT (key) DO UPDATE SET is_held = true
"""
_ENTER: Final = """
INSERT INTO migration.revisions (key, revision)
SELECT one, (SELECT base FROM migration.control) FROM unnest(%s::text[]) AS one GROUP BY one ORDER BY one
ON CONFLICT (key) DO NOTHING
"""


def enter(cursor: Cursor, keys: Sequence[Key]) -> None:
    """Begin a write of these keys in an open transaction: past the fence, and each key locked, in one order for all.

    Raises:
        PhaseMoved: PostgreSQL is not the primary, or holds one of the keys back: look again in a moment.
    """
    if not rows(cursor, "SELECT 1 FROM migration.control WHERE is_open FOR SHARE"):
        raise PhaseMoved("PostgreSQL takes no writes")
    cursor.execute(_ENTER, (list(keys),))
    sql = "SELECT is_held FROM migration.revisions WHERE key = ANY(%s) ORDER BY key FOR UPDATE"
    if any(is_held for (is_held,) in rows(cursor, sql, (list(keys),))):
        raise PhaseMoved("PostgreSQL holds this key back")


def enter_to_read(cursor: Cursor, keys: Sequence[Key]) -> None:
    """Begin a read of these keys in an open transaction.

    Raises:
        PhaseMoved: PostgreSQL may not be what is true any more: look again.
    """
    sql = """SELECT (SELECT is_readable FROM migration.control)
        AND NOT EXISTS (SELECT FROM migration.revisions WHERE key = ANY(%s) AND is_held)"""
    if rows(cursor, sql, (list(keys),)) != [(True,)]:
        raise PhaseMoved("PostgreSQL answers no reads of this key")
