"""Writes a person's rows so that they say what items say: only what differs, in one open transaction.

Rows are found again by their natural keys and keep their ids. A row that the outside cannot see from its items (history
that has been forgotten, a registration that is not in use) is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from chalicelib.migration.ports import Key
from chalicelib.migration.postgres import Cursor, rows
from chalicelib.migration.serenya.columns import OF_PEOPLE, read_columns
from chalicelib.migration.serenya.rows import (
    SHAPES,
    AnyRow,
    BiometricRow,
    JobRow,
    PaymentRow,
    PersonRows,
    SessionRow,
    SubscriptionRow,
)

_NAMES: Final[Mapping[str, Callable[[Any], tuple[str, ...]]]] = {
    "users": lambda row: (row.id,),
    "consent_records": lambda row: (row.consent_type,),
    "user_devices": lambda row: (row.device_id,),
    "user_sessions": lambda row: (row.session_id,),
    "biometric_registrations": lambda row: (row.registration_id,),
    "subscriptions": lambda row: (row.provider, row.external_subscription_id),
    "payments": lambda row: (row.id,),
    "processing_jobs": lambda row: (row.job_id,),
}
"""By what a row of each table is found again."""
_NEVER_CHANGED: Final = frozenset({"id", "user_id"})
_REFERRED_BY: Final = {
    "user_devices": (("user_sessions", "device_id"), ("biometric_registrations", "device_id")),
    "subscriptions": (("payments", "subscription_id"),),
}
_ADOPT: Final = """
UPDATE subscriptions SET user_id = (
    SELECT user_id FROM payments WHERE subscription_id = subscriptions.id AND user_id <> %s::uuid LIMIT 1
) WHERE user_id = %s::uuid AND id IN (SELECT subscription_id FROM payments WHERE user_id <> %s::uuid)
"""
_IN_FORCE: Final = """ON CONFLICT (provider, external_subscription_id) DO UPDATE SET user_id = excluded.user_id,
    subscription_status = excluded.subscription_status, subscription_type = excluded.subscription_type,
    start_date = excluded.start_date, end_date = excluded.end_date, updated_at = excluded.updated_at"""


@dataclass(frozen=True, slots=True)
class Change:
    """What rows are to become. `there` are the rows as they are; `said` what they say in the form of `wanted` (NULLs
    filled, ids that follow from natural keys); `gone` the names of rows, by table, whose items are gone; `in_force`
    names the subscription that counts."""

    there: PersonRows
    said: PersonRows
    wanted: PersonRows
    gone: Mapping[str, frozenset[tuple[str, ...]]]
    in_force: tuple[str, ...] | None


def names_in(found: PersonRows) -> dict[str, frozenset[tuple[str, ...]]]:
    """Return the natural keys of rows, by table."""
    return {table: frozenset(_by_name(table, found)) for table in OF_PEOPLE}


def write(cursor: Cursor, change: Change) -> bool:
    """Make the rows say it; return whether anything was to be done.

    Raises:
        Exception: PostgreSQL refuses it; nothing counts then.
    """
    done = False
    for table in reversed(OF_PEOPLE):
        there = _by_name(table, change.there)
        for name in sorted(change.gone.get(table, frozenset()) & set(there)):
            done |= _removed(cursor, table, there[name].id)
    ids = _ids(change)
    for table in OF_PEOPLE:
        there, said = _by_name(table, change.there), _by_name(table, change.said)
        for name, row in _by_name(table, change.wanted).items():
            held = there.get(name)
            if held is None:
                done |= _inserted(cursor, table, _placed(row, ids), is_in_force=name == change.in_force)
            else:
                done |= _updated(cursor, table, held.id, said.get(name, held), row, ids)
    return done


def empty(cursor: Cursor, key: Key) -> None:
    """Remove every row of a person. A subscription that others paid for becomes theirs."""
    mine = (key,)
    rows(cursor, "DELETE FROM processing_jobs WHERE user_id = %s::uuid", mine)
    rows(cursor, "DELETE FROM payments WHERE user_id = %s::uuid", mine)
    rows(cursor, _ADOPT, (key, key, key))
    rows(cursor, "DELETE FROM subscriptions WHERE user_id = %s::uuid", mine)
    held = "DELETE FROM biometric_registrations AS one USING user_devices AS held WHERE held.id = one.device_id"
    rows(cursor, f"{held} AND held.user_id = %s::uuid", mine)
    rows(cursor, "DELETE FROM user_sessions WHERE user_id = %s::uuid", mine)
    rows(cursor, "DELETE FROM user_devices WHERE user_id = %s::uuid", mine)
    rows(cursor, "DELETE FROM consent_records WHERE user_id = %s::uuid", mine)
    rows(cursor, "DELETE FROM users WHERE id = %s::uuid", mine)


def _by_name(table: str, found: PersonRows) -> dict[tuple[str, ...], Any]:
    held = getattr(found, SHAPES[table][0])
    several = held if isinstance(held, tuple) else () if held is None else (held,)
    return {_NAMES[table](row): row for row in several}


def _ids(change: Change) -> dict[str, str]:
    """Return the ids that rows have, by those that follow from their natural keys."""
    ids: dict[str, str] = {}
    for table in ("user_devices", "subscriptions"):
        there = _by_name(table, change.there)
        for found in (change.said, change.wanted):
            ids |= {row.id: there[name].id for name, row in _by_name(table, found).items() if name in there}
    return ids


def _placed(row: AnyRow, ids: Mapping[str, str]) -> AnyRow:
    """Return a row that refers to the rows that are there."""
    if isinstance(row, SessionRow | BiometricRow):
        return replace(row, device_id=ids.get(row.device_id, row.device_id))
    if isinstance(row, PaymentRow):
        return replace(row, subscription_id=ids.get(row.subscription_id, row.subscription_id))
    return row


def _removed(cursor: Cursor, table: str, row_id: str) -> bool:
    free = "".join(
        f" AND NOT EXISTS (SELECT FROM {other} WHERE {column} = {table}.id)"  # declared names
        for other, column in _REFERRED_BY.get(table, ())
    )
    cursor.execute(f"DELETE FROM {table} WHERE id = %s::uuid{free}", (row_id,))  # noqa: S608  # declared names
    return cursor.rowcount > 0


def _updated(cursor: Cursor, table: str, row_id: str, said: AnyRow, row: AnyRow, ids: Mapping[str, str]) -> bool:
    placed = _placed(row, ids)
    changed = [
        name for name in read_columns(table) if name not in _NEVER_CHANGED and getattr(said, name) != getattr(row, name)
    ]
    if table == "payments" and isinstance(said, PaymentRow) and isinstance(row, PaymentRow):
        # The same subscription under another id of ours is the same row.
        is_same = (said.provider, said.external_subscription_id) == (row.provider, row.external_subscription_id)
        changed = [name for name in changed if not (is_same and name == "subscription_id")]
    if not changed:
        return False
    settings = ", ".join(f"{name} = {_value(table, name)}" for name in changed)
    values = [value for name in changed for value in _values(table, name, placed)]
    cursor.execute(f"UPDATE {table} SET {settings} WHERE id = %s::uuid", (*values, row_id))  # noqa: S608  # declared
    return True


def _inserted(cursor: Cursor, table: str, row: AnyRow, *, is_in_force: bool) -> bool:
    if not _has_ground(cursor, row):
        return False
    if isinstance(row, BiometricRow):
        # One registration of a kind to a device: what is not in use gives way.
        stale = "DELETE FROM biometric_registrations WHERE device_id = %s::uuid AND biometric_type = %s"
        cursor.execute(stale, (row.device_id, row.biometric_type))
    more = _needed(row)
    names = (*read_columns(table), *more)
    holes = ", ".join([*(_value(table, name) for name in read_columns(table)), *("%s" for _ in more)])
    values = [value for name in read_columns(table) for value in _values(table, name, row)]
    conflict = _IN_FORCE if is_in_force and isinstance(row, SubscriptionRow) else "ON CONFLICT DO NOTHING"
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({holes}) {conflict}"  # noqa: S608  # declared names
    cursor.execute(sql, (*values, *more.values()))
    return True


def _has_ground(cursor: Cursor, row: AnyRow) -> bool:
    """Whether the row that this one refers to is there."""
    if isinstance(row, SessionRow | BiometricRow):
        return bool(rows(cursor, "SELECT 1 FROM user_devices WHERE id = %s::uuid", (row.device_id,)))
    if isinstance(row, PaymentRow):
        return bool(rows(cursor, "SELECT 1 FROM subscriptions WHERE id = %s::uuid", (row.subscription_id,)))
    return True


def _needed(row: AnyRow) -> dict[str, str]:
    """Return what a row must have that no item says: a document's name is its job's."""
    if not isinstance(row, JobRow):
        return {}
    name = f"{row.job_id}.{row.file_type}"
    return {"original_filename": name, "sanitized_filename": name, "s3_bucket": ""}


def _value(table: str, name: str) -> str:
    if (table, name) == ("users", "email_hash"):
        # Old rows hold the hash of an address that nobody vouched for; the column is unique, and they keep it.
        return "(SELECT %s::varchar WHERE NOT EXISTS (SELECT FROM users AS other WHERE other.email_hash = %s))"
    return "%s"


def _values(table: str, name: str, row: AnyRow) -> list[Any]:
    value = getattr(row, name)
    return [value, value] if (table, name) == ("users", "email_hash") else [value]
