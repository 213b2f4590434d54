"""Units that are reconciled or refused, slopes, and the words for them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.reports.series import arranged, rounded
from chalicelib.reports.terms import Course, Per, Standing
from chalicelib.reports.trends import Trend, trend_of
from chalicelib.reports.units import conversion
from tests.unit.reports.reading import lab, read


def _trend(*labs: dict[str, Any]) -> Trend | None:
    (series,) = arranged(read({"lab_results": list(labs)}).values)
    return trend_of(series)


@pytest.mark.parametrize(
    ("key", "number", "source", "target", "expected"),
    [
        ("blood/GLUCOSE", "100", "mg/dL", "mmol/L", "5.55"),
        ("blood/CHOLESTEROL", "5.0", "mmol/L", "mg/dL", "193"),
        ("blood/CREATININE", "1.0", "mg/dL", "µmol/L", "88.4"),
        ("blood/CREATININE", "88.4", "umol/L", "mg/dl", "1.00"),
        ("blood/HEMOGLOBIN", "140", "g/L", "g/dL", "14.0"),
        ("blood/HEMOGLOBIN", "8.7", "mmol/L", "g/dL", "14.0"),
        ("blood/CALCIUM", "2.4", "mmol/L", "mg/dL", "9.62"),
        ("blood/CALCIUM", "4.8", "mEq/L", "mmol/L", "2.40"),
        ("blood/VITAMIN_D", "30", "ng/mL", "nmol/L", "74.9"),
        ("blood/BUN", "20", "mg/dL", "mmol/L", "7.14"),
        ("blood/HBA1C", "48", "mmol/mol", "%", "6.54"),
        ("blood/HBA1C", "6.5", "%", "mmol/mol", "47.5"),
        ("blood/FERRITIN", "30", "ng/mL", "µg/L", "30"),
        ("blood/WHITE_CELLS", "6500", "/µL", "10^9/L", "6.5"),
        ("blood/RED_CELLS", "4.5", "10*6/uL", "10⁹/L", "4500"),
        ("blood/PLATELETS", "2.5", "lakhs/cumm", "x10^3/µL", "250"),
        ("vital/blood/body temperature", "98.6", "°F", "°C", "37.0"),
        ("vital/blood/weight", "100", "lb", "kg", "45.4"),
    ],
)
def test_units_are_reconciled(key: str, number: str, source: str, target: str, expected: str) -> None:
    change = conversion(source, target, key)

    assert change is not None
    assert rounded(change.of(Decimal(number)), 3) == Decimal(expected)


@pytest.mark.parametrize(
    ("key", "source", "target"),
    [
        ("blood/FERRITIN", "ng/mL", "pmol/L"),
        ("blood/CRP", "mg/L", "U/L"),
        ("blood/GLUCOSE", None, "mmol/L"),
        ("lab/blood/something", "mg/dL", "mmol/L"),
        ("blood/HEMOGLOBIN", "g/dL", "%"),
        ("blood/HEMOGLOBIN", "10^9/L", "g/L"),
        ("blood/TSH", "mIU/L", "ng/L"),
        ("vital/blood/weight", "kg", "cm"),
    ],
)
def test_units_that_nobody_can_convert_safely_are_refused(key: str, source: str | None, target: str) -> None:
    assert conversion(source, target, key) is None


def test_a_trend_reconciles_the_units_of_its_values_and_says_so() -> None:
    trend = _trend(lab("Glucose", 90, "mg/dL", "2024-01-01"), lab("Glucose", 6.0, "mmol/L", "2026-01-01"))

    assert trend is not None
    assert [point.number for point in trend.series.points] == [Decimal("5.00"), Decimal("6.0")]
    assert "1 of the values was converted into mmol/L" in trend.sentence


def test_values_that_cannot_be_compared_are_left_out_and_counted() -> None:
    trend = _trend(
        lab("Ferritin", 20, "ng/mL", "2024-01-01"),
        lab("Ferritin", 55, "pmol/L", "2025-01-01"),
        lab("Ferritin", 40, "µg/L", "2026-01-01"),
    )

    assert trend is not None
    assert trend.series.unlike == 1
    assert "1 value is left out of this comparison: its unit cannot be converted safely." in trend.sentence


def test_the_slope_is_that_of_the_least_squares_line() -> None:
    trend = _trend(*(lab("LDL", value, "mg/dL", day) for value, day in
                     ((100, "2023-01-01"), (120, "2024-01-01"), (110, "2025-01-01"), (140, "2026-01-01"))))  # fmt: skip

    assert trend is not None
    assert (trend.slope, trend.per, trend.course) == (Decimal("11.0"), Per.YEAR, Course.RISING)
    assert trend.change_percent == Decimal("40")


def test_a_slope_of_a_few_weeks_is_not_stretched_to_a_year() -> None:
    trend = _trend(lab("CRP", 80, "mg/L", "2026-02-01"), lab("CRP", 20, "mg/L", "2026-02-15"))

    assert trend is not None
    assert trend.per is Per.MONTH
    assert "−" in trend.sentence


@pytest.mark.parametrize(
    ("first", "last", "course"), [(100, 104, Course.STEADY), (100, 110, Course.RISING), (100, 90, Course.FALLING)]
)
def test_small_changes_are_steady(first: int, last: int, course: Course) -> None:
    trend = _trend(lab("LDL", first, "mg/dL", "2025-01-01"), lab("LDL", last, "mg/dL", "2026-01-01"))

    assert trend is not None
    assert trend.course is course


@pytest.mark.parametrize(
    ("latest", "standing"),
    [(2.0, Standing.BELOW), (4.0, Standing.WITHIN), (5.1, Standing.WITHIN), (5.2, Standing.ABOVE)],
)
def test_the_latest_value_is_held_against_the_newest_range(latest: float, standing: Standing) -> None:
    trend = _trend(
        lab("Potassium", 4.0, "mmol/L", "2025-01-01", reference_range_low=1, reference_range_high=2),
        lab("Potassium", latest, "mmol/L", "2026-01-01", reference_range_low=3.5, reference_range_high=5.1),
    )

    assert trend is not None
    assert trend.standing is standing


def test_values_of_one_day_or_without_a_day_are_no_trend() -> None:
    assert _trend(lab("LDL", 100, "mg/dL", "2026-01-01"), lab("LDL", 110, "mg/dL", "2026-01-01")) is None
    assert _trend(lab("LDL", 100, "mg/dL"), lab("LDL", 110, "mg/dL")) is None


def test_a_trend_from_zero_and_through_below_zero_has_no_percent_of_nothing() -> None:
    trend = _trend(lab("Base excess", 0, "mmol/L", "2025-01-01"), lab("Base excess", -3, "mmol/L", "2026-01-01"))

    assert trend is not None
    assert (trend.change, trend.change_percent, trend.course) == (Decimal(-3), None, Course.FALLING)


def test_other_names_of_a_test_are_one_series_and_other_tests_are_not() -> None:
    values = read(
        {"lab_results": [lab(name, 5, "g/dL", "2026-01-01") for name in
                         ("Hemoglobin", "Haemoglobin", "HGB", "Hémoglobine", "Glycated hemoglobin variant X")]}
    ).values  # fmt: skip

    assert [len(series.values) for series in arranged(values)] == [4, 1]
