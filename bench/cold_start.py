"""What a cold start costs beside the least that a Chalice application on DynamoDB can cost, in fresh processes.

Run: `python -m bench.cold_start` (15 starts of each kind, in turns); `--quick`: 5. `--package`: on the unpacked
deployment package too, with its bytecode and without, 5 times. Ends with 1 where a budget is exceeded.

The figure is CPU time from the first import on, the median of all starts: a wall clock tells of the machine's other
work as well (it stands beside). Bytecode is there, as it is in the package. What AWS would have answered comes from
`bench/recorded.json`, so that nothing waits.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.recorded import ENVIRONMENT
from bench.result_files import Result, write_result

ROOT: Final = Path(__file__).resolve().parents[1]
ROUNDS: Final = 15
ROUNDS_OF_PACKAGE: Final = 5
_CLIENT: Final = """
import botocore.session
dynamodb = botocore.session.get_session().create_client("dynamodb", region_name="eu-central-1")
"""
_ANSWERED: Final = """
outside.__enter__().expect(recorded.cold)
"""


class Start(NamedTuple):
    """One kind of start: what it does, and the most that it may cost, as a multiple of the kind named."""

    name: str
    code: str
    above: str | None = None
    budget: float | None = None


FLOOR, LIBRARIES, APP = "chalice and the client", "and PyNamoDB and PyJWT", "app.py and its client"
FLOOR_OF_REQUEST, REQUEST = "the least that a first request needs", "app.py and the first profile request"
STARTS: Final = (
    Start(FLOOR, f"import chalice\n{_CLIENT}"),
    Start(LIBRARIES, f"import chalice\nimport jwt\nimport pynamodb.models\n{_CLIENT}", FLOOR),
    Start(
        APP,
        """
import app
from chalicelib import wiring
from chalicelib.models.base import shared_connection
wiring.rooms()
shared_connection().connection.client
""",
        FLOOR,
        1.4,
    ),
    Start(
        FLOOR_OF_REQUEST,
        f"""
import json
import boto3
import chalice
import jwt
import pynamodb.models
{_ANSWERED}
secret = boto3.client("secretsmanager").get_secret_value(SecretId="keys")
jwt.decode(jwt.encode({{"sub": "1"}}, "k" * 32), "k" * 32, algorithms=["HS256"])
{_CLIENT}
item = dynamodb.get_item(TableName="t", Key={{"PK": {{"S": "1"}}, "SK": {{"S": "1"}}}}, ConsistentRead=True)
json.dumps(item["Item"]), json.loads(secret["SecretString"])
""",
    ),
    Start(
        REQUEST,
        f"""
import app
from chalicelib import clock
{_ANSWERED}
clock.SystemClock.now = minutes.now
answer = app.app(recorded.cold_event, context)
assert answer["statusCode"] == 200, answer
""",
        FLOOR_OF_REQUEST,
        1.4,
    ),
)
_MEASURED: Final = """
import sys, time
sys.path[:0] = sys.argv[1:]
{prepared}
began, cpu = time.perf_counter(), time.process_time()
{code}
print(time.process_time() - cpu, time.perf_counter() - began, len(sys.modules))
"""
# What stands in for AWS loads nothing that a start loads.
_PREPARED: Final = """
from bench.recorded import Context, Minutes, answered, named
recorded, minutes, context, outside = named("profile"), Minutes(), Context(), answered()
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of one kind of start: seconds of CPU, seconds by the clock on the wall, modules."""

    start: Start
    cpu: float
    wall: float
    modules: int


def measure(
    starts: Sequence[Start], rounds: int, paths: Sequence[Path], options: Sequence[str], environment: Mapping[str, str]
) -> list[Cost]:
    """Start each kind `rounds` times, in turns, after one time that is not counted, which reads the disk and writes
    what bytecode may be written."""
    seen: dict[str, list[tuple[float, float, int]]] = {start.name: [] for start in starts}
    for number in range(rounds + 1):
        for start in starts:
            found = _run(start, paths, options, environment)
            if number:
                seen[start.name].append(found)
    return [_cost(start, seen[start.name]) for start in starts]


def _cost(start: Start, seen: Sequence[tuple[float, float, int]]) -> Cost:
    cpu, wall, modules = (statistics.median(column) for column in zip(*seen, strict=True))
    return Cost(start, cpu, wall, int(modules))


def _run(
    start: Start, paths: Sequence[Path], options: Sequence[str], environment: Mapping[str, str]
) -> tuple[float, float, int]:
    prepared = _PREPARED if _ANSWERED in start.code else ""
    done = subprocess.run(
        [sys.executable, *options, "-c", _MEASURED.format(code=start.code, prepared=prepared), *map(str, paths)],
        env={**ENVIRONMENT, **environment},
        cwd=paths[0],
        check=True,
        capture_output=True,
        text=True,
    )
    cpu, wall, modules = done.stdout.splitlines()[-1].split()
    return float(cpu), float(wall), int(modules)


def measure_here(rounds: int) -> list[Cost]:
    """Measure the working copy with this virtual environment; bytecode goes to a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="serenya-bytecode-") as folder:
        return measure(STARTS, rounds, [ROOT], (), {"PYTHONPYCACHEPREFIX": folder})


def measure_package(rounds: int) -> dict[str, list[Cost]]:
    """Measure the unpacked deployment package, as it is and without its bytecode; nothing may be written beside it."""
    from bench.bytecode import unpacked

    found = {}
    with unpacked() as (shipped, bare):
        for name, folder in {"with bytecode": shipped, "without": bare}.items():
            library_path = {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
            found[name] = measure(STARTS, rounds, [folder, ROOT], ("-S", "-s", "-B"), library_path)
    return found


def ratio(costs: Sequence[Cost], start: Start) -> float | None:
    """Return how many times the CPU of what it is compared with a start takes."""
    cpu = {one.start.name: one.cpu for one in costs}
    return None if start.above is None else cpu[start.name] / cpu[start.above]


def rows(where: str, costs: Sequence[Cost]) -> list[list[str | int | float | bool | None]]:
    """Return a line of the page for each kind of start."""
    return [
        [
            where,
            one.start.name,
            one.modules,
            round(one.cpu * 1000),
            round(one.wall * 1000),
            None if (times := ratio(costs, one.start)) is None else round(times, 2),
            one.start.budget,
        ]
        for one in costs
    ]


def exceeded(costs: Sequence[Cost]) -> list[str]:
    """Say which budgets are exceeded."""
    return [
        f"{one.start.name} takes {times:.2f} times as long as {one.start.above}; it may take {one.start.budget}"
        for one in costs
        if one.start.budget is not None and (times := ratio(costs, one.start)) is not None and times > one.start.budget
    ]


def main(arguments: list[str]) -> int:
    """Print and keep what was measured; 1 where a budget is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description="Measure cold starts.")
    parser.add_argument("--quick", action="store_true", help="5 starts of each kind")
    parser.add_argument("--package", action="store_true", help="the unpacked deployment package, too")
    options = parser.parse_args(arguments)
    rounds = 5 if options.quick else ROUNDS
    measured = {"working copy": measure_here(rounds)}
    if options.package:
        measured |= {f"package, {name}": costs for name, costs in measure_package(ROUNDS_OF_PACKAGE).items()}
    table = [line for where, costs in measured.items() for line in rows(where, costs)]
    columns: list[Any] = ["where", "start", "modules", "CPU ms", "wall ms", "times", "budget"]
    for line in (columns, *table):
        print("\t".join("" if cell is None else str(cell) for cell in line))
    said = [
        f"Medians of {rounds} starts in fresh processes (of the package {ROUNDS_OF_PACKAGE}), in turns; milliseconds "
        "are one machine's.",
        "`times` is CPU beside the start named above it that asks for the same: chalice and a DynamoDB client alone; "
        "or those, PyNamoDB, PyJWT, a secret and an item.",
    ]
    if not options.quick:
        write_result(
            "cold_start",
            Result(
                title="Cold start",
                command="python -m bench.cold_start --package",
                said=said,
                columns=columns,
                rows=table,
            ),
        )
    troubles = [trouble for costs in measured.values() for trouble in exceeded(costs)]
    print(*troubles, sep="\n")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
