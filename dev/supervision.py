"""Runs a command so that it ends cleanly at any moment: by itself, by an error, by Ctrl-C, by a lost terminal."""

from __future__ import annotations

import fcntl
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Final, TextIO

from dev.children import ChildEndedError, Children
from dev.ministack import NotInstalledError
from dev.stage import RUN_FOLDER, PortTakenError

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED: Final = 130


class CommandFailedError(Exception):
    """A command could not do what it is for. The text is the whole explanation."""


class AlreadyRunningError(CommandFailedError):
    """Another run holds this folder."""


EXPECTED: Final = (CommandFailedError, ChildEndedError, NotInstalledError, PortTakenError)


class Session:
    """One run of a command: its children, what it says, and whether it has come to serving."""

    def __init__(self) -> None:
        self.children = Children()
        self.is_serving = False
        self._is_over = False
        self._lock_file: IO[str] | None = None

    def say(self, text: str = "") -> None:
        """Print a line, unless the run is over: what breaks while we stop it is no news."""
        self._print(text, sys.stdout)

    def complain(self, text: str) -> None:
        """Print a line about a failure, unless the run is over."""
        self._print(text, sys.stderr)

    def _print(self, text: str, stream: TextIO) -> None:
        if not self._is_over:
            with suppress(OSError):
                print(text, file=stream, flush=True)

    def claim_folder(self, command: str) -> None:
        """Hold this checkout until the process ends, however it ends.

        Raises:
            AlreadyRunningError: another process holds it.
        """
        RUN_FOLDER.mkdir(exist_ok=True)
        file = (RUN_FOLDER / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise AlreadyRunningError(
                f"This folder is in use by {holder}. Press Ctrl-C there first, then start again."
            ) from error
        file.truncate(0)
        file.write(f"`make {command}` (process {os.getpid()})")
        file.flush()
        self._lock_file = file

    def end(self) -> None:
        """Say no more, and leave nothing running."""
        self._is_over = True
        self.children.stop()


def supervise(work: Callable[[Session], int]) -> int:
    """Do the work in a thread, wait for it or for a signal, stop what it started, and return the exit code.

    The main thread does nothing but wait: a signal never lands in the middle of something half done. Does not return
    to the caller's code after a signal but ends the process, because the work may hang in a call that nothing
    interrupts.
    """
    session = Session()
    outcomes: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: outcomes.put(None))
    threading.Thread(target=_work, args=(work, session, outcomes), name="work", daemon=True).start()
    code = _first_of(outcomes)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if code is None:
        code = 0 if session.is_serving else _INTERRUPTED
        session.say("\nStopping …")
        session.end()
        with suppress(OSError):
            print("Stopped. Nothing is left running.", flush=True)
    else:
        session.end()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _first_of(outcomes: queue.SimpleQueue[int | None]) -> int | None:
    # Of two signals at once the kernel may give one to another thread, and then nothing wakes this one: in one of a
    # hundred runs a plain `get()` slept on. It looks up from time to time, which lets Python run its handlers, and
    # sees whether `dev/start` is still there, if that started us.
    starter = int(os.environ.get("STARTED_BY") or 0)
    while not starter or os.getppid() == starter:
        with suppress(queue.Empty):
            return outcomes.get(timeout=0.1)
    return None


def _work(work: Callable[[Session], int], session: Session, outcomes: queue.SimpleQueue[int | None]) -> None:
    try:
        outcomes.put(work(session))
    except EXPECTED as error:
        session.complain(str(error))
        outcomes.put(1)
    except BaseException:
        session.complain(traceback.format_exc())
        outcomes.put(1)
