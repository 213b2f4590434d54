"""What a model copied, held against the text of the document: line, name, number, unit, range and flag."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from chalicelib.gateways.analyst.document_text import DocumentText, read_text
from chalicelib.gateways.analyst.evidence_check import Evidence, EvidenceCheck
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.gateways.analyst.local.page_text import MOST_OF_A_LINE, TextLine
from chalicelib.gateways.analyst.model_answer import SaidLab, SaidVital
from tests.injections.make_attempts import report_with
from tests.unit.analyst.model_world import a_pdf
from tests.unit.analyst.paper import read_text as reading_of_text

LINES = (
    "Laborwerte vom 04.03.2026",
    "Kalium 5,4 mmol/l 3,5 - 5,1 H",
    "Natrium 139 mmol/l 136 - 145",
    "TSH basal <0,01 mU/l 0,4 - 4,0",
    "HBs-Antigen negativ",
    "Blutdruck 150/95 mmHg",
)
TEXT = DocumentText(tuple(TextLine(1, line) for line in LINES), 1, "text")


def said(**fields: Any) -> SaidLab:
    row = {
        "name": "Kalium",
        "category": "blood",
        "value": "5,4",
        "unit": "mmol/l",
        "range": "3,5 - 5,1",
        "flag": "H",
        "explanation": "",
        "confidence": 9,
        "page": 1,
        "quote": LINES[1],
    }
    return msgspec.convert({**row, **fields}, SaidLab)


def checked(text: DocumentText = TEXT, /, **fields: Any) -> Any:
    return EvidenceCheck(text).labs([said(**fields)])[0]


def test_a_line_that_stands_there_is_found_with_its_numbers_read_by_code() -> None:
    found = checked()

    assert found.evidence is Evidence.FOUND
    assert (found.row.value, found.row.low, found.row.high) == (Decimal("5.4"), Decimal("3.5"), Decimal("5.1"))
    assert (found.row.is_abnormal, found.row.flag, found.row.text) == (True, "H", LINES[1])


@pytest.mark.parametrize(
    "quote",
    [
        "kalium  5,4 MMOL/L 3,5–5,1 H",
        "Kalium 5,4 mmol/l",
        "Laborwerte vom 04.03.2026 Kalium 5,4 mmol/l",
        "Kalium 5,4 3,5 - 5,1 H",
    ],
    ids=["other spelling", "part", "two lines", "words left out"],
)
def test_a_quote_may_be_spelt_cut_and_joined_in_other_ways(quote: str) -> None:
    assert checked(quote=quote).evidence is Evidence.FOUND


@pytest.mark.parametrize(
    "lie",
    [
        {"quote": "Kalium 6,9 mmol/l 3,5 - 5,1"},
        {"value": "6,9"},
        {"value": "5"},
        {"name": "Troponin"},
        {"unit": "mg/dl"},
        {"quote": ""},
        {"quote": "5,4"},
        {"value": "139"},
        {"value": "3,5"},
    ],
    ids=lambda lie: " ".join(lie.values()) or "nothing",
)
def test_what_does_not_stand_in_its_line_is_missing(lie: dict[str, Any]) -> None:
    assert checked(**lie).evidence is Evidence.MISSING


def test_a_range_and_a_flag_that_are_not_printed_do_not_count() -> None:
    found = checked(range="3,0 - 9,0", flag="L")

    assert (found.evidence, found.row.range_text, found.row.flag) == (Evidence.FOUND, None, None)
    assert found.row.is_abnormal is None


def test_the_right_page_is_noted_whatever_was_said() -> None:
    assert checked(page=7).row.page == 1


@pytest.mark.parametrize(
    ("name", "value", "quote", "expected"),
    [("TSH basal", "<0,01", LINES[3], "<0.01"), ("HBs-Antigen", "negativ", LINES[4], "negativ")],
)
def test_limits_and_words_are_values_too(name: str, value: str, quote: str, expected: str) -> None:
    found = checked(name=name, value=value, unit=None, range=None, flag=None, quote=quote)

    assert (found.evidence, found.row.value) == (Evidence.FOUND, expected)


def test_without_a_text_nothing_is_known() -> None:
    found = checked(DocumentText())

    assert (found.evidence, found.row.is_abnormal) == (Evidence.UNKNOWN, True)


def test_blood_is_not_called_urine_where_the_page_does_not_speak_of_it() -> None:
    assert checked(category="urine").row.section is None
    assert checked(DocumentText(), category="urine").row.section == "Urine"


def test_code_has_the_last_word_on_a_line_that_it_read_and_adds_what_was_left_out() -> None:
    head = "Test        Result  Unit    Range\n"
    page = head + "Potassium   6.9     mmol/L  3.5 - 5.1\nSodium      139     mmol/L  136 - 145"
    lines = tuple(TextLine(1, " ".join(line.split())) for line in page.split("\n"))
    text = DocumentText(lines, 1, "text", reading_of_text(page))
    lie = said(name="Potassium", value="3.5", unit="mg/dL", range=None, flag=None, quote=lines[1].text)

    found = EvidenceCheck(text).labs([lie])

    assert [(one.row.name, one.row.value, one.row.unit) for one in found] == [
        ("Potassium", Decimal("6.9"), "mmol/L"),
        ("Sodium", Decimal(139), "mmol/L"),
    ]
    assert found[0].row.confidence <= 5
    assert found[1].said is None


def test_vital_signs_are_read_in_their_quote_by_code() -> None:
    def vital(kind: str, quote: str) -> SaidVital:
        return msgspec.convert({"type": kind, "explanation": "", "confidence": 9, "page": 1, "quote": quote}, SaidVital)

    found = EvidenceCheck(TEXT).vitals(
        [
            vital("blood_pressure", LINES[5]),
            vital("heart_rate", "Puls 40 /min"),
            vital("weight", "no number at all"),
        ]
    )

    assert [(one.row.vital_type, one.evidence) for one in found] == [
        ("blood_pressure", Evidence.FOUND),
        ("heart_rate", Evidence.MISSING),
    ]
    assert (found[0].row.systolic, found[0].row.is_abnormal) == (Decimal(150), True)


def test_the_text_is_read_in_a_process_that_can_be_killed() -> None:
    found = read_text(a_pdf(report_with("A remark.")), 30)

    assert ("A remark." in found.whole, found.source, found.page_count) == (True, "text", 1)
    assert found.reading is not None
    assert len(found.reading.rows) == 6


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 broken", bytes(1000)])
def test_what_cannot_be_read_is_an_empty_text(content: bytes) -> None:
    assert read_text(a_pdf(content), 20) == DocumentText()


def test_a_text_that_takes_too_long_is_an_empty_text() -> None:
    document = a_pdf(report_with("x"))

    assert not read_text(msgspec.structs.replace(document, file_type=FileType.PDF), 0.05).is_known


def test_a_line_that_no_report_has_is_cut_before_anybody_searches_it() -> None:
    canvas_text = "1,2." * 3_000

    found = read_text(a_pdf(report_with(canvas_text)), 60)

    assert max(len(line.text) for line in found.lines) == MOST_OF_A_LINE
