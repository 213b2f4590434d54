"""How cost grows: with what is asked for in proportion, and not at all with what is stored.

Run: `python -m bench.growth` (N, 10 N and 100 N on the embedded cloud and a PostgreSQL, some minutes; `--quick`: N and
10 N, and nothing is written). It counts calls, units and bytes, which are the same on every machine, prints how they
grow, writes `bench/results/growth.json` and a picture for each curve, and ends with 1 where a curve is not as it should
be.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Final

from bench import growth_people as people
from bench.growth_people import Somebody
from bench.usage_reset import empty_table, fill, reset_all
from chalicelib.config import Settings
from chalicelib.models.base import Item
from chalicelib.rules import Rules
from deploy.cost.watch import Asked, Watch, watching
from tests.support import SettableClock

MEASURES: Final = ("calls", "read_units", "write_units", "kilobytes")
_FLAT: Final = 1.1
"""A flat curve grows at most by this factor from N to 100 N."""
_LINEAR: Final = 1.1
"""On a linear curve, 100 N costs at most this times hundred times what N costs."""
_REGION: Final = "eu-central-1"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one measurement took; kilobytes of bodies, both ways."""

    number: int
    calls: int
    read_units: float
    write_units: float
    kilobytes: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A row of measurements: what is done, of what there is more and more, whether cost may follow that (it is what is
    asked for) or may not (it is only stored), and, where it follows although it is only stored, why that is."""

    name: str
    title: str
    of: str
    is_asked: bool
    costs: tuple[Cost, ...]
    said: str = ""

    @property
    def kind(self) -> str:
        """Say how what there is more of stands to what is asked."""
        return "stored, and read whole" if self.said else "asked for" if self.is_asked else "stored"

    def growth(self, measure: str) -> float:
        """Return by which factor a measure grew from the first to the last point; of what there is none of, 1."""
        first, last = (float(getattr(one, measure)) for one in (self.costs[0], self.costs[-1]))
        return last / first if first else 1.0 + last

    @property
    def is_as_it_should_be(self) -> bool:
        """Whether cost grows no more than what is asked for."""
        most = self.costs[-1].number / self.costs[0].number * _LINEAR if self.is_asked else _FLAT
        return all(self.growth(measure) <= most for measure in MEASURES)


@dataclass(slots=True)
class Counter:
    """Counts what AWS is asked for while it is told to."""

    asked: list[Asked] = field(default_factory=list)
    is_on: bool = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch until the block ends."""
        with watching(Watch(self.asked.append, lambda: self.is_on)):
            yield

    def cost(self, number: int, act: Callable[[], object]) -> Cost:
        """Do it, and return what it took."""
        self.asked.clear()
        self.is_on = True
        try:
            act()
        finally:
            self.is_on = False
        moved = sum(one.sent_bytes + one.received_bytes for one in self.asked)
        read = float(sum(one.read_units for one in self.asked))
        return Cost(number, len(self.asked), read, sum(one.write_units for one in self.asked), round(moved / 1024, 1))


@dataclass(frozen=True, slots=True)
class _Asking:
    """A curve of one question: what the person has, and what else is there, for a number."""

    name: str
    title: str
    of: str
    ask: people.Ask
    items: Callable[[Somebody, int], Iterable[Item]]
    is_asked: bool = False
    said: str = ""
    times: int = 1
    """A page of them is larger than the first number: so many times as many are there."""


_QUESTIONS: Final = (
    _Asking("payments", "A page of 20 payments", "payments of the person",
            people.a_page_of_payments, lambda one, count: one.payments(count)),
    _Asking("history", "A page of the history of consents", "changes of the person's consents",
            people.a_page_of_consents, lambda one, count: one.consents(count), times=4),
    _Asking("documents", "A page of 20 documents", "other people, with their documents and payments",
            people.a_page_of_jobs, lambda one, count: [*one.jobs(people.PAGE * 2), *one.others(count)]),
    _Asking("documents-of-two-days", "A page of 20 documents", "documents of the person, of the last two days",
            people.a_page_of_jobs, lambda one, count: one.jobs(count), is_asked=True,
            said="The one list that is read whole: it holds what was uploaded within two days, and nothing older."),
    _Asking("export-among-people", "The export of one person", "other people, with their documents and payments",
            people.an_export, lambda one, count: [*one.payments(10), *one.others(count)]),
    _Asking("export", "The export of one person", "payments of the person",
            people.an_export, lambda one, count: one.payments(count), is_asked=True),
)  # fmt: skip


def curves_of_people(stage: Settings, counter: Counter, numbers: Sequence[int]) -> Iterator[Curve]:
    """Measure what people ask for, in a table that is emptied each time."""
    for question in _QUESTIONS:
        costs = []
        for number in (question.times * one for one in numbers):
            empty_table(stage.table_name, stage.region)
            one = Somebody(stage, SettableClock())
            rooms = one.with_items(question.items(one, number))
            costs.append(counter.cost(number, partial(question.ask, rooms, one.caller)))
        yield Curve(question.name, question.title, question.of, question.is_asked, tuple(costs), question.said)


def curves_of_reset(stage: Settings, counter: Counter, due: int, numbers: Sequence[int]) -> Iterator[Curve]:
    """Measure the reset of so many users among more and more, and of more and more."""
    rules = Rules()

    def cost(number: int, due: int, others: int) -> Cost:
        empty_table(stage.table_name, stage.region)
        fill(due, others, rules)
        return counter.cost(number, lambda: reset_all(rules))

    among = tuple(cost(number, due, number - due) for number in numbers)
    yield Curve("reset-among-people", f"The reset of {due} due users", "people there are", is_asked=False, costs=among)
    counts = tuple(cost(number, number, 0) for number in (due * number // numbers[0] for number in numbers))
    yield Curve("reset", "The reset of those who are due", "due users", is_asked=True, costs=counts)


def measure(numbers: Sequence[int], people_moved: Sequence[int]) -> list[Curve]:
    """Measure every curve on an embedded cloud and a PostgreSQL that are made for it."""
    from bench.growth_migration import curves_of_move
    from dev.testing import embedded_cloud
    from tests.support import ENVIRONMENT, test_settings

    counter, stage = Counter(), test_settings()
    logging.disable(logging.INFO)
    # The embedded cloud sorts a whole partition for each page of it; what is asked is counted, not how long that took.
    Item.Meta.read_timeout_seconds = 60
    with embedded_cloud() as endpoint, counter.watching():
        os.environ.update({**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint})
        people.make_surroundings(stage)
        found = []
        for curve in chain(
            curves_of_reset(stage, counter, 10, numbers),
            curves_of_people(stage, counter, numbers),
            curves_of_move(counter, people_moved),
        ):
            print(told(curve), flush=True)
            found.append(curve)
        return found


def told(curve: Curve) -> str:
    """Say in a line how a curve grows."""
    grown = ", ".join(f"{measure.replace('_', ' ')} × {curve.growth(measure):.4g}" for measure in MEASURES)
    verdict = "" if curve.is_as_it_should_be else "  <- MORE THAN IT SHOULD"
    first, last = curve.costs[0].number, curve.costs[-1].number
    return f"{curve.title}, {curve.of} × {last / first:.4g}: {grown}{verdict}"


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the results and the pictures; 1 where a curve is not as it should be."""
    from bench.growth_results import write

    is_quick = "--quick" in arguments
    numbers = (30, 300) if is_quick else (30, 300, 3_000)
    curves = measure(numbers, (3, 30) if is_quick else (3, 30, 300))
    if not is_quick:
        write(curves)
    return 0 if all(curve.is_as_it_should_be for curve in curves) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
