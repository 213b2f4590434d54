"""Runs a module of ours in a child process that is limited in memory, time and output, and can be killed.

    ConfinedError
    ├── ChildTimedOut      it used up its wall clock or its CPU seconds
    ├── ChildOutOfMemory   it asked for more memory than it may have
    ├── ChildFlooded       it wrote more than it may
    ├── ChildKilled        a signal ended it: a crash in a native library, or the kernel
    ├── ChildFailed        it ended by itself with an error: a defect of ours, a missing library
    └── ChildNotStarted    the machine could not start it: no process or no memory left

No `preexec_fn` (unsafe where other threads run) and no `multiprocessing` (needs /dev/shm, which AWS Lambda
lacks): the child sets its own limits, first thing, in `confined_child.py`. Linux only.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

_RUNNER: Final = Path(__file__).with_name("confined_child.py")
_CHUNK: Final = 1 << 16
_KEPT_OF_STDERR: Final = 4096
_FAILURE_LINE: Final = re.compile(rb"confined: (\w{1,80}) at ([\w.<> -]{1,120}:\d{1,6})\s*\Z")

# The exit status by which the child says that it met its memory limit. The same number stands in
# confined_child.py, which cannot import this module before its limits are set.
OUT_OF_MEMORY_STATUS: Final = 71


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use: `memory_bytes` of address space with its libraries, `file_bytes` per file."""

    wall_seconds: float = 9.0
    cpu_seconds: int = 8
    memory_bytes: int = 512 * 1024 * 1024
    output_bytes: int = 1024 * 1024
    file_bytes: int = 0
    open_files: int = 64


class ConfinedError(Exception):
    """The child gave no answer."""


class ChildTimedOut(ConfinedError):
    """It used up its wall clock or its CPU seconds."""


class ChildOutOfMemory(ConfinedError):
    """It asked for more memory than it may have. Native libraries may crash instead: `ChildKilled`."""


class ChildFlooded(ConfinedError):
    """It wrote more than it may."""


class ChildKilled(ConfinedError):
    """A signal ended it."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(f"ended by signal {signal_number}")


class ChildFailed(ConfinedError):
    """It ended with an error of its own; the text names the error's type and place, never its message."""


class ChildNotStarted(ConfinedError):
    """The machine could not start it; another try may work."""


def run_confined(module: str, payload: bytes, limits: Limits | None = None) -> bytes:
    """Run `python -m <module>` with `payload` on its standard input; return its standard output.

    The child has our import path, no environment, no working directory of ours, no core dump, and leads its
    own process group, which is gone when this returns or raises: no zombie, nothing left running. Safe under
    threads.

    Raises:
        ChildTimedOut, ChildOutOfMemory, ChildFlooded, ChildKilled: its input was too much for it.
        ChildFailed: a defect. ChildNotStarted: try again.
    """
    limits = limits or Limits()
    deadline = time.monotonic() + limits.wall_seconds
    process = _start(module, limits)
    try:
        output, errors = _converse(process, payload, limits, deadline)
        _wait(process, deadline)
    finally:
        _end(process)
    return _judge(process.returncode, output, errors)


def _start(module: str, limits: Limits) -> subprocess.Popen[bytes]:
    arguments = [
        # Isolated, no site-packages hooks, no bytecode written: the child may not write files.
        *(sys.executable, "-I", "-S", "-B", "-X", "utf8", str(_RUNNER), module),
        *map(str, (limits.cpu_seconds, limits.memory_bytes, limits.file_bytes, limits.open_files)),
        str(limits.wall_seconds),
        *(str(Path(entry).absolute()) for entry in sys.path),
    ]
    try:
        return subprocess.Popen(  # noqa: S603  # our own interpreter and our own file
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise ChildNotStarted(type(error).__name__) from error


def _environment() -> dict[str, str]:
    # Lambda's interpreter finds its own shared library through this variable. Nothing else is handed on: the
    # environment of a function holds its credentials.
    kept = os.environ.get("LD_LIBRARY_PATH")
    return {"LD_LIBRARY_PATH": kept} if kept else {}


def _converse(process: subprocess.Popen[bytes], payload: bytes, limits: Limits, deadline: float) -> tuple[bytes, bytes]:
    """Feed the payload and gather both outputs until the child closes them."""
    assert process.stdin and process.stdout and process.stderr
    output, errors, rest = bytearray(), bytearray(), memoryview(payload)
    with selectors.DefaultSelector() as selector:
        for stream, events in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, events)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise ChildTimedOut(f"no end after {limits.wall_seconds} s")
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    rest = _feed(selector, process.stdin, rest)
                elif key.fileobj is process.stdout:
                    _gather(selector, process.stdout, output)
                else:
                    _gather(selector, process.stderr, errors)
                    del errors[:-_KEPT_OF_STDERR]
            if len(output) > limits.output_bytes:
                raise ChildFlooded(f"more than {limits.output_bytes} bytes of output")
    return bytes(output), bytes(errors)


def _feed(selector: selectors.BaseSelector, stream: IO[bytes], rest: memoryview) -> memoryview:
    try:
        rest = rest[os.write(stream.fileno(), rest[:_CHUNK]) :] if rest else rest
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        rest = rest[:0]  # it stopped reading; how it ended is told by its exit status
    if not rest:
        selector.unregister(stream)
        stream.close()
    return rest


def _gather(selector: selectors.BaseSelector, stream: IO[bytes], into: bytearray) -> None:
    try:
        chunk = os.read(stream.fileno(), _CHUNK)
    except BlockingIOError:
        return
    into += chunk
    if not chunk:
        selector.unregister(stream)


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    """Return once the child has ended, without reaping it: until then its group's id stays its own."""
    pause = 0.0005
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= deadline:
            raise ChildTimedOut("closed its output and did not end")
        time.sleep(pause)
        pause = min(pause * 2, 0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    # As the leader of its session the child cannot leave the group that is killed here.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    process.wait()


def _judge(status: int, output: bytes, errors: bytes) -> bytes:
    if status == 0:
        return output
    if status in (-signal.SIGXCPU, -signal.SIGALRM):
        raise ChildTimedOut("used up its seconds")
    if status == OUT_OF_MEMORY_STATUS:
        raise ChildOutOfMemory("met its memory limit")
    if status < 0:
        raise ChildKilled(-status)
    line = _FAILURE_LINE.search(errors)
    where = f"{line[1].decode()} at {line[2].decode()}" if line else "no reason given"
    raise ChildFailed(f"exit status {status}: {where}")
