"""How the cost of the move grows with the people who move: the backfill, and the verification of what it wrote."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.growth import Cost, Counter, Curve
from tests.support import SettableClock

if TYPE_CHECKING:
    from dev.legacy.server import Server

_REGION = "eu-central-1"
_SEED = 11


def curves_of_move(counter: Counter, numbers: Sequence[int]) -> Iterator[Curve]:
    """Measure both for more and more people, on a PostgreSQL of its own."""
    from dev.legacy.server import legacy_server, make_template

    with ExitStack() as stack:
        server = stack.enter_context(legacy_server())
        make_template(server)
        pairs = [moved(server, counter, number) for number in numbers]
    backfill, verification = zip(*pairs, strict=True)
    yield Curve("backfill", "The backfill", "people to move", is_asked=True, costs=backfill)
    yield Curve("verification", "A verification", "people who moved", is_asked=True, costs=verification)


def moved(server: Server, counter: Counter, number: int) -> tuple[Cost, Cost]:
    """Move so many people, verify, and return what each took of AWS.

    Raises:
        AssertionError: somebody was not copied, or something differs.
    """
    import psycopg

    from chalicelib.wiring_backfill import operator_of
    from dev.legacy.server import legacy_database
    from dev.legacy_data import generate, load

    table, call = _fresh_table(number)
    with legacy_database(server) as database:
        people = generate(number, seed=_SEED, now=datetime(2026, 3, 14, tzinfo=UTC))
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            load(connection, people)
        # Time stands: a page that takes longer than its lease, on a busy machine, goes on by single writes.
        operator: Any = operator_of(table, call, lambda: database.dsn, SettableClock(datetime.now(UTC)))
        operator.move.changes.install()
        # Who looks whether to stop does so twice a second, which says how long it took and not what it takes.
        workers = replace(operator.workers(count=1), sleep=_until_they_end)
        workers.checkpoints.begin(1)
        backfill = counter.cost(number, workers.run)
        return backfill, counter.cost(number, lambda: _verify(table, call, operator.move, database.dsn))


def _until_they_end(seconds: float) -> None:
    if threading.current_thread() is not threading.main_thread():
        time.sleep(seconds)
        return
    for one in threading.enumerate():
        if one.name.startswith("backfill-"):
            one.join()


def _verify(table: str, call: Any, move: Any, dsn: str) -> None:
    from chalicelib.clock import SystemClock
    from chalicelib.migration.postgres import connect
    from chalicelib.migration.serenya.verification import Sides, verifier_of
    from chalicelib.wiring_migration import rulebook

    sides = Sides(table, call, move.table, move.pool, move.legacy, rulebook())
    found = verifier_of(sides, connect(dsn), SystemClock(), segments=1).verify()
    assert found.is_clean, found.differences[:3]


def _fresh_table(number: int) -> tuple[str, Any]:
    import boto3
    from botocore.config import Config

    from chalicelib.models.base import connect
    from chalicelib.models.schema import table_definition

    name = f"growth-{number}"
    connect(name, _REGION)
    client: Any = boto3.client("dynamodb", region_name=_REGION, config=Config(read_timeout=60))
    client.create_table(**table_definition(name))
    return name, client._make_api_call
