"""Readings made by hand for the tests of the narrator."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal

from chalicelib.gateways.analyst.findings import VitalType
from chalicelib.gateways.analyst.local.reading import Reading, Row, VitalRow

TAKEN = date(2023, 5, 14)
REPORTED = date(2023, 5, 16)


def row(
    name: str,
    value: str,
    unit: str | None = None,
    low: str | None = None,
    high: str | None = None,
    *,
    section: str | None = None,
    flag: Literal["L", "H", "A"] | None = None,
    is_abnormal: bool | None = None,
    range_text: str | None = None,
    confidence: str = "9.0",
) -> Row:
    """Return a row; whether it is abnormal follows from value and range unless it is said."""
    number = _number(value)
    lower, upper = (Decimal(bound) if bound else None for bound in (low, high))
    if is_abnormal is None and number is not None and (lower is not None or upper is not None):
        is_abnormal = (lower is not None and number < lower) or (upper is not None and number > upper)
    return Row(
        name=name,
        value=value if number is None else number,
        unit=unit,
        low=lower,
        high=upper,
        range_text=range_text,
        flag=flag,
        is_abnormal=is_abnormal,
        section=section,
        confidence=Decimal(confidence),
        page=2,
        text=f"{name} {value} {unit}",
    )


def vital(
    kind: VitalType,
    unit: str,
    *,
    is_abnormal: bool | None,
    numeric: str | None = None,
    systolic: str | None = None,
    diastolic: str | None = None,
) -> VitalRow:
    """Return a vital sign."""
    return VitalRow(
        vital_type=kind,
        systolic=_number(systolic),
        diastolic=_number(diastolic),
        numeric=_number(numeric),
        unit=unit,
        is_abnormal=is_abnormal,
        confidence=Decimal("9.0"),
        page=1,
        text="",
    )


def reading(
    *rows: Row,
    vitals: tuple[VitalRow, ...] = (),
    test_date: date | None = TAKEN,
    document_date: date | None = REPORTED,
) -> Reading:
    """Return a reading of `rows` and `vitals`; without rows, it was dated by its report alone."""
    return Reading(
        rows=rows,
        vitals=vitals,
        document_date=document_date,
        test_date=test_date if rows else None,
        page_count=2,
        text_source="text",
        reader_version="local-reader/7",
    )


def _number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None
