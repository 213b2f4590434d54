"""Goes through the interleavings of a scenario: those with the fewest interruptions first, no state twice."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.migration.explorer.scheduler import Actor, State


class Violation(AssertionError):
    """An invariant does not hold."""


class World(Protocol):
    """What a scenario builds for one run: always the same."""

    @property
    def actors(self) -> Sequence[Actor]:
        """Who takes part."""
        ...

    def digest(self) -> int:
        """A number for the sides as they are."""
        ...

    def check_end(self) -> None:
        """When nobody has anything left to do: put everything right by the usual means, and look at the outcome.

        Raises:
            Violation: something is lost, came back, or differs.
        """


Choice = tuple[str, int]
"""Whose turn it is ("run"), or who ends here ("crash")."""


@dataclass(slots=True)
class Found:
    """What a search has found: how many distinct states, runs and ends; and what went wrong, with its trace."""

    states: int = 0
    runs: int = 0
    ends: int = 0
    seconds: float = 0.0
    violation: str | None = None
    trace: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Search:
    """A search through one scenario, bounded by states, crashes and interruptions of who could go on."""

    build: Callable[[], World]
    most_states: int
    most_crashes: int = 1
    most_interruptions: int = 4
    _states: set[int] = field(default_factory=set)
    _visited: set[int] = field(default_factory=set)
    """States together with whose turn it was: what may follow without an interruption depends on it."""
    _waiting: list[tuple[int, int, int, tuple[Choice, ...]]] = field(default_factory=list)
    _counter: itertools.count[int] = field(default_factory=itertools.count)

    def run(self) -> Found:
        """Go through the scenario until something goes wrong, everything was seen, or the bound is reached."""
        found, began = Found(), time.monotonic()
        self._push(0, ())
        while self._waiting and len(self._states) < self.most_states:
            cost, _, _, prefix = heapq.heappop(self._waiting)
            self._one(prefix, cost, found)
            if found.violation is not None:
                break
        found.states, found.seconds = len(self._states), time.monotonic() - began
        return found

    def _push(self, cost: int, prefix: tuple[Choice, ...]) -> None:
        heapq.heappush(self._waiting, (cost, len(prefix), next(self._counter), prefix))

    def _one(self, prefix: tuple[Choice, ...], cost: int, found: Found) -> None:
        """Repeat a prefix, then let whoever runs go on, and note where others could have gone on instead."""
        world = self.build()
        found.runs += 1
        path: list[Choice] = []
        trace: list[str] = []
        try:
            for actor in world.actors:
                actor.start()
                actor.step()
            for choice in prefix:
                _take(world, choice, path, trace)
            while (choices := _choices(world, path)) and self._is_new(world, path):
                for other in choices[1:]:
                    self._branch(path, choices[0], other, cost)
                _take(world, choices[0], path, trace)
            if not choices:
                found.ends += 1
                world.check_end()
        except Violation as violation:
            found.violation, found.trace = str(violation), trace
        finally:
            for actor in world.actors:
                actor.stop()

    def _branch(self, path: list[Choice], first: Choice, other: Choice, cost: int) -> None:
        crashes = sum(kind == "crash" for kind, _ in path) + (other[0] == "crash")
        is_interruption = other[0] == "crash" or (bool(path) and path[-1] == first)
        if crashes <= self.most_crashes and cost + is_interruption <= self.most_interruptions:
            self._push(cost + is_interruption, (*path, other))

    def _is_new(self, world: World, path: list[Choice]) -> bool:
        state = hash((world.digest(), tuple((one.seen, one.state) for one in world.actors)))
        self._states.add(state)
        visited = hash((state, path[-1] if path else None))
        if visited in self._visited:
            return False
        self._visited.add(visited)
        return True


def _take(world: World, choice: Choice, path: list[Choice], trace: list[str]) -> None:
    kind, number = choice
    actor = world.actors[number]
    trace.append(f"{actor.name}: {'crashes before ' if kind == 'crash' else ''}{actor.next_call}")
    path.append(choice)
    if kind == "crash":
        actor.stop()
    else:
        actor.step()
    if actor.problem is not None:
        raise actor.problem if isinstance(actor.problem, Violation) else Violation(repr(actor.problem))


def _choices(world: World, path: list[Choice]) -> list[Choice]:
    """What may happen next: first that whoever ran goes on, then that others do, then that somebody ends here."""
    able = [number for number, actor in enumerate(world.actors) if actor.state is State.WAITING and actor.is_enabled()]
    if path and path[-1][0] == "run" and path[-1][1] in able:
        able.remove(path[-1][1])
        able.insert(0, path[-1][1])
    crashes: list[Choice] = [("crash", number) for number in able if world.actors[number].may_crash]
    return [*(("run", number) for number in able), *crashes]
