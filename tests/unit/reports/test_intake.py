"""Health data in the shapes that apps send, and in shapes that nobody should."""

from __future__ import annotations

import json
import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.reports.measurements import MeasureKind
from tests.unit.reports.reading import lab, read, wanted

SHAPES: dict[str, Any] = {
    "a result": {"lab_results": [lab("Glucose", 5.4, "mmol/L", "2026-01-02")]},
    "camelCase": {"labResults": [{"testName": "Glucose", "value": 5.4, "unit": "mmol/L", "testDate": "2026-01-02"}]},
    "a map of values": {"labs": {"glucose": {"value": 5.4, "unit": "mmol/L", "date": "2026-01-02T08:00:00Z"}}},
    "a map of histories": {"glucose": {"unit": "mmol/L", "history": [{"value": 5.4, "date": "2026-01-02"}]}},
    "a map of lists": {"labResults": {"glucose": [{"value": "5.4 mmol/L", "timestamp": 1767312000000}]}},
    "documents with a date": {
        "documents": [
            {
                "title": "Blood test",
                "date": "2026-01-02",
                "results": [{"name": "Glucose", "result": "5.4", "units": "mmol/L"}],
            }
        ]
    },
    "a list": [{"parameter": "Glucose", "reading": 5.4, "unit": "mmol/L", "collected_at": "2026-01-02"}],
    "FHIR": {
        "entry": [
            {
                "resource": {
                    "resourceType": "Observation",
                    "status": "final",
                    "code": {"coding": [{"display": "Glucose"}]},
                    "valueQuantity": {"value": 5.4, "unit": "mmol/L"},
                    "effectiveDateTime": "2026-01-02",
                }
            }
        ]
    },
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_the_same_value_is_read_in_every_shape(shape: Any) -> None:
    (one,) = read(shape).values

    assert one.name.casefold() == "glucose"
    assert (one.number, one.unit, one.measured_on) == (Decimal("5.4"), "mmol/L", date(2026, 1, 2))


def test_digits_stay_as_they_were_sent() -> None:
    (one,) = read('{"lab_results": [{"test_name": "Potassium", "test_value": 5.10}]}').values

    assert one.value == "5.10"


@pytest.mark.parametrize(
    ("fields", "low", "high", "is_abnormal"),
    [
        ({"reference_range_low": 3.5, "reference_range_high": 5.1}, "3.5", "5.1", True),
        ({"referenceRange": "3.5 - 5.1"}, "3.5", "5.1", True),
        ({"referenceRange": {"min": 3.5, "max": 7}}, "3.5", "7", False),
        ({"referenceRange": [{"low": {"value": 3.5}, "high": {"value": 5.1}}]}, "3.5", "5.1", True),
        ({"range": "< 5.1"}, None, "5.1", True),
        ({"low": 9, "high": 1}, None, None, None),
        ({"flag": "H"}, None, None, True),
        ({"status": "normal"}, None, None, False),
        ({"is_abnormal": False, "low": 1, "high": 2}, "1", "2", True),
    ],
)
def test_ranges_and_flags_are_read_and_the_range_decides(
    fields: dict[str, Any], low: str | None, high: str | None, is_abnormal: bool | None
) -> None:
    (one,) = read({"labs": [{"name": "Potassium", "value": 6.0, "unit": "mmol/L", **fields}]}).values

    expected = tuple(None if bound is None else Decimal(bound) for bound in (low, high))
    assert ((one.low, one.high), one.is_abnormal) == (expected, is_abnormal)


def test_vital_signs_are_read_with_what_is_usual() -> None:
    data = {"vitals": {"heartRate": 72, "bloodPressure": "150/80", "weight": {"value": 70, "unit": "kg"}, "spo2": 91}}

    found = {one.name: one for one in read(data).values}

    assert found["Systolic blood pressure"].is_abnormal is True
    assert found["Diastolic blood pressure"].is_abnormal is False
    assert found["Oxygen saturation"].is_abnormal is True
    assert (found["Weight"].unit, found["Weight"].is_abnormal) == ("kg", None)
    assert all(one.kind is MeasureKind.VITAL for one in found.values())


def test_what_is_no_value_of_the_body_is_not_taken_for_one() -> None:
    data = {
        "age": 52, "profile": {"name": "Ada", "id": 7}, "settings": [{"name": "theme", "value": "dark"}],
        "count": 3, "version": "1.2", "steps_goal": True,
    }  # fmt: skip

    assert read(data).values == []


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "see https://evil.example/x", "x" * 5000, "", "   ", "<img src=x onerror=y>"],
)
def test_a_name_that_must_not_be_shown_is_left_out_and_counted(name: str) -> None:
    found = read({"lab_results": [{"test_name": name, "value": 1, "unit": "g/L"}]})

    assert not [one for one in found.values if "http" in one.name or "<" in one.name or len(one.name) > 80]


@pytest.mark.parametrize(
    "value", ["1e400", "1e30", "9" * 40, "1e-40", '"NaN"', '"Infinity"', "true", "[]", "{}", "null"]
)
def test_what_is_no_number_that_a_laboratory_prints_is_left_out(value: str) -> None:
    found = read(f'{{"lab_results": [{{"test_name": "Glucose", "value": {value}, "unit": "mmol/L"}}]}}')

    assert found.values == []


@pytest.mark.parametrize("day", ["2031-01-01", "1492-01-01", "2026-02-31", "yesterday", -5, 10**30, [], {"x": 1}])
def test_a_day_that_cannot_be_is_none(day: Any) -> None:
    (one,) = read({"lab_results": [lab("Glucose", 5, "mmol/L", day)]}).values

    assert one.measured_on is None


def test_ten_thousand_rows_are_bounded_quickly_and_said_to_be_left_out() -> None:
    rows = [lab(f"Test {n % 400}", n % 90, "g/L", f"20{n % 25:02d}-0{n % 9 + 1}-1{n % 9}") for n in range(10_000)]

    start = time.perf_counter()
    request = wanted({"health_data": {"lab_results": rows}})

    assert len(request.values) == 1_000
    assert request.left_out > 1_000
    assert time.perf_counter() - start < 10


def test_many_values_of_one_test_keep_the_newest() -> None:
    days = [f"{2000 + n // 12}-{n % 12 + 1:02d}-01" for n in range(200)]
    request = wanted({"health_data": {"lab_results": [lab("Glucose", 5, "mmol/L", day) for day in days]}})

    assert (len(request.values), request.left_out) == (60, 140)
    assert min(one.measured_on.isoformat() for one in request.values if one.measured_on) == days[140]


def test_deep_nesting_is_not_followed() -> None:
    deep: Any = {"lab_results": [lab("Glucose", 5, "mmol/L")]}
    for _ in range(40):
        deep = {"results": [deep]}

    with pytest.raises(errors.InvalidRequest, match="MISSING_HEALTH_DATA"):
        wanted({"health_data": deep})


def test_absurd_nesting_is_refused() -> None:
    import msgspec

    from chalicelib.reports.contract import DoctorReportRequest
    from chalicelib.reports.request import gathered
    from chalicelib.rules import Rules
    from tests.unit.reports.reading import TODAY

    request = DoctorReportRequest(health_data=msgspec.Raw(b"[" * 100_000 + b"]" * 100_000))
    with pytest.raises(errors.InvalidRequest, match="INVALID_JSON"):
        gathered(request, [], TODAY, Rules())


def test_what_was_sent_twice_counts_once() -> None:
    one = lab("Glucose", 5, "mmol/L", "2026-01-01")

    assert len(wanted({"health_data": [one, one], "medical_data": {"lab_results": [one]}}).values) == 1


def test_a_value_that_could_not_be_checked_is_marked() -> None:
    source = {"page": 1, "text": "", "is_verified": False}
    (one,) = read(json.loads(json.dumps({"lab_results": [lab("Glucose", 5, "mmol/L", source=source)]}))).values

    assert one.is_verified is False
