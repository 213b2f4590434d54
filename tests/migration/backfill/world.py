"""A legacy database with people in it, and the operator who moves them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from pynamodb.connection.table import TableConnection

from chalicelib.migration.verify.settling import Patience
from chalicelib.wiring_backfill import Operator, operator_of
from dev.legacy.server import LegacyDatabase
from dev.legacy_data import generate, load


@dataclass(slots=True)
class World:
    """Both sides. `call` asks the table, past whatever the operator's calls go through."""

    operator: Operator
    dsn: str
    call: Callable[[str, dict[str, Any]], Any]
    table_name: str

    @classmethod
    def made(cls, database: LegacyDatabase, table: TableConnection, users: int, *, is_installed: bool = True) -> World:
        """A world with so many people, everything installed."""
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            load(connection, generate(users, each=1))
        client: Any = table.connection.client
        operator = operator_of(table.table_name, client._make_api_call, lambda: database.dsn)
        if is_installed:
            operator.move.changes.install()
        operator.checkpoints().begin(16)
        return cls(operator, database.dsn, client._make_api_call, table.table_name)

    def through(self, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Operator:
        """Return an operator whose calls to the table go through something."""
        return operator_of(self.table_name, wrap(self.call), lambda: self.dsn)

    def counted(self) -> tuple[Operator, Counter[str]]:
        """Return an operator whose calls to the table are counted, and how many there were of each."""
        asked: Counter[str] = Counter()

        def counting(call: Callable[..., Any]) -> Callable[..., Any]:
            def ask(operation: str, arguments: dict[str, Any]) -> Any:
                asked[operation] += 1
                return call(operation, arguments)

            return ask

        return self.through(counting), asked

    @property
    def people(self) -> list[str]:
        return sorted(str(row[0]) for row in self.sql("SELECT id FROM users"))

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Do something in the legacy database, as another program would."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            done = connection.execute(statement, parameters or None)
            return done.fetchall() if done.description else []

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Every item of the table but the engine's own."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        more: dict[str, Any] = {}
        while True:
            answer = self.call("Scan", {"TableName": self.table_name, "ConsistentRead": True, **more})
            found |= {(one["PK"]["S"], one["SK"]["S"]): one for one in answer["Items"]}
            if "LastEvaluatedKey" not in answer:
                return {key: one for key, one in found.items() if not key[0].startswith("MIGRATION#")}
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def expected(self) -> dict[tuple[str, str], Any]:
        """Every item that the mapping gives."""
        found: dict[tuple[str, str], Any] = {}
        for holding in self.operator.move.legacy.holdings(self.people):
            assert not found.keys() & holding.items.keys(), "an item of two people"
            found |= holding.items
        return found

    def is_verified(self) -> bool:
        """What the verification says, which knows nothing of the copier."""
        connection = self.operator.connection()
        try:
            verifier = self.operator.verifier(connection, Patience(rounds=3, wait_seconds=0.05))
            return verifier.verify().is_clean
        finally:
            connection.close()
