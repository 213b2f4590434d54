"""A database with two small tables beside the engine's own, and the parts of the engine over it and a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.migration.changes import PostgresChanges
from chalicelib.migration.pool import Pool
from chalicelib.migration.postgres import connect, rows
from chalicelib.migration.table import DynamoTable
from dev.legacy.server import LegacyDatabase
from tests.migration.engine.engine import Engine
from tests.migration.engine.people import TABLES, TRACKED
from tests.support import SettableClock


def dynamo(connection: TableConnection) -> DynamoTable:
    """The engine's table over the shared connection."""
    client: Any = connection.connection.client
    return DynamoTable(connection.table_name, client._make_api_call)


@pytest.fixture
def people_pool(legacy_database: LegacyDatabase) -> Iterator[Pool]:
    """Connections to a database with people in it, and with the engine installed."""
    pool = Pool(lambda: connect(legacy_database.dsn))
    with pool.transaction() as cursor:
        for statement in TABLES.strip().split(";\n"):
            cursor.execute(statement)
    PostgresChanges(pool, TRACKED).install()
    yield pool
    pool.close()


@pytest.fixture
def engine(people_pool: Pool, second_engine: TableConnection, clock: SettableClock) -> Engine:
    """The engine, between a real PostgreSQL and the second engine."""
    return Engine(people_pool, dynamo(second_engine), clock)


@pytest.fixture
def sql(people_pool: Pool) -> Any:
    """Runs a statement as another program would, and returns its rows."""

    def run(statement: str, *parameters: Any) -> list[Any]:
        with people_pool.lend() as connection:
            return rows(connection, statement, parameters)

    return run
