"""Comparing values in different units: powers of ten, moles and grams of known substances, and nothing by guess."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

_PREFIXES: Final = {"": 0, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "k": 3}
_QUANTITY: Final = re.compile(r"(?P<prefix>[dcmunpfk]?)(?P<base>g|mol|u|iu|eq|l)/(?P<per>[dcmu]?)l")
_WORDS: Final = {
    "mcg": "ug", "gm": "g", "gms": "g", "mmole": "mmol", "mg%": "mg/dl", "g%": "g/dl", "ui": "iu", "miu": "miu",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conversion:
    """From one unit into another: times `factor`, plus `offset`."""

    factor: Decimal
    offset: Decimal = Decimal(0)

    def of(self, number: Decimal) -> Decimal:
        """Return a number in the other unit."""
        return number * self.factor + self.offset


def conversion(source: str | None, target: str | None, key: str) -> Conversion | None:
    """Return how values of the test `key` get from one unit into another; None where nobody can say.

    Grams and moles need the substance: molar masses of the catalogue's tests that laboratories report in both. HbA1c is
    converted by the master equation of IFCC and NGSP (NGSP = 0.09148 · IFCC + 2.152), temperatures by their definition.
    """
    one, other = plain_unit(source), plain_unit(target)
    if one == other:
        return Conversion(Decimal(1))
    special = _special().get((key.rpartition("/")[2], one, other))
    if special is not None:
        return special
    sizes = [_size(unit, key) for unit in (one, other)]
    if sizes[0] is None or sizes[1] is None or sizes[0][0] != sizes[1][0]:
        return None
    return Conversion(sizes[0][1] / sizes[1][1])


def plain_unit(unit: str | None) -> str:
    """Write a unit in one way: lower case, u for micro, no spaces, dots and signs of power."""
    text = unicodedata.normalize("NFKC", unit or "").casefold().replace("μ", "u").replace("µ", "u").replace("⁄", "/")
    text = re.sub(r"[\s^*·]|(?<![0-9])\.", "", text.replace("×", "x"))
    text = re.sub(r"^x(?=10)", "", text)
    parts = [_WORDS.get(part, part) for part in text.split("/")]
    whole = "/".join(parts)
    return _WORDS.get(whole, whole)


def _size(unit: str, key: str) -> tuple[str, Decimal] | None:
    """Return what a unit counts, and how much of that it is."""
    name = key.rpartition("/")[2]
    if unit in _cells() and name in _CELLS:
        return "cells", _cells()[unit]
    if unit in _WEIGHTS:
        return "mass", _WEIGHTS[unit]
    if unit in _LENGTHS:
        return "length", _LENGTHS[unit]
    found = _QUANTITY.fullmatch(unit)
    if found is None:
        return None
    size = Decimal(1).scaleb(_PREFIXES[found["prefix"]] - _PREFIXES[found["per"]])
    base = {"iu": "u"}.get(found["base"], found["base"])
    mass = _MOLAR_MASSES.get(name)
    if base == "mol" and mass is not None:
        return "g", size * mass
    valence = _VALENCES.get(name)
    if base == "eq" and mass is not None and valence is not None:
        return "g", size * mass / valence
    return base, size


_MOLAR_MASSES: Final[Mapping[str, Decimal]] = {
    "GLUCOSE": Decimal("180.16"), "CHOLESTEROL": Decimal("386.65"), "HDL": Decimal("386.65"),
    "LDL": Decimal("386.65"), "NON_HDL": Decimal("386.65"), "TRIGLYCERIDES": Decimal("885.4"),
    "CREATININE": Decimal("113.12"), "UREA": Decimal("60.06"), "URIC_ACID": Decimal("168.11"),
    "CALCIUM": Decimal("40.078"), "MAGNESIUM": Decimal("24.305"), "PHOSPHATE": Decimal("30.974"),
    "SODIUM": Decimal("22.990"), "POTASSIUM": Decimal("39.098"), "CHLORIDE": Decimal("35.453"),
    "IRON": Decimal("55.845"), "BILIRUBIN_TOTAL": Decimal("584.66"),
    "BILIRUBIN_DIRECT": Decimal("584.66"), "BILIRUBIN_INDIRECT": Decimal("584.66"), "BUN": Decimal("28.014"),
    "FREE_T4": Decimal("776.87"), "TOTAL_T4": Decimal("776.87"), "FREE_T3": Decimal("650.97"),
    "TOTAL_T3": Decimal("650.97"), "ESTRADIOL": Decimal("272.38"), "PROGESTERONE": Decimal("314.46"),
    "VLDL": Decimal("386.65"), "GLUCOSE_2H": Decimal("180.16"), "HOMOCYSTEINE": Decimal("135.18"),
    "HEMOGLOBIN": Decimal("16114"),
    "VITAMIN_D": Decimal("400.64"), "VITAMIN_B12": Decimal("1355.4"), "FOLATE": Decimal("441.4"),
    "CORTISOL": Decimal("362.46"), "TESTOSTERONE": Decimal("288.42"), "LACTATE": Decimal("90.08"),
    "ZINC": Decimal("65.38"), "COPPER": Decimal("63.546"),
}  # fmt: skip
"""In g/mol. Haemoglobin by its monomer, as laboratories do; urea as the whole molecule, BUN by its two nitrogens."""
_VALENCES: Final = {"SODIUM": 1, "POTASSIUM": 1, "CHLORIDE": 1, "CALCIUM": 2, "MAGNESIUM": 2}
_CELLS: Final = frozenset(
    {"WHITE_CELLS", "PLATELETS", "NEUTROPHILS", "LYMPHOCYTES", "MONOCYTES", "EOSINOPHILS", "BASOPHILS", "RED_CELLS"}
)
_WEIGHTS: Final = {"kg": Decimal(1), "lb": Decimal("0.45359237"), "lbs": Decimal("0.45359237")}
_LENGTHS: Final = {"cm": Decimal(1), "m": Decimal(100), "in": Decimal("2.54"), "inch": Decimal("2.54")}


@cache
def _cells() -> Mapping[str, Decimal]:
    """Units of cell counts, as parts of 10⁹/L."""
    forms = {
        "1": "109/l 10e9/l 103/ul 10e3/ul 103/mm3 k/ul k/mm3 thou/ul thou/mm3 g/l gpt/l tsd/ul 1000/ul /nl",
        "0.001": "/ul /mm3 /cumm cells/ul cells/mm3 cells/cumm",
        "1000": "1012/l 10e12/l 106/ul 10e6/ul 106/mm3 m/ul mill/mm3 mio/ul t/l tpt/l million/ul millions/ul /pl",
        "100": "lakh/cumm lakhs/cumm lac/cumm lakh/mm3 lakhs/mm3",
    }
    return {form: Decimal(size) for size, text in forms.items() for form in text.split()}


@cache
def _special() -> Mapping[tuple[str, str, str], Conversion]:
    slope, start = Decimal("0.09148"), Decimal("2.152")
    nine_fifths = Decimal(9) / 5
    return {
        ("HBA1C", "mmol/mol", "%"): Conversion(slope, start),
        ("HBA1C", "%", "mmol/mol"): Conversion(1 / slope, -start / slope),
        ("body temperature", "°c", "°f"): Conversion(nine_fifths, Decimal(32)),
        ("body temperature", "°f", "°c"): Conversion(1 / nine_fifths, Decimal(-32) / nine_fifths),
    }
