"""Addresses that PostgreSQL does not normalise as the service does: whoever has one is found by the service's hash."""

from __future__ import annotations

import pytest

from chalicelib.ids import email_hash
from chalicelib.migration.changes import PostgresChanges
from chalicelib.migration.postgres import connect, rows
from chalicelib.migration.serenya.additions import ADDITIONS, TRACKED
from chalicelib.migration.serenya.legacy import SerenyaLegacy
from chalicelib.migration.serenya.reading import PLAIN, UNUSUAL
from chalicelib.models import keys
from chalicelib.wiring_migration import legacy
from dev.legacy.server import LegacyDatabase

_ADDED = """
INSERT INTO users (external_id, auth_provider, email, email_verified, name) VALUES (%s, 'google', %s, %s, 'Ada')
RETURNING id::text
"""


@pytest.fixture
def side(legacy_database: LegacyDatabase) -> SerenyaLegacy:
    found = legacy(legacy_database.dsn)
    PostgresChanges(found.pool, TRACKED, ADDITIONS).install()
    return found


def _added(side: SerenyaLegacy, email: str, *, is_verified: bool = True) -> str:
    with side.pool.lend() as connection:
        [(key,)] = rows(connection, _ADDED, (email, email, is_verified))
    return str(key)


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        ("Straße@x.de", "STRASSE@X.DE"),
        ("ΣΊΣΥΦΟΣ@x.gr", "σίσυφος@x.gr"),
        ("\tA@x.de", "a@x.de"),
        ("\u00a0A@x.de", "a@x.de"),
        ("e\u0301va@x.hu", "Éva@x.hu"),
        ("  Ada@X.org ", "ada@x.org"),
    ],
)
def test_the_holder_of_an_address_is_found_by_the_hash_that_the_service_makes(
    side: SerenyaLegacy, held: str, asked: str
) -> None:
    key = _added(side, held)
    _added(side, "somebody@else.org")
    _added(side, "Größe@else.org")
    guard = f"GUARD#EMAIL#{email_hash(asked)}"
    with side.pool.transaction() as cursor:
        assert side.mapping.holders(cursor, [guard]) == {guard: key}
        found = side.mapping.indexed(cursor, keys.EMAIL_INDEX, f"USER_EMAIL#{email_hash(asked)}")
    assert [one["PK"]["S"] for one in found] == [f"USER#{key}"]


def test_an_unusual_address_that_nobody_has_verified_holds_no_guard_but_is_found_by_the_index(
    side: SerenyaLegacy,
) -> None:
    key = _added(side, "Straße@x.de", is_verified=False)
    hashed = email_hash("strasse@x.de")
    with side.pool.transaction() as cursor:
        assert side.mapping.holders(cursor, [f"GUARD#EMAIL#{hashed}"]) == {}
        found = side.mapping.indexed(cursor, keys.EMAIL_INDEX, f"USER_EMAIL#{hashed}")
    assert [one["PK"]["S"] for one in found] == [f"USER#{key}"]


def test_addresses_are_looked_up_by_index(side: SerenyaLegacy, legacy_database: LegacyDatabase) -> None:
    connection = connect(legacy_database.dsn)
    rows(connection, "SET enable_seqscan = off")
    for condition, index in (
        (f"{PLAIN} = ANY(ARRAY['a@x.de'])", "migration_users_by_email"),
        (UNUSUAL, "migration_users_by_unusual_email"),
        ("migration.email_hash(email) = 'x'", "migration_users_by_email_hash"),
    ):
        plan = rows(connection, f"EXPLAIN SELECT id, email FROM users WHERE {condition}")
        assert any(f" {index} " in f"{line} " for (line,) in plan), plan
    connection.close()
    assert side.keys(None, 1) == []
