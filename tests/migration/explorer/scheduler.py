"""Runs actors one step at a time, in an order that somebody else chooses: a step ends at every call to a side.

Each actor has a thread, and only one of them ever runs; the code that they run is the real one and knows nothing of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Stop(BaseException):
    """Ends an actor where it stands: a crash, or the end of a run."""


class State(StrEnum):
    """What an actor is at."""

    WAITING = "waiting"
    DONE = "done"
    CRASHED = "crashed"


@dataclass(slots=True)
class Actor:
    """Somebody who does something with the sides. `seen` sums up everything that it was told so far: code that is told
    the same does the same, so this and the sides are the whole state."""

    name: str
    act: Callable[[Actor], None]
    may_crash: bool = True
    is_enabled: Callable[[], bool] = lambda: True
    state: State = State.WAITING
    seen: int = 0
    drawn: int = 0
    next_call: str = "begin"
    problem: BaseException | None = None
    is_stopping: bool = False
    _go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _back: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Get ready for the first step."""
        self._thread = threading.Thread(target=self._run, daemon=True, name=self.name)
        self._thread.start()

    def step(self) -> None:
        """Make the call that it stands before, and go on to the next."""
        self._go.release()
        self._back.acquire()

    def stop(self) -> None:
        """End it before its next call."""
        if self.state is State.WAITING:
            self.is_stopping = True
            self.step()

    def join(self) -> None:
        """Wait for its thread to be over."""
        if self._thread is not None:
            self._thread.join()

    def reached(self, call: str, make: Callable[[], Any]) -> Any:
        """A call to a side: made when it is this actor's turn."""
        self._pause(call)
        try:
            answer = make()
        except Exception as trouble:
            self.seen = hash((self.seen, call, type(trouble).__name__, str(trouble)))
            raise
        self.seen = hash((self.seen, call, repr(answer)))
        return answer

    def draw(self) -> str:
        """A name that nobody else draws, and always the same in the same place."""
        self.drawn += 1
        return f"{self.name}-{self.drawn}"

    def _pause(self, call: str) -> None:
        self.next_call = call
        self._back.release()
        self._go.acquire()
        if self.is_stopping:
            raise Stop

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.is_stopping:
                self.act(self)
            self.state = State.CRASHED if self.is_stopping else State.DONE
        except Stop:
            self.state = State.CRASHED
        except BaseException as problem:  # noqa: BLE001  # told to whoever runs the run
            self.problem = problem
            self.state = State.DONE
        finally:
            self._back.release()


class Watched:
    """A side whose every call is a step of the actor that makes it."""

    def __init__(self, side: Any, actor: Actor, name: str) -> None:
        self._side, self._actor, self._name = side, actor, name

    def __getattr__(self, called: str) -> Any:
        method = getattr(self._side, called)

        def call(*arguments: Any, **named: Any) -> Any:
            return self._actor.reached(f"{self._name}.{called}", lambda: method(*arguments, **named))

        return call
