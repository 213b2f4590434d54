"""What the mapping needs in PostgreSQL beyond the engine's schema: look-ups by what guards are named by, and rows that
keep the instant that an item says. All of it leaves with the engine's schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chalicelib.migration.schema import Additions, Tracked
from chalicelib.migration.serenya.reading import PLAIN, UNUSUAL

TRACKED: Final = (
    Tracked("users", "id"),
    Tracked("consent_records", "user_id"),
    Tracked("user_devices", "user_id"),
    Tracked("user_sessions", "user_id"),
    Tracked("biometric_registrations", "device_id", "user_devices", "user_id"),
    Tracked("subscriptions", "user_id"),
    Tracked("payments", "user_id"),
    Tracked("processing_jobs", "user_id"),
)
"""The tables whose rows are items, and whose a row is."""
KEEPING: Final = "SET LOCAL migration.keeps_instants = 'on'"
"""Says in a transaction that `updated_at` is to be what is written, and not when."""
OF_ROWS_WITH_INSTANTS: Final = tuple(one.table for one in TRACKED)

_FUNCTIONS: Final = """
CREATE OR REPLACE FUNCTION migration.digest(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT encode(sha256(convert_to(said, 'UTF8')), 'hex') $$;
CREATE OR REPLACE FUNCTION migration.email_hash(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT migration.digest(lower(btrim(said) COLLATE "C")) $$;
CREATE OR REPLACE FUNCTION migration.remember_instant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('migration.keeps_instants', true) = 'on' THEN
        PERFORM set_config('migration.instant', coalesce(NEW.updated_at::text, ''), true);
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION migration.keep_instant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('migration.keeps_instants', true) = 'on' THEN
        NEW.updated_at = nullif(current_setting('migration.instant', true), '')::timestamptz;
    END IF;
    RETURN NEW;
END
$$;
"""
_TRIGGERS: Final = """
CREATE OR REPLACE TRIGGER a_migration_remembers BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION migration.remember_instant();
CREATE OR REPLACE TRIGGER z_migration_keeps BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION migration.keep_instant();
"""
_INDEXES: Final = {
    "migration_users_by_email": f"users ({PLAIN})",
    "migration_users_by_unusual_email": f"users (id) WHERE {UNUSUAL}",
    "migration_users_by_email_hash": "users (migration.email_hash(email))",
    "migration_payments_by_transaction": "payments (provider_transaction_id)",
    "migration_payments_by_digest": "payments (migration.digest(provider_transaction_id))",
    "migration_subscriptions_by_digest": "subscriptions (migration.digest(external_subscription_id))",
}
_OF_EXTRAS: Final = """
CREATE INDEX IF NOT EXISTS extras_in_order ON migration.extras (key COLLATE "C");
CREATE INDEX IF NOT EXISTS extras_by_email ON migration.extras ((item -> 'item' -> 'GSI1PK' ->> 'S'));
CREATE INDEX IF NOT EXISTS extras_by_external ON migration.extras ((item -> 'item' -> 'GSI2PK' ->> 'S'));
"""


def _triggers() -> Iterator[tuple[str, str]]:
    for table in OF_ROWS_WITH_INSTANTS:
        for name in ("a_migration_remembers", "z_migration_keeps"):
            yield table, name


ADDITIONS: Final = Additions(
    sql="".join([_FUNCTIONS, *(_TRIGGERS.format(table=table) for table in OF_ROWS_WITH_INSTANTS), _OF_EXTRAS]),
    triggers=tuple(_triggers()),
    indexes=_INDEXES,
)
"""A row's `updated_at` is set by a trigger of the old schema at every update. Triggers fire in the order of their
names: one before it remembers what was to be written, one after it puts that back, for whoever asks (`KEEPING`)."""
