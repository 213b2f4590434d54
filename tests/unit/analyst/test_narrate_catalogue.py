"""What the narrator knows: names of tests, samples, directions, and values that are critical."""

from __future__ import annotations

import re
from typing import Literal

import pytest

from chalicelib.gateways.analyst.findings import TestCategory
from chalicelib.gateways.analyst.local.catalogue import analytes, find, question_about
from chalicelib.gateways.analyst.local.categories import categories_of
from chalicelib.gateways.analyst.local.critical_values import critical_direction
from chalicelib.gateways.analyst.local.deviation import Direction, direction_of, how_far
from tests.unit.analyst.readings import row


def test_the_catalogue_knows_ninety_tests_and_describes_each() -> None:
    every = analytes()
    assert len(every) >= 90
    assert len({each.key for each in every}) == len(every)
    for each in every:
        assert re.fullmatch(r"[A-Z0-9_]+", each.key)
        assert min(map(len, (each.about, each.high, each.low, question_about(each)))) > 5, each.key
        assert all(find(alias, each.specimen) is not None for alias in each.aliases), each.key


def test_no_name_means_two_tests_of_one_sample() -> None:
    for each in analytes():
        for alias in each.aliases:
            found = find(alias, each.specimen)
            assert found is not None
            assert found.key == each.key, alias


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Hemoglobin (Hb)", "HEMOGLOBIN"),
        ("HAEMOGLOBIN", "HEMOGLOBIN"),
        ("Red Cell Distribution Width (RDW)", "RDW"),
        ("R.D.W", "RDW"),
        ("V.G.M", "MCV"),
        ("VITAMIN B12; CYANOCOBALAMIN, SERUM", "VITAMIN_B12"),
        ("VITAMIN D, 25 - HYDROXY, SERUM", "VITAMIN_D"),
        ("25-OH Vitamin D (Total)", "VITAMIN_D"),
        ("A : G Ratio", "AG_RATIO"),
        ("BUN/Creatinine Ratio", "BUN_CREATININE_RATIO"),
        ("Cholesterol/HDL", "CHOL_HDL_RATIO"),
        ("Non-HDL Cholesterol", "NON_HDL"),
        ("GFR Estimated", "EGFR"),
        ("Ácido úrico", "URIC_ACID"),
        ("Harnsäure", "URIC_ACID"),
        ("S-Calcio totale", "CALCIUM"),
        ("Hemoglobina glicosilada (HbA1c)", "HBA1C"),
        ("Glucose (random, capillary)", "GLUCOSE"),
        ("Neutrophils #", "NEUTROPHILS"),
        ("Thyroid Stimulating Hormone (TSH) Ultrasensitive", "TSH"),
    ],
)
def test_a_blood_test_is_known_by_the_names_that_laboratories_print(name: str, key: str) -> None:
    found = find(name, "blood")
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize("name", ["Zyxin", "Insulin antibodies", "Creatinine clearance", "", "(((", "Ferritin index"])
def test_what_only_mentions_a_known_test_is_not_taken_for_it(name: str) -> None:
    assert find(name, "blood") is None


def test_glucose_in_urine_is_not_blood_sugar() -> None:
    in_urine = find("Glucose", "urine")
    assert in_urine is not None
    assert in_urine.key == "URINE_GLUCOSE"


def test_neighbours_in_a_section_tell_the_sample() -> None:
    urine = [row(name, "Negative", section="CHEMICAL EXAMINATION") for name in ("Glucose", "Nitrite", "Unheard of")]
    blood = [row(name, "5", section="BIOCHEMISTRY") for name in ("Glucose", "Ferritin", "Unheard of")]
    assert categories_of(urine)[:2] == [TestCategory.URINE, TestCategory.URINE]
    assert categories_of(blood) == [TestCategory.BLOOD] * 3


@pytest.mark.parametrize(
    ("name", "section", "category"),
    [
        ("Occult blood", "STOOL EXAMINATION", TestCategory.OTHER),
        ("Sodium, urine", None, TestCategory.URINE),
        ("Harnstoff", "Klinische Chemie", TestCategory.BLOOD),
        ("Bone mineral density", "DEXA scan", TestCategory.IMAGING),
        ("Unheard of", None, TestCategory.OTHER),
        ("Unheard of, serum", None, TestCategory.BLOOD),
    ],
)
def test_words_tell_the_sample(name: str, section: str | None, category: TestCategory) -> None:
    assert categories_of([row(name, "1", section=section)]) == [category]


@pytest.mark.parametrize(
    ("value", "low", "high", "flag", "direction"),
    [
        ("3.1", "3.5", "5.1", None, Direction.LOW),
        ("5.2", "3.5", "5.1", None, Direction.HIGH),
        ("<0.01", "0.27", "4.2", None, Direction.LOW),
        (">90", "10", "90", None, Direction.HIGH),
        ("15-20", "0", "5", None, Direction.HIGH),
        ("5.0", None, None, "L", Direction.LOW),
        ("5.0", None, None, "H", Direction.HIGH),
        ("Positive", None, None, None, Direction.UNCLEAR),
        ("5.0", None, None, "A", Direction.UNCLEAR),
    ],
)
def test_the_direction_comes_from_range_then_flag(
    value: str, low: str | None, high: str | None, flag: Literal["L", "H", "A"] | None, direction: Direction
) -> None:
    assert direction_of(row("X", value, None, low, high, flag=flag, is_abnormal=True)) is direction


def test_a_normal_row_has_no_direction_whatever_its_flag() -> None:
    assert direction_of(row("X", "4", None, "3", "5", flag="H")) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        ("8.0", "8.7", None, "about 8 % below the lower limit of 8.7"),
        ("136.9", "137", None, "just below the lower limit of 137"),
        ("150", None, "120", "about 25 % above the upper limit of 120"),
        ("400", None, "100", "about 4.0 times the upper limit of 100"),
        ("2", None, "0", "above the upper limit of 0"),
    ],
)
def test_the_distance_is_said_in_words(value: str, low: str | None, high: str | None, words: str) -> None:
    one = row("X", value, None, low, high)
    direction = direction_of(one)
    assert direction is not None
    assert how_far(one, direction) == words


@pytest.mark.parametrize(
    ("key", "value", "unit", "direction"),
    [
        ("POTASSIUM", "6.2", "mEq/L", Direction.HIGH),
        ("POTASSIUM", "6.1", "mmol/L", None),
        ("POTASSIUM", "2.8", "mmol/l", Direction.LOW),
        ("SODIUM", "118", "mmol/L", Direction.LOW),
        ("GLUCOSE", "2.7", "mmol/L", Direction.LOW),
        ("GLUCOSE", "4.5", "g/L", Direction.HIGH),
        ("GLUCOSE", "450", "mg/dL", Direction.HIGH),
        ("GLUCOSE", "45", "", None),
        ("CALCIUM", "1.5", "mmol/L", Direction.LOW),
        ("CALCIUM", "13.4", "mg/dl", Direction.HIGH),
        ("HEMOGLOBIN", "65", "g/L", Direction.LOW),
        ("HEMOGLOBIN", "6.5", "gm/dL", Direction.LOW),
        ("HEMOGLOBIN", "12.9", "g/dL", None),
        ("PLATELETS", "18000", "cells/cu.mm", Direction.LOW),
        ("PLATELETS", "18", "10^3/µL", Direction.LOW),
        ("PLATELETS", "18", "x10E3/uL", Direction.LOW),
        ("PLATELETS", "0.3", "lakhs/cumm", Direction.LOW),
        ("PLATELETS", "18", "G/L", Direction.LOW),
        ("PLATELETS", "320000", "cumm", None),
        ("NEUTROPHILS", "0.4", "10*9/L", Direction.LOW),
        ("NEUTROPHILS", "0.4", "%", None),
        ("CREATININE", "4.2", "mg/dL", Direction.HIGH),
        ("INR", "6.1", "", Direction.HIGH),
        ("CRP", "31", "mg/dL", Direction.HIGH),
        ("LIPASE", "9000", "U/L", None),
    ],
)
def test_critical_limits_hold_in_every_unit(key: str, value: str, unit: str, direction: Direction | None) -> None:
    assert critical_direction(key, row("X", value, unit or None)) is direction


def test_a_value_within_the_range_of_the_report_is_never_critical() -> None:
    assert critical_direction("SODIUM", row("Sodium", "118", "mmol/L", "110", "130")) is None


def test_any_troponin_above_its_limit_is_critical() -> None:
    assert critical_direction("TROPONIN", row("Troponin", "15", "ng/L", "0", "14")) is Direction.HIGH
    assert critical_direction("TROPONIN", row("Troponin", "13", "ng/L", "0", "14")) is None


def test_a_critical_value_in_urine_is_none() -> None:
    from chalicelib.gateways.analyst.local.narrate import narrate
    from tests.unit.analyst.readings import reading

    flags = narrate(reading(row("Potassium, urine", "90", "mmol/L", "25", "80"))).medical_flags
    assert flags == ("ABNORMAL_VALUES", "HIGH_URINE_POTASSIUM")
