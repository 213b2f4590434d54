"""Runs cases: a journey with faults, its repetition by whoever asked, what must hold; says how to run one again."""

from __future__ import annotations

import random
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from dev.faults import Attempt, Fault
from dev.faulty import Faults
from tests.faults.aim import Aim, Call, Other, Shot, Span, shots_at
from tests.faults.beginning import Beginning, beginning_of, go_back, keep_index_of
from tests.faults.house import House, Told, Wrong
from tests.faults.journeys import JOURNEYS, Journey
from tests.faults.truths import everything_holds

_MOST_REPETITIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A journey, and what befalls it."""

    journey: str
    shots: tuple[Shot, ...]

    def __str__(self) -> str:
        return f"{self.journey} / {' + '.join(map(str, self.shots))}"

    @classmethod
    def read(cls, text: str) -> Case:
        """Read what `str` wrote."""
        journey, _, shots = text.partition(" / ")
        return cls(journey, tuple(map(Shot.read, shots.split(" + "))))

    @property
    def command(self) -> str:
        """What runs this case alone."""
        return f"python -m tests.faults {shlex.quote(str(self))}"


@dataclass
class Failure:
    """A case after which something was not as it must be."""

    case: Case
    why: str

    def __str__(self) -> str:
        return f"{self.case}\n    {self.why}\n    {self.case.command}"


@dataclass
class Findings:
    """What came of all cases."""

    injected: Counter[str] = field(default_factory=Counter)
    """Faults that befell a call, by their kind."""
    failures: list[Failure] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many faults befell a call."""
        return self.injected.total()

    def summary(self) -> str:
        """Say it in a few lines."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.injected.items()))
        told = f"{self.total} faults injected: {kinds}; {len(self.failures)} cases failed"
        return "\n".join([told, *map(str, self.failures[:25])])


Prepared = tuple[Beginning, dict[str, object], list[Call]]
"""How a journey begins, what it remembers of its preparation, and its calls when nothing befalls it."""


class Runner:
    """Takes journeys through their cases, one after the other."""

    def __init__(
        self, house: House, journeys: Sequence[Journey] = JOURNEYS, spoil: Callable[[Attempt], None] = lambda _: None
    ) -> None:
        self._house = house
        self._spoil = spoil
        self._journeys = {one.name: one for one in journeys}
        self._plan = Aim(is_armed=False)
        self._trouble_of_rival: str | None = None
        self._faults = Faults(self._befalls)
        self._prepared: dict[str, Prepared] = {}
        self._now: Prepared | None = None
        self.findings = Findings()

    def cases(self, *names: str) -> Iterator[Case]:
        """Yield every case of these journeys, or of all: each kind at each call."""
        for name in names or tuple(self._journeys):
            for number, call in enumerate(self.calls(name), 1):
                yield from (Case(name, (shot,)) for shot in shots_at(number, call))
            if self._journeys[name].is_repeatable:
                yield Case(name, (Shot(0, Other.UNHEARD),))

    def sample(self, number: int, seed: int) -> list[Case]:
        """Return so many of all cases, the same for the same seed, those of one journey together."""
        every = list(self.cases())
        chosen = sorted(random.Random(seed).sample(range(len(every)), number))
        return [every[one] for one in chosen]

    def pairs(self, number: int, seed: int) -> Iterator[Case]:
        """Yield cases in which two calls of a journey meet a fault: so many of each, the same for the same seed."""
        for name in self._journeys:
            calls, dice = self.calls(name), random.Random(f"{seed} {name}")
            for _ in range(number if len(calls) > 1 else 0):
                first, second = sorted(dice.sample(range(1, len(calls) + 1), 2))
                shots = (dice.choice(_of_once(first, calls)), dice.choice(shots_at(second, calls[second - 1])))
                yield Case(name, shots)

    def calls(self, name: str) -> list[Call]:
        """Return the calls that a journey makes when nothing befalls it; everything must hold then."""
        self._prepare(name)
        assert self._now is not None
        return self._now[2]

    def run(self, case: Case) -> str | None:
        """Run a case; return what was wrong, or None."""
        self._prepare(case.journey)
        self._go_back()
        journey = self._journeys[case.journey]
        aim = Aim(case.shots, rival=lambda: self._rival(journey), stale=self._stale(case))
        why = None
        with self._faults.in_force():
            try:
                self._travel(journey, aim, case)
            except Wrong as wrong:
                why = f"{wrong} (calls: {', '.join(map(str, aim.calls))})"
        for shot in aim.hits:
            self.findings.injected[str(shot.kind)] += 1
        if why is not None:
            self.findings.failures.append(Failure(case, why))
        return why

    def _befalls(self, attempt: Attempt) -> Fault | None:
        self._house.sees(attempt)
        self._spoil(attempt)
        return self._plan(attempt)

    def _prepare(self, name: str) -> None:
        if name in self._prepared:
            self._now = self._prepared[name]
            return
        house, journey = self._house, self._journeys[name]
        self._plan = Aim(is_armed=False)
        with self._faults.in_force():
            go_back(house, Beginning(house.service.clock.now(), [], {}, [], set()))
            house.notes.clear()
            house.start_anew()
            journey.prepare(house)
            house.notes.pop("unforeseen", None)
            self._now = self._prepared[name] = (beginning_of(house), dict(house.notes), [])
            aim = Aim()
            self._travel(journey, aim, Case(name, ()))
            self._now[2].extend(aim.calls)

    def _go_back(self) -> None:
        assert self._now is not None
        with self._faults.in_force():
            go_back(self._house, self._now[0])
            self._house.notes.clear()
            self._house.notes.update(self._now[1])
            self._house.start_anew()

    def _travel(self, journey: Journey, aim: Aim, case: Case) -> None:
        house, self._plan, self._trouble_of_rival = self._house, aim, None
        is_told = True
        try:
            journey.act(house)
        except Told:
            is_told = False
        finally:
            aim.is_armed = False
        if self._trouble_of_rival is not None:
            raise Wrong(self._trouble_of_rival)
        if is_told and any(shot.kind is Other.UNHEARD for shot in case.shots):
            self.findings.injected[Other.UNHEARD] += 1
            is_told = False
        for _ in range(_MOST_REPETITIONS):
            if is_told:
                break
            try:
                journey.act(house)
                is_told = True
            except Told as refusal:
                last = refusal
        if not is_told:
            raise Wrong(f"asked again and again, it still says: {last}")
        journey.later(house)
        everything_holds(house)
        journey.check(house)

    def _rival(self, journey: Journey) -> None:
        told = dict(self._house.notes)
        # Not one second, by which a ledger sets apart what happens at one instant: the two would meet in one key.
        self._house.service.clock.advance(timedelta(seconds=2))
        with self._house.another_process():
            try:
                journey.act(self._house)
            except (Told, Wrong) as trouble:
                # Two of the same at once: the later one may be told that the other is at it.
                self._trouble_of_rival = None if " 409 " in str(trouble) else f"the rival was refused: {trouble}"
        self._house.notes.update(told)

    def _stale(self, case: Case) -> Callable[[Attempt], None] | None:
        assert self._now is not None
        if any(shot.kind is Other.STALE_INDEX for shot in case.shots):
            return keep_index_of(self._house, self._now[0].items)
        return None


def _of_once(number: int, calls: Sequence[Call]) -> list[Shot]:
    """What lets an act go on to its later calls."""
    return [shot for shot in shots_at(number, calls[number - 1]) if shot.span is Span.ONCE]
