"""The service's own time per request above the calls to AWS that it makes, in one process, with nothing to wait for.

Run: `python -m bench.warm_path` (300 requests of each kind, in turns with the same calls made by botocore alone);
`--quick`: 60; `--profile NAME`: where the time of one call goes. Ends with 1 where a budget is exceeded.

What AWS answered is in `bench/recorded.json` and comes back at once, beneath botocore's own session. So what is left is
what the process does: for the same calls by botocore alone, with the arguments that the service had, and for the whole
request from API Gateway's event to its answer. The figure is CPU time, its median; the processes that a request starts
count with it.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.recorded import ENVIRONMENT, Context, Minutes, Outside, Recorded, answered, read
from bench.result_files import Result, write_result

ROUNDS: Final = 300
MOST_OF_A_READ: Final = 2.5
"""Most that a request may take of its own, in times of one bare GetItem: it verifies a token, counts the call, reads an
item into a model, and writes an answer."""
_BUDGETS: Final = {
    "profile": MOST_OF_A_READ,
    "subscription": MOST_OF_A_READ,
    "usage": MOST_OF_A_READ,
    "status": MOST_OF_A_READ,
    "prepared questions": MOST_OF_A_READ,
}
_STARTS_A_PROCESS: Final = "upload"
"""Looks into the document in a process of its own, which takes most of its time; fewer rounds tell as much."""


@dataclass(slots=True)
class Timed:
    """CPU seconds of each round of one call: by botocore alone, and by the service."""

    call: Recorded
    bare: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    @property
    def bare_seconds(self) -> float:
        """Median of botocore alone."""
        return statistics.median(self.bare)

    @property
    def own_seconds(self) -> float:
        """Median of what the service adds."""
        return statistics.median(self.whole) - self.bare_seconds


class Bench:
    """The service and bare clients, side by side, over the same recorded answers."""

    def __init__(self, outside: Outside, minutes: Minutes) -> None:
        import app
        from chalicelib import wiring
        from chalicelib.gateways.object_store import s3_client
        from chalicelib.models.base import shared_connection

        self._app, self._outside, self._minutes = app.app, outside, minutes
        region = ENVIRONMENT["AWS_DEFAULT_REGION"]
        wiring.rooms()
        # The service's own clients, so that both have the same settings.
        self._clients: dict[str, Any] = {"dynamodb": shared_connection().connection.client, "s3": s3_client(region)}

    def warm_up(self, call: Recorded) -> None:
        """Answer once as in a process that has just begun, and once as ever after."""
        self._outside.expect([*call.cold, *call.cold])
        self._answer(call.cold_event, call.status)
        self.serve(call)

    def serve(self, call: Recorded) -> None:
        """Answer a request, in the next minute."""
        self._minutes.turn()
        self._outside.expect(call.warm)
        self._answer(call.event, call.status)

    def ask_alone(self, call: Recorded) -> None:
        """Ask AWS for the same, by botocore alone."""
        self._outside.expect(call.warm)
        for one in call.calls:
            answer = self._clients[one.service]._make_api_call(one.operation, dict(one.sent))
            if one.operation == "GetObject":
                answer["Body"].read()

    def _answer(self, event: dict[str, Any], status: int) -> None:
        answer = self._app(event, Context())
        if answer["statusCode"] != status:
            raise AssertionError(answer)


def measure(rounds: int) -> tuple[list[Timed], float]:
    """Return what every recorded call takes, and the median of one bare GetItem."""
    minutes = _arrange()
    # Lines are written to nowhere, as quickly as Lambda takes them.
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), answered() as outside:
        bench = Bench(outside, minutes)
        timed = [Timed(call) for call in read()]
        for one in timed:
            bench.warm_up(one.call)
        for number in range(rounds):
            for one in timed:
                if one.call.name == _STARTS_A_PROCESS and number % 10:
                    continue
                one.bare.append(_cpu(lambda one=one: bench.ask_alone(one.call)))  # type: ignore[misc]  # bound now
                one.whole.append(_cpu(lambda one=one: bench.serve(one.call)))  # type: ignore[misc]  # bound now
    single = next(one for one in timed if [call.operation for call in one.call.calls] == ["GetItem"])
    return timed, single.bare_seconds


def _arrange() -> Minutes:
    """Set the stage, and its clock."""
    os.environ.update(ENVIRONMENT)
    from chalicelib import clock

    minutes = Minutes()
    clock.SystemClock.now = minutes.now  # type: ignore[method-assign,assignment]  # this process ends with it
    return minutes


def _cpu(act: Callable[[], None]) -> float:
    before = _used()
    act()
    return _used() - before


def _used() -> float:
    """CPU seconds of this process, and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def rows_of(timed: list[Timed], single: float) -> list[list[Any]]:
    """Return a line of the page for each call."""
    return [
        [
            one.call.name,
            len(one.call.calls),
            round(one.bare_seconds * 1e6),
            round(one.own_seconds * 1e6),
            round(one.own_seconds / one.bare_seconds, 2) if one.call.calls else None,
            round(one.own_seconds / single, 2),
            _BUDGETS.get(one.call.name),
        ]
        for one in timed
    ]


def exceeded(rows: list[list[Any]]) -> list[str]:
    """Say which budgets are exceeded."""
    return [f"{name}: {times} GetItems, and may take {most}" for name, *_, times, most in rows if most and times > most]


def profile(name: str) -> None:
    """Print where the time of one call goes."""
    minutes = _arrange()
    call = next(one for one in read() if one.name == name)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), answered() as outside:
        bench = Bench(outside, minutes)
        bench.warm_up(call)
        watch = cProfile.Profile()
        watch.enable()
        for _ in range(20 if name == _STARTS_A_PROCESS else 300):
            bench.serve(call)
        watch.disable()
    pstats.Stats(watch).sort_stats("cumulative").print_stats(60)


def main(arguments: list[str]) -> int:
    """Print and keep what was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.warm_path", description="Measure requests in a warm process."
    )
    parser.add_argument("--quick", action="store_true", help="60 requests of each kind")
    parser.add_argument("--profile", metavar="NAME", help="where the time of this call goes")
    options = parser.parse_args(arguments)
    if options.profile:
        profile(options.profile)
        return 0
    gc.freeze()
    rows = rows_of(*measure(60 if options.quick else ROUNDS))
    columns = ["call", "calls to AWS", "those alone µs", "own µs", "own / alone", "own / a GetItem", "budget"]
    for line in (columns, *rows):
        print("\t".join("" if cell is None else str(cell) for cell in line))
    if not options.quick:
        said = [
            "From API Gateway's event to its answer, in one warm process; AWS answers at once, with what it answered "
            "when the calls were recorded. *Own* is CPU time above the same calls made by botocore alone, measured "
            "beside that and beside one bare GetItem, in the same run.",
            "An upload is looked into in a process of its own, whose time is counted.",
        ]
        title, command = "Warm path", "python -m bench.warm_path"
        write_result("warm_path", Result(title=title, command=command, said=said, columns=columns, rows=rows))
    troubles = exceeded(rows)
    print(*troubles, sep="\n")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
