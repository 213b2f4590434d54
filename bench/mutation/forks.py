"""Tries one fault in a forked process, which is limited in time and memory and leaves nothing behind."""

from __future__ import annotations

import os
import resource
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_MEMORY: Final = 6 * 1024**3


class Outcome(StrEnum):
    """What became of a fault."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "timed out"
    UNTESTED = "no test"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a forked process is to do: `work` returns the number of the test that failed, or None; `seconds` is what
    it takes without a fault."""

    number: int
    seconds: float
    work: Callable[[], int | None]


@dataclass(slots=True)
class _Child:
    attempt: Attempt
    process_id: int
    answer: int
    deadline: float


def try_all(attempts: Iterable[Attempt], workers: int) -> Iterator[tuple[Attempt, Outcome, int | None]]:
    """Fork for every attempt, at most `workers` at a time, and yield what became of each, as they end."""
    running: list[_Child] = []
    for attempt in attempts:
        while len(running) >= workers:
            yield from _ended(running)
        running.append(_start(attempt))
    while running:
        yield from _ended(running)


def _start(attempt: Attempt) -> _Child:
    answer, tell = os.pipe()
    sys.stdout.flush()
    process_id = os.fork()
    if process_id == 0:
        os.close(answer)
        _be(attempt, tell)
    os.close(tell)
    # The machine may be busy with other work: the wall clock is only for what sleeps or waits.
    return _Child(attempt, process_id, answer, time.monotonic() + 30 + 10 * attempt.seconds)


def _be(attempt: Attempt, tell: int) -> None:
    status = 1
    try:
        os.setsid()
        seconds = int(5 + 5 * attempt.seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (_spent() + seconds, _spent() + seconds + 2))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        failed = attempt.work()
        os.write(tell, str(-1 if failed is None else failed).encode())
        status = 0
    except BaseException:  # noqa: BLE001  # the last line of the process: the parent is told
        traceback.print_exc()
    finally:
        os._exit(status)


def _spent() -> int:
    return int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])) + 1


def _ended(running: list[_Child]) -> Iterator[tuple[Attempt, Outcome, int | None]]:
    with selectors.DefaultSelector() as selector:
        for child in running:
            selector.register(child.answer, selectors.EVENT_READ, child)
        selector.select(max(0.0, min(child.deadline for child in running) - time.monotonic()))
        ready = [key.data for key, _ in selector.select(0)]
    for child in ready or [child for child in running if child.deadline <= time.monotonic()]:
        running.remove(child)
        yield child.attempt, *_judge(child, has_answered=bool(ready))


def _judge(child: _Child, *, has_answered: bool) -> tuple[Outcome, int | None]:
    """Raises: RuntimeError: the runner itself broke in the child; its standard error says how."""
    said = os.read(child.answer, 64) if has_answered else b""
    os.close(child.answer)
    if not has_answered:
        _end(child.process_id)
    _, status = os.waitpid(child.process_id, 0)
    _end(child.process_id)
    if said:
        failed = int(said)
        return (Outcome.SURVIVED, None) if failed < 0 else (Outcome.KILLED, failed)
    if os.WIFEXITED(status):
        raise RuntimeError(f"attempt {child.attempt.number} ended with {os.WEXITSTATUS(status)} and said nothing")
    is_late = os.WTERMSIG(status) in {signal.SIGXCPU, signal.SIGKILL}
    return (Outcome.TIMED_OUT if is_late else Outcome.KILLED), None


def _end(group: int) -> None:
    with suppress(ProcessLookupError):  # it has ended, with all that it started
        os.killpg(group, signal.SIGKILL)
