"""Vital signs by their many names, with the units that they have where none is sent, and what is usual at rest."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from chalicelib.reports.measurements import words_of

SYSTOLIC_NAME = "Systolic blood pressure"
DIASTOLIC_NAME = "Diastolic blood pressure"


@dataclass(frozen=True, slots=True)
class VitalSign:
    """A vital sign. `usual` is what is usual for adults at rest, by unit; empty where that depends on the person."""

    name: str
    unit: str
    usual: dict[str, tuple[Decimal, Decimal]]


def vital_sign(name: str) -> VitalSign | None:
    """Return the vital sign that a name or a type stands for; None for anything else."""
    return _by_name().get(words_of(_spaced(name)))


def is_critical(name: str, number: Decimal | None, unit: str | None) -> bool:
    """Whether a vital sign is so far from usual that it should not wait, by the name and unit that reports give it.

    Sources: ACC/AHA 2017 (hypertensive crisis: above 180/120); Royal College of Physicians, NEWS2 (a score of 3):
    oxygen saturation, pulse, temperature.
    """
    low, high = _critical().get((name, unit or ""), (None, None))
    if number is None:
        return False
    return (low is not None and number <= low) or (high is not None and number >= high)


@cache
def _critical() -> dict[tuple[str, str], tuple[Decimal | None, Decimal | None]]:
    return {
        (SYSTOLIC_NAME, "mmHg"): (None, Decimal(181)),
        (DIASTOLIC_NAME, "mmHg"): (None, Decimal(121)),
        ("Oxygen saturation", "%"): (Decimal(91), None),
        ("Heart rate", "bpm"): (Decimal(40), Decimal(131)),
        ("Body temperature", "°C"): (Decimal("35.0"), None),
    }


def _spaced(name: str) -> str:
    return "".join(f" {mark}" if mark.isupper() and name[:1].islower() else mark for mark in name[:80]).replace(
        "_", " "
    )


@cache
def _by_name() -> dict[str, VitalSign]:
    """Usual values: ESC/ESH 2018 for blood pressure, the local analyst's for the others (`local/vitals.py`)."""
    signs = {
        "systolic;systolic blood pressure;blood pressure systolic;sys;systolic bp;bp systolic": VitalSign(
            SYSTOLIC_NAME, "mmHg", {"mmHg": (Decimal(90), Decimal(139))}
        ),
        "diastolic;diastolic blood pressure;blood pressure diastolic;dia;diastolic bp;bp diastolic": VitalSign(
            DIASTOLIC_NAME, "mmHg", {"mmHg": (Decimal(60), Decimal(89))}
        ),
        "heart rate;pulse;pulse rate;hr;resting heart rate;heartrate": VitalSign(
            "Heart rate", "bpm", {"bpm": (Decimal(60), Decimal(100))}
        ),
        "temperature;body temperature;temp": VitalSign(
            "Body temperature",
            "°C",
            {"°C": (Decimal("35.5"), Decimal("37.5")), "°F": (Decimal("95.9"), Decimal("99.5"))},
        ),
        "oxygen saturation;spo2;sp o2;blood oxygen;sao2;oxygen": VitalSign(
            "Oxygen saturation", "%", {"%": (Decimal(95), Decimal(100))}
        ),
        "weight;body weight;body mass": VitalSign("Weight", "kg", {}),
        "height;body height": VitalSign("Height", "cm", {}),
    }
    return {name: sign for names, sign in signs.items() for name in names.split(";")}
