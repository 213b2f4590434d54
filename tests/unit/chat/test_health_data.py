"""Values out of whatever the app sends: every shape that it has, and none that hurts."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.chat.health_data import MOST_DEPTH, values_of
from chalicelib.gateways.analyst.talk import Fact

POTASSIUM = Fact(
    name="Potassium",
    value="5.1",
    unit="mmol/L",
    reference_range="3.5 - 5.1",
    is_abnormal=False,
    measured_on=date(2026, 3, 1),
)
SNAKE = {
    "test_name": "Potassium", "test_value": 5.1, "test_unit": "mmol/L", "reference_range_low": 3.5,
    "reference_range_high": Decimal("5.1"), "is_abnormal": False, "test_date": "2026-03-01",
}  # fmt: skip
CAMEL = {
    "testName": "Potassium", "testValue": "5.1", "testUnit": "mmol/L", "referenceRangeText": "3.5 - 5.1",
    "isAbnormal": False, "testDate": "2026-03-01T08:00:00Z",
}  # fmt: skip


def facts(*parts: Any, most: int = 100) -> tuple[Fact, ...]:
    return values_of(parts, most).facts


@pytest.mark.parametrize(
    "shape",
    [
        SNAKE,
        CAMEL,
        [SNAKE],
        {"lab_results": [SNAKE]},
        {"results": {"labs": [[CAMEL]]}},
        {"data": {"Potassium": {k: v for k, v in SNAKE.items() if k != "test_name"}}},
        {"name": "Panel", "lab_results": [SNAKE]},
    ],
)
def test_a_value_is_found_in_every_shape(shape: Any) -> None:
    assert facts(shape) == (POTASSIUM,)


def test_vital_signs_have_their_names_and_both_numbers() -> None:
    found = facts(
        {
            "vitals": [
                {"vital_type": "blood_pressure", "systolic_value": 120, "diastolic_value": 80, "unit": "mmHg"},
                {"vitalType": "oxygenSaturation", "numericValue": 98.0, "unit": "%"},
            ]
        }
    )

    assert [(one.name, one.value, one.unit) for one in found] == [
        ("Blood pressure", "120/80", "mmHg"),
        ("Oxygen saturation", "98.0", "%"),
    ]


def test_plain_numbers_are_values_by_their_key_and_numbers_about_the_data_are_none() -> None:
    found = facts(
        {"glucose": 95, "heart_rate": 61, "confidence_score": 9.1, "lab_results_count": 2, "page": 3, "id": 7}
    )

    assert [(one.name, one.value) for one in found] == [("glucose", "95"), ("Heart rate", "61")]


def test_a_range_may_have_one_end_or_be_an_object() -> None:
    found = facts(
        [
            {"name": "a", "value": 1, "reference_range_low": 2},
            {"name": "b", "value": 1, "referenceRange": {"min": 1, "max": 2}},
            {"name": "c", "value": 1, "reference_range_high": 2},
        ]
    )

    assert [one.reference_range for one in found] == [">= 2", "1 - 2", "<= 2"]


def test_a_value_that_was_not_found_in_its_document_is_no_value() -> None:
    missing = {**SNAKE, "source": {"page": 1, "text": "", "is_verified": False}}
    unchecked = {**SNAKE, "source": {"page": 1, "text": "Potassium 5.1", "is_verified": False}}

    assert facts([missing]) == ()
    assert facts([unchecked]) == (POTASSIUM,)


def test_a_repeated_value_counts_once_and_too_many_are_cut_with_the_wanted_ones_kept() -> None:
    many = [{"name": f"test {number}", "value": number} for number in range(300)]
    many[250]["is_abnormal"] = True
    found = values_of((many, many, {"name": "Ferritin", "value": 8}), 100, "what is my ferritin?")

    assert len(found.facts) == 100
    assert found.left_out == 201
    assert {"Ferritin", "test 250", "test 0"} <= {one.name for one in found.facts}


@pytest.mark.parametrize(
    "hostile",
    [
        None, 5, "text", True, [], {}, [None, [None]], {"value": {}}, {"name": 5, "value": []},
        {"name": "x", "value": True}, {"name": "", "value": 1}, {"name": "x", "value": "y" * 5000},
        {"name": "x", "value": 10**400}, {"name": "x", "value": float("inf")}, {"name": "x", "value": 1e-300},
        {"name": "x", "value": -1e300}, {"value": 5}, {"0": {"value": 5}},
    ],
)  # fmt: skip
def test_what_is_no_value_is_left_out(hostile: Any) -> None:
    assert facts(hostile) == ()


def test_dates_that_are_none_are_left_out() -> None:
    (found,) = facts({"name": "x", "value": 1, "date": "2026-13-45", "unit": 5, "is_abnormal": "yes"})

    assert (found.measured_on, found.unit, found.is_abnormal) == (None, None, None)


def test_depth_and_length_cost_little() -> None:
    deep: Any = SNAKE
    for _ in range(MOST_DEPTH + 500):
        deep = {"in": deep}
    long: Any = [[[]] * 50_000 for _ in range(4)]
    began = time.thread_time()

    assert facts(deep, long, [{"name": "n" * 10**6, "value": 1}])[0].name == "n" * 120
    assert len(facts(deep)) == 0
    assert time.thread_time() - began < 2
