"""Reads values out of whatever shape the app sends them in: bounded, tolerant, and never more than values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from chalicelib.gateways.analyst.talk import Fact

MOST_DEPTH: Final = 8
MOST_NODES: Final = 20_000
"""A body has at most 1 MiB; what is nested deeper or longer than this is no health data of the app's."""
_LONGEST_NAME: Final = 120
_LONGEST_VALUE: Final = 80
_LONGEST_UNIT: Final = 30
_SMALLEST: Final = 1e-9
_LARGEST: Final = 10_000_000
_NAMES: Final = ("test_name", "name", "metric_name", "vital_type", "display_name", "label", "parameter", "type")
_VALUES: Final = ("test_value", "value", "numeric_value", "result_value", "result")
_UNITS: Final = ("test_unit", "unit", "units")
_RANGES: Final = ("reference_range_text", "reference_range", "normal_range", "range")
_LOWS: Final = ("reference_range_low", "reference_low", "low", "min")
_HIGHS: Final = ("reference_range_high", "reference_high", "high", "max")
_DATES: Final = ("test_date", "measurement_date", "measured_on", "measured_at", "document_date", "date", "recorded_at")
_ABNORMAL: Final = ("is_abnormal", "abnormal", "is_out_of_range")
_NO_VALUE: Final = re.compile(
    r"(?:^|_)(?:ids?|confidence|score|count|pages?|seconds|version|size|order|index|timestamp|ttl|number|limit|used)$"
)
"""Names of numbers that say something of the data, and nothing of a person."""
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS: Final = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True)
class Values:
    """What was found. `left_out` counts values beyond the most that a question may have."""

    facts: tuple[Fact, ...]
    left_out: int = 0


def values_of(parts: tuple[Any, ...], most: int, preferred: str = "") -> Values:
    """Return the values in some pieces of health data, each once; where they are too many, those that `preferred`
    names, then abnormal ones, then as they come."""
    found = list(dict.fromkeys(fact for part in parts for fact in _facts(part)))
    if len(found) <= most:
        return Values(tuple(found))
    wanted = preferred.casefold()
    kept = sorted(found, key=lambda fact: (fact.name.casefold() not in wanted, fact.is_abnormal is not True))[:most]
    chosen = set(kept)
    return Values(tuple(fact for fact in found if fact in chosen), len(found) - len(kept))


def _facts(whole: Any) -> Iterator[Fact]:
    """Walk without recursion: depth and number of nodes are the sender's choice."""
    waiting: list[tuple[str, Any, int]] = [("", whole, 0)]
    for _ in range(MOST_NODES):
        if not waiting:
            return
        key, node, depth = waiting.pop()
        inside: list[tuple[str, Any, int]] = []
        if isinstance(node, Mapping):
            fact = _fact({_snake(name): value for name, value in node.items() if isinstance(name, str)}, key)
            if fact is not None:
                yield fact
                continue
            if _is_doubtful(node):
                continue
            inside = [(str(name), value, depth + 1) for name, value in node.items()]
        elif isinstance(node, list):
            inside = [(key, value, depth + 1) for value in node]
        elif _is_number(node) and _is_name(key):
            yield Fact(name=_line(_spaced(key), _LONGEST_NAME), value=_number(node))
        if depth < MOST_DEPTH:
            waiting += reversed(inside)


def _fact(fields: Mapping[str, Any], key: str) -> Fact | None:
    """Return what one object says, if it is a value: a name (its own, or the key that it stands under) and a result."""
    if _is_doubtful(fields):
        return None
    value = _pressure(fields) or _value(_first(fields, _VALUES))
    name = _text(_first(fields, _NAMES)) or (_spaced(key) if key and not key.isdigit() else None)
    if value is None or not name:
        return None
    is_abnormal = _first(fields, _ABNORMAL)
    return Fact(
        name=_line(_spaced(name), _LONGEST_NAME),
        value=value,
        unit=_optional(_first(fields, _UNITS), _LONGEST_UNIT),
        reference_range=_range(fields),
        is_abnormal=is_abnormal if isinstance(is_abnormal, bool) else None,
        measured_on=_day(_first(fields, _DATES)),
    )


def _is_name(key: str) -> bool:
    """Whether a bare number under a key is a value of that name, and no part of something that is none."""
    name = _snake(key)
    is_part = any(name in names for names in (_NAMES, _VALUES, _LOWS, _HIGHS, _DATES))
    return bool(name) and not is_part and not name.isdigit() and _NO_VALUE.search(name) is None


def _is_doubtful(fields: Mapping[str, Any]) -> bool:
    """Whether one of our own results says of a value that it was not found in the document: no fact to speak of."""
    source = fields.get("source")
    return isinstance(source, Mapping) and source.get("is_verified") is False and not source.get("text")


def _pressure(fields: Mapping[str, Any]) -> str | None:
    systolic, diastolic = (fields.get(f"{one}_value", fields.get(one)) for one in ("systolic", "diastolic"))
    return f"{_number(systolic)}/{_number(diastolic)}" if _is_number(systolic) and _is_number(diastolic) else None


def _range(fields: Mapping[str, Any]) -> str | None:
    given = _first(fields, _RANGES)
    bounds: Mapping[str, Any] = given if isinstance(given, Mapping) else fields
    low, high = _first(bounds, _LOWS), _first(bounds, _HIGHS)
    if isinstance(given, str) and given.strip():
        return _line(given, _LONGEST_VALUE)
    if _is_number(low) and _is_number(high):
        return f"{_number(low)} - {_number(high)}"
    if _is_number(low):
        return f">= {_number(low)}"
    return f"<= {_number(high)}" if _is_number(high) else None


def _value(given: Any) -> str | None:
    if _is_number(given):
        return _number(given)
    return _line(given, _LONGEST_VALUE) or None if isinstance(given, str) and len(given) <= _LONGEST_VALUE else None


def _is_number(given: Any) -> bool:
    """Whether JSON meant a number of a size that somebody measures. Compared before it is written: the digits of a
    hostile one have no end."""
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        return False
    number: Any = given
    return number == 0 or bool(_SMALLEST <= abs(number) < _LARGEST)


def _number(given: Any) -> str:
    return format(Decimal(str(given)), "f")[:_LONGEST_VALUE]


def _day(given: Any) -> date | None:
    match = _DAY.match(given) if isinstance(given, str) else None
    try:
        return date.fromisoformat(match[0]) if match else None
    except ValueError:
        return None


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _text(given: Any) -> str | None:
    return given.strip() or None if isinstance(given, str) else None


def _optional(given: Any, longest: int) -> str | None:
    return _line(given, longest) or None if isinstance(given, str) else None


def _line(text: str, longest: int) -> str:
    return " ".join(text[: 4 * longest].split())[:longest]


def _snake(name: str) -> str:
    return _SEPARATORS.sub("_", _CAMEL.sub("_", name)).casefold()


def _spaced(name: str) -> str:
    """Return the name of a field, `oxygen_saturation` or `heartRate`, as words. Other names stay as they are."""
    is_field = re.fullmatch(r"[a-z][A-Za-z0-9_]*", name) is not None and ("_" in name or _CAMEL.search(name))
    return _CAMEL.sub(" ", name).replace("_", " ").capitalize() if is_field else name
