"""An order of analysts: who answers, what is noted, and when somebody is not asked any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import pytest

from chalicelib.errors import AnalystUnavailable, NotMedical
from chalicelib.gateways.analyst import analyst_of
from chalicelib.gateways.analyst.conversation import ModelDown, ModelNonsense, ModelNotAllowed, ModelUnfit
from chalicelib.gateways.analyst.fallback import STAND_IN_FLAG, STAND_IN_NOTE, InOrder
from chalicelib.gateways.analyst.findings import Analysis, Document, FileType
from chalicelib.gateways.analyst.local.talking import narrative_of, reply_of
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from chalicelib.rules import Rules
from tests.rooms.documents_world import an_analysis
from tests.support import SettableClock, test_settings
from tests.unit.analyst.model_world import FixedSecrets, OpenBook

T = TypeVar("T")

DOCUMENT = Document(b"%PDF", FileType.PDF, "owner")
QUESTION = Question(owner_id="owner", message="What is potassium?")


@dataclass
class One:
    """An analyst that fails as it is told; once it is told nothing, it answers."""

    name: str
    trouble: Exception | None = None
    deadlines: list[datetime] = field(default_factory=list)

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        return self._do(deadline, an_analysis)

    def answer(self, question: Question, deadline: datetime) -> Reply:
        return self._do(deadline, lambda: reply_of(question))

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        return self._do(deadline, lambda: narrative_of(request))

    def _do(self, deadline: datetime, result: Callable[[], T]) -> T:
        self.deadlines.append(deadline)
        if self.trouble is not None:
            raise self.trouble
        return result()


def later(clock: SettableClock) -> datetime:
    return clock.now() + timedelta(seconds=90)


def chain(clock: SettableClock, first: One, second: One | None = None) -> InOrder:
    return InOrder([first, second or One("local")], clock, Rules())


def test_the_first_that_answers_is_the_only_one_asked(clock: SettableClock) -> None:
    second = One("local")

    found = chain(clock, One("bedrock"), second).analyse(DOCUMENT, later(clock))

    assert found == an_analysis()
    assert second.deadlines == []


@pytest.mark.parametrize("trouble", [ModelDown(), ModelNonsense(), ModelUnfit(), ModelNotAllowed()], ids=repr)
def test_another_one_stands_in_and_says_so(clock: SettableClock, trouble: Exception) -> None:
    analysts = chain(clock, One("bedrock", trouble))

    found = analysts.analyse(DOCUMENT, later(clock))

    assert found.disclaimers[0] == STAND_IN_NOTE
    assert found.medical_flags[-1] == STAND_IN_FLAG
    assert analysts.answer(QUESTION, later(clock)).notes == (STAND_IN_NOTE,)
    assert analysts.report(ReportRequest(owner_id="o", facts=()), later(clock)).notes == (STAND_IN_NOTE,)


def test_the_first_one_leaves_the_second_enough_time(clock: SettableClock) -> None:
    first, second = One("bedrock", ModelDown()), One("local")

    chain(clock, first, second).analyse(DOCUMENT, later(clock))

    assert second.deadlines[0] - first.deadlines[0] == Rules().analyst_reserve


def test_after_three_failures_nobody_is_asked_until_the_rest_is_over(clock: SettableClock) -> None:
    first = One("bedrock", ModelDown())
    analysts = chain(clock, first)
    for _ in range(10):
        analysts.analyse(DOCUMENT, later(clock))
    assert len(first.deadlines) == Rules().breaker_failures

    clock.advance(Rules().breaker_rest)
    analysts.analyse(DOCUMENT, later(clock))
    analysts.analyse(DOCUMENT, later(clock))
    assert len(first.deadlines) == Rules().breaker_failures + 1  # one tried, and the others wait on


def test_a_success_closes_the_circuit(clock: SettableClock) -> None:
    first = One("bedrock", ModelDown())
    analysts = chain(clock, first)
    for _ in range(3):
        analysts.analyse(DOCUMENT, later(clock))
    first.trouble = None
    clock.advance(Rules().breaker_rest)

    found = [analysts.analyse(DOCUMENT, later(clock)) for _ in range(3)]

    assert found == [an_analysis()] * 3


def test_failures_with_successes_between_open_nothing(clock: SettableClock) -> None:
    first = One("bedrock")
    analysts = chain(clock, first)
    for number in range(12):
        first.trouble = ModelDown() if number % 3 else None
        analysts.analyse(DOCUMENT, later(clock))

    assert len(first.deadlines) == 12


@pytest.mark.parametrize("trouble", [ModelNonsense(), ModelUnfit(), ModelNotAllowed()], ids=repr)
def test_one_persons_documents_turn_the_model_off_for_nobody(clock: SettableClock, trouble: Exception) -> None:
    first = One("bedrock", trouble)
    analysts = chain(clock, first)
    for _ in range(8):
        analysts.analyse(DOCUMENT, later(clock))

    assert len(first.deadlines) == 8


def test_a_stand_in_does_not_have_the_last_word_on_what_is_not_medical(clock: SettableClock) -> None:
    with pytest.raises(AnalystUnavailable):
        chain(clock, One("bedrock", ModelDown()), One("local", NotMedical())).analyse(DOCUMENT, later(clock))


def test_while_models_are_turned_off_the_local_analyst_decides(clock: SettableClock) -> None:
    with pytest.raises(NotMedical):
        chain(clock, One("bedrock", ModelNotAllowed()), One("local", NotMedical())).analyse(DOCUMENT, later(clock))


def test_the_models_own_verdict_stands(clock: SettableClock) -> None:
    second = One("local")
    with pytest.raises(NotMedical):
        chain(clock, One("bedrock", NotMedical()), second).analyse(DOCUMENT, later(clock))

    assert second.deadlines == []


def test_nobody_answers(clock: SettableClock) -> None:
    with pytest.raises(AnalystUnavailable):
        chain(clock, One("bedrock", ModelDown()), One("local", AnalystUnavailable())).answer(QUESTION, later(clock))


@pytest.mark.parametrize("order", ["bedrock", "bedrock,local", "anthropic, bedrock ,local", "local"])
def test_a_stage_names_its_analysts_in_order(clock: SettableClock, order: str) -> None:
    found = analyst_of(test_settings(ANALYST=order), FixedSecrets(), OpenBook(), clock)

    assert found.name == order.replace(" ", "")


@pytest.mark.parametrize("order", ["", "oracle", "local,local", "bedrock,,gpt"])
def test_an_order_that_makes_no_sense_does_not_start(clock: SettableClock, order: str) -> None:
    with pytest.raises(ValueError, match=r"analyst|ANALYST"):
        analyst_of(test_settings(ANALYST=order), FixedSecrets(), OpenBook(), clock)
