"""Numbers, ranges, units and verdicts as laboratories print them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.gateways.analyst.local.numbers import (
    Bounds,
    Sex,
    plain_limit,
    read_range,
    to_decimal,
    uses_decimal_commas,
)
from chalicelib.gateways.analyst.local.units import UNIT, read_unit
from chalicelib.gateways.analyst.local.verdict import Flag, is_abnormal, read_flag


def bounds(low: str | None, high: str | None) -> Bounds:
    return Bounds(None if low is None else Decimal(low), None if high is None else Decimal(high))


@pytest.mark.parametrize(
    ("text", "comma_decimal", "expected"),
    [
        ("15.00", False, "15.00"),
        ("9,000", False, "9000"),
        ("1,50,000", False, "150000"),
        ("1,234.5", False, "1234.5"),
        ("5,4", False, "5.4"),
        ("0,123", False, "0.123"),
        ("1.234", False, "1.234"),
        ("1.234", True, "1234"),
        ("150.000", True, "150000"),
        ("4,500", True, "4.500"),
        ("1.234,5", True, "1234.5"),
        ("250'000", False, "250000"),
        (".5", False, "0.5"),
        ("-3.1", False, "-3.1"),
    ],
)
def test_a_number_keeps_its_digits(text: str, comma_decimal: bool, expected: str) -> None:
    assert str(to_decimal(text, comma_decimal)) == expected


@pytest.mark.parametrize("text", ["12.03.2024", "1.2.3", "", "abc", "12a", "1,2,3", "1234567890123456789"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert to_decimal(text) is None


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("13.0 - 17.0", "13.0", "17.0"),
        ("13.0–17.0", "13.0", "17.0"),
        ("(70-100)", "70", "100"),
        ("[3.5 – 5.1]", "3.5", "5.1"),
        ("0.70 to 1.30", "0.70", "1.30"),
        ("0,74 à 1,06", "0.74", "1.06"),
        ("4,000 - 11,000", "4000", "11000"),
        ("1,50,000 - 4,10,000", "150000", "410000"),
        ("13.0 g/dL - 17.0 g/dL", "13.0", "17.0"),
        ("-2.0 - 3.0", "-2.0", "3.0"),
        ("<2.00", None, "2.00"),
        (">59", "59", None),
        ("≤ 5", None, "5"),
        (">= 60", "60", None),
        ("> OR = 40", "40", None),
        ("up to 1.2", None, "1.2"),
        ("Upto 60", None, "60"),
        ("Less than 5", None, "5"),
        ("bis 7,0", None, "7.0"),
        ("Inférieur à 1,60", None, "1.60"),
        ("Mayor de 40", "40", None),
        ("Desirable: <200; Borderline: 200-239; High: >=240", None, "200"),
        ("<200 Desirable; 200-239 Borderline; >240 High", None, "200"),
        ("Deficient: <20 Insufficient: 20-29 Sufficient: 30-100", "30", "100"),
        ("Near optimal: 100-129 Optimal: <100", None, "100"),
        ("Follicular: 3.5-12.5 Luteal: 1.7-7.7", None, None),
        ("Negative", None, None),
        ("17 - 13", None, None),
    ],
)
def test_a_range_has_the_bounds_of_its_normal_band(text: str, low: str | None, high: str | None) -> None:
    assert read_range(text) == bounds(low, high)


@pytest.mark.parametrize(
    ("sex", "low", "high"), [("M", "13", "17"), ("F", "12", "15"), (None, None, None)], ids=["man", "woman", "unknown"]
)
@pytest.mark.parametrize("text", ["M: 13-17 F: 12-15", "Male : 13 - 17; Female : 12 - 15", "Frauen 12-15 Männer 13-17"])
def test_a_range_by_sex_needs_the_patients_sex(text: str, sex: Sex | None, low: str | None, high: str | None) -> None:
    assert read_range(text, sex=sex) == bounds(low, high)


def test_commas_are_decimal_where_the_document_writes_them_so() -> None:
    assert uses_decimal_commas("Kreatinin 0,9 mg/dl 0,7 - 1,2 am 12.03.2024")
    assert not uses_decimal_commas("WBC 9,000 /cumm 4,000 - 11,000 Hb 13.2 Platelets 1,50,000")


def test_values_beyond_what_can_be_measured_are_written_alike() -> None:
    assert [plain_limit(text) for text in ("< 9,0", "<0.01", "less than 5", ">=90")] == ["<9.0", "<0.01", "<5", "≥90"]


@pytest.mark.parametrize(
    "unit",
    [
        "g/dL",
        "%",
        "mill/mm3",
        "fL",
        "thou/mm3",
        "mL/min/1.73m2",
        "mL/min/1.73",
        "U/L",
        "µIU/mL",
        "gm/dL",
        "mEq/L",
        "mill/cumm",
        "cells/mcL",
        "cumm",
        "10^3/µL",
        "x10E9/L",
        "10*9/L",
        "10³/µL",
        "mmol/mol",
        "G/L",
        "T/L",
        "Tsd/µl",
        "Mio/µl",
        "/hpf",
        "mm/hr",
        "S/CO",
        "K/uL",
        "Lakhs/cumm",
        "kU/L",
        "ng/mL",
        "10^12/L",
        "/mm3",
        "sec",
        "pg/mL",
    ],
)
def test_units_are_known(unit: str) -> None:
    match = UNIT.match(unit)
    assert match is not None and match.group() == unit


@pytest.mark.parametrize("word", ["Hemoglobin", "Male", "Total", "Low", "H", "months", "Mean", "104", "12"])
def test_words_and_numbers_are_no_units(word: str) -> None:
    match = UNIT.match(word)
    assert match is None or match.group() != word


def test_a_unit_is_written_without_stray_spaces_and_brackets() -> None:
    assert [read_unit(text) for text in ("10^3 / µL", "(mg/dL)", "mlU/mL", "-")] == ["10^3/µL", "mg/dL", "mIU/mL", None]


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("L", "L"),
        ("LOW", "L"),
        ("↓", "L"),
        ("H", "H"),
        ("High", "H"),
        ("(H)", "H"),
        ("*", "A"),
        ("A", "A"),
        ("N", None),
    ],
)
def test_a_printed_mark_says_which_way(text: str, flag: Flag | None) -> None:
    assert read_flag(text) == flag


@pytest.mark.parametrize(
    ("value", "low", "high", "flag", "expected"),
    [
        (Decimal("12.5"), "13", "17", None, True),
        (Decimal("17"), "13", "17", None, False),
        (Decimal("2.0"), "0.6", "1.81", None, True),
        (Decimal("118"), "59", None, None, False),
        (Decimal("5"), "3", "7", "H", False),
        (Decimal("5"), None, None, "H", True),
        (Decimal("5"), None, None, None, None),
        ("<0.01", "0.55", "4.78", None, True),
        ("<0.01", None, "0.04", None, False),
        (">90", None, "30", None, True),
        ("<10", "3", "7", None, None),
        ("8-10", "0", "5", None, True),
        ("2-3", "0", "5", None, False),
        ("Nil", "0", "2", None, False),
    ],
)
def test_value_and_range_decide_and_the_flag_only_where_there_is_no_range(
    value: Decimal | str, low: str | None, high: str | None, flag: Flag | None, expected: bool | None
) -> None:
    assert is_abnormal(value, bounds(low, high), "printed", flag, False) is expected


@pytest.mark.parametrize(
    ("value", "expected_text", "expected"),
    [
        ("Negative", "Negative", False),
        ("Reactive", "Non-Reactive", True),
        ("Non Reactive", "Non-Reactive", False),
        ("Trace", "Nil", True),
        ("1+", "Negative", True),
        ("Absent", "Negative", False),
        ("Straw", "Yellow / Straw", False),
        ("Turbid", "Clear", True),
        ("1:160", "<1:80", True),
        ("1:40", "<1:80", False),
        ("O Positive", "see note", None),
    ],
)
def test_words_are_compared_with_words(value: str, expected_text: str, expected: bool | None) -> None:
    assert is_abnormal(value, Bounds(), expected_text, None, False) is expected
