"""Vital signs in the text of a document: blood pressure, pulse, temperature, weight, height, oxygen saturation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.gateways.analyst.findings import VitalType
from chalicelib.gateways.analyst.local.numbers import NUMBER, tidy, to_decimal
from chalicelib.gateways.analyst.local.page import Line
from chalicelib.gateways.analyst.local.reading import VitalRow

_GAP = r"\s*(?:\([^)\d]{1,25}\))?\s*[:=\-–|]?\s*"


@dataclass(frozen=True, slots=True)
class _Sign:
    """How a vital sign is written, and which values can be meant: outside `possible` it is something else."""

    type: VitalType
    label: str
    units: tuple[tuple[str, str, Decimal, Decimal], ...]  # pattern, unit as given to the app, possible from, to
    normal: dict[str, tuple[Decimal, Decimal]]


def _sign(
    type_: VitalType, label: str, units: list[tuple[str, str, str, str]], normal: dict[str, tuple[str, str]]
) -> _Sign:
    return _Sign(
        type_,
        label,
        tuple((pattern, unit, Decimal(low), Decimal(high)) for pattern, unit, low, high in units),
        {unit: (Decimal(low), Decimal(high)) for unit, (low, high) in normal.items()},
    )


_SIGNS = (
    _sign(
        VitalType.HEART_RATE,
        r"pulse(?:\s+rate)?|heart\s*rate|\bHR\b|puls(?:frequenz)?|herzfrequenz|fréquence\s+cardiaque|pouls|"
        r"frecuencia\s+cardiaca|pulso",
        [
            (
                r"(?:bpm|/\s?min(?:ute)?|beats(?:\s*/\s*|\s+per\s+)min(?:ute)?|per\s+min(?:ute)?|S/min|lpm)?",
                "bpm",
                "25",
                "240",
            )
        ],
        {"bpm": ("60", "100")},
    ),
    _sign(
        VitalType.TEMPERATURE,
        r"(?:body\s+)?temp(?:erature|\.)?|T(?=\s*[:=]?\s*\d{2,3}(?:[.,]\d)?\s?[°º]?\s?[CF]\b)|temperatur|"
        r"körpertemperatur|température|temperatura",
        [(r"(?:°|º|deg\.?)?\s?C?\b", "°C", "32", "43"), (r"(?:°|º|deg\.?)?\s?F?\b", "°F", "89", "110")],
        {"°C": ("35.5", "37.5"), "°F": ("95.9", "99.5")},
    ),
    _sign(
        VitalType.WEIGHT,
        r"(?:body\s+)?weight|\bwt\b\.?|(?:körper)?gewicht|poids|peso",
        [(r"(?:kgs?|kilograms?)\b", "kg", "0.3", "400"), (r"(?:lbs?|pounds)\b", "lb", "1", "900")],
        {},
    ),
    _sign(
        VitalType.HEIGHT,
        r"(?:body\s+)?height|\bht\b\.?|(?:körper)?größe|taille|talla|estatura",
        [
            (r"(?:cms?|centimet\w+)\b", "cm", "25", "260"),
            (r"(?:m|met(?:er|re)s?)\b", "m", "0.25", "2.6"),
            (r"(?:in|inch(?:es)?)\b", "in", "10", "102"),
        ],
        {},
    ),
    _sign(
        VitalType.OXYGEN_SATURATION,
        r"SpO\s?2|SpO₂|SaO\s?2|O2\s*sat(?:uration)?\.?|oxygen\s+saturation|sauerstoffsättigung|"
        r"saturation(?:\s+en)?\s+(?:O2|oxygène)|"
        r"saturación(?:\s+de)?\s+(?:O2|oxígeno)",
        [(r"%?", "%", "50", "100")],
        {"%": ("95", "100")},
    ),
)
_PRESSURE = re.compile(
    r"(?:blood\s+pressure|\bB\.?P\b\.?|blutdruck|\bRR\b|tension\s+artérielle|pression\s+artérielle|"
    r"presión\s+arterial|\bT\.?A\.?\b)"
    rf"{_GAP}(\d{{2,3}})\s*/\s*(\d{{2,3}})(?!\s?[/\d])",
    re.IGNORECASE,
)
_NORMAL_SYSTOLIC = (Decimal(90), Decimal(139))  # ESC/ESH 2018: hypertension from 140/90
_NORMAL_DIASTOLIC = (Decimal(60), Decimal(89))


def vitals_of(lines: list[Line], comma_decimal: bool) -> tuple[VitalRow, ...]:
    """Return each kind of vital sign once, the first that has a possible value, in the document's order."""
    found: dict[VitalType, VitalRow] = {}
    for line in lines:
        for vital in (*_pressures(line), *_simple(line, comma_decimal)):
            found.setdefault(vital.vital_type, vital)
    return tuple(found.values())


def _pressures(line: Line) -> Iterator[VitalRow]:
    for match in _PRESSURE.finditer(tidy(line.text)):
        systolic, diastolic = Decimal(match[1]), Decimal(match[2])
        if 50 <= systolic <= 300 and 20 <= diastolic <= 200 and diastolic < systolic:
            normal = _is_within(systolic, _NORMAL_SYSTOLIC) and _is_within(diastolic, _NORMAL_DIASTOLIC)
            yield VitalRow(
                vital_type=VitalType.BLOOD_PRESSURE,
                systolic=systolic,
                diastolic=diastolic,
                unit="mmHg",
                is_abnormal=not normal,
                confidence=_confidence(line),
                page=line.page,
                text=line.text,
            )


def _simple(line: Line, comma_decimal: bool) -> Iterator[VitalRow]:
    text = tidy(line.text)
    for sign in _SIGNS:
        for match in re.finditer(rf"(?<![\w-])(?:{sign.label}){_GAP}({NUMBER})\s*", text, re.IGNORECASE):
            value = to_decimal(match[1], comma_decimal)
            unit = None if value is None else _unit(sign, value, text[match.end() :])
            if value is None or unit is None:
                continue
            normal = sign.normal.get(unit)
            yield VitalRow(
                vital_type=sign.type,
                numeric=value,
                unit=unit,
                is_abnormal=None if normal is None else not _is_within(value, normal),
                confidence=_confidence(line),
                page=line.page,
                text=line.text,
            )


def _unit(sign: _Sign, value: Decimal, rest: str) -> str | None:
    """Return the unit that is printed, or the only one in which the value is possible."""
    if re.match(r"\s*(?:/\s?\d|-\s?\d|to\s+\d)", rest):
        return None  # a range, a date, a fraction
    for pattern, unit, low, high in sign.units:
        if re.match(pattern, rest, re.IGNORECASE) and low <= value <= high:
            return unit
    return None


def _is_within(value: Decimal, bounds: tuple[Decimal, Decimal]) -> bool:
    return bounds[0] <= value <= bounds[1]


def _confidence(line: Line) -> Decimal:
    return Decimal(str(round(9 * line.score, 1)))
