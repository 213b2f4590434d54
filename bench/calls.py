"""What each request and each event takes of AWS: the record, its budgets, and its part of docs/performance.md.

Run: `python -m bench.calls` records every row anew (a minute) and prints the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from deploy.cost.watch import Asked, round_trips

RECORD: Final = Path(__file__).with_name("calls.json")
"""Written by `python -m bench.calls`; a test counts anew and compares."""
TEST: Final = "tests/performance/test_calls.py"
_BYTES_MAY_DIFFER: Final = 0.05
_FEW_BYTES: Final = 64


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one case takes: AWS's operations by service, how many of them had to be waited for one after the other,
    bytes of bodies, units."""

    of: str
    case: str
    calls: dict[str, int]
    round_trips: int
    sent_bytes: int
    received_bytes: int
    read_units: float
    write_units: int

    @property
    def all_calls(self) -> int:
        """How many calls there were."""
        return sum(self.calls.values())

    @property
    def name(self) -> str:
        """The row's name."""
        return f"{self.of}: {self.case}"


def row_of(of: str, case: str, asked: Sequence[Asked]) -> Row:
    """Return the row of a case that asked this.

    Raises:
        AssertionError: a call was repeated, which nothing here makes necessary.
    """
    assert all(one.requests == 1 for one in asked), f"{of}: a call took more than one request"
    calls: dict[str, int] = {}
    for one in asked:
        calls[one.name] = calls.get(one.name, 0) + 1
    return Row(
        of=of,
        case=case,
        calls=calls,
        round_trips=round_trips(asked),
        sent_bytes=sum(one.sent_bytes for one in asked),
        received_bytes=sum(one.received_bytes for one in asked),
        read_units=float(sum(one.read_units for one in asked)),
        write_units=sum(one.write_units for one in asked),
    )


def difference(recorded: Row, found: Row) -> str | None:
    """Say how a row differs from the record; bytes may by a little: ids and instants have digits more or less."""
    for name in ("calls", "round_trips", "read_units", "write_units"):
        before, now = getattr(recorded, name), getattr(found, name)
        if before != now:
            return f"{found.name}: {name} {before} → {now}"
    for name in ("sent_bytes", "received_bytes"):
        before, now = getattr(recorded, name), getattr(found, name)
        if abs(before - now) > max(_FEW_BYTES, _BYTES_MAY_DIFFER * before):
            return f"{found.name}: {name} {before} → {now}"
    return None


def read_record() -> list[Row]:
    """Return the recorded rows."""
    return msgspec.json.decode(RECORD.read_bytes(), type=list[Row])


def write_record(rows: Iterable[Row]) -> None:
    """Write the record anew."""
    RECORD.write_bytes(msgspec.json.format(msgspec.json.encode(list(rows)), indent=1) + b"\n")


def cells(row: Row) -> list[str]:
    """Return a row of the page's table after its names."""
    named = ", ".join(_call(name, often) for name, often in row.calls.items()) or "none"
    numbers = (row.all_calls, row.round_trips, row.sent_bytes, row.received_bytes)
    return [named, *(f"{one:,}" for one in numbers), f"{row.read_units:g}", f"{row.write_units:,}"]


COLUMNS: Final = (
    "calls", "number", "one after the other", "bytes sent", "received", "read units", "write units",
)  # fmt: skip


def by_route(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """Return the rows under their routes and functions, in the order of the record."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.of, []).append(row)
    return found


def _call(name: str, often: int) -> str:
    service, operation = name.split(":")
    short = operation if service == "dynamodb" else f"{service} {operation}"
    return short if often == 1 else f"{often} {short}"


def main() -> int:
    """Record anew, and print every row."""
    environment = {**os.environ, "RECORD_CALLS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST, "-k", "recorded"]
    ended = subprocess.run(command, env=environment, check=False)  # our own tests
    for row in read_record():
        print(f"{row.name:86} {row.all_calls:3} {row.round_trips:3} {row.read_units:7g} {row.write_units:5}")
    return ended.returncode


if __name__ == "__main__":
    raise SystemExit(main())
