"""The report itself: its sections, its urgent notice, its words, and what a hostile value cannot do to them."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from chalicelib.gateways.analyst.local.talking import narrative_of
from chalicelib.gateways.analyst.talk import ReportRequest
from chalicelib.reports.assembled import assembled, facts_of
from chalicelib.reports.compose import Written, read_report, write_report
from chalicelib.reports.contract import Mark, ReportStyle
from chalicelib.reports.request import read_request, write_request
from tests.unit.reports.reading import composed, lab, report_of, wanted

FERRITIN = lab("Ferritin", 8, "µg/L", "2026-03-01", reference_range_low=15, reference_range_high=150)
POTASSIUM = lab("Potassium", 6.6, "mmol/L", "2026-03-01", reference_range_low=3.5, reference_range_high=5.1)
SODIUM = lab("Sodium", 140, "mmol/L", "2026-03-01", reference_range_low=136, reference_range_high=145)


def test_every_section_is_there() -> None:
    text = report_of(FERRITIN, SODIUM).detailed_interpretation

    for title in (
        "Executive summary", "Laboratory analysis", "Trends", "Questions for the doctor", "Recommendations",
        "Please note",
    ):  # fmt: skip
        assert f"## {title}\n" in text


def test_the_summary_counts_and_names_what_is_outside() -> None:
    report = report_of(FERRITIN, SODIUM, lab("Folate", 9, "µg/L")).report

    assert "3 laboratory values of 1 March 2026" in report.executive_summary
    assert "1 lies outside its reference range: Ferritin (low, 8 µg/L)" in report.executive_summary
    assert "1 test has no reference range" in report.executive_summary
    assert [one.mark for one in report.values] == [Mark.LOW, Mark.NORMAL, Mark.UNKNOWN]


def test_a_critical_value_stands_at_the_top_whatever_the_analyst_says() -> None:
    answer = report_of(POTASSIUM, include_disclaimers=False)

    assert answer.report.notices[0].startswith("Please contact a doctor today.")
    assert "Potassium 6.6 mmol/L" in answer.summary
    assert "CRITICAL_VALUES" in answer.medical_flags
    assert any("emergency number" in one for one in answer.report.disclaimers)


def test_a_critical_value_of_the_past_is_not_urgent_any_more() -> None:
    past = {**POTASSIUM, "test_date": "2020-01-01"}
    now = {**POTASSIUM, "test_value": 4.2}

    assert report_of(now, past).report.notices == []


def test_a_model_cannot_take_the_notice_or_a_number_away() -> None:
    request = wanted({"medical_data": {"lab_results": [POTASSIUM]}})
    by_code = narrative_of(ReportRequest(owner_id="x", facts=facts_of(assembled(request))))
    said = msgspec.structs.replace(by_code, executive_summary="All is well.", laboratory_analysis="", trends="")
    from datetime import UTC, datetime

    from chalicelib.reports.compose import compose
    from tests.unit.reports.reading import JOB

    at = datetime(2026, 3, 14, tzinfo=UTC)
    answer = compose(request, Written(said, by_code), job_id=JOB, at=at, seconds=1, analyst="x")

    assert answer.report.notices
    assert "Potassium (high, 6.6 mmol/L)" in answer.report.executive_summary
    assert answer.report.executive_comments == "All is well."


def test_a_summary_holds_what_is_outside_and_fewer_questions() -> None:
    report = report_of(FERRITIN, SODIUM, report_style="summary").report

    assert report.style is ReportStyle.SUMMARY
    assert [one.test_name for one in report.values] == ["Ferritin"]


def test_disclaimers_can_be_left_out_but_for_the_one_that_matters() -> None:
    assert len(report_of(SODIUM).report.disclaimers) == 4
    (kept,) = report_of(SODIUM, include_disclaimers=False).report.disclaimers
    assert "not a diagnosis" in kept


def test_a_name_is_printed_only_if_it_is_given() -> None:
    assert report_of(SODIUM).report.patient_name is None
    assert report_of(SODIUM, patient_name="Zoë Łukasz").report.patient_name == "Zoë Łukasz"
    assert report_of(SODIUM, patient_name="<b>x</b> https://evil.example").report.patient_name is None


def test_what_could_not_be_checked_is_no_fact() -> None:
    doubtful = {**POTASSIUM, "source": {"page": 1, "text": "", "is_verified": False}}
    answer = report_of(doubtful, SODIUM)

    assert (answer.report.notices, "Potassium" in answer.report.executive_summary) == ([], False)
    assert any("could not be checked" in note for note in answer.report.notes)
    assert "UNVERIFIED_VALUES" in answer.medical_flags
    request = wanted({"medical_data": {"lab_results": [doubtful, SODIUM]}})
    assert [fact.name for fact in facts_of(assembled(request))] == ["Sodium"]


def test_what_is_left_out_is_said() -> None:
    notes = report_of(lab("Glucose", 5, "mmol/L"), lab("CRP", "NaN", "mg/L")).report.notes

    assert notes == [
        "1 value without a date: not part of any trend.",
        "1 entry could not be read as a value and left out.",
    ]


def test_a_blood_pressure_stays_one_vital_sign_for_the_app() -> None:
    vitals = [
        {"vital_type": "blood_pressure", "systolic_value": 150, "diastolic_value": 80, "measurement_date": "2026-01-01"}
    ]
    answer = report_of(SODIUM, vitals=vitals)

    (one,) = answer.vitals
    assert (one.systolic_value, one.diastolic_value, one.is_abnormal) == (Decimal(150), Decimal(80), True)
    assert "Systolic blood pressure (high, 150 mmHg)" in answer.summary


def test_a_report_is_read_back_digit_by_digit() -> None:
    answer = report_of(lab("Potassium", 5.10, "mmol/L", "2026-01-01"), FERRITIN)
    written = write_report(answer)

    assert write_report(read_report(written)) == written


def test_an_order_is_read_back_as_it_was() -> None:
    request = wanted({"medical_data": {"lab_results": [FERRITIN, POTASSIUM]}})

    assert read_request(write_request(request)) == request


@pytest.mark.parametrize("name", ["[Glucose](http:x)", "*Glucose* | <b>", "Glucose\n# Heading", "`Glucose`"])
def test_markup_in_a_name_means_nothing_in_the_markdown(name: str) -> None:
    text = report_of(lab(name, 5, "mmol/L", reference_range_high=4), SODIUM).detailed_interpretation

    assert "](http" not in text
    assert "<b>" not in text
    assert "\n# Heading" not in text


def test_facts_for_a_model_are_bounded() -> None:
    rows = [lab(f"Test {n}", n, "g/L", f"20{day}-01-01") for n in range(300) for day in ("24", "25", "26")]

    assert len(facts_of(assembled(wanted({"health_data": rows})))) <= 300
    assert composed(wanted({"health_data": rows})).report.executive_summary


@pytest.mark.parametrize(
    ("vitals", "is_urgent"),
    [
        ({"blood_pressure": "185/95"}, True),
        ({"blood_pressure": "180/120"}, False),
        ({"blood_pressure": "150/125"}, True),
        ({"spo2": 91}, True),
        ({"spo2": 92}, False),
        ({"heart_rate": 131}, True),
        ({"heart_rate": 41}, False),
        ({"temperature": 35.0}, True),
    ],
)
def test_a_vital_sign_that_should_not_wait_is_urgent(vitals: dict[str, object], is_urgent: bool) -> None:
    answer = report_of(vitals=vitals)

    assert bool(answer.report.notices) is is_urgent
    assert ("CRITICAL_VALUES" in answer.medical_flags) is is_urgent
