"""The explanation of a reading: what it says, what it counts, and which flags it raises."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from chalicelib.gateways.analyst.findings import TestCategory, VitalType
from chalicelib.gateways.analyst.local.disclaimers import DISCLAIMERS
from chalicelib.gateways.analyst.local.narrate import narrate
from tests.unit.analyst.paper import read_text
from tests.unit.analyst.readings import reading, row, vital

CALCIUM = row("Calcium, Total", "8.00", "mg/dL", "8.7", "10.4")
SODIUM = row("Sodium", "140", "mmol/L", "136", "145")
GLUCOSE_AVERAGE = row("Estimated average glucose (eAG)", "105", "mg/dL")


def test_the_same_reading_always_gives_the_same_words() -> None:
    assert narrate(reading(CALCIUM, SODIUM, GLUCOSE_AVERAGE)) == narrate(reading(CALCIUM, SODIUM, GLUCOSE_AVERAGE))


def test_every_abnormal_value_is_named_in_summary_and_interpretation() -> None:
    rows = [row(name, "50", "U/L", "0", "40") for name in ("ALT", "AST", "GGT", "Alkaline phosphatase", "Lipase")]
    analysis = narrate(reading(*rows))
    for each in rows:
        assert f"{each.name} (high, 50 U/L)" in analysis.summary
        assert f"#### {each.name}: 50 U/L (high)" in analysis.detailed_interpretation


def test_more_abnormal_values_than_a_summary_holds_are_counted_there_and_all_explained() -> None:
    rows = [row(f"Marker {letter}", "9", "U/L", "0", "4") for letter in "ABCDEFGHIJ"]
    analysis = narrate(reading(*rows))
    assert analysis.summary.count("(high, 9 U/L)") == 8
    assert "and 2 more." in analysis.summary
    assert all(f"#### Marker {letter}:" in analysis.detailed_interpretation for letter in "ABCDEFGHIJ")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ((CALCIUM,), "The report contains 1 laboratory value, which is outside its range."),
        ((SODIUM,), "The report contains 1 laboratory value; it is within its range."),
        ((GLUCOSE_AVERAGE,), "The report contains 1 laboratory value, without a range to compare it with."),
        ((SODIUM, CALCIUM), "The report contains 2 laboratory values; 1 of the values is outside its range."),
        ((CALCIUM, CALCIUM), "The report contains 2 laboratory values; 2 of the values are outside their range."),
        ((SODIUM, SODIUM), "The report contains 2 laboratory values; all of them are within their range."),
        (
            (SODIUM, GLUCOSE_AVERAGE),
            "The report contains 2 laboratory values; the one that has a range is within its range; "
            "1 has no range to compare with.",
        ),
        (
            (GLUCOSE_AVERAGE, GLUCOSE_AVERAGE),
            "The report contains 2 laboratory values, without ranges to compare them with.",
        ),
    ],
)
def test_the_summary_counts_in_the_right_number(rows: tuple[object, ...], sentence: str) -> None:
    assert narrate(reading(*rows)).summary.startswith(sentence)  # type: ignore[arg-type]  # narrower than its declared type


def test_a_report_without_abnormal_values_has_no_part_about_them() -> None:
    analysis = narrate(reading(SODIUM))
    assert "Values outside" not in analysis.detailed_interpretation
    assert "Outside" not in analysis.summary
    assert analysis.medical_flags == ()
    assert "| Sodium | 140 mmol/L | 136–145 |" in analysis.detailed_interpretation


def test_a_report_without_ranges_says_so_and_calls_nothing_normal() -> None:
    analysis = narrate(reading(GLUCOSE_AVERAGE))
    assert analysis.medical_flags == ("NO_REFERENCE_RANGES",)
    assert "Values within" not in analysis.detailed_interpretation
    assert "## Values without a range" in analysis.detailed_interpretation
    assert analysis.lab_results[0].is_abnormal is None
    assert "no range to compare" in analysis.lab_results[0].ai_interpretation


def test_vital_signs_alone_are_explained() -> None:
    analysis = narrate(
        reading(
            vitals=(
                vital(VitalType.BLOOD_PRESSURE, "mmHg", systolic="148", diastolic="92", is_abnormal=True),
                vital(VitalType.WEIGHT, "kg", numeric="82.5", is_abnormal=None),
            )
        )
    )
    assert analysis.title == "Vital signs of 16 May 2023"
    assert "2 vital signs and no laboratory values" in analysis.summary
    assert "1 vital sign is outside what is usual" in analysis.summary
    assert "| Blood pressure | 148/92 mmHg | outside what is usual |" in analysis.detailed_interpretation
    assert analysis.medical_flags == ("ABNORMAL_VITALS",)
    assert analysis.vitals[0].systolic_value == Decimal(148)
    assert "neither normal nor abnormal" in analysis.vitals[1].ai_interpretation


def test_the_summary_has_two_to_five_sentences() -> None:
    readings = [
        reading(SODIUM),
        reading(GLUCOSE_AVERAGE),
        reading(CALCIUM, row("Potassium", "7.1", "mmol/L", "3.5", "5.1"), SODIUM, GLUCOSE_AVERAGE),
    ]
    for each in readings:
        assert 2 <= len([part for part in narrate(each).summary.split(". ") if part]) <= 5


def test_the_four_disclaimers_stand_in_the_answer_and_in_the_interpretation() -> None:
    for each in (reading(), reading(SODIUM), reading(CALCIUM)):
        analysis = narrate(each)
        assert analysis.disclaimers == DISCLAIMERS
        assert len(set(DISCLAIMERS)) == 4
        assert all(sentence in analysis.detailed_interpretation for sentence in DISCLAIMERS)


def test_flags_name_the_direction_of_known_tests() -> None:
    unknown = row("Zyxin", "9", "U/L", "0", "4")
    flags = narrate(reading(CALCIUM, unknown, row("TSH", "9.1", "mIU/L", "0.4", "4.0"))).medical_flags
    assert flags == ("ABNORMAL_VALUES", "LOW_CALCIUM", "HIGH_TSH")


def test_an_unknown_test_gets_an_honest_text() -> None:
    finding = narrate(reading(row("Zyxin", "9", "U/L", "0", "4"))).lab_results[0]
    assert "no description of this test" in finding.ai_interpretation
    assert "about 2.2 times the upper limit of 4" in finding.ai_interpretation
    assert finding.test_category is TestCategory.OTHER


def test_a_critical_value_is_put_first_and_sends_to_a_doctor() -> None:
    analysis = narrate(reading(SODIUM, row("Potassium", "6.9", "mmol/L", "3.5", "5.1")))
    assert analysis.detailed_interpretation.startswith("## Please contact a doctor today")
    assert "please contact a doctor today" in analysis.summary
    assert analysis.medical_flags == (
        "ABNORMAL_VALUES",
        "CRITICAL_VALUES",
        "CRITICAL_HIGH_POTASSIUM",
        "HIGH_POTASSIUM",
    )


def test_findings_carry_the_row_as_it_was_read() -> None:
    finding = narrate(reading(CALCIUM)).lab_results[0]
    assert (finding.test_name, str(finding.test_value), finding.test_unit) == ("Calcium, Total", "8.00", "mg/dL")
    assert (finding.reference_range_low, finding.reference_range_high) == (Decimal("8.7"), Decimal("10.4"))
    assert (finding.source.page, finding.source.text) == (CALCIUM.page, CALCIUM.text)
    assert finding.test_date == date(2023, 5, 14)
    assert "about 8 % below the lower limit of 8.7" in finding.ai_interpretation


def test_confidence_is_the_mean_of_rows_and_vital_signs_with_one_decimal() -> None:
    sure, unsure = row("Sodium", "140", confidence="9.5"), row("Potassium", "4", confidence="4.0")
    assert str(narrate(reading(sure, unsure)).confidence_score) == "6.8"
    assert "LOW_CONFIDENCE" not in narrate(reading(sure, unsure)).medical_flags
    assert "LOW_CONFIDENCE" in narrate(reading(unsure)).medical_flags
    assert str(narrate(reading()).confidence_score) == "1.0"


def test_title_says_what_was_tested_and_the_date_of_the_document() -> None:
    urine = row("Nitrite", "Negative", section="URINALYSIS")
    assert narrate(reading(SODIUM)).title == "Blood test results of 16 May 2023"
    assert narrate(reading(urine)).title == "Urine test results of 16 May 2023"
    assert narrate(reading(SODIUM, urine)).title == "Blood and urine test results of 16 May 2023"
    assert narrate(reading(SODIUM, document_date=None)).title == "Blood test results of 14 May 2023"
    assert narrate(reading(SODIUM, test_date=None, document_date=None)).title == "Blood test results"


def test_a_limit_in_place_of_a_value_keeps_its_sign_in_words() -> None:
    analysis = narrate(reading(row("TSH", "<0.01", "mIU/L", "0.27", "4.20", is_abnormal=True)))
    assert "TSH (low, below 0.01 mIU/L)" in analysis.summary
    assert analysis.medical_flags == ("ABNORMAL_VALUES", "LOW_TSH")


def test_the_model_is_named_with_its_version() -> None:
    assert narrate(reading(SODIUM)).model_used == "local-reader/7"


def test_the_reader_names_itself_once_with_its_version() -> None:
    read = read_text("Test    Result    Unit     Range\nSodium  140       mmol/L   135 - 145")
    assert narrate(read).model_used == "local-reader/1"
