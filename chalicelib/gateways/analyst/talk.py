"""What an analyst is asked beside documents, and what it says: questions of people, and words for a doctor's report."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A value that an answer may speak of. All of it comes from documents or from the app: data, never instructions."""

    name: str
    value: str
    unit: str | None = None
    reference_range: str | None = None
    is_abnormal: bool | None = None
    measured_on: date | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks, in their own words, with the values that the question is about.

    `prepared_prompt` is a text of ours that the person chose instead of words of their own, or beside them; it alone is
    trusted. `owner_id` says whose daily cap the price counts against.
    """

    owner_id: str
    message: str
    prepared_prompt: str | None = None
    facts: tuple[Fact, ...] = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in plain words (markdown without links), with 1 to 10 for how sure the analyst is.

    `is_in_scope` is False where the question had nothing to do with health; `content` says so then. `notes` are
    sentences that belong beside the answer, such as that the language model did not answer.
    """

    content: str
    confidence_score: Decimal
    suggested_follow_ups: tuple[str, ...]
    disclaimers: tuple[str, ...]
    model_used: str
    analyst: str
    is_in_scope: bool = True
    notes: tuple[str, ...] = ()


class ReportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a doctor's report is to be about. `is_brief` asks for a summary instead of the whole."""

    owner_id: str
    facts: tuple[Fact, ...]
    is_brief: bool = False


class Narrative(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a doctor's report, section by section; markdown without links. No number in it is not in a fact."""

    executive_summary: str
    laboratory_analysis: str
    trends: str
    questions_for_doctor: tuple[str, ...]
    recommendations: tuple[str, ...]
    confidence_score: Decimal
    disclaimers: tuple[str, ...]
    model_used: str
    analyst: str
    notes: tuple[str, ...] = ()
