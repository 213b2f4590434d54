"""Of what the declarations of a verification are made: fields, tables, and what columns say in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chalicelib.migration.verify.sides import Lane

_LATEST, _EARLIEST = "'9999-12-31 23:59:59.999999+00'::timestamptz", "'1000-01-01 00:00:00+00'::timestamptz"
BORN: Final = "coalesce(person.created_at, person.updated_at, person.last_login_at, '1970-01-01Z'::timestamptz)"
"""Since when somebody is there, or the nearest instant that is known."""


class Form(StrEnum):
    """How an attribute is made comparable with its column."""

    TEXT = "text"
    FLAG = "flag"
    WHOLE = "whole"
    MONEY = "money"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Field:
    """A value of an entry. `columns` are those that say it; `at` is below the part (or `data`), or with a dot beside
    it."""

    name: str
    at: str
    sql: str
    columns: tuple[str, ...]
    form: Form = Form.TEXT
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A lane whose entries are rows. `source` is what follows FROM, `key` whose they are, `lasts` which of them count
    at an instant (`:at`). The first field tells an entry from others."""

    lane: str
    table: str
    source: str
    fields: tuple[Field, ...]
    key: str = "one.user_id"
    lasts: str = "true"
    others: Mapping[str, str] = field(default_factory=dict)
    """Columns that no value is, with the reason."""

    def described(self) -> Lane:
        """Return it in the words of the engine."""
        personal = {one.name for one in self.fields if one.is_personal}
        return Lane(self.lane, tuple(one.name for one in self.fields), personal)


def instant(expression: str) -> str:
    """Return an instant as items write it; one beyond the years of four digits is the nearest of them."""
    within = f"greatest(least({expression}, {_LATEST}), {_EARLIEST})"
    written = f"to_char({within} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    # `least` skips NULL.
    return f"CASE WHEN {expression} IS NOT NULL THEN {written} END"


def text(name: str, column: str | None = None, *, personal: bool = False, at: str = "") -> Field:
    """Return a value that is the column as text."""
    column = column or name
    return Field(name, at or name, f"one.{column}::text", (column,), is_personal=personal)


def or_default(name: str, default: str, column: str | None = None, at: str = "", form: Form = Form.TEXT) -> Field:
    """Return a value whose NULL means the default of the column."""
    column = column or name
    return Field(name, at or name, f"coalesce(one.{column}::text, '{default}')", (column,), form)


def flag(name: str, default: str = "false", at: str = "") -> Field:
    """Return a boolean."""
    return or_default(name, default, at=at, form=Form.FLAG)


def instant_in(name: str, column: str | None = None, at: str = "") -> Field:
    """Return an instant."""
    column = column or name
    return Field(name, at or name, instant(f"one.{column}"), (column,))


def nearest(name: str, *columns: str, at: str = "") -> Field:
    """An instant for which others stand in where it is NULL."""
    filled = ", ".join(f"one.{column}" for column in columns)
    return Field(name, at or name, instant(f"coalesce({filled}, {BORN})"), (columns[0],))


def stamps() -> tuple[Field, Field]:
    """Return when a row came and last changed."""
    return (
        nearest("created_at", "created_at", "updated_at"),
        nearest("updated_at", "updated_at", "created_at"),
    )


def recent(chosen: str) -> str:
    """What was replaced longer ago than history lives is forgotten on both sides; what is current is not."""
    changed = f"coalesce(one.updated_at, one.created_at, {BORN})"
    is_chosen = f"EXISTS (SELECT FROM {chosen} AS chosen WHERE chosen.id = one.id)"
    return f"(date_trunc('second', {changed} + :life) > :at OR {is_chosen})"
