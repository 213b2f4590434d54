"""The values of a report in the shape of a document's result, so that the app shows them as it shows those."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from chalicelib.gateways.analyst.findings import Source, TestCategory, VitalType
from chalicelib.gateways.analyst.local.assessment import row_interpretation
from chalicelib.ids import derived_id
from chalicelib.reports.assembled import assess_all
from chalicelib.reports.contract import ReportedLab, ReportedVital
from chalicelib.reports.measurements import MeasureKind, Measurement
from chalicelib.reports.vital_signs import DIASTOLIC_NAME, SYSTOLIC_NAME

_SCORE: Final = Decimal("9.0")
_UNVERIFIED_SCORE: Final = Decimal("2.0")
_VITAL_TYPES: Final = {
    SYSTOLIC_NAME: VitalType.BLOOD_PRESSURE,
    DIASTOLIC_NAME: VitalType.BLOOD_PRESSURE,
    "Heart rate": VitalType.HEART_RATE,
    "Body temperature": VitalType.TEMPERATURE,
    "Weight": VitalType.WEIGHT,
    "Height": VitalType.HEIGHT,
    "Oxygen saturation": VitalType.OXYGEN_SATURATION,
}


def listed_labs(values: Sequence[Measurement], content_id: str) -> list[ReportedLab]:
    """Return every laboratory value, and every vital sign that the app has no type for, in the order sent."""
    labs = [one for one in values if one.kind is MeasureKind.LAB or not _is_vital(one)]
    return [
        ReportedLab(
            **_own(content_id, "lab", number),
            test_name=one.name,
            test_category=item.category if one.kind is MeasureKind.LAB else TestCategory.OTHER,
            test_value=one.value if one.number is None else one.number,
            test_unit=one.unit,
            reference_range_low=one.low,
            reference_range_high=one.high,
            reference_range_text=one.range_text,
            is_abnormal=one.is_abnormal if one.is_verified else None,
            confidence_score=_score(one),
            ai_interpretation=row_interpretation(item) if one.is_verified else "",
            test_date=one.measured_on,
            source=_source(one),
        )
        for number, (one, item) in enumerate(zip(labs, assess_all(labs), strict=True))
    ]


def listed_vitals(values: Sequence[Measurement], content_id: str) -> list[ReportedVital]:
    """Return every vital sign that is a number; the two of a blood pressure together where both were sent."""
    listed: list[ReportedVital] = []
    numbers = [one for one in values if _is_vital(one)]
    waiting: dict[date | None, Measurement] = {}
    for position, one in enumerate(numbers):
        own = _own(content_id, "vital", len(listed))
        following = numbers[position + 1] if position + 1 < len(numbers) else None
        if one.name == SYSTOLIC_NAME and following is not None and _belong_together(one, following):
            waiting[one.measured_on] = one
            continue
        systolic = waiting.pop(one.measured_on, None) if one.name == DIASTOLIC_NAME else None
        listed.append(_vital(own, one, systolic))
    return listed


def _vital(own: dict[str, Any], one: Measurement, systolic: Measurement | None) -> ReportedVital:
    both = [part for part in (systolic, one) if part is not None]
    judged = [part.is_abnormal for part in both if part.is_abnormal is not None]
    is_upper, is_lower = one.name == SYSTOLIC_NAME, one.name == DIASTOLIC_NAME
    return ReportedVital(
        **own,
        vital_type=_VITAL_TYPES[one.name],
        systolic_value=one.number if is_upper else systolic.number if systolic else None,
        diastolic_value=one.number if is_lower else None,
        numeric_value=None if is_upper or is_lower else one.number,
        unit=one.unit or "",
        is_abnormal=any(judged) if judged else None,
        confidence_score=min(_score(part) for part in both),
        ai_interpretation="",
        measurement_date=one.measured_on,
        source=_source(one),
    )


def _belong_together(upper: Measurement, lower: Measurement) -> bool:
    return lower.name == DIASTOLIC_NAME and upper.measured_on == lower.measured_on


def _is_vital(one: Measurement) -> bool:
    return one.kind is MeasureKind.VITAL and one.name in _VITAL_TYPES and one.number is not None


def _own(content_id: str, kind: str, number: int) -> dict[str, Any]:
    return {"id": derived_id(content_id, kind, str(number)), "content_id": content_id}


def _score(one: Measurement) -> Decimal:
    return _SCORE if one.is_verified else _UNVERIFIED_SCORE


def _source(one: Measurement) -> Source:
    """A report has no pages of its own: the line says where the value is from in general."""
    return Source(page=1, text="", is_verified=one.is_verified)
