"""How much of the time that a Lambda function has was used: whoever comes near the limit says so before it is met.

A function that is killed at its limit says nothing any more; AWS counts that as an error of the function.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final

from chalicelib.observe.log import log

_NEAR: Final = 0.8
_ends: Final[ContextVar[float | None]] = ContextVar("ends", default=None)
"""By the clock that only goes on."""


@contextmanager
def watched(context: Any, doing: str) -> Iterator[None]:
    """Write a line, which is counted, where what is done inside took more than four fifths of the time that was left
    for it; also where it failed. `context` is Lambda's, or None outside of it, where there is no limit."""
    given = _left(context)
    ends = _ends.set(None if context is None else time.monotonic() + given / 1000)
    try:
        yield
    finally:
        _ends.reset(ends)
        used = given - _left(context)
        if used > given * _NEAR:
            log("ran_near_limit", level=logging.WARNING, doing=doing, milliseconds=used, limit_milliseconds=given)


def time_left() -> timedelta | None:
    """Return for how long what is done here can go on: after that Lambda ends it. None outside of Lambda, and in a
    thread that somebody began meanwhile."""
    ends = _ends.get()
    return None if ends is None else timedelta(seconds=max(0.0, ends - time.monotonic()))


def _left(context: Any) -> int:
    return 0 if context is None else int(context.get_remaining_time_in_millis())
