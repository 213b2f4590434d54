"""How fast people are copied and verified, against the plainest ways to do it, on the same engine in one run.

    python -m bench.migration [--users 1000] [--rows 200000]

(a) one put per item in a loop, (b) the bare floor: the same items in batches of 25, made beforehand and written by as
many threads. Then the backfill in both of its lanes, which also reads and maps rows, keeps checkpoints, and leaves what
makes copies safe. Rows are those of the legacy tables. After that a verification of so many rows, against counting them
(`bench.migration_verify`). Only the ratios mean anything on another machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import migration_verify
from chalicelib.migration.phases import Phase
from chalicelib.migration.standing import Standing

THREADS = 4
BATCH = 25
ONE_BY_ONE, BARE = "one put per item", "batches of 25, bare"
RESULTS = Path(__file__).resolve().parent / "results" / "migration.json"


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
    """Measure, print a line of JSON for each figure, and keep them all; 1 if the verification was not clean."""
    parser = argparse.ArgumentParser(prog="python -m bench.migration")
    parser.add_argument("--users", type=int, default=1000, help="people whom the backfill copies")
    parser.add_argument("--rows", type=int, default=200_000, help="rows that the verification compares")
    given = parser.parse_args(arguments)
    with ExitStack() as stack:
        bench = _bench(stack, given.users)
        _measure(bench)
    ways = [_told(bench, name) for name in bench.seconds]
    for told in ways:
        sys.stdout.write(json.dumps(told) + "\n")
    verified = migration_verify.measure(given.rows)
    sys.stdout.write(json.dumps(verified) + "\n")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(_result(given, bench.rows, ways, verified), indent=1) + "\n", encoding="utf-8")
    return 0 if verified["is_clean"] else 1


def _told(bench: Bench, name: str) -> dict[str, Any]:
    seconds = bench.seconds[name]
    return {
        "way": name,
        "seconds": round(seconds, 2),
        "rows_per_second": round(bench.rows / seconds),
        "times_one_put_per_item": round(bench.seconds[ONE_BY_ONE] / seconds, 2),
        "share_of_bare_batches": round(bench.seconds[BARE] / seconds, 2),
    }


def _result(given: argparse.Namespace, rows: int, ways: Sequence[Any], verified: dict[str, Any]) -> dict[str, Any]:
    """Return the figures as the page of measurements shows them."""
    own, whole = verified["processor_seconds"], verified["seconds"]
    return {
        "title": "The move from PostgreSQL",
        "command": f"python -m bench.migration --users {given.users} --rows {given.rows}",
        "said": [
            f"{rows:,} rows of {given.users:,} people are copied in each way, on the same engine in one run, by "
            f"{THREADS} threads where there are several.",
            f"A verification of {verified['rows']:,} rows against {verified['items']:,} items took {whole:.1f} s and "
            f"found {verified['differences']} differences; that is {verified['ratio_to_count']} times what counting "
            f"the rows takes. {own:.1f} s of it are its own processor time; the rest waits for the embedded cloud, "
            "which sorts the whole table for every page of a scan.",
        ],
        "columns": ["way", "rows a second", "times one put per item", "share of bare batches"],
        "rows": [list(told.values())[:1] + list(told.values())[2:] for told in ways],
        "plots": [],
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
    }


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
    with bench.timed(ONE_BY_ONE):
        for item in items:
            bench.call("PutItem", {"TableName": name, "Item": item})
    name = bench.fresh_table()
    batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]

    def write(batch: Sequence[Any]) -> None:
        bench.call("BatchWriteItem", {"RequestItems": {name: [{"PutRequest": {"Item": one}} for one in batch]}})

    with bench.timed(BARE), ThreadPoolExecutor(THREADS) as pool:
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
