"""Rows that became constants of the code: which of them say something else than the code does today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from chalicelib.migration import postgres
from chalicelib.migration.verify.differences import Difference, Kind, View

Constants = Mapping[str, Mapping[str, Mapping[str, str | None]]]
"""By table and name of the row: what the code says, by column, as PostgreSQL writes it."""

NAMES: Final = {
    "subscription_tiers": "tier_name",
    "chat_options": "content_type || '/' || category || '/' || display_order",
}
"""What names a row of each table to the outside."""


def drifted(connection: postgres.Connection, constants: Constants) -> Iterator[Difference]:
    """Yield what rows say otherwise than the code, and rows that the code does not know. Constants without a row are
    newer than the legacy database, and no drift."""
    for table, wanted in constants.items():
        columns = sorted({column for row in wanted.values() for column in row})
        listed = ", ".join(f'"{column}"::text' for column in columns)
        asked = f"SELECT {NAMES[table]}, {listed} FROM {table} ORDER BY 1"  # noqa: S608  # declared
        for name, *values in postgres.rows(connection, asked):
            place, said = f"{table} {name}", wanted.get(str(name))
            if said is None:
                yield Difference(table, place, "", Kind.MISSING, View.ROWS, str(name))
                continue
            for column, value in zip(columns, values, strict=True):
                if value != said.get(column):
                    yield Difference(table, place, column, Kind.OTHER, View.ROWS, value, said.get(column))
