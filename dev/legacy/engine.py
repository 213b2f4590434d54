"""The relational side as an engine for tests: everything that moves in a PostgreSQL, whole; the rest in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pynamodb.connection.table import TableConnection

from chalicelib.migration.changes import PostgresChanges
from chalicelib.migration.pool import Pool
from chalicelib.migration.postgres import connect
from chalicelib.migration.relational.engine import Relational
from chalicelib.migration.relational.extras import Extras
from chalicelib.migration.routing import Router
from chalicelib.migration.serenya import places
from chalicelib.migration.serenya.indexes import INDEX_KEYS
from chalicelib.models import keys
from chalicelib.models.base import put_door


@dataclass(frozen=True, slots=True)
class RelationalEngine:
    """A database with the engine's own tables and no mapping: every item that moves is kept whole."""

    pool: Pool
    answers: Relational

    def open_for(self, table: TableConnection) -> None:
        """Empty it, and have models and stores ask it, until they are connected anew."""
        with self.pool.transaction() as cursor:
            cursor.execute("TRUNCATE migration.extras")
            cursor.execute("TRUNCATE migration.changes, migration.revisions, migration.troubles")
        client: Any = table.connection.client
        router = Router(table.table_name, places, client._make_api_call)

        def moved(operation: str, request: dict[str, Any]) -> Any:
            # Whoever counts or kills calls to the table listens to these events.
            told = {"model": client.meta.service_model.operation_model(operation), "context": {}}
            asked = {"headers": {}, "body": b"", "url_path": "/", "context": {}}
            client.meta.events.emit(f"before-call.dynamodb.{operation}", params=asked, request_signer=None, **told)
            try:
                return self.answers.answer(operation, request).response
            finally:
                client.meta.events.emit(f"after-call.dynamodb.{operation}", http_response=None, parsed={}, **told)

        put_door(lambda operation, request: router.routed(operation, request, moved))


@contextmanager
def relational_engine(dsn: str) -> Iterator[RelationalEngine]:
    """Install the engine's tables in a database and answer from it."""
    pool = Pool(lambda: connect(dsn), most_kept=60)
    PostgresChanges(pool, ()).install()
    try:
        yield RelationalEngine(pool, Relational(pool, Extras(INDEX_KEYS, keys.DUE_INDEX), places, INDEX_KEYS))
    finally:
        pool.close()
