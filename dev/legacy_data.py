"""Fills a legacy database with people: `python -m dev.legacy_data --users 5000 [--seed 7] [--dsn postgresql://…]`.

Realistic and dirty: names of the world, accounts of three years, and every defect that a preflight must report, in a
known number. The same seed and instant give the same rows. Without an address it starts a server of its own in
`.run/legacy`, and leaves the data there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dev.legacy.defects import PLANTERS, plant
from dev.legacy.people import add_person
from dev.legacy.references import add_references
from dev.legacy.tables import COLUMNS, Dice, World

if TYPE_CHECKING:
    import psycopg


class NotEmpty(Exception):
    """The database is in use."""


def generate(users: int, seed: int = 1, now: datetime | None = None, each: int | None = None) -> World:
    """Return people with everything that belongs to them, at least as many as asked for.

    `each` is how often every kind of defect is planted; without it, once for every thousand people, and at least as
    often as gives each of its forms a turn where there is room for it.
    """
    world = World(now or datetime.now(UTC))
    dice = Dice(seed, world.now)
    if each is None:
        each = min(max(users // 1000, 8), max(users // (3 * len(PLANTERS)), 1))
    plant(world, dice, each)
    while len(world.tables["users"]) < users:
        add_person(world, dice)
    add_references(world)
    return world


def load(connection: psycopg.Connection, world: World) -> None:
    """Copy the rows into an empty legacy database, in one transaction, as its owner and superuser: rows that refer to
    nothing get in, as they once did.

    Raises:
        NotEmpty: there are people in it already.
    """
    if connection.execute("SELECT EXISTS (SELECT FROM users)").fetchone() == (True,):
        raise NotEmpty("There are people in this database already: it is not touched. Give an empty one.")
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, columns in COLUMNS.items():
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in world.tables[table]:
                    copy.write_row([row.get(column) for column in columns])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill a database; print what was planted, as JSON on request."""
    asked = _asked(arguments)
    started = time.monotonic()
    world = generate(asked.users, asked.seed)
    made = time.monotonic()
    with ExitStack() as stack:
        dsn = asked.dsn or _own_server(stack)
        if trouble := _fill(dsn, world):
            print(trouble, file=sys.stderr)
            return 1
    seconds = f"{made - started:.1f} s to make, {time.monotonic() - made:.1f} s to copy"
    if asked.json:
        print(json.dumps({"dsn": dsn, "rows": world.rows, "planted": [asdict(one) for one in world.planted]}, indent=1))
        return 0
    print(f"{len(world.tables['users'])} people, {world.rows} rows ({seconds}), in {dsn}")
    for kind, count in sorted(Counter(one.kind for one in world.planted).items()):
        print(f"  {count:5d} {kind}")
    return 0


def _fill(dsn: str, world: World) -> str | None:
    """Fill a database; return why it could not be filled."""
    import psycopg

    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            load(connection, world)
    except (NotEmpty, psycopg.Error) as trouble:
        return str(trouble)
    return None


def _own_server(stack: ExitStack) -> str:
    import psycopg

    from dev.legacy.server import SCHEMA, legacy_server
    from dev.stage import RUN_FOLDER

    server = stack.enter_context(legacy_server(Path(RUN_FOLDER) / "legacy"))
    server.make_roles()
    with server.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS legacy WITH (FORCE)")
        connection.execute("CREATE DATABASE legacy")
    with psycopg.connect(server.address("legacy")) as connection:
        connection.execute(SCHEMA.read_bytes())
    return server.address("legacy")


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dev.legacy_data", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--users", type=_positive, required=True, help="how many people")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other people")
    parser.add_argument("--dsn", help="an empty legacy database; without it, one on a server of our own")
    parser.add_argument("--json", action="store_true", help="print what was planted, with row ids")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least one")
    return number


if __name__ == "__main__":
    sys.exit(main())
