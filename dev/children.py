"""Child processes that end with us: started on a leash, stopped in order, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_LEASH: Final = ROOT / "dev" / "leash.py"


class ChildEndedError(Exception):
    """A child ended when it should be running. Carries the end of what it wrote."""


class Child:
    """One running child, the leader of its own process group, with its output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, *, grace_seconds: float) -> None:
        self.name = name
        self.log = log
        self._grace_seconds = grace_seconds
        self._process = process

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's too."""
        return self._process.pid

    def last_words(self, lines: int = 15) -> str:
        """Return the end of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def require_running(self) -> None:
        """Check that it is still there.

        Raises:
            ChildEndedError: it is not.
        """
        if not self.is_running:
            raise ChildEndedError(f"{self.name} ended by itself. The end of {self.log}:\n{self.last_words()}")

    def stop(self) -> None:
        """Ask it to end, wait a little, then end it and everything it started. Safe to call twice."""
        if self._grace_seconds:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace_seconds)
        self._signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        # macOS says "not permitted" of a group that is gone.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class Children:
    """All children of one run. After `stop` no more can be started, so that none slips in while a run is ending."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[Child] = []
        self._is_closed = False

    def start(
        self,
        name: str,
        python: Path,
        arguments: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        grace_seconds: float = 3.0,
    ) -> Child:
        """Start `python -m arguments…` on a leash, its output going to the end of `log`.

        When it is stopped it has `grace_seconds` to finish what it does; with none it is ended at once.

        Raises:
            ChildEndedError: the run is ending.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, log.open("ab") as output:
            if self._is_closed:
                raise ChildEndedError(f"{name} is not started any more: the run is ending.")
            process = subprocess.Popen(
                [str(python), "-u", str(_LEASH), *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=folder,
                # Ctrl-C goes to the terminal's whole process group: only we should hear it, and stop the others.
                start_new_session=True,
            )
            child = Child(name, process, log, grace_seconds=grace_seconds)
            self._running.append(child)
            return child

    def stop(self) -> None:
        """Stop every child, the last started first. Safe to call twice."""
        with self._lock:
            self._is_closed = True
        for child in reversed(self._running):
            child.stop()


def wait_until(condition: Callable[[], bool], child: Child, what: str, *, seconds: float) -> None:
    """Wait until `condition()` holds, looking every 20 ms.

    Raises:
        ChildEndedError: the child ended, or the time is over.
    """
    give_up_at = time.monotonic() + seconds
    while not condition():
        child.require_running()
        if time.monotonic() > give_up_at:
            raise ChildEndedError(
                f"{what} did not happen within {seconds:.0f} s. The end of {child.log}:\n{child.last_words()}"
            )
        time.sleep(0.02)
