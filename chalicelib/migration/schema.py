"""What the engine keeps in PostgreSQL, as SQL: notes of changes, revisions, extras, and the fence; made from data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

FROM_HOME: Final = "SET LOCAL migration.origin = 'home'"
"""Says that a transaction brings back what the home side holds: it is counted, not noted, and let through the fence."""
CLOSED: Final = "MG001"
"""The SQLSTATE with which a trigger refuses a change while the fence is closed: PostgreSQL is not the primary."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A table whose changes are noted, and how to find the key of the holding that a row belongs to.

    `column` holds the key itself, or, with `parent` and `parent_key`, refers to `parent.id`, whose `parent_key` holds
    it; the parent is tracked too, so that a row that vanishes together with it is noted all the same.
    """

    table: str
    column: str
    parent: str | None = None
    parent_key: str | None = None

    def keys_in(self, rows: str) -> str:
        """Return a query for the distinct keys of these rows (a transition table, or the table itself)."""
        if self.parent is None:
            return f'SELECT DISTINCT one."{self.column}"::text AS key FROM {rows} AS one'  # noqa: S608  # declared names
        return (
            f'SELECT DISTINCT held."{self.parent_key}"::text AS key FROM {rows} AS one '  # noqa: S608  # declared names
            f'JOIN public."{self.parent}" AS held ON held.id = one."{self.column}"'
        )


@dataclass(frozen=True, slots=True)
class Additions:
    """What a mapping needs in PostgreSQL beside the notes: SQL that goes in with the engine's and may be run twice; the
    triggers that it makes (table and name), to be found again and removed; and indexes by name, which are built while
    others write, and so apart."""

    sql: str = ""
    triggers: Sequence[tuple[str, str]] = ()
    indexes: Mapping[str, str] = field(default_factory=dict)


NOTHING: Final = Additions()
EXTRAS: Final = Tracked("extras", "key")
"""The engine's own table of what has no column; it lies in the engine's schema and is noted as any other."""

_TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS migration;
CREATE TABLE IF NOT EXISTS migration.control (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    is_open boolean NOT NULL DEFAULT true,
    is_readable boolean NOT NULL DEFAULT true,
    base bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
);
INSERT INTO migration.control DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS migration.movers (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    version bigint NOT NULL DEFAULT 0
);
INSERT INTO migration.movers DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS migration.changes (
    number bigserial PRIMARY KEY,
    key text NOT NULL,
    revision bigint NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_until timestamptz
);
CREATE INDEX IF NOT EXISTS changes_by_key ON migration.changes (key, revision);
CREATE TABLE IF NOT EXISTS migration.troubles (
    key text PRIMARY KEY,
    failures integer NOT NULL DEFAULT 0,
    problem text NOT NULL,
    last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retry_at timestamptz NOT NULL,
    is_set_aside boolean NOT NULL DEFAULT false
);
CREATE TABLE IF NOT EXISTS migration.revisions (
    key text PRIMARY KEY,
    revision bigint NOT NULL,
    is_held boolean NOT NULL DEFAULT false
);
CREATE TABLE IF NOT EXISTS migration.extras (
    pk text NOT NULL,
    sk text NOT NULL,
    key text NOT NULL,
    item jsonb NOT NULL,
    gsi3pk text,
    gsi3sk text,
    PRIMARY KEY (pk, sk)
);
CREATE INDEX IF NOT EXISTS extras_by_key ON migration.extras (key);
CREATE INDEX IF NOT EXISTS extras_by_due ON migration.extras (gsi3pk, gsi3sk) WHERE gsi3pk IS NOT NULL;
"""

_FUNCTIONS: Final = """
CREATE OR REPLACE FUNCTION migration.revision_of(wanted text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT revision FROM migration.revisions WHERE key = wanted), (SELECT base FROM migration.control))
$$;
CREATE OR REPLACE FUNCTION migration.bump(wanted text[])
RETURNS TABLE (bumped text, reached bigint) LANGUAGE sql AS $$
    INSERT INTO migration.revisions AS counted (key, revision)
    SELECT one, (SELECT base FROM migration.control) + 1 FROM unnest(wanted) AS one
    WHERE one IS NOT NULL GROUP BY one ORDER BY one
    ON CONFLICT (key) DO UPDATE SET revision = greatest(counted.revision + 1, excluded.revision)
    RETURNING counted.key, counted.revision
$$;
CREATE OR REPLACE FUNCTION migration.note(wanted text[], changed text, how text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('migration.origin', true) = 'home' THEN
        PERFORM migration.bump(wanted);
        RETURN;
    END IF;
    PERFORM FROM migration.control WHERE is_open FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this database is not the primary any more: % of % refused', how, changed
            USING ERRCODE = 'MG001', HINT = 'The data has moved; ask whoever runs the migration.';
    END IF;
    INSERT INTO migration.changes (key, revision, table_name, operation)
    SELECT bumped, reached, changed, how FROM migration.bump(wanted);
    IF EXISTS (SELECT FROM migration.revisions WHERE key = ANY(wanted) AND is_held) THEN
        RAISE EXCEPTION 'this key is held back: % of % refused', how, changed
            USING ERRCODE = 'MG001', HINT = 'A write of the time before is still to be brought back; try again soon.';
    END IF;
END
$$;
"""

_NOTING: Final = """
CREATE OR REPLACE FUNCTION migration.note_{table}() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM migration.note(ARRAY({came}), TG_TABLE_NAME, TG_OP) WHERE EXISTS (SELECT FROM came);
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM migration.note(ARRAY({came} UNION {gone}), TG_TABLE_NAME, TG_OP) WHERE EXISTS (SELECT FROM came);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM migration.note(ARRAY({gone}), TG_TABLE_NAME, TG_OP) WHERE EXISTS (SELECT FROM gone);
    ELSE
        PERFORM migration.note(ARRAY({all}), TG_TABLE_NAME, TG_OP);
    END IF;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER migration_came AFTER INSERT ON {place} REFERENCING NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION migration.note_{table}();
CREATE OR REPLACE TRIGGER migration_changed AFTER UPDATE ON {place} REFERENCING OLD TABLE AS gone NEW TABLE AS came
    FOR EACH STATEMENT EXECUTE FUNCTION migration.note_{table}();
CREATE OR REPLACE TRIGGER migration_went AFTER DELETE ON {place} REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION migration.note_{table}();
CREATE OR REPLACE TRIGGER migration_emptied BEFORE TRUNCATE ON {place}
    FOR EACH STATEMENT EXECUTE FUNCTION migration.note_{table}();
ALTER TABLE {place} ENABLE ALWAYS TRIGGER migration_came;
ALTER TABLE {place} ENABLE ALWAYS TRIGGER migration_changed;
ALTER TABLE {place} ENABLE ALWAYS TRIGGER migration_went;
ALTER TABLE {place} ENABLE ALWAYS TRIGGER migration_emptied;
"""
TRIGGERS: Final = ("migration_came", "migration_changed", "migration_went", "migration_emptied")


def place_of(tracked: Tracked) -> str:
    """Return a table's full name."""
    return "migration.extras" if tracked is EXTRAS else f'public."{tracked.table}"'


def noting(tracked: Tracked) -> str:
    """Return the SQL that has a table's changes noted. By statement, not by row: a statement that changes a million
    rows counts each key once, and locks them in their order."""
    return _NOTING.format(
        table=tracked.table,
        place=place_of(tracked),
        came=tracked.keys_in("came"),
        gone=tracked.keys_in("gone"),
        all=tracked.keys_in(place_of(tracked)),
    )


def installation(tracked: Sequence[Tracked], additions: Additions = NOTHING) -> str:
    """Return the SQL of an installation, all but its indexes. Safe to run twice."""
    return "\n".join([_TABLES, _FUNCTIONS, *(noting(one) for one in (*tracked, EXTRAS)), additions.sql])


def fingerprint(tracked: Sequence[Tracked], additions: Additions = NOTHING) -> str:
    """Return what tells one installation from another."""
    indexes = [f"{name} ON {place}" for name, place in sorted(additions.indexes.items())]
    return hashlib.sha256("\n".join([installation(tracked, additions), *indexes]).encode()).hexdigest()


def removal(tracked: Sequence[Tracked], additions: Additions = NOTHING) -> str:
    """Return the SQL that leaves nothing of it, once the indexes are gone. Safe to run twice."""
    dropped = [f"DROP TRIGGER IF EXISTS {trigger} ON {place_of(one)};" for one in tracked for trigger in TRIGGERS]
    dropped += [f"DROP TRIGGER IF EXISTS {trigger} ON {place};" for place, trigger in additions.triggers]
    return "\n".join([*dropped, "DROP SCHEMA IF EXISTS migration CASCADE;"])
