"""Judges one room in one process: collects its tests, runs them once to see what each one runs, then forks for every
fault and runs those that run the faulty statement, quickest first.

Started by `python -m bench.mutation`, with a folder for what it finds, and modules.
"""

from __future__ import annotations

import gc
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import coverage
import pytest

from bench.mutation.chosen import InProcess
from bench.mutation.forks import Attempt, Outcome, try_all
from bench.mutation.fresh import Import, Servers
from bench.mutation.mutants import ROOT, Mutant, sample
from bench.mutation.plan import MOST, ROOMS
from bench.mutation.planting import Planted, functions_by_place, planted

MOST_SECONDS: Final = 10.0
"""Tests of one fault, quickest first, until without it they would take longer than this."""
_AT_IMPORT: Final = 1_000_000
"""In place of the number of the test that failed: it did not come to that."""


@dataclass(slots=True)
class Suite:
    """Tests that ran once without any fault: how long each took, and what it ran."""

    items: list[pytest.Item]
    measured: coverage.Coverage
    seconds: dict[str, float] = field(default_factory=dict)
    killers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def run(self) -> None:
        """Run every test.

        Raises: RuntimeError: one fails, though it must not.
        """
        for number, item in enumerate(self.items):
            self.measured.switch_context(item.nodeid)
            began = time.perf_counter()
            if fails(item, self.items[(number + 1) % len(self.items)]):
                raise RuntimeError(f"{item.nodeid} fails without any fault")
            self.seconds[item.nodeid] = time.perf_counter() - began
        self.measured.stop()

    def runs(self, path: str) -> dict[int, list[str]]:
        """Return the names of the tests that run each line of a module; an empty name: it runs at import."""
        return self.measured.get_data().contexts_by_lineno(str(ROOT / path))

    def of(self, mutant: Mutant, runs: dict[int, list[str]], *, is_everywhere: bool) -> list[pytest.Item]:
        """Return the tests that run a statement, or with `is_everywhere` anything of its module, or import from it:
        those first that found faults in this function, then the quickest."""
        lines = runs if is_everywhere else mutant.lines
        names = {name for line in lines for name in runs.get(line, ())}
        if is_everywhere:
            names |= {item.nodeid for item in self.items if imports(item.path, mutant.path)}
        found = sorted(
            (item for item in self.items if item.nodeid in names),
            key=lambda item: (-self.killers[mutant.function, item.nodeid], self.seconds[item.nodeid]),
        )
        return found[: _within(self.seconds[item.nodeid] for item in found)]

    def files_of(self, path: str, runs: dict[int, list[str]]) -> tuple[tuple[str, ...], float]:
        """Return the files of tests that run anything of a module, the quickest first, and their seconds."""
        names = {name for found in runs.values() for name in found}
        by_file: dict[str, float] = {}
        for item in self.items:
            if item.nodeid in names or imports(item.path, path):
                by_file.setdefault(item.nodeid.partition("::")[0], 0.0)
        for item in self.items:
            if (file := item.nodeid.partition("::")[0]) in by_file:
                by_file[file] += self.seconds[item.nodeid]
        files = sorted(by_file, key=lambda file: by_file[file])
        files = files[: _within(by_file[file] for file in files)]
        return tuple(files), sum(by_file[file] for file in files)


@cache
def imports(test: Path, path: str) -> bool:
    """Whether a file of tests imports a module: what it reads of a table runs no line of it."""
    package, _, name = path.removesuffix(".py").replace("/", ".").rpartition(".")
    text = test.read_text(encoding="utf-8")
    return f"{package}.{name} " in text or bool(re.search(rf"from {re.escape(package)} import .*\b{name}\b", text))


def _within(seconds: Iterator[float]) -> int:
    """Return how many of the first fit into the time there is; at least one."""
    total, number = 0.0, 0
    for one in seconds:
        total, number = total + one, number + 1
        if total > MOST_SECONDS:
            break
    return number


def fails(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Run one test, once more if it ran before; whether any part of it failed."""
    from _pytest.runner import runtestprotocol

    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def first_failure(items: list[pytest.Item]) -> int | None:
    """Run tests in order, in a process that ends after it, and return the number of the first that fails."""
    items[0].session._setupstate.teardown_exact(items[0])  # what the last one before the fork left for its neighbour
    for number, item in enumerate(items):
        if fails(item, items[number + 1] if number + 1 < len(items) else items[0]):
            return number
    return None


@dataclass(slots=True)
class Judge:
    """The plugin that takes the place of pytest's own loop over the tests."""

    paths: Sequence[str]
    most: int
    outcomes: Path
    servers: Servers
    measured: coverage.Coverage
    workers: int = 2

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test once, then try every fault, and write a line for each."""
        suite = Suite(session.items, self.measured)
        suite.run()
        gc.collect()
        with self.outcomes.open("w", encoding="utf-8") as out:
            for path in self.paths:
                for line in self._of_module(path, suite):
                    out.write(json.dumps(line) + "\n")
                    out.flush()
        return True

    def _of_module(self, path: str, suite: Suite) -> Iterator[dict[str, Any]]:
        made, mutants = sample(path, self.most)
        yield {"path": path, "made": made, "tried": len(mutants)}
        runs, functions = suite.runs(path), functions_by_place()
        existing: list[tuple[Mutant, Planted]] = []
        imported: list[Mutant] = []
        for mutant in mutants:
            is_early = mutant.is_at_import or any("" in runs.get(line, ()) for line in mutant.lines)
            fault = planted(mutant, functions, is_early=is_early)
            if fault is None:
                imported.append(mutant)
            else:
                existing.append((mutant, fault))
        yield from self._in_place(existing, runs, suite)
        yield from self._at_import(imported, runs, suite)

    def _in_place(
        self, existing: list[tuple[Mutant, Planted]], runs: dict[int, list[str]], suite: Suite
    ) -> Iterator[dict[str, Any]]:
        chosen: dict[int, list[pytest.Item]] = {}

        def attempts() -> Iterator[Attempt]:
            for number, (mutant, fault) in enumerate(existing):
                chosen[number] = tests = suite.of(mutant, runs, is_everywhere=bool(fault.again))
                if tests:
                    seconds = sum(suite.seconds[item.nodeid] for item in tests)
                    yield Attempt(number, seconds, partial(_try, fault, tests))

        for attempt, outcome, failed in try_all(attempts(), self.workers):
            mutant, killer = existing[attempt.number][0], None
            if failed is not None:
                killer = chosen[attempt.number][failed].nodeid if failed < _AT_IMPORT else None
                suite.killers[mutant.function, killer or ""] += 1
            yield _line(mutant, outcome, killer)
        yield from (_line(existing[number][0], Outcome.UNTESTED) for number, tests in chosen.items() if not tests)

    def _at_import(self, mutants: list[Mutant], runs: dict[int, list[str]], suite: Suite) -> Iterator[dict[str, Any]]:
        files, seconds = suite.files_of(mutants[0].path, runs) if mutants else ((), 0.0)
        if not files:
            yield from (_line(mutant, Outcome.UNTESTED) for mutant in mutants)
            return
        imports = [Import(number, one.path, one.text, files, seconds) for number, one in enumerate(mutants)]
        for number, outcome in self.servers.try_all(imports):
            yield _line(mutants[number], outcome)


def _try(fault: Planted, tests: list[pytest.Item]) -> int | None:
    try:
        fault.plant()
    except Exception:  # noqa: BLE001  # whatever it is, the module could not have been imported
        return _AT_IMPORT
    return first_failure(tests)


def _line(mutant: Mutant, outcome: Outcome, killer: str | None = None) -> dict[str, Any]:
    return {"path": mutant.path, "line": mutant.lines.start, "name": mutant.name, "outcome": outcome, "killer": killer}


def main(arguments: list[str]) -> int:
    """Judge modules of a room; pytest's status."""
    name, outcomes, most, *paths = arguments
    room = ROOMS[name]
    servers = Servers(2)
    measured = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / path) for path in room.modules])
    measured.start()
    judge = Judge(paths or room.modules, int(most or MOST), Path(outcomes), servers, measured)
    tests = [test for test in room.tests if (ROOT / test).exists()]
    options = ["-s", "-q", "-p", "no:cacheprovider", "-o", "addopts=", *tests]
    status = pytest.main(options, plugins=[InProcess(), judge])
    servers.stop()
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
