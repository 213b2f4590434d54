"""Values so far outside their range that laboratories telephone the doctor: limits, their units and their sources."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from chalicelib.gateways.analyst.local.deviation import Direction, direction_of, number_of
from chalicelib.gateways.analyst.local.reading import Row


@dataclass(frozen=True, slots=True)
class CriticalLimits:
    """At or below `low`, or at or above `high`, in the unit whose factor is 1. `units` are factors into that unit."""

    low: Decimal | None
    high: Decimal | None
    units: Mapping[str, Decimal]


def critical_direction(key: str, row: Row) -> Direction | None:
    """Return in which direction the blood value `row` of the analyte `key` is critical, or None.

    None as well where the unit is missing or unknown, because a limit without a unit means nothing, and where the
    report's own range calls the value normal. Limits hold for adults; "below" in a source is taken as "at or below".

    Sources:
        University of Iowa Health Care, Pathology Handbook, list of critical values: potassium, sodium, phosphate.
        Houston Methodist, list of critical values: glucose, calcium, magnesium, bicarbonate, lactate, fibrinogen,
        low haemoglobin.
        Mayo Clinic Laboratories, Critical Values / Critical Results List (CL 041647): high haemoglobin, platelets,
        leukocytes, neutrophils, INR.
        South West London Pathology, grossly abnormal results: creatinine, C-reactive protein.
        Fourth Universal Definition of Myocardial Infarction (2018): troponin above the report's upper limit (the 99th
        percentile) means injury of the heart muscle.
    """
    if row.is_abnormal is False:
        return None
    if key == "TROPONIN":
        return Direction.HIGH if direction_of(row) is Direction.HIGH else None
    limits, number = _limits().get(key), number_of(row)
    factor = limits.units.get(_unit(row.unit)) if limits else None
    if limits is None or number is None or factor is None:
        return None
    value = number * factor
    if limits.low is not None and value <= limits.low:
        return Direction.LOW
    return Direction.HIGH if limits.high is not None and value >= limits.high else None


def _unit(unit: str | None) -> str:
    """Write a unit in one way: lower case, u for micro, without spaces, dots, signs of power and a leading x."""
    text = unicodedata.normalize("NFKC", unit or "").casefold().replace("μ", "u").replace("mcl", "ul")
    return re.sub(r"[\s.^*]|^[x×]", "", text.replace("×", "x")).removeprefix("x").replace("gm/", "g/")


def _table(**units: str) -> Mapping[str, Decimal]:
    return MappingProxyType({name.replace("_", "/"): Decimal(factor) for name, factor in units.items()})


def _cells() -> Mapping[str, Decimal]:
    """Units of cell counts, as factors into 10⁹/L."""
    forms = {
        "1": "109/l 10e9/l 103/ul 10e3/ul 103/mm3 103/cumm k/ul k/cumm thou/mm3 thou/ul thou/cumm tsd/ul /nl g/l gpt/l "
        "th/ul 1000/ul thousand/ul thousand/cumm",
        "0.001": "/ul /mm3 /cumm cumm cells/ul cells/mm3 cells/cumm ul mm3",
        "100": "lakh/cumm lakhs/cumm lac/cumm lakh/ul lakhs/ul lakh/mm3 lakhs/mm3",
    }
    return MappingProxyType({form: Decimal(factor) for factor, text in forms.items() for form in text.split()})


@functools.cache
def _limits() -> Mapping[str, CriticalLimits]:
    """Return the limits by analyte. Factors are molar masses, or powers of ten and a hundred."""
    charges = _table(mmol_l="1", meq_l="1")
    rows: dict[str, tuple[str | None, str | None, Mapping[str, Decimal]]] = {
        "POTASSIUM": ("2.8", "6.2", charges),
        "SODIUM": ("120", "160", charges),
        "BICARBONATE": ("14", "41", charges),
        "GLUCOSE": ("50", "400", _table(mg_dl="1", mmol_l="18.016", g_l="100")),
        "CALCIUM": ("6.5", "13.0", _table(mg_dl="1", mg_l="0.1", mmol_l="4.008", meq_l="2.004")),
        "MAGNESIUM": ("1.0", "4.5", _table(mg_dl="1", mg_l="0.1", mmol_l="2.4305", meq_l="1.2153")),
        "PHOSPHATE": ("1.0", None, _table(mg_dl="1", mg_l="0.1", mmol_l="3.0974")),
        "LACTATE": (None, "3.5", _table(mmol_l="1", meq_l="1", mg_dl="0.111")),
        "CREATININE": (None, "350", _table(umol_l="1", mg_dl="88.42", mg_l="8.842")),
        "CRP": (None, "300", _table(mg_l="1", mg_dl="10")),
        "HEMOGLOBIN": ("7.0", "20.0", {**_table(g_dl="1", g_l="0.1", mmol_l="1.6114"), "g%": Decimal(1)}),
        "PLATELETS": ("40", "1000", _cells()),
        "WHITE_CELLS": (None, "100", _cells()),
        "NEUTROPHILS": ("0.5", None, _cells()),
        "FIBRINOGEN": ("100", None, _table(mg_dl="1", g_l="100")),
        "INR": (None, "5.0", {"": Decimal(1), "inr": Decimal(1), "ratio": Decimal(1)}),
    }
    return {
        key: CriticalLimits(Decimal(low) if low else None, Decimal(high) if high else None, units)
        for key, (low, high, units) in rows.items()
    }
