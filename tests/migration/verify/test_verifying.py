"""Verification of people who were copied."""

from __future__ import annotations

from pynamodb.connection.table import TableConnection

from dev.legacy.server import LegacyDatabase
from tests.migration.verify.world import moved


def test_what_was_copied_is_the_same_whatever_is_wrong_with_it(
    second_engine: TableConnection, legacy_database: LegacyDatabase
) -> None:
    with moved(second_engine, legacy_database, 120) as world:
        found = world.verify()

        assert found.differences == []
        assert found.is_clean
        assert found.keys >= 120
        assert found.candidates == 0
        assert found.row_counts["users"] == 120
