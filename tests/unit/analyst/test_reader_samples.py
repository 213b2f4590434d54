"""The two published sample reports, read from their bytes, against what a person read in them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.gateways.analyst.local.reader import read
from chalicelib.gateways.analyst.local.reading import Reading, Row

SAMPLES = Path(__file__).parents[2] / "data" / "lab-reports"
PANEL, COUNT = "pathology-panel-10-pages", "complete-blood-count"

Fact = tuple[str, Decimal | str, str | None, Decimal | None, Decimal | None, bool | None]


def reading(name: str, file_type: FileType) -> Reading:
    content = (SAMPLES / f"{name}.{file_type}").read_bytes()
    return read(Document(content, file_type), datetime.now(UTC) + timedelta(seconds=110))


def expected(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.expected.json").read_text(), parse_float=Decimal, parse_int=Decimal)


def _wanted(row: dict[str, Any]) -> Fact:
    return (
        row["test_name"],
        row["test_value"],
        row["test_unit"],
        row["reference_range_low"],
        row["reference_range_high"],
        row["is_abnormal"],
    )


def _found(row: Row) -> Fact:
    return row.name, row.value, row.unit, row.low, row.high, row.is_abnormal


@pytest.fixture(scope="module")
def panel() -> Reading:
    return reading(PANEL, FileType.PDF)


def test_every_row_of_the_ten_pages_is_read_exactly_and_no_other(panel: Reading) -> None:
    wanted = Counter(_wanted(row) for row in expected(PANEL)["lab_results"])
    found = Counter(_found(row) for row in panel.rows)
    assert found - wanted == Counter()
    assert wanted - found == Counter()


def test_the_ten_pages_have_exactly_seven_abnormal_results(panel: Reading) -> None:
    assert [row.name for row in panel.rows if row.is_abnormal] == [
        "Basophils",
        "AST (SGOT)",
        "Alkaline Phosphatase (ALP)",
        "Bilirubin Total",
        "Calcium, Total",
        "T3, Total",
        "T4, Total",
    ]


def test_the_ten_pages_say_when_the_sample_was_taken_and_when_it_was_reported(panel: Reading) -> None:
    assert (panel.document_date, panel.test_date) == (date(2023, 5, 16), date(2023, 5, 14))
    assert (panel.page_count, panel.text_source, panel.vitals) == (10, "text", ())


def test_the_same_bytes_give_the_same_reading(panel: Reading) -> None:
    assert reading(PANEL, FileType.PDF) == panel


def test_every_row_of_the_picture_is_read_exactly_and_no_other() -> None:
    pytest.importorskip("rapidocr")
    result = reading(COUNT, FileType.JPG)
    assert Counter(_found(row) for row in result.rows) == Counter(
        _wanted(row) for row in expected(COUNT)["lab_results"]
    )
    assert (result.document_date, result.text_source, result.page_count) == (None, "ocr", 1)
