"""Answers and reports without a model: from the catalogue of tests, the given values and their ranges alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Final

from chalicelib.errors import AnalystUnavailable
from chalicelib.gateways.analyst.local.answers import about_values, next_questions, topic_of
from chalicelib.gateways.analyst.local.assessment import Assessment, assess, question
from chalicelib.gateways.analyst.local.catalogue import Analyte, analytes, find
from chalicelib.gateways.analyst.local.deviation import how_far, range_text, result_text
from chalicelib.gateways.analyst.local.disclaimers import (
    ASK_YOUR_DOCTOR,
    COMPARE_WITH_ORIGINAL,
    IN_AN_EMERGENCY,
    NOT_A_DIAGNOSIS,
)
from chalicelib.gateways.analyst.local.interpretation import urgent
from chalicelib.gateways.analyst.local.markdown_text import escaped, spoken
from chalicelib.gateways.analyst.local.narrate import narrate
from chalicelib.gateways.analyst.local.numbers import read_range, to_decimal
from chalicelib.gateways.analyst.local.reading import Reading, Row
from chalicelib.gateways.analyst.local.verdict import is_abnormal
from chalicelib.gateways.analyst.talk import Fact, Narrative, Question, Reply, ReportRequest
from chalicelib.gateways.analyst.text_guard import is_harmless_line

TALKER_VERSION: Final = "local-talker/1"
_SCORE: Final = Decimal("6.0")
_MOST_TESTS: Final = 3
_MOST_OF_A_NAME: Final = 200
_RECOMMENDATIONS: Final = (
    "Bring the original reports, and earlier ones, to the appointment.",
    "Tell the doctor about complaints, medicines, and whether the sample was taken fasting.",
)


def reply_of(asked: Question) -> Reply:
    """Return what can be said of the given values, or of the tests that a question names.

    The values that the question names come first and alone; without such, all of them. What is critical is always said.

    Raises:
        AnalystUnavailable: there are no values, and no known test is named; nothing sensible can be said without a
        model.
    """
    items = assess(_reading(_newest(asked.facts)))
    known = _named_in(asked.message)
    meant = [one for one in items if one.analyte in known or _is_row_named(one, asked.message)]
    if not items and not known:
        raise AnalystUnavailable("there is no model to answer, no value is given, and no known test is named")
    topic = topic_of(f"{asked.prepared_prompt or ''} {asked.message}")
    about = [_about(one) for one in known if one not in [item.analyte for item in meant]][:_MOST_TESTS]
    told = [] if about and not meant else about_values(topic, meant or items, _changes(asked, meant or items))
    concerned = [one for one in meant or items if one.standing == "abnormal"]
    names = [one.name for one in (*(item.analyte for item in concerned), *known) if one is not None]
    return Reply(
        content="\n\n".join([*urgent_about(asked.facts), *about, *told]),
        confidence_score=_SCORE,
        suggested_follow_ups=next_questions(topic, names),
        disclaimers=(NOT_A_DIAGNOSIS, ASK_YOUR_DOCTOR, IN_AN_EMERGENCY),
        model_used=TALKER_VERSION,
        analyst="local",
    )


def _changes(asked: Question, items: Sequence[Assessment]) -> list[str]:
    names = {one.row.name for one in items}
    return list(_trends([fact for fact in asked.facts if _harmless(fact.name) in names]))


def urgent_about(facts: Sequence[Fact]) -> list[str]:
    """Return the notice about critical values among some facts, as paragraphs; nothing where there is none."""
    return list(urgent([one for one in assess(_reading(facts)) if one.critical]))


def narrative_of(request: ReportRequest) -> Narrative:
    """Return the words of a doctor's report: counts, values outside their range with their distance, and changes."""
    newest = _newest(request.facts)
    reading = _reading(newest)
    items, facts = assess(reading), narrate(reading)
    abnormal = [one for one in items if one.standing == "abnormal"]
    questions = dict.fromkeys(question(one) for one in abnormal)
    return Narrative(
        executive_summary="\n\n".join([*urgent([one for one in items if one.critical]), facts.summary]),
        laboratory_analysis="\n".join(_analysis(items, request.is_brief)),
        trends="\n".join(_trends(request.facts)),
        questions_for_doctor=tuple(questions) or ("Which of these values should be measured again, and when?",),
        recommendations=_RECOMMENDATIONS,
        confidence_score=_SCORE,
        disclaimers=(NOT_A_DIAGNOSIS, ASK_YOUR_DOCTOR, IN_AN_EMERGENCY, COMPARE_WITH_ORIGINAL),
        model_used=TALKER_VERSION,
        analyst="local",
    )


def _analysis(items: Sequence[Assessment], is_brief: bool) -> Iterator[str]:
    ordered = sorted(items, key=lambda one: one.standing != "abnormal")
    for one in ordered:
        if is_brief and one.standing != "abnormal":
            continue
        span = range_text(one.row)
        compared = f", {how_far(one.row, one.direction)}" if one.direction is not None else ""
        shown_range = f" (range {escaped(span)})" if span else ""
        yield f"- **{escaped(one.row.name)}**: {escaped(result_text(one.row))}{compared}{shown_range}"


def _trends(facts: Sequence[Fact]) -> Iterator[str]:
    """Yield a line for each test that has numbers of several days, in the order in which they are given."""
    dated = [fact for fact in facts if fact.measured_on is not None and to_decimal(fact.value) is not None]
    order = {_series(fact): number for number, fact in reversed(list(enumerate(dated)))}
    for _, group in groupby(sorted(dated, key=lambda fact: order[_series(fact)]), key=_series):
        values = sorted(group, key=lambda fact: fact.measured_on or date.min)
        if len({fact.measured_on for fact in values}) < 2:
            continue
        first, last = to_decimal(values[0].value), to_decimal(values[-1].value)
        assert first is not None
        assert last is not None
        word = "unchanged" if first == last else "higher than at first" if last > first else "lower than at first"
        unit = escaped(_harmless(values[0].unit)) if values[0].unit else ""
        steps = " → ".join(f"{escaped(_harmless(fact.value))} ({fact.measured_on})" for fact in values)
        yield f"- **{escaped(_harmless(values[0].name))}**: {steps} {unit}; {word}"


def _series(fact: Fact) -> tuple[str, str]:
    return fact.name.casefold().strip(), (fact.unit or "").casefold().strip()


def _newest(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    newest: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        known = newest.get(_series(fact))
        if known is None or (fact.measured_on or date.min) >= (known.measured_on or date.min):
            newest[_series(fact)] = fact
    return tuple(newest.values())


def _reading(facts: Sequence[Fact]) -> Reading:
    return Reading(
        rows=tuple(_row(fact) for fact in facts),
        vitals=(),
        document_date=None,
        test_date=None,
        page_count=1,
        text_source="text",
        reader_version=TALKER_VERSION,
    )


def _row(fact: Fact) -> Row:
    """Return a fact as a row; what it says of being abnormal counts only where its range cannot tell."""
    number = to_decimal(fact.value)
    value = _harmless(fact.value) if number is None else number
    span = _harmless(fact.reference_range) if fact.reference_range else None
    bounds = read_range(span or "")
    judged = is_abnormal(value, bounds, span, None, False)
    return Row(
        name=_harmless(fact.name),
        value=value,
        unit=_harmless(fact.unit) if fact.unit else None,
        low=bounds.low,
        high=bounds.high,
        range_text=span,
        flag="A" if judged is None and fact.is_abnormal else None,
        is_abnormal=fact.is_abnormal if judged is None else judged,
        section=None,
        confidence=_SCORE,
        page=1,
        text="",
    )


def _harmless(text: str) -> str:
    """Return a text of the app's as it may be repeated: facts are sent by a phone, and a report goes to a doctor."""
    shown, start = spoken(text[:_MOST_OF_A_NAME], 80), text[:_MOST_OF_A_NAME]
    return shown if shown and is_harmless_line(start) and is_harmless_line(shown) else "(not shown)"


def _about(analyte: Analyte) -> str:
    return (
        f"**{analyte.name}**: {analyte.about}. Higher values can go with {analyte.high}; lower values can go with "
        f"{analyte.low}."
    )


def _named_in(message: str) -> list[Analyte]:
    """Return the tests that a message names: by a name of theirs as a word, or by what the catalogue takes for all of
    it."""
    text, whole = f" {_plain_words(message)} ", find(message, "blood")
    return [
        one
        for one in analytes()
        if one.specimen == "blood" and (one is whole or any(f" {name} " in text for name in _names_of(one)))
    ]


@cache
def _names_of(analyte: Analyte) -> frozenset[str]:
    return frozenset({analyte.name.casefold(), *(alias for alias in analyte.aliases if len(alias) >= 4)})


def _is_row_named(item: Assessment, message: str) -> bool:
    """Whether a message names a value as the document does."""
    name, text = _plain_words(item.row.name), f" {_plain_words(message)} "
    return len(name) >= 3 and f" {name} " in text


def _plain_words(text: str) -> str:
    return " ".join("".join(mark if mark.isalnum() else " " for mark in text.casefold()).split())
