"""How requests went, told to whoever listens: nobody, unless a stage counts them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from chalicelib.observe.log import log

Listener = Callable[[str, int, float, Exception | None], None]
"""Is told the route's first path, the status of its answer, how many milliseconds it took, and what was raised instead
of an answer."""

_listeners: Final[list[Listener]] = []


def listen(listener: Listener) -> None:
    """Tell this one of every answer from now on, instead of whoever listened before."""
    _listeners[:] = [listener]


def stop_listening() -> None:
    """Tell nobody any more."""
    _listeners.clear()


def answered(route: str, status: int, milliseconds: float, failure: Exception | None = None) -> None:
    """Tell that a request was answered. Whatever a listener brings up is logged: the answer is given."""
    for listener in _listeners:
        try:
            listener(route, status, milliseconds, failure)
        except Exception as trouble:  # noqa: BLE001  # counting must not take an answer away
            log("load_not_told", level=logging.ERROR, error=trouble)
