"""Dates, sex and vital signs from the lines around the results."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from chalicelib.gateways.analyst.findings import VitalType
from chalicelib.gateways.analyst.local.page import lines_of
from chalicelib.gateways.analyst.local.particulars import Particulars, particulars_of
from chalicelib.gateways.analyst.local.reading import VitalRow
from chalicelib.gateways.analyst.local.vitals import vitals_of
from tests.unit.analyst.paper import TODAY, page


def particulars(text: str) -> Particulars:
    return particulars_of(lines_of(page(text).words, 1), TODAY)


def vitals(text: str) -> tuple[VitalRow, ...]:
    return vitals_of(lines_of(page(text).words, 1), comma_decimal=False)


@pytest.mark.parametrize(
    ("text", "collected", "reported"),
    [
        ("Collected : 14/5/2023 11:03:00AM     Reported : 16/5/2023 1:36PM", "2023-05-14", "2023-05-16"),
        ("DOB: 04/05/1980  Collected: 03/13/2024  Reported: 03/15/2024", "2024-03-13", "2024-03-15"),
        ("Registered: 03/07/2023  Collected: 03/09/2023", "2023-03-09", None),
        ("Entnahme: 04.11.2023  Eingang: 05.11.2023  Befund vom 06.11.2023", "2023-11-04", "2023-11-06"),
        ("Prélèvement du 14/02/2024 à 08h10   Edité le 15/02/2024", "2024-02-14", "2024-02-15"),
        ("Collected On : 05-Jan-2024 07:42 AM\nReported On : 06-Jan-2024", "2024-01-05", "2024-01-06"),
        ("Collected on September 17, 2024 9:05 AM", "2024-09-17", None),
        ("Specimen collected 2024-02-03T08:15", "2024-02-03", None),
        ("Received 30 Jul 2024 11:02   Printed 30 Jul 2024", None, "2024-07-30"),
        ("Laboratory results of 2024-02-03", None, "2024-02-03"),
        ("Born 12.03.1970", None, None),
        ("Collected on: 03:11 PM 02 Dec, 2X", None, None),
        ("Collected: 12/12/2093", None, None),
    ],
)
def test_dates_are_found_beside_their_labels(text: str, collected: str | None, reported: str | None) -> None:
    found = particulars(text)
    assert (found.collected_on, found.reported_on) == (
        collected and date.fromisoformat(collected),
        reported and date.fromisoformat(reported),
    )


@pytest.mark.parametrize(
    ("text", "sex"),
    [
        ("Sex: Male", "M"),
        ("Gender : Female", "F"),
        ("Age/Gender : 52 Y / Female", "F"),
        ("Age/Sex: 21 Years / M", "M"),
        ("Geschlecht: weiblich", "F"),
        ("Sexe : F", "F"),
        ("Dr. Male", None),
    ],
)
def test_the_patients_sex_is_read(text: str, sex: str | None) -> None:
    assert particulars(text).sex == sex


def test_vital_signs_are_read_from_a_line_of_a_letter() -> None:
    text = "BP: 142/91 mmHg, Pulse 78 bpm, Temp 38.6 °C, SpO2 98 %, Weight: 82 kg, Height: 178 cm"
    found = {vital.vital_type: vital for vital in vitals(text)}
    pressure = found.pop(VitalType.BLOOD_PRESSURE)
    assert (pressure.systolic, pressure.diastolic, pressure.unit, pressure.is_abnormal) == (
        Decimal(142),
        Decimal(91),
        "mmHg",
        True,
    )
    assert {kind: (vital.numeric, vital.unit, vital.is_abnormal) for kind, vital in found.items()} == {
        VitalType.HEART_RATE: (Decimal(78), "bpm", False),
        VitalType.TEMPERATURE: (Decimal("38.6"), "°C", True),
        VitalType.OXYGEN_SATURATION: (Decimal(98), "%", False),
        VitalType.WEIGHT: (Decimal(82), "kg", None),
        VitalType.HEIGHT: (Decimal(178), "cm", None),
    }


def test_a_temperature_may_be_labelled_with_its_initial_alone() -> None:
    assert [(vital.numeric, vital.unit) for vital in vitals("RR 18   T 38.4 C")] == [(Decimal("38.4"), "°C")]


@pytest.mark.parametrize(
    "text",
    [
        "BP: 12/2024",
        "Stored at temperature 25 °C",
        "Pulse 900 bpm",
        "Net weight 500 g",
        "Height 12",
        "SpO2 12 %",
        "Temperature 35 - 38",
    ],
)
def test_impossible_vital_signs_are_none(text: str) -> None:
    assert vitals(text) == ()
