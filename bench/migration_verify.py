"""How long a verification takes, against counting the rows: `python -m bench.migration_verify [--rows 200000]`.

Both sides are on this machine: PostgreSQL from its package, and for DynamoDB the embedded cloud, which sorts the whole
table for each megabyte of a scan: that is the larger part. With `--pages` the same pages, as JSON, come out of memory
instead: what is left is what verification itself takes. Items are put past the engine: only reading is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dev.legacy.server import legacy_database, legacy_server, make_template
from dev.legacy_data import generate, load
from dev.testing import embedded_cloud

ROWS_PER_PERSON: Final = 12.8
_BATCH: Final = 25
_PAGE: Final = 2_000_000
"""Bytes of JSON, which is about twice as large as DynamoDB counts."""
TABLE: Final = "serenya-bench"


def measure(rows: int, *, report: Path | None = None, table: str = TABLE, is_in_memory: bool = False) -> dict[str, Any]:
    """Return what was measured: seconds of a clean verification and its ratio to counting every row."""
    with ExitStack() as stack:
        endpoint = stack.enter_context(embedded_cloud())
        server = stack.enter_context(legacy_server())
        make_template(server)
        database = stack.enter_context(legacy_database(server))
        stack.enter_context(_environment(endpoint))
        return _measured(database.dsn, rows, table, report, is_in_memory)


def _measured(dsn: str, rows: int, table: str, report: Path | None, is_in_memory: bool) -> dict[str, Any]:
    import psycopg

    from chalicelib.clock import SystemClock
    from chalicelib.migration.postgres import connect
    from chalicelib.migration.serenya.verification import Sides, verifier_of
    from chalicelib.migration.verify.page import page_of
    from chalicelib.migration.verify.quick_scan import QuickScan
    from chalicelib.migration.verify.report import report_of
    from chalicelib.wiring_migration import move_of, rulebook

    world = generate(int(rows / ROWS_PER_PERSON) + 1, seed=11, now=datetime.now(UTC))
    with psycopg.connect(dsn, autocommit=True) as connection:
        load(connection, world)
        counting = _best(
            lambda: [connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in world.tables]
        )
    call = _table(table)
    move = move_of(table, call, lambda: dsn, SystemClock())
    move.changes.install()
    copied = time.monotonic()
    people = [one["id"] for one in world.tables["users"]]
    pages = _Pages() if is_in_memory else None
    items = _fill(move.legacy, call if pages is None else pages.put, table, people)
    copied = time.monotonic() - copied
    scan = QuickScan(call.__self__) if pages is None else pages.scan
    sides = Sides(table, scan, move.table, move.pool, move.legacy, rulebook())
    began, worked = time.monotonic(), time.process_time()
    # Every page of a scan of the embedded cloud sorts the whole table; segments would hash all of it as well.
    found = verifier_of(sides, connect(dsn), SystemClock(), segments=1).verify()
    seconds, worked = time.monotonic() - began, time.process_time() - worked
    if report is not None:
        report.write_text(page_of(report_of(found)), encoding="utf-8")
    return {
        "rows": world.rows,
        "people": len(world.tables["users"]),
        "items": items,
        "is_clean": found.is_clean,
        "differences": len(found.differences),
        "seconds": round(seconds, 2),
        "processor_seconds": round(worked, 2),
        "seconds_of_count": round(counting, 4),
        "ratio_to_count": round(seconds / counting, 1),
        "rows_per_second": round(world.rows / seconds),
        "steps": {step.name: round(step.seconds, 2) for step in found.steps},
        "seconds_to_fill": round(copied, 1),
    }


def _fill(legacy: Any, call: Any, table: str, people: Sequence[str]) -> int:
    """Put everybody's items, several batches at once; return how many there were."""

    def put(keys: Sequence[str]) -> int:
        puts = [{"PutRequest": {"Item": item}} for one in legacy.holdings(keys) for item in one.items.values()]
        for start in range(0, len(puts), _BATCH):
            waiting: Any = {table: puts[start : start + _BATCH]}
            while waiting:
                waiting = call("BatchWriteItem", {"RequestItems": waiting}).get("UnprocessedItems")
        return len(puts)

    with ThreadPoolExecutor(3) as pool:
        return sum(pool.map(put, (people[start : start + 50] for start in range(0, len(people), 50))))


class _Pages:
    """A table in memory that is written by batches and read by scans, a megabyte of JSON at a time."""

    def __init__(self) -> None:
        self._pages: list[list[bytes]] = [[]]
        self._size = 0
        self._lock = threading.Lock()

    def put(self, _: str, arguments: Any) -> Any:
        """Take a batch."""
        for puts in arguments["RequestItems"].values():
            for one in puts:
                written = json.dumps(one["PutRequest"]["Item"]).encode()
                with self._lock:
                    if self._size + len(written) > _PAGE:
                        self._pages.append([])
                        self._size = 0
                    self._pages[-1].append(written)
                    self._size += len(written)
        return {}

    def scan(self, _: str, arguments: Any) -> Any:
        """Answer a scan of one segment."""
        number = int(arguments.get("ExclusiveStartKey", {}).get("page", 0))
        items = json.loads(b"[" + b",".join(self._pages[number]) + b"]")
        return {"Items": items} | ({"LastEvaluatedKey": {"page": number + 1}} if number + 1 < len(self._pages) else {})


def _table(name: str) -> Any:
    import boto3

    from chalicelib.models.base import connect
    from chalicelib.models.schema import table_definition

    region = "eu-central-1"
    connect(name, region)
    boto3.client("dynamodb", region_name=region).create_table(**table_definition(name))
    return _patient_client()._make_api_call


def _patient_client() -> Any:
    """Return a client that waits: the embedded cloud sorts the whole table for each page of a scan."""
    import boto3
    from botocore.config import Config

    return boto3.client("dynamodb", region_name="eu-central-1", config=Config(read_timeout=60))


def _best(asked: Any, times: int = 3) -> float:
    def once() -> float:
        began = time.monotonic()
        asked()
        return time.monotonic() - began

    return min(once() for _ in range(times))


@contextmanager
def _environment(endpoint: str) -> Iterator[None]:
    wanted = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if a verification of what is the same was not clean."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.migration_verify", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--page", type=Path, help="write the report of the verification here")
    parser.add_argument("--pages", action="store_true", help="read pages out of memory, not the embedded cloud")
    asked = parser.parse_args(arguments)
    measured = measure(asked.rows, report=asked.page, is_in_memory=asked.pages)
    print(json.dumps(measured, indent=1))
    return 0 if measured["is_clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
