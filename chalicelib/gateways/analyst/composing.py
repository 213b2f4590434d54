"""From a model's checked answer to the analysis that people see: facts and flags by code, explanations by the model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from chalicelib.gateways.analyst.document_text import DocumentText
from chalicelib.gateways.analyst.evidence_check import CheckedLab, CheckedVital, Evidence
from chalicelib.gateways.analyst.findings import Analysis, LabFinding, Source, VitalFinding
from chalicelib.gateways.analyst.local.catalogue import find
from chalicelib.gateways.analyst.local.categories import categories_of
from chalicelib.gateways.analyst.local.disclaimers import DISCLAIMERS
from chalicelib.gateways.analyst.local.markdown_text import escaped, spoken
from chalicelib.gateways.analyst.local.narrate import narrate
from chalicelib.gateways.analyst.local.numbers import tidy
from chalicelib.gateways.analyst.local.reading import Reading, Row
from chalicelib.gateways.analyst.local.units import UNIT
from chalicelib.gateways.analyst.model_answer import confidence
from chalicelib.gateways.analyst.model_words import Answered, Words
from chalicelib.gateways.analyst.text_guard import (
    is_harmless_line,
    is_name,
    numbers_in,
)

NOT_FOUND: Final = (
    "We could not find this value in the text of your document, so please do not rely on it; compare it with the "
    "original."
)
NOT_CHECKED: Final = (
    "This value was read from a picture and could not be checked a second time; compare it with the original."
)
_NOT_FOUND_SCORE: Final = Decimal("2.0")
_NOT_CHECKED_SCORE: Final = Decimal("6.0")
_UNVERIFIED: Final = "UNVERIFIED_VALUES"
_LONGEST_UNIT: Final = 30
_RANGE: Final = re.compile(r"[\w\s.,;:/<>≤≥()%+-]{1,60}")


def compose(answered: Answered) -> Analysis:
    """Return the analysis. Everything that can be worked out is worked out by code: title, flags, what is abnormal or
    critical, and the urgent notice; the model's words stand beside that where the guard lets them pass."""
    labs = [one for one in answered.labs if _may_be_shown(one)]
    shown = [one for one in labs if one.evidence is not Evidence.MISSING]
    reading = _reading(answered, shown)
    facts = narrate(reading)
    words = Words(answered, facts, shown)
    findings = [
        _finding(one, found, words.of_lab(one, found)) for one, found in zip(shown, facts.lab_results, strict=True)
    ]
    missing = [_missing(one) for one in labs if one.evidence is Evidence.MISSING]
    vitals = [_vital(one, found) for one, found in zip(_shown(answered.vitals), facts.vitals, strict=True)]
    summary, interpretation = words.summary(), words.interpretation()
    sources = [one.source for one in findings] + [one.source for one in vitals]
    has_doubts = bool(missing) or not all(source.is_verified for source in sources)
    return Analysis(
        title=words.title(),
        summary=summary,
        detailed_interpretation=interpretation + _doubtful(missing),
        confidence_score=_whole_confidence(answered, findings, vitals),
        document_date=reading.document_date,
        medical_flags=(*facts.medical_flags, *((_UNVERIFIED,) if has_doubts else ())),
        lab_results=(*findings, *missing),
        vitals=tuple(vitals),
        disclaimers=DISCLAIMERS,
        model_used=answered.model_used,
    )


def _may_be_shown(one: CheckedLab) -> bool:
    """Whether the name of a value can be shown. What stands in the document is its own; what only a model vouches for
    has to look like a value, and what is not in the document at all has to be a number of a known test."""
    row = one.row
    if one.evidence is Evidence.FOUND:
        return all(is_harmless_line(text) for text in (row.name, str(row.value), row.unit or "", row.range_text or ""))
    words = [row.value] if isinstance(row.value, str) else []
    if not all(is_name(text) for text in (row.name, *words)):
        return False
    is_known = find(row.name, "blood") is not None or find(row.name, "urine") is not None
    return one.evidence is Evidence.UNKNOWN or (is_known and not words)


def _reading(answered: Answered, shown: Sequence[CheckedLab]) -> Reading:
    own = answered.text.reading
    document_date, test_date = answered.said.document_date, answered.said.collected_on
    if answered.text.is_known:
        document_date, test_date = (_printed(day, answered.text) for day in (document_date, test_date))
    if own is not None:
        document_date, test_date = own.document_date or document_date, own.test_date or test_date
    return Reading(
        rows=tuple(_scored(one) for one in shown),
        vitals=tuple(one.row for one in _shown(answered.vitals)),
        document_date=document_date or test_date,
        test_date=test_date or document_date,
        page_count=answered.text.page_count,
        text_source="text" if answered.text.source == "text" else "ocr",
        reader_version=answered.model_used,
    )


def _printed(day: date | None, text: DocumentText) -> date | None:
    """Return a day whose year and day of the month both stand in the document; None for one that was made up."""
    if day is None:
        return None
    numbers = numbers_in([text.whole.replace("-", " ").replace("/", " ").replace(".", " ")])
    has_year = Decimal(day.year) in numbers or Decimal(day.year % 100) in numbers
    return day if has_year and Decimal(day.day) in numbers else None


def _shown(vitals: Sequence[CheckedVital]) -> list[CheckedVital]:
    return [one for one in vitals if one.evidence is not Evidence.MISSING]


def _scored(one: CheckedLab) -> Row:
    """Return a row as it is shown: of what code could not look up, only what has the shape of a value."""
    row = one.row
    text = row.text if is_harmless_line(row.text) else ""
    if one.evidence is Evidence.FOUND:
        has_unit = row.unit is not None and len(row.unit) <= _LONGEST_UNIT
        return msgspec.structs.replace(row, text=text, unit=row.unit if has_unit else None)
    return msgspec.structs.replace(
        row,
        unit=_unit(row.unit),
        range_text=row.range_text if row.range_text and _is_range(row.range_text) else None,
        confidence=min(row.confidence, _NOT_CHECKED_SCORE),
        text=spoken(text, 300),
    )


def _is_range(text: str) -> bool:
    return _RANGE.fullmatch(text) is not None and is_harmless_line(text)


def _unit(unit: str | None) -> str | None:
    return unit if unit and UNIT.fullmatch(tidy(unit)) else None


def _finding(one: CheckedLab, found: LabFinding, words: str) -> LabFinding:
    if one.evidence is Evidence.FOUND:
        return msgspec.structs.replace(found, ai_interpretation=words)
    source = Source(found.source.page, found.source.text, is_verified=False)
    return msgspec.structs.replace(found, ai_interpretation=f"{NOT_CHECKED} {words}", source=source)


def _vital(one: CheckedVital, found: VitalFinding) -> VitalFinding:
    if one.evidence is Evidence.FOUND:
        return found
    return msgspec.structs.replace(
        found,
        ai_interpretation=f"{NOT_CHECKED} {found.ai_interpretation}",
        confidence_score=min(found.confidence_score, _NOT_CHECKED_SCORE),
        source=Source(found.source.page, found.source.text, is_verified=False),
    )


def _missing(one: CheckedLab) -> LabFinding:
    """Show what the document does not hold as exactly that: without a range, a judgement or a meaning."""
    row = one.row
    return LabFinding(
        test_name=spoken(row.name),
        test_category=categories_of([row])[0],
        test_value=row.value,
        test_unit=_unit(row.unit),
        reference_range_low=None,
        reference_range_high=None,
        reference_range_text=None,
        is_abnormal=None,
        confidence_score=min(row.confidence, _NOT_FOUND_SCORE),
        ai_interpretation=NOT_FOUND,
        test_date=None,
        source=Source(row.page, "", is_verified=False),
    )


def _doubtful(missing: Sequence[LabFinding]) -> str:
    if not missing:
        return ""
    named = ", ".join(escaped(one.test_name) for one in missing)
    return f"\n## Not found in your document\n\n{named}: {NOT_FOUND}\n"


def _whole_confidence(answered: Answered, findings: Sequence[LabFinding], vitals: Sequence[VitalFinding]) -> Decimal:
    scores = [one.confidence_score for one in findings] + [one.confidence_score for one in vitals]
    mean = sum(scores, Decimal(0)) / len(scores) if scores else Decimal(10)
    return max(Decimal(1), min(mean, confidence(answered.said.confidence))).quantize(Decimal("0.1"))
