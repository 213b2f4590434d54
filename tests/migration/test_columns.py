"""Every column of the legacy database has a fate, and every fate a place."""

from __future__ import annotations

from dataclasses import fields

import pytest

from chalicelib.migration.postgres import connect, rows
from chalicelib.migration.serenya.columns import OF_PEOPLE, TABLES, Fate, Kind, read_columns
from chalicelib.migration.serenya.rows import SHAPES
from dev.legacy.server import LegacyDatabase

_KINDS = {
    "uuid": {Kind.TEXT},
    "character varying": {Kind.TEXT},
    "text": {Kind.TEXT},
    "USER-DEFINED": {Kind.TEXT},
    "character": {Kind.CHAR},
    "boolean": {Kind.BOOL},
    "integer": {Kind.WHOLE},
    "bigint": {Kind.WHOLE},
    "numeric": {Kind.MONEY},
    "timestamp with time zone": {Kind.INSTANT},
    "jsonb": {Kind.JSON},
    "inet": {Kind.TEXT},
}


def _found(database: LegacyDatabase) -> dict[str, dict[str, str]]:
    asked = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows(connect(database.dsn), asked):
        found.setdefault(table, {})[column] = kind
    return found


def test_every_column_of_the_schema_is_mapped_or_dropped_by_name_and_none_is_made_up(
    legacy_database: LegacyDatabase,
) -> None:
    found = _found(legacy_database)
    assert {table: set(columns) for table, columns in found.items()} == {
        table: set(columns) for table, columns in TABLES.items()
    }


def test_every_column_that_is_read_is_read_as_what_it_is(legacy_database: LegacyDatabase) -> None:
    found = _found(legacy_database)
    for table in OF_PEOPLE:
        for name in read_columns(table):
            assert TABLES[table][name].kind in _KINDS[found[table][name]], f"{table}.{name}"


@pytest.mark.parametrize("table", sorted(TABLES))
def test_whatever_is_not_simply_kept_has_a_reason(table: str) -> None:
    for name, column in TABLES[table].items():
        assert column.why or column.fate is Fate.KEPT, name
        assert column.to or column.fate in (Fate.DROPPED, Fate.CONCLUDED), name


@pytest.mark.parametrize("table", OF_PEOPLE)
def test_a_row_has_a_field_for_each_column_that_is_read_in_their_order(table: str) -> None:
    names = tuple(one.name for one in fields(SHAPES[table][1]))
    assert names[: len(read_columns(table))] == read_columns(table)
