"""Waiting no longer than one has: a call in a thread of its own, which is left alone when its time is over."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Outcome(Generic[T]):
    def __init__(self) -> None:
        self.values: list[T] = []
        self.errors: list[BaseException] = []


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns, or raise what it raises.

    A call that is late goes on in its thread and its answer is dropped; give it time-outs of its own, so that it ends.

    Raises:
        TimeoutError: it took longer than `seconds`.
    """
    outcome: _Outcome[T] = _Outcome()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.values.append(context.run(call))
        except BaseException as error:  # noqa: BLE001  # raised in the thread that waits
            outcome.errors.append(error)

    thread = threading.Thread(target=run, name="within", daemon=True)
    thread.start()
    thread.join(seconds)
    if outcome.errors:
        raise outcome.errors[0]
    if not outcome.values:
        raise TimeoutError(f"no answer within {seconds} s")
    return outcome.values[0]
