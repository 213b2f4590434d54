"""How fast people are copied, against the plainest ways to do it, on the same engine in one run.

    python -m bench.migration [--users 1000]

(a) one put per item in a loop, (b) the bare floor: the same items in batches of 25, made beforehand and written by as
many threads. Then the backfill in both of its lanes, which also reads and maps rows, keeps checkpoints, and leaves what
makes copies safe. Rows are those of the legacy tables. Only the ratios mean anything on another machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.migration.phases import Phase
from chalicelib.migration.standing import Standing

THREADS = 4
BATCH = 25


@dataclass(slots=True)
class Bench:
    """An engine with a table, a legacy database with people, and what was measured."""

    call: Callable[[str, dict[str, Any]], Any]
    dsn: str
    rows: int
    fresh_table: Callable[[], str]
    seconds: dict[str, float]

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a line of JSON for each way, with its ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.migration")
    parser.add_argument("--users", type=int, default=1000)
    users = parser.parse_args(arguments).users
    with ExitStack() as stack:
        bench = _bench(stack, users)
        _measure(bench)
    put, floor = bench.seconds["one put per item"], bench.seconds["batches of 25, bare"]
    for name, seconds in bench.seconds.items():
        told = {
            "way": name,
            "seconds": round(seconds, 2),
            "rows_per_second": round(bench.rows / seconds),
            "times_one_put_per_item": round(put / seconds, 2),
            "share_of_bare_batches": round(floor / seconds, 2),
        }
        sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _bench(stack: ExitStack, users: int) -> Bench:
    import boto3
    import psycopg

    from chalicelib.models.schema import table_definition
    from dev.legacy.server import legacy_database, legacy_server, make_template
    from dev.legacy_data import generate, load
    from dev.testing import embedded_cloud

    told = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    os.environ.update({**told, "AWS_ENDPOINT_URL": stack.enter_context(embedded_cloud())})
    client: Any = boto3.client("dynamodb")
    server = stack.enter_context(legacy_server())
    make_template(server)
    database = stack.enter_context(legacy_database(server))
    people = generate(users)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        load(connection, people)
    numbers = iter(range(1000))

    def fresh_table() -> str:
        name = f"bench-{next(numbers)}"
        client.create_table(**table_definition(name))
        return name

    from chalicelib.migration.serenya.columns import OF_PEOPLE

    rows = sum(len(people.tables[table]) for table in OF_PEOPLE)
    return Bench(client._make_api_call, database.dsn, rows, fresh_table, {})


def _measure(bench: Bench) -> None:
    from chalicelib.wiring_backfill import operator_of

    def operator() -> Any:
        return operator_of(bench.fresh_table(), bench.call, lambda: bench.dsn)

    first = operator()
    first.move.changes.install()
    keys = first.move.legacy.keys(None, 1_000_000)
    items = [
        item
        for start in range(0, len(keys), 200)
        for holding in first.move.legacy.holdings(keys[start : start + 200])
        for item in holding.items.values()
    ]
    name = bench.fresh_table()
    with bench.timed("one put per item"):
        for item in items:
            bench.call("PutItem", {"TableName": name, "Item": item})
    name = bench.fresh_table()
    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]

    def write(batch: Sequence[Any]) -> None:
        bench.call("BatchWriteItem", {"RequestItems": {name: [{"PutRequest": {"Item": one}} for one in batch]}})

    with bench.timed("batches of 25, bare"), ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, batches))
    for phase, way in ((Phase.LEGACY, "backfill by batches"), (Phase.BACKFILL, "backfill under conditions")):
        whole = operator()
        if phase is not Phase.LEGACY:
            control = whole.move.control
            control.change(control.refreshed(), replace(Standing(), phase=phase, moved_by="bench", reason="bench"))
        workers = whole.workers(count=THREADS)
        workers.checkpoints.begin(16)
        with bench.timed(way):
            progress = workers.run()
        assert sum(progress.counts.values()) == len(keys), progress.counts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
