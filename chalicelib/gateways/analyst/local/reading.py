"""What the reader hands to the narrator: the rows, vital signs and dates of one document, as they stand in it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from chalicelib.gateways.analyst.findings import VitalType


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One laboratory result as it stands in the document.

    `value` is a Decimal with the document's digits, or text ("Negative", "<0.01"). `flag` is the mark printed beside
    the value: "L" low, "H" high, "A" abnormal without a direction. `is_abnormal` compares value and range, falls back
    to the flag, and is None where the document gives neither. `section` is the heading that the row stood under.
    `confidence` is 1 to 10, one decimal. `text` is the line as read.
    """

    name: str
    value: Decimal | str
    unit: str | None
    low: Decimal | None
    high: Decimal | None
    range_text: str | None
    flag: Literal["L", "H", "A"] | None
    is_abnormal: bool | None
    section: str | None
    confidence: Decimal
    page: int
    text: str


class VitalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One vital sign as it stands in the document. Blood pressure fills two values, the others fill `numeric`."""

    vital_type: VitalType
    systolic: Decimal | None = None
    diastolic: Decimal | None = None
    numeric: Decimal | None = None
    unit: str
    is_abnormal: bool | None
    confidence: Decimal
    page: int
    text: str


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was read in one document, in reading order.

    `document_date` is the day of the report or, where the document does not say it, the day the sample was taken;
    `test_date` is the day the sample was taken or, where the document does not say it, the document's date.
    """

    rows: tuple[Row, ...]
    vitals: tuple[VitalRow, ...]
    document_date: date | None
    test_date: date | None
    page_count: int
    text_source: Literal["text", "ocr"]
    reader_version: str
