"""Tries faults in what runs at import, tables above all: processes that hold libraries, but nothing of ours, fork for
every fault and import the service with it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Final, NoReturn

from bench.mutation.forks import Attempt, Outcome, try_all

_LIBRARIES: Final = (
    "boto3", "botocore.client", "botocore.endpoint", "cryptography.x509", "hypothesis.stateful", "jwt", "msgspec",
    "moto", "moto.dynamodb.responses", "moto.s3.responses", "moto.sqs.responses", "pynamodb.models", "pytest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """One fault in a module that is yet to be imported, and the files of tests that judge it."""

    number: int
    path: str
    text: str
    tests: tuple[str, ...]
    seconds: float


class Servers:
    """Processes that wait for faults. To be started before anything of ours is imported."""

    def __init__(self, count: int) -> None:
        for name in _LIBRARIES:
            importlib.import_module(name)
        self._ends = [_start() for _ in range(count)]

    def try_all(self, imports: Sequence[Import]) -> Iterator[tuple[int, Outcome]]:
        """Yield what became of each, as they end."""
        waiting, idle = list(reversed(imports)), list(self._ends)
        busy: list[Connection] = []
        while waiting or busy:
            while waiting and idle:
                end = idle.pop()
                end.send(waiting.pop())
                busy.append(end)
            ready = wait(busy)
            for end in [one for one in busy if one in ready]:
                busy.remove(end)
                idle.append(end)
                yield end.recv()

    def stop(self) -> None:
        """End them."""
        for end in self._ends:
            end.close()


def _start() -> Connection:
    ours, theirs = Pipe()
    if os.fork() == 0:
        ours.close()
        _serve(theirs)
    theirs.close()
    return ours


def _serve(end: Connection) -> NoReturn:
    with suppress(EOFError):
        while True:
            one: Import = end.recv()
            attempt = Attempt(one.number, one.seconds + 10, lambda one=one: _judge(one))  # type: ignore[misc]  # a lambda
            for _, outcome, _ in try_all([attempt], 1):
                end.send((one.number, outcome))
    os._exit(0)


def _judge(one: Import) -> int | None:
    import pytest

    from bench.mutation import planting
    from bench.mutation.chosen import InProcess

    planting.PlantedModule(one.path, one.text).install()
    quiet: list[Any] = ["-q", "-x", "-p", "no:cacheprovider", "--no-header", "-o", "addopts=", *one.tests]
    return None if pytest.main(quiet, plugins=[InProcess(has_server=False)]) == pytest.ExitCode.OK else 0
