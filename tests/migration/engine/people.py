"""Another world than Serenya: people with notes, in two tables and as items. The engine moves them all the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.migration.layout import Layout
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Holding, ItemKey, Key, Outcome, RawItem
from chalicelib.migration.postgres import Cursor, Isolation, rows
from chalicelib.migration.schema import FROM_HOME, Tracked

TABLES = """
CREATE TABLE people (id text PRIMARY KEY, name text NOT NULL, email text UNIQUE);
CREATE TABLE drawers (id text PRIMARY KEY, person_id text NOT NULL REFERENCES people ON DELETE CASCADE);
CREATE TABLE notes (id text PRIMARY KEY, drawer_id text NOT NULL REFERENCES drawers ON DELETE CASCADE, body text);
"""
TRACKED = (
    Tracked("people", "id"),
    Tracked("drawers", "person_id"),
    Tracked("notes", "drawer_id", parent="drawers", parent_key="person_id"),
)
STAMP = {"entity_type": {"S": "migration"}, "created_at": {"S": "2026-01-01"}, "updated_at": {"S": "2026-01-01"}}


def anchor(key: Key) -> ItemKey:
    """The item that a person always has."""
    return f"PERSON#{key}", "PERSON"


def gravestone(key: Key) -> ItemKey:
    """What the service puts where somebody is never to come back."""
    return f"GONE#{key}", "GONE"


def person(key: Key, name: str = "Ada", email: str | None = None) -> dict[ItemKey, RawItem]:
    """A person as items, with the guard of their address."""
    data: dict[str, Any] = {"name": {"S": name}}
    found: dict[ItemKey, RawItem] = {}
    if email:
        data["email"] = {"S": email}
        found[guard_key(email)] = item(guard_key(email), {"owner": {"S": key}})
    return {anchor(key): item(anchor(key), data), **found}


def note(key: Key, name: str, body: str = "text") -> dict[ItemKey, RawItem]:
    """A note as an item."""
    where = (f"PERSON#{key}", f"NOTE#{name}")
    return {where: item(where, {"body": {"S": body}})}


def guard_key(email: str) -> ItemKey:
    """Keeps an address to one person."""
    return f"GUARD#{email}", "GUARD"


def item(key: ItemKey, data: Mapping[str, Any]) -> RawItem:
    """An item of the table."""
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}, "data": {"M": dict(data)}, **STAMP}


def _named(items: Iterable[RawItem]) -> list[ItemKey]:
    addresses = [one["data"]["M"].get("email") for one in items if one["SK"]["S"] == "PERSON"]
    return [guard_key(address["S"]) for address in addresses if address]


def _owner(one: RawItem) -> Key:
    partition = one["PK"]["S"]
    return str(one["data"]["M"]["owner"]["S"]) if partition.startswith("GUARD#") else partition.split("#", 1)[1]


LAYOUT = Layout(
    partitions_of=lambda key: (f"PERSON#{key}",),
    named_outside=_named,
    key_of=_owner,
    owner_path=("data", "owner"),
    anchor_of=anchor,
    tombstones_of=lambda key: (gravestone(key),),
)


@dataclass(frozen=True, slots=True)
class PeopleLegacy:
    """The relational side: rows where they have columns, extras for every other item."""

    pool: Pool

    def keys(self, after: Key | None, limit: int, until: Key | None = None) -> Sequence[Key]:
        sql = "SELECT id FROM people WHERE id > %s AND id <= %s ORDER BY id LIMIT %s"
        with self.pool.lend() as connection:
            return [row[0] for row in rows(connection, sql, (after or "", until or "\U0010ffff", limit))]

    def revision(self, key: Key) -> int:
        with self.pool.lend() as connection:
            return int(rows(connection, "SELECT migration.revision_of(%s)", (key,))[0][0])

    def holding(self, key: Key) -> Holding:
        return self.holdings([key])[0]

    def holdings(self, keys: Sequence[Key]) -> Sequence[Holding]:
        with self.pool.transaction(Isolation.REPEATABLE_READ, is_read_only=True) as cursor:
            return [self.held(cursor, key) for key in keys]

    def held(self, cursor: Cursor, key: Key) -> Holding:
        [(revision,)] = rows(cursor, "SELECT migration.revision_of(%s)", (key,))
        items: dict[ItemKey, RawItem] = {}
        for _, name, email in rows(cursor, "SELECT id, name, email FROM people WHERE id = %s", (key,)):
            items |= person(key, name, email)
        sql = "SELECT n.id, n.body FROM notes n JOIN drawers d ON d.id = n.drawer_id WHERE d.person_id = %s"
        for name, body in rows(cursor, sql, (key,)):
            items |= note(key, name.split("/", 1)[1], body)
        for pk, sk, extra in rows(cursor, "SELECT pk, sk, item FROM migration.extras WHERE key = %s", (key,)):
            items[pk, sk] = json.loads(extra)
        return Holding(key, int(revision), items)

    def store(self, holding: Holding) -> Outcome:
        key = holding.key
        with self.pool.transaction() as cursor:
            cursor.execute(FROM_HOME)
            lock = "SELECT 1 FROM migration.revisions WHERE key = %s FOR UPDATE"
            if not rows(cursor, lock, (key,)):
                self._count_first(cursor, key)
            [(revision,)] = rows(cursor, "SELECT migration.revision_of(%s)", (key,))
            if revision != holding.revision:
                return Outcome.NEWER_THERE
            self.replace(cursor, key, holding.items)
            rows(cursor, "SELECT migration.bump(ARRAY[%s])", (key,))
        return Outcome.REMOVED if holding.is_empty else Outcome.WRITTEN

    def _count_first(self, cursor: Cursor, key: Key) -> None:
        sql = """INSERT INTO migration.revisions (key, revision)
            SELECT %s, base FROM migration.control ON CONFLICT DO NOTHING"""
        cursor.execute(sql, (key,))
        rows(cursor, "SELECT 1 FROM migration.revisions WHERE key = %s FOR UPDATE", (key,))

    def replace(self, cursor: Cursor, key: Key, items: Mapping[ItemKey, RawItem]) -> None:
        cursor.execute("DELETE FROM people WHERE id = %s", (key,))
        cursor.execute("DELETE FROM migration.extras WHERE key = %s", (key,))
        who = items.get(anchor(key))
        if who is not None:
            data = who["data"]["M"]
            email = data.get("email", {}).get("S")
            cursor.execute("INSERT INTO people VALUES (%s, %s, %s)", (key, data["name"]["S"], email))
            cursor.execute("INSERT INTO drawers VALUES (%s, %s)", (key, key))
        for (pk, sk), one in items.items():
            if sk.startswith("NOTE#") and who is not None:
                name, body = f"{key}/{sk[5:]}", one["data"]["M"]["body"]["S"]
                cursor.execute("INSERT INTO notes VALUES (%s, %s, %s)", (name, key, body))
            elif sk not in {"PERSON", "GUARD"}:
                sql = "INSERT INTO migration.extras (pk, sk, key, item) VALUES (%s, %s, %s, %s::jsonb)"
                cursor.execute(sql, (pk, sk, key, json.dumps(one)))
