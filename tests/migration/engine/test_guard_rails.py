"""Guard rails: four rules as data, and a roll-back that nobody has to ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from chalicelib import errors
from chalicelib.migration.control import Control
from chalicelib.migration.guard_rails import GuardRails, Load
from chalicelib.migration.phases import Phase
from chalicelib.migration.serenya.rails import RULES, counts_of
from chalicelib.migration.standing import Standing
from chalicelib.observe import load as observed
from tests.migration.engine.memory import MemoryTable
from tests.support import SettableClock

MINUTE = timedelta(minutes=1)
Answers = Callable[[int], list[tuple[str, int, float]]]
"""What is answered in the n-th minute: route, status, milliseconds."""


@dataclass(slots=True)
class Service:
    """A stage after its cut-over, minute by minute."""

    table: MemoryTable = field(default_factory=MemoryTable)
    clock: SettableClock = field(default_factory=SettableClock)
    killed: list[str] = field(default_factory=list)

    def kill(self, by: str, reason: str) -> Standing:
        self.killed.append(reason)
        return Control(self.table, self.clock).throw_switch(by, reason)

    def lives(self, minutes: int, answers: Answers) -> None:
        """Answer for some minutes, from two processes, and look after each."""
        loads = [Load(self.table, self.clock), Load(self.table, self.clock)]
        for minute in range(minutes):
            for number, answer in enumerate(answers(minute)):
                loads[number % 2].add(counts_of(*answer))
            for load in loads:
                load.flush()
            self.clock.advance(MINUTE)
            control = Control(self.table, self.clock)
            GuardRails(loads[0], control, self, RULES, self.clock).check()


@pytest.fixture
def service() -> Service:
    made = Service()
    control = Control(made.table, made.clock)
    control.change(control.refreshed(), Standing(Phase.CUT_OVER))
    return made


def _answers(good: int, *bad: tuple[str, int, float]) -> Answers:
    return lambda minute: [("/profile", 200, 40.0)] * good + list(bad)


WRONG: Mapping[str, tuple[Answers, int, str]] = {
    "errors": (_answers(98, *[("/profile", 500, 40.0)] * 2), 5, "errors"),
    "slowness": (lambda minute: [("/profile", 200, 2_100.0)] * 10, 10, "mean milliseconds"),
    "sign-ins": (_answers(300, *[("/auth/refresh", 200, 9.0)] * 17, *[("/auth/refresh", 401, 9.0)] * 1), 5, "auth"),
    "payments": (
        _answers(500, *[("/webhooks/stripe", 200, 9.0)] * 20, *[("/webhooks/stripe", 500, 9.0)] * 1),
        5,
        "payment failures",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_broken_rule_rolls_back_when_it_has_lasted_and_not_before(service: Service, name: str) -> None:
    answers, minutes, said = WRONG[name]

    service.lives(minutes - 1, answers)
    assert service.killed == []
    service.lives(1, answers)

    assert said in service.killed[0]
    assert Control(service.table, service.clock).refreshed().is_killed


@pytest.mark.parametrize(
    "answers",
    [
        _answers(100),
        _answers(100, ("/profile", 500, 40.0)),
        _answers(0),
        lambda minute: [("/profile", 500, 40.0)] if minute == 3 else [],
        lambda minute: [("/profile", 500 if minute % 3 else 200, 40.0)] * 30,
        lambda minute: [("/profile", 200, 9_000.0)] * 10 if minute < 9 else [("/profile", 200, 20.0)],
        _answers(10, *[("/profile", 401, 9.0)] * 50),
    ],
    ids=["all is well", "one in a hundred", "night", "one at night", "not for five minutes", "it passed", "old tokens"],
)
def test_nothing_is_rolled_back_for_less(service: Service, answers: Answers) -> None:
    service.lives(11, answers)

    assert service.killed == []


def test_what_was_before_the_phase_is_not_held_against_it(service: Service) -> None:
    service.lives(4, _answers(0, *[("/profile", 500, 40.0)] * 30))
    control = Control(service.table, service.clock)
    control.change(control.refreshed(), Standing(Phase.CUT_OVER, moved_by="again"))
    service.lives(3, _answers(0, *[("/profile", 500, 40.0)] * 30))

    assert service.killed == []


def test_where_nothing_is_at_stake_nothing_is_rolled_back(service: Service) -> None:
    control = Control(service.table, service.clock)
    control.change(control.refreshed(), Standing(Phase.DUAL_WRITE))
    service.lives(8, _answers(0, *[("/profile", 500, 40.0)] * 30))

    assert service.killed == []


def test_the_rules_are_those_of_the_issue() -> None:
    assert [(rule.name, str(rule.limit), int(rule.lasts / MINUTE)) for rule in RULES] == [
        ("errors", "0.01", 5),
        ("mean milliseconds", "2000", 10),
        ("authentication failures", "0.05", 5),
        ("payment failures", "0.01", 5),
    ]


def test_what_no_side_was_asked_about_counts_for_no_sign_in() -> None:
    unknown = errors.UnknownToken("INVALID_REFRESH_TOKEN")
    assert counts_of("/auth/refresh", 401, 3.0, unknown) == {"requests": 1, "errors": 0, "milliseconds": 3}
    revoked = errors.Unauthenticated("SESSION_REVOKED")
    assert counts_of("/auth/refresh", 401, 3.0, revoked)["sign_ins_failed"] == 1
    assert counts_of("/auth/refresh", 503, 3.0, errors.Unavailable())["sign_ins_failed"] == 1
    assert counts_of("/auth/refresh", 200, 3.0)["sign_ins_failed"] == 0


def test_garbage_and_tokens_of_the_service_before_roll_nothing_back(service: Service) -> None:
    unknown = errors.UnknownToken("INVALID_REFRESH_TOKEN")
    asked: Answers = lambda _: [("/auth/refresh", 200, 9.0)] * 20  # noqa: E731  # one line is all it is
    load = Load(service.table, service.clock)
    for _ in range(6):
        for _ in range(50):
            load.add(counts_of("/auth/refresh", 401, 2.0, unknown))
        load.flush()
        service.lives(1, asked)
    assert service.killed == []


def test_whoever_counts_cannot_take_an_answer_away() -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError

    observed.listen(breaks)
    observed.answered("/profile", 200, 1.0)
    observed.stop_listening()
