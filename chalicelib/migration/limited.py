"""Work for the other side that must cost the caller little: limited in time, and not tried while that side is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field
from typing import Final

from chalicelib import errors

LONGEST_SECONDS: Final = 1.0
"""What a caller waits at most; a copy takes a few hundredths."""
PAUSE_SECONDS: Final = 5.0
"""After the other side did not answer it is left alone for so long by this process."""
MOST_AT_ONCE: Final = 8


class NotTried(Exception):
    """The other side did not answer a moment ago, or is busy with as much as it is given at once."""


@dataclass(slots=True)
class _Line:
    """What this process knows of the other side."""

    pool: ThreadPoolExecutor | None = None
    running: int = 0
    closed_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Limited:
    """Runs small pieces of work, each in its own thread, a few at a time."""

    longest_seconds: float = LONGEST_SECONDS
    pause_seconds: float = PAUSE_SECONDS
    most_at_once: int = MOST_AT_ONCE
    monotonic: Callable[[], float] = time.monotonic
    _line: _Line = field(default_factory=_Line)

    def attempt(self, work: Callable[[], object]) -> Exception | None:
        """Do it, and return what went wrong: None if nothing. What takes too long goes on behind the caller's back."""
        line = self._line
        with line.lock:
            if self.monotonic() < line.closed_until or line.running >= self.most_at_once:
                return NotTried("not now")
            line.running += 1
            line.pool = line.pool or ThreadPoolExecutor(self.most_at_once, thread_name_prefix="other-side")
            running = line.pool.submit(work)
        running.add_done_callback(self._ended)
        try:
            running.result(self.longest_seconds)
        except TookTooLong as late:
            self._close()
            return late
        except errors.Unavailable as trouble:
            self._close()
            return trouble
        except Exception as trouble:  # noqa: BLE001  # whatever the other side brings up, the caller is not concerned
            return trouble
        return None

    def _ended(self, _: Future[object]) -> None:
        with self._line.lock:
            self._line.running -= 1

    def _close(self) -> None:
        self._line.closed_until = self.monotonic() + self.pause_seconds
