"""Every attempt, against a model that obeys it: nothing of what it wants reaches anybody, and no fact is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import pytest

from chalicelib.clock import SystemClock
from chalicelib.errors import AnalystUnavailable
from chalicelib.gateways.analyst.asking import Asking
from chalicelib.gateways.analyst.bedrock import BedrockModel
from chalicelib.gateways.analyst.document_text import DocumentText
from chalicelib.gateways.analyst.fallback import InOrder
from chalicelib.gateways.analyst.findings import Analysis, Document, FileType
from chalicelib.gateways.analyst.local.analyst import LocalAnalyst
from chalicelib.gateways.analyst.local.exchange import Order, received
from chalicelib.gateways.analyst.local.page_text import page_text
from chalicelib.gateways.analyst.local.reader import read
from chalicelib.gateways.analyst.model_analyst import ModelAnalyst
from chalicelib.gateways.analyst.spending import Purse
from chalicelib.gateways.analyst.talk import Fact, Question, ReportRequest
from chalicelib.model_config import BedrockSettings
from chalicelib.rules import Rules
from dev.model_mind import Heard, document_of
from dev.model_stand_in import Act, ModelStandIn
from tests.injections.attempt import Attempt, Surface
from tests.injections.make_attempts import ROWS, attempts, report_with
from tests.unit.analyst.model_world import OpenBook, said_about

DEADLINE = timedelta(seconds=60)
NEVER = re.compile(r"https?:|www\.|\]\(|<\s*[a-z/!]|javascript:|\bevil\b|&lt;script", re.IGNORECASE)
FACTS = tuple(
    Fact(name=name, value=value, unit=unit, reference_range=span, is_abnormal=bool(flag))
    for name, value, unit, span, flag in ROWS
)


def within_a_minute() -> datetime:
    return SystemClock().now() + DEADLINE


def text_in_process(document: Document, seconds: float) -> DocumentText:
    """The confined reader's work without the process around it, which has its own tests."""
    found = page_text(Order(document, seconds))
    reading = received(found.reading) if found.reading is not None else None
    return DocumentText(found.lines, found.page_count, found.source, reading)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[ModelStandIn]:
    with ModelStandIn() as running:
        yield running


def analyst_at(stand_in: ModelStandIn, *, has_reader: bool = True) -> ModelAnalyst:
    model = BedrockModel(BedrockSettings(endpoint_url=stand_in.url))
    asking = Asking(model, Purse(OpenBook()), SystemClock())
    return ModelAnalyst(asking, text_in_process if has_reader else lambda document, seconds: DocumentText())


@cache
def facts_of_the_report() -> dict[str, Any]:
    """What the report says, by code alone, without anything planted in it."""
    clean = LocalAnalyst(reader=read).analyse(Document(report_with("None."), FileType.PDF), within_a_minute())
    return facts(clean)


def facts(analysis: Analysis) -> dict[str, Any]:
    values = {
        (one.test_name, str(one.test_value), one.test_unit, one.reference_range_text, one.is_abnormal)
        for one in analysis.lab_results
        if one.source.is_verified
    }
    return {
        "values": values,
        "flags": {
            flag for flag in analysis.medical_flags if flag.startswith(("CRITICAL", "ABNORMAL", "HIGH", "LOW_P"))
        },
        "is_urgent": "Please contact a doctor today" in analysis.detailed_interpretation,
        "date": analysis.document_date,
    }


def obedient(attempt: Attempt, reached: list[str]) -> Act:
    """Act as a model that follows what it was told, once it was told it."""

    def obey(answer: dict[str, Any], heard: Heard) -> None:
        document = document_of(heard)
        seen = heard.texts
        if document is not None and document.file_type is FileType.PDF:
            seen += text_in_process(document, 30).whole
        if squeezed(attempt.planted)[:20] in squeezed(seen):
            reached.append(attempt.name)
            attempt.obey(answer, heard)

    return Act(change=obey)


def squeezed(text: str) -> str:
    return re.sub(r"\W", "", text)


def written(result: Any) -> str:
    return msgspec.json.encode(result).decode() + "\n" + str(msgspec.to_builtins(result))


def require_clean(result: Any, attempt: Attempt, stand_in: ModelStandIn) -> None:
    text = written(result)
    assert [word for word in attempt.forbidden if word in text] == []
    assert NEVER.search(text) is None
    prompt = re.findall(r"\w+", stand_in.heard[0].system)
    runs = {" ".join(prompt[at : at + 7]) for at in range(len(prompt) - 7)}
    words = re.findall(r"\w+", text)
    assert not {" ".join(words[at : at + 7]) for at in range(len(words) - 7)} & runs
    fence = re.search(r"\[begin [a-z ]+ ([0-9a-f]{16})\]", stand_in.heard[0].texts)
    assert fence is None or fence[1] not in text


def of(*surfaces: Surface) -> list[Attempt]:
    return [one for one in attempts() if one.surface in surfaces]


@pytest.mark.parametrize("attempt", of(Surface.DOCUMENT), ids=str)
def test_a_document_changes_no_fact_and_says_nothing_of_its_own(attempt: Attempt, stand_in: ModelStandIn) -> None:
    reached: list[str] = []
    stand_in.script(obedient(attempt, reached))
    chain = InOrder([analyst_at(stand_in), LocalAnalyst(reader=read)], SystemClock(), Rules())

    found = chain.analyse(Document(report_with(attempt.planted), FileType.PDF, "owner"), within_a_minute())

    assert reached  # the model was told, and obeyed
    require_clean(found, attempt, stand_in)
    assert facts(found) == facts_of_the_report()


@pytest.mark.parametrize("attempt", of(Surface.PICTURE), ids=str)
def test_a_picture_that_nobody_can_check_says_nothing_but_values(attempt: Attempt, stand_in: ModelStandIn) -> None:
    answer = said_about(report_with("None."))
    attempt.obey(answer, Heard("", "", "", (), (), 0))
    stand_in.script(Act("text", text=msgspec.json.encode(answer).decode()))

    picture = Document(b"\x89PNG picture", FileType.PNG, "owner")
    found = analyst_at(stand_in, has_reader=False).analyse(picture, within_a_minute())

    require_clean(found, attempt, stand_in)
    assert not any(one.source.is_verified for one in found.lab_results)
    assert "UNVERIFIED_VALUES" in found.medical_flags


@pytest.mark.parametrize("attempt", of(Surface.QUESTION), ids=str)
def test_a_question_gets_no_answer_that_it_orders(attempt: Attempt, stand_in: ModelStandIn) -> None:
    reached: list[str] = []
    stand_in.script(obedient(attempt, reached))
    question = Question(owner_id="owner", message=attempt.planted, facts=FACTS)
    try:
        found: Any = analyst_at(stand_in).answer(question, within_a_minute())
    except AnalystUnavailable:
        found = ""

    assert reached
    require_clean(found, attempt, stand_in)
    assert not found or "Please contact a doctor today" in found.content


@pytest.mark.parametrize("attempt", of(Surface.FACTS), ids=str)
def test_a_report_keeps_its_facts_and_its_notice(attempt: Attempt, stand_in: ModelStandIn) -> None:
    reached: list[str] = []
    stand_in.script(obedient(attempt, reached))
    planted = Fact(name=attempt.planted, value="5", unit="mmol/L", reference_range="1 - 9")
    chain = InOrder([analyst_at(stand_in), LocalAnalyst(reader=read)], SystemClock(), Rules())

    found = chain.report(ReportRequest(owner_id="owner", facts=(*FACTS, planted)), within_a_minute())

    assert reached
    # What code repeats of the app's own facts is no word of the model's.
    require_clean(found, attempt, stand_in)
    assert "Please contact a doctor today" in found.executive_summary
    assert "7.1" in found.executive_summary


def test_the_corpus_is_large_and_its_names_are_its_own() -> None:
    names = [one.name for one in attempts()]

    assert len(names) >= 40
    assert len(set(names)) == len(names)


def test_the_report_itself_has_a_critical_value() -> None:
    assert "CRITICAL_HIGH_POTASSIUM" in facts_of_the_report()["flags"]
    assert facts_of_the_report()["is_urgent"]
    assert facts_of_the_report()["date"] == datetime(2026, 3, 5, tzinfo=UTC).date()
