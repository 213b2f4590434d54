"""Reads rows of several people, and what stands beside them, with one query: one snapshot, one way to the database.

Rows come as JSON that PostgreSQL writes, so that both drivers give the same and nothing is converted twice.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from chalicelib.clock import iso
from chalicelib.ids import email_hash, normalised_email
from chalicelib.migration.ports import Key
from chalicelib.migration.postgres import Cursor, read_instant, rows
from chalicelib.migration.serenya import raw
from chalicelib.migration.serenya.columns import OF_PEOPLE, TABLES, Kind, read_columns
from chalicelib.migration.serenya.extras import Extras
from chalicelib.migration.serenya.rows import SHAPES, AnyRow, Instant, PersonRows, Rival
from chalicelib.migration.serenya.to_items import rank_of
from chalicelib.models.keys import GuardKind

_HIDEABLE: Final = "processing_jobs"
_BELONGING: Final = {
    "users": ("one.id", ""),
    "biometric_registrations": ("held.user_id", "JOIN user_devices AS held ON held.id = one.device_id"),
    "payments": ("one.user_id", "LEFT JOIN subscriptions AS plan ON plan.id = one.subscription_id"),
}
"""Of each table, what says whose a row is, and what must be joined for it or read with it."""
_RIVALS: Final = """
SELECT 'transaction', mine.user_id::text,
    json_build_array(other.provider_transaction_id, plan.provider, other.created_at, other.id)::text
FROM payments AS mine JOIN wanted ON mine.user_id = wanted.id
JOIN payments AS other ON other.provider_transaction_id = mine.provider_transaction_id
    AND other.user_id <> mine.user_id
JOIN subscriptions AS plan ON plan.id = other.subscription_id
"""
UNUSUAL: Final = "(octet_length(email) <> char_length(email) OR email ~ '[[:cntrl:]]')"
"""Whether an address is one that PostgreSQL does not normalise as the service does. An index finds them."""
PLAIN: Final = 'lower(btrim(email) COLLATE "C")'
"""An address that is not, normalised: alike under every locale of a database. An index is over it."""
_SAME_EMAIL: Final = f"""
SELECT email, to_json(created_at)::text, id::text FROM users
WHERE email_verified AND NOT {UNUSUAL} AND {PLAIN} = ANY(%s::text[])
UNION ALL
SELECT email, to_json(created_at)::text, id::text FROM users WHERE email_verified AND {UNUSUAL}
"""  # noqa: S608  # declared here
"""Who may have one of these normalised addresses: PostgreSQL's `lower` says it of ASCII; all other texts are looked at
here, because it is not Unicode's case folding (`ß` is `ss`), and does not compose."""
_BESIDE: Final = """
UNION ALL SELECT 'extras', key, json_build_array(pk, sk, item)::text FROM migration.extras WHERE key = ANY(%s::text[])
UNION ALL SELECT 'revision', one, json_build_array(migration.revision_of(one))::text FROM unnest(%s::text[]) AS one
"""


@dataclass(slots=True)
class Found:
    """What the database holds of one key."""

    rows: PersonRows = field(default_factory=PersonRows)
    extras: Extras = field(default_factory=Extras)
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads people. `is_installed` says whether the engine's schema is there; `is_hidden` that row-level security hides
    jobs from us, so that they must be asked for person by person."""

    is_installed: bool = True
    is_hidden: bool = False

    def read(self, cursor: Cursor, keys: Sequence[Key]) -> dict[Key, Found]:
        """Return what is held under each key."""
        found = {key: Found() for key in keys}
        people = [key for key in keys if raw.uuid(key) is not None]
        given: dict[Key, dict[str, list[Any]]] = {key: {} for key in keys}
        asked = self._sql()
        params: list[Any] = [people, *([list(keys), list(keys)] if self.is_installed else [])]
        for kind, key, content in rows(cursor, asked, params):
            given[key].setdefault(kind, []).append(json.loads(content, parse_float=Decimal))
        if self.is_hidden:
            for key in people:
                given[key][_HIDEABLE] = _hidden(cursor, key)
        same_emails = _same_emails(cursor, given)
        for key, by_kind in given.items():
            found[key] = _found(by_kind, same_emails)
        return found

    def _sql(self) -> str:
        parts = [_table(name) for name in OF_PEOPLE if not (self.is_hidden and name == _HIDEABLE)]
        wanted = "WITH wanted AS (SELECT unnest(%s::uuid[]) AS id)\n"
        return wanted + "\nUNION ALL\n".join([*parts, _RIVALS]) + (_BESIDE if self.is_installed else "")


def is_hidden(cursor: Cursor) -> bool:
    """Whether row-level security hides other people's jobs from whoever asks."""
    [(hidden,)] = rows(cursor, "SELECT row_security_active(%s::regclass)", (_HIDEABLE,))
    return bool(hidden)


def encoded(document: Mapping[str, Any]) -> str:
    """Write a document for a jsonb column, which holds no NUL: one that has any is written as one text."""
    written = json.dumps(document)
    return json.dumps({"base64": base64.b64encode(written.encode()).decode()}) if "\\u0000" in written else written


def decoded(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read a document back."""
    if "base64" not in document:
        return document
    read: Mapping[str, Any] = json.loads(base64.b64decode(document["base64"]))
    return read


def row_of(table: str, values: Sequence[Any]) -> Any:
    """Return a row out of what PostgreSQL wrote as JSON."""
    columns, (_, shape) = TABLES[table], SHAPES[table]
    names = read_columns(table)
    read = [_read(columns[name].kind, value) for name, value in zip(names, values, strict=False)]
    return shape(*read, *values[len(names) :])


def _table(name: str) -> str:
    owner, joined = _BELONGING.get(name, ("one.user_id", ""))
    picked = [f"one.{column}{_cast(TABLES[name][column].kind)}" for column in read_columns(name)]
    picked += ["plan.provider", "plan.external_subscription_id"] if name == "payments" else []
    return (
        f"SELECT '{name}', {owner}::text, json_build_array({', '.join(picked)})::text "  # noqa: S608  # declared names
        f"FROM {name} AS one {joined} JOIN wanted ON {owner} = wanted.id"
    )


def _cast(kind: Kind) -> str:
    return "::text" if kind is Kind.JSON else ""


def _hidden(cursor: Cursor, key: Key) -> list[Any]:
    rows(cursor, "SELECT set_config('app.current_user_id', %s, false)", (key,))
    picked = ", ".join(read_columns(_HIDEABLE))
    asked = f"SELECT json_build_array({picked})::text FROM {_HIDEABLE} WHERE user_id = %s::uuid"  # noqa: S608  # declared
    return [json.loads(content) for (content,) in rows(cursor, asked, (key,))]


def _read(kind: Kind, value: Any) -> Any:
    if value is None or kind in (Kind.TEXT, Kind.BOOL, Kind.WHOLE, Kind.JSON, Kind.CHAR):
        return value
    return _instant(value) if kind is Kind.INSTANT else Decimal(value)


def _instant(written: str) -> Instant:
    """Return a timestamptz out of JSON (`2026-01-02T03:04:05.06+00:00`) as the table writes it."""
    if written.endswith("+00:00") and written[4] == "-" and written[0] != "0":
        return f"{written[:19]}.{written[20:-6].ljust(6, '0')}Z"
    return iso(read_instant(written))


def _same_emails(cursor: Cursor, given: Mapping[Key, Mapping[str, list[Any]]]) -> list[Rival]:
    """Return everybody who stands before the guard of an address of one of these people, themselves included."""
    people = (row_of("users", one) for by_kind in given.values() for one in by_kind.get("users", ()))
    wanted = {normalised_email(one.email) for one in people if one.email_verified and one.email.strip()}
    found = rows(cursor, _SAME_EMAIL, (sorted(wanted),)) if wanted else []
    told = ((email, created and json.loads(created), row_id) for email, created, row_id in found)
    return list(_rivals_by_email(one for one in told if normalised_email(one[0]) in wanted))


def _found(by_kind: Mapping[str, list[Any]], same_emails: Sequence[Rival]) -> Found:
    held: dict[str, Any] = {}
    for table, (name, _) in SHAPES.items():
        read: list[AnyRow] = sorted((row_of(table, one) for one in by_kind.get(table, ())), key=lambda row: row.id)
        held[name] = tuple(read)
    people = held.pop("user")
    rows_of = PersonRows(user=people[0] if people else None, **held)
    mine = people[0] if people else None
    hashed = email_hash(mine.email) if mine is not None else None
    by_email = (one for one in same_emails if mine is not None and one.name == hashed and one.rank[1] != mine.id)
    rivals = (*by_email, *_rivals_by_payment(by_kind.get("transaction", ())))
    told = [((pk, sk), decoded(item)) for pk, sk, item in by_kind.get("extras", ())]
    # That something is not held lies apart, and names its place.
    documents = {tuple(item["at"]) if "at" in item else place: item for place, item in told}
    revision = next((number for (number,) in by_kind.get("revision", ())), 0)
    return Found(
        replace(rows_of, rivals=rivals),
        Extras({place: {name: one[name] for name in one if name != "at"} for place, one in documents.items()}),
        int(revision),
    )


def _rivals_by_email(found: Iterable[Sequence[Any]]) -> Iterable[Rival]:
    for email, created_at, row_id in found:
        rank = rank_of(None if created_at is None else _instant(created_at), row_id)
        yield Rival(GuardKind.EMAIL, email_hash(email) or "", None, rank)


def _rivals_by_payment(found: Iterable[Sequence[Any]]) -> Iterable[Rival]:
    for transaction_id, provider, created_at, row_id in found:
        rank = rank_of(None if created_at is None else _instant(created_at), row_id)
        yield Rival(GuardKind.PROVIDER_TRANSACTION, transaction_id, provider, rank)
