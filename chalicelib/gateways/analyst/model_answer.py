"""The schemas that a model's answers are held against, and how an answer is read.

Each schema has a version, which the answer repeats: an answer to an older prompt is not mistaken for a new one. Numbers
that code works out (limits of ranges, what is abnormal or critical, flags of the whole) are not even asked for.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from chalicelib.gateways.analyst.findings import TestCategory, VitalType

MOST_FINDINGS: Final = 400
_MOST_ANSWER_CHARACTERS: Final = 400_000

Short = Annotated[str, Meta(max_length=200)]
Sentence = Annotated[str, Meta(max_length=1_500)]
Quote = Annotated[str, Meta(max_length=400)]
Text = Annotated[str, Meta(max_length=20_000)]
PageNumber = Annotated[int, Meta(ge=1, le=10_000)]
Score = str | int | float


class BadAnswer(Exception):
    """An answer that does not fit its schema. The text says where, and quotes nothing of the answer."""


class SaidLab(msgspec.Struct, frozen=True, kw_only=True):
    """A laboratory value as a model copied it. The value is as printed; a number is taken as its digits."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    category: TestCategory
    value: Annotated[str, Meta(min_length=1, max_length=200)] | int | float
    unit: Short | None
    range: Quote | None
    flag: Annotated[str, Meta(max_length=20)] | None
    explanation: Sentence | None
    confidence: Score
    page: PageNumber
    quote: Quote


class SaidVital(msgspec.Struct, frozen=True, kw_only=True):
    """A vital sign as a model copied it; its numbers are read in the quote, by code."""

    type: VitalType
    explanation: Sentence | None
    confidence: Score
    page: PageNumber
    quote: Quote


class SaidAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """An answer about a document."""

    schema: Literal["serenya-analysis/1"]
    is_medical: bool
    title: Short
    document_date: date | None
    collected_on: date | None
    summary: Annotated[str, Meta(max_length=4_000)]
    interpretation: Text
    confidence: Score
    lab_results: Annotated[tuple[SaidLab, ...], Meta(max_length=MOST_FINDINGS)]
    vitals: Annotated[tuple[SaidVital, ...], Meta(max_length=50)]


class SaidReply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a question."""

    schema: Literal["serenya-chat/1"]
    is_in_scope: bool
    reply: Annotated[str, Meta(max_length=6_000)]
    follow_ups: Annotated[tuple[Short, ...], Meta(max_length=10)]
    confidence: Score


class SaidReport(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a doctor's report."""

    schema: Literal["serenya-report/1"]
    is_medical: bool
    executive_summary: Annotated[str, Meta(max_length=6_000)]
    laboratory_analysis: Text
    trends: Text
    questions: Annotated[tuple[Annotated[str, Meta(max_length=400)], ...], Meta(max_length=20)]
    recommendations: Annotated[tuple[Annotated[str, Meta(max_length=400)], ...], Meta(max_length=20)]
    confidence: Score


Said = TypeVar("Said", SaidAnalysis, SaidReply, SaidReport)


def read_answer(text: str, schema: type[Said]) -> Said:
    """Read an answer: the one JSON object in it, held against its schema, with every confidence readable.

    Raises:
        BadAnswer: there is none, or it does not fit.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start or len(text) > _MOST_ANSWER_CHARACTERS:
        raise BadAnswer("there is no JSON object in it")
    try:
        said: Said = msgspec.json.decode(text[start : end + 1].encode(), type=schema)
    except msgspec.ValidationError as error:
        raise BadAnswer(str(error)) from error
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise BadAnswer("it is not valid JSON") from error
    confidence(said.confidence)
    if isinstance(said, SaidAnalysis):
        for finding in (*said.lab_results, *said.vitals):
            confidence(finding.confidence)
    return said


def confidence(said: Score) -> Decimal:
    """Return a confidence from 1 to 10 with one decimal. Above 0 and below 1 it is a share, and is scaled; 1 is 1.

    Raises:
        BadAnswer: not a number, or none between 0 and 10: a failure, and not a 5.
    """
    try:
        number = Decimal(str(said).strip())
    except InvalidOperation as error:
        raise BadAnswer("a confidence is not a number from 1 to 10") from error
    if not number.is_finite() or not 0 <= number <= 10:
        raise BadAnswer("a confidence is not a number from 1 to 10")
    scaled = number * 10 if number < 1 else number
    return max(Decimal(1), scaled).quantize(Decimal("0.1"))
