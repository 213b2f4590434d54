"""A legacy database full of people, and a table that they were copied to, with all that verifies it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from pynamodb.connection.table import TableConnection

from chalicelib.clock import Clock, SystemClock
from chalicelib.migration.postgres import connect
from chalicelib.migration.serenya.verification import Sides, verifier_of
from chalicelib.migration.verify.quick_scan import QuickScan
from chalicelib.migration.verify.run import Verification, Verifier
from chalicelib.migration.verify.settling import Patience
from chalicelib.wiring_constants import constants
from chalicelib.wiring_migration import Move, move_of, rulebook
from dev.legacy.server import LegacyDatabase
from dev.legacy_data import generate, load


@dataclass(slots=True)
class World:
    """Both sides of a move."""

    dsn: str
    move: Move
    call: Any
    table_name: str
    people: list[str]

    def copy(self, keys: Sequence[str] | None = None) -> None:
        """Copy people, or all of them."""
        for key in keys if keys is not None else self.people:
            self.move.copier.copy(key)

    def drain(self) -> None:
        """Copy whoever changed."""
        while notes := self.move.changes.waiting(500):
            self.copy(sorted({note.key for note in notes}))

    def verifier(self, patience: Patience | None = None, clock: Clock | None = None) -> Verifier:
        """Return what verifies once."""
        sides = Sides(
            self.table_name,
            QuickScan(self.call.__self__),
            self.move.table,
            self.move.pool,
            self.move.legacy,
            rulebook(),
            constants(),
        )
        quick = patience or Patience(rounds=5, wait_seconds=0.05)
        return verifier_of(sides, connect(self.dsn), clock or SystemClock(), segments=2, patience=quick)

    def verify(self, patience: Patience | None = None) -> Verification:
        """Verify everything."""
        return self.verifier(patience).verify()

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Do something in the legacy database, as another program would."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            done = connection.execute(statement, parameters or None)
            return done.fetchall() if done.description else []

    def items(self, key: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the items in somebody's partition."""
        answer = self.call(
            "Query",
            {
                "TableName": self.table_name,
                "KeyConditionExpression": "PK = :pk",
                "ExpressionAttributeValues": {":pk": {"S": f"USER#{key}"}},
            },
        )
        return {(one["PK"]["S"], one["SK"]["S"]): one for one in answer["Items"]}

    def put(self, item: dict[str, Any]) -> None:
        """Put an item past everything."""
        self.call("PutItem", {"TableName": self.table_name, "Item": item})

    def delete(self, place: tuple[str, str]) -> None:
        """Remove an item past everything."""
        key = {"PK": {"S": place[0]}, "SK": {"S": place[1]}}
        self.call("DeleteItem", {"TableName": self.table_name, "Key": key})


@contextmanager
def moved(
    table: TableConnection, database: LegacyDatabase, users: int, seed: int = 1, each: int | None = None
) -> Iterator[World]:
    """Yield people in both places."""
    client: Any = table.connection.client
    rows = generate(users, seed, datetime.now(UTC), each)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        load(connection, rows)
    move = move_of(table.table_name, client._make_api_call, lambda: database.dsn, SystemClock())
    move.changes.install()
    people = sorted(one["id"] for one in rows.tables["users"])
    world = World(database.dsn, move, client._make_api_call, table.table_name, people)
    try:
        world.copy()
        yield world
    finally:
        move.pool.close()
