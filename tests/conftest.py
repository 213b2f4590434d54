"""Fixtures: the table on moto (fast, in process) and on the second engine (strict and atomic), settings, clock."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import settings as how_to_try
from pynamodb.connection.table import TableConnection

from chalicelib.config import Settings
from chalicelib.models import base
from chalicelib.models.catalogue import KINDS
from chalicelib.models.kinds import Lifetime
from tests import quick, support, tiers

if TYPE_CHECKING:
    from dev.legacy.engine import RelationalEngine
    from dev.legacy.server import LegacyDatabase, Server

pytest_plugins = ["tests.calls.plugin"]

for _name, _value in support.ENVIRONMENT.items():
    os.environ[_name] = _value
os.environ.pop("AWS_ENDPOINT_URL", None)
# How long an example takes says how busy the machine is.
how_to_try.register_profile("any machine", deadline=None)
how_to_try.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test` leaves to `make check`."""
    for item in items:
        if item.nodeid.startswith(tiers.THOROUGH):
            item.add_marker(pytest.mark.thorough)


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    with quick.one_of_everything():
        yield


@pytest.fixture
def clock() -> support.SettableClock:
    """A clock that stands until it is moved."""
    return support.SettableClock()


@pytest.fixture
def settings() -> Settings:
    """Settings of the stage `test`."""
    return support.test_settings()


@pytest.fixture
def table(settings: Settings) -> Iterator[TableConnection]:
    """The table on moto, made from the models, its backend behind one lock: moto is not atomic under threads by
    itself."""
    from moto import mock_aws

    with mock_aws(), _locked_dynamodb():
        yield _fresh_table(settings.table_name, settings.region)
        _check_lifetimes(settings)
    _disconnect()


@pytest.fixture(scope="session")
def second_cloud() -> Iterator[str]:
    """The address of an embedded cloud that this test process started for itself."""
    from dev.testing import embedded_cloud

    with embedded_cloud() as endpoint:
        yield endpoint


@pytest.fixture
def second_engine(second_cloud: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TableConnection]:
    """The table on the second engine: empty, made from the models."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", second_cloud)
    yield _fresh_table(settings.table_name, settings.region)
    _check_lifetimes(settings)
    boto3.client("dynamodb", region_name=settings.region).delete_table(TableName=settings.table_name)
    _disconnect()


ENGINES = {"moto": "table", "second": "second_engine", "relational": "relational_engine"}
"""Fixtures by the names that tests have for them."""


@pytest.fixture(scope="session")
def relational(legacy_postgres: Server) -> Iterator[RelationalEngine]:
    """A database that holds items, for all tests of this process one after the other."""
    from dev.legacy.engine import relational_engine
    from dev.legacy.server import legacy_database

    with legacy_database(legacy_postgres) as database, relational_engine(database.dsn) as engine:
        yield engine


@pytest.fixture
def relational_engine(
    table: TableConnection, relational: RelationalEngine, settings: Settings
) -> Iterator[TableConnection]:
    """The table whose items, as far as they move, are held by PostgreSQL: what the service asks before the move."""
    relational.open_for(table)
    yield table
    for item in support.stored_items():
        _check_lifetime(item)


@pytest.fixture(params=["moto", pytest.param("second", marks=pytest.mark.second_engine), "relational"])
def any_engine(request: pytest.FixtureRequest) -> TableConnection:
    """The table, once on each engine."""
    found: TableConnection = request.getfixturevalue(ENGINES[request.param])
    return found


@pytest.fixture(
    params=[
        pytest.param("moto", marks=pytest.mark.prove),
        pytest.param("second", marks=pytest.mark.second_engine),
        pytest.param("relational", marks=pytest.mark.prove),
    ]
)
def any_engine_for_long(request: pytest.FixtureRequest) -> TableConnection:
    """The table for rooms, whose tests are many: always on the second engine, which is also the quicker one; on moto
    and on PostgreSQL in `make prove`. Stores are tested on all at once."""
    found: TableConnection = request.getfixturevalue(ENGINES[request.param])
    return found


@pytest.fixture(scope="session")
def legacy_postgres() -> Iterator[Server]:
    """A PostgreSQL server that this test process started for itself, with a template of the legacy schema."""
    from dev.legacy.server import legacy_server, make_template

    with legacy_server() as server:
        make_template(server)
        yield server


@pytest.fixture
def legacy_database(legacy_postgres: Server) -> Iterator[LegacyDatabase]:
    """The legacy database, empty, of this test alone: `dsn` as its owner, `reader_dsn` for one who owns nothing."""
    from dev.legacy.server import legacy_database

    with legacy_database(legacy_postgres) as database:
        yield database


def _fresh_table(name: str, region: str) -> TableConnection:
    from chalicelib.models.schema import table_definition

    connection = base.connect(name, region)
    boto3.client("dynamodb", region_name=region).create_table(**table_definition(name))
    return connection


def _check_lifetimes(settings: Settings) -> None:
    """After every test, over every item that it wrote: `ttl` stands on ephemeral items alone (design, section 3 and
    trap 1)."""
    client = boto3.client("dynamodb", region_name=settings.region)
    for page in client.get_paginator("scan").paginate(TableName=settings.table_name):
        for item in page["Items"]:
            _check_lifetime(item)


def _check_lifetime(item: Any) -> None:
    kind = KINDS[item["entity_type"]["S"]]
    if kind.lifetime is not Lifetime.EITHER:
        assert ("ttl" in item) == (kind.lifetime is Lifetime.EPHEMERAL), item["PK"]


def _disconnect() -> None:
    base.Item._connection = None


@contextmanager
def _locked_dynamodb() -> Iterator[None]:
    """Run every call of moto's DynamoDB backend under one re-entrant lock."""
    from moto.dynamodb.responses import DynamoHandler

    lock, original = threading.RLock(), DynamoHandler.call_action

    def call_action(handler: Any) -> Any:
        with lock:
            return original(handler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoHandler, "call_action", call_action)
        yield
