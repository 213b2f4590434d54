"""Reading whatever an app calls its health data: nested lists and maps of values, in any spelling, within bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from chalicelib.gateways.analyst.local.catalogue import Specimen, find
from chalicelib.reports import field_names
from chalicelib.reports.measurements import MeasureKind, Measurement
from chalicelib.reports.scalars import read_bounds, read_day, read_text, read_value
from chalicelib.reports.vital_signs import DIASTOLIC_NAME, SYSTOLIC_NAME, vital_sign

_DEEPEST: Final = 14
_MOST_NODES: Final = 60_000
_MOST_FIELDS: Final = 20_000
_PRESSURE: Final = re.compile(r"\s*(\d{2,3})\s*/\s*(\d{2,3})\s*(?:mm\s?Hg)?\s*", re.IGNORECASE)
_HEADINGS: Final = ("title", "label", "type", "code", "name")
_DESCRIBING: Final = frozenset(
    {*field_names.NAME, *field_names.UNIT, *field_names.LOW, *field_names.HIGH, *field_names.RANGE, *field_names.FLAG,
     *field_names.DAY, *field_names.SPECIMEN, *field_names.VALUE, "id", "uuid", "contentid", "jobid", "confidencescore",
     "age", "page", "count", "version", "source"}
)  # fmt: skip


@dataclass(slots=True)
class Found:
    """What was read, and how many values were not: without a name or a number that can be shown."""

    values: list[Measurement] = field(default_factory=list)
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a node and holds for it unless it says otherwise."""

    name: str | None = None
    unit: str | None = None
    kind: MeasureKind | None = None
    day: date | None = None
    specimen: Specimen | None = None
    depth: int = 0

    def below(self, **changes: Any) -> _Around:
        """The same, one floor down."""
        return replace(self, depth=self.depth + 1, **changes)


class Intake:
    """Walks over one request. Deeper than fourteen floors and beyond 60,000 nodes nothing is looked at."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._nodes = 0
        self.found = Found()

    def read(self, node: Any, kind: MeasureKind | None = None) -> None:
        """Add the values of a decoded JSON document; `kind` says what they are if that is known."""
        self._walk(node, _Around(kind=kind))

    def _walk(self, node: Any, around: _Around) -> None:
        self._nodes += 1
        if around.depth > _DEEPEST or self._nodes > _MOST_NODES:
            self.found.unreadable += not isinstance(node, list | Mapping)
            return
        if isinstance(node, Mapping):
            self._walk_fields(node, around)
        elif isinstance(node, list):
            for one in node:
                self._walk(one, around.below())
        elif around.name is not None and (around.kind is not None or _is_known(around.name)):
            self._add(around.name, node, {}, around)

    def _walk_fields(self, node: Mapping[Any, Any], around: _Around) -> None:
        fields = {field_names.plain_name(str(name)): value for name, value in list(node.items())[:_MOST_FIELDS]}
        around = self._narrowed(fields, around)
        own_name = _name_of(fields)
        name = own_name or around.name
        value = field_names.first(fields, field_names.VALUE)
        if isinstance(value, Mapping) and not isinstance(value.get("value"), Mapping | list):
            inner = {field_names.plain_name(str(key)): one for key, one in list(value.items())[:20]}
            fields, value = {**fields, **{key: inner[key] for key in inner if key == "unit"}}, inner.get("value")
        is_pressure = any(field_names.first(fields, names) for names in (field_names.SYSTOLIC, field_names.DIASTOLIC))
        if is_pressure:
            self._add_pressure(fields, around)
        elif name is not None and value is not None and not isinstance(value, Mapping | list):
            self._add(name, value, fields, around)
        else:
            self._walk_children(node, own_name, self._with_unit(fields, around))

    def _walk_children(self, node: Mapping[Any, Any], own_name: str | None, around: _Around) -> None:
        is_heading = own_name is not None and not (_is_known(own_name) or around.kind is not None)
        name = around.name if is_heading else own_name or around.name
        for key, child in list(node.items())[:_MOST_FIELDS]:
            plain = field_names.plain_name(str(key))
            if plain in field_names.FOLDERS or (plain in field_names.VALUE and isinstance(child, list | Mapping)):
                kind = _kind_of_folder(plain) or around.kind
                self._walk(child, around.below(name=name, kind=kind))
            elif plain not in _DESCRIBING:
                self._walk(child, around.below(name=_as_words(str(key)), unit=None))

    def _narrowed(self, fields: Mapping[str, Any], around: _Around) -> _Around:
        day = next(
            (found for name in field_names.DAY if (found := read_day(fields.get(name), self._today)) is not None), None
        )
        category = field_names.first(fields, field_names.SPECIMEN)
        specimen: Specimen | None = "urine" if isinstance(category, str) and "urin" in category.casefold() else None
        return replace(around, day=day or around.day, specimen=specimen or around.specimen)

    @staticmethod
    def _with_unit(fields: Mapping[str, Any], around: _Around) -> _Around:
        unit = read_text(field_names.first(fields, field_names.UNIT))
        return around if unit is None else replace(around, unit=unit)

    def _add_pressure(self, fields: Mapping[str, Any], around: _Around) -> None:
        for name, names in ((SYSTOLIC_NAME, field_names.SYSTOLIC), (DIASTOLIC_NAME, field_names.DIASTOLIC)):
            value = field_names.first(fields, names)
            if value is not None:
                # Neither a range nor a flag says which of the two it is about.
                bare = {name: fields[name] for name in ("unit", "source") if name in fields}
                self._add(name, value.get("value") if isinstance(value, Mapping) else value, bare, around)

    def _add(self, name: str, value: Any, fields: Mapping[str, Any], around: _Around) -> None:
        pressure = _PRESSURE.fullmatch(value) if isinstance(value, str) else None
        is_named_so = "pressure" in name.casefold() or name.casefold() in {"bp", "rr"}
        if pressure is not None and is_named_so:
            self._add_pressure({"systolic": pressure[1], "diastolic": pressure[2]}, around)
            return
        if not self._is_measure(name, fields, around):
            return
        found = None if isinstance(value, Mapping | list) else self._measurement(name, value, fields, around)
        if found is None:
            self.found.unreadable += value is not None
        else:
            self.found.values.append(found)

    @staticmethod
    def _is_measure(name: str, fields: Mapping[str, Any], around: _Around) -> bool:
        """Whether something with a name and a value is one of the body: a setting of the app is none."""
        if around.kind is not None or _is_known(name):
            return True
        return any(field_names.first(fields, names) is not None for names in (field_names.UNIT, field_names.RANGE))

    def _measurement(self, name: str, value: Any, fields: Mapping[str, Any], around: _Around) -> Measurement | None:
        sign = vital_sign(name) if around.kind is not MeasureKind.LAB else None
        shown, read = read_text(sign.name if sign else name), read_value(value)
        if shown is None or read is None:
            return None
        text, number, unit_beside = read
        unit = read_text(field_names.first(fields, field_names.UNIT)) or unit_beside or around.unit
        unit = unit or (sign.unit if sign else None)
        bounds, range_text = read_bounds(fields)
        low, high = bounds.low, bounds.high
        if sign is not None and bounds.is_empty:
            low, high = sign.usual.get(unit or "", (None, None))
        flag = field_names.read_flag(field_names.first(fields, field_names.FLAG))
        source = fields.get("source")
        return Measurement(
            name=shown,
            kind=MeasureKind.VITAL if sign or around.kind is MeasureKind.VITAL else MeasureKind.LAB,
            value=text,
            number=number,
            unit=unit,
            low=low,
            high=high,
            range_text=range_text,
            is_abnormal=flag if number is None else _judged(number, low, high, flag),
            measured_on=around.day,
            specimen=around.specimen or "blood",
            is_verified=not (isinstance(source, Mapping) and source.get("is_verified") is False),
        )


def _judged(number: Decimal, low: Decimal | None, high: Decimal | None, flag: bool | None) -> bool | None:
    if low is None and high is None:
        return flag
    return (low is not None and number < low) or (high is not None and number > high)


def _name_of(fields: Mapping[str, Any]) -> str | None:
    """Return what a map calls itself; FHIR's `code` holds a text or a list of codings."""
    for key in field_names.NAME:
        value = fields.get(key)
        if isinstance(value, Mapping):
            coding = value.get("coding")
            first = coding[0] if isinstance(coding, list) and coding and isinstance(coding[0], Mapping) else {}
            value = value.get("text") or first.get("display")
        if isinstance(value, str) and value.strip():
            return _as_words(value)
    return None


def _as_words(name: str) -> str:
    """Return a field's name as words: `fasting_glucose` and `fastingGlucose` are "fasting glucose"."""
    text = name.strip()
    if re.fullmatch(r"[a-z]+(?:[A-Z][a-z]+)+", text):
        text = re.sub(r"(?=[A-Z])", " ", text).lower()
    elif re.fullmatch(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+", text):
        text = text.replace("_", " ")
    else:
        return text
    return text[:1].upper() + text[1:]


def _is_known(name: str) -> bool:
    return len(name) <= 80 and (vital_sign(name) is not None or find(name, "blood") is not None)


def _kind_of_folder(plain: str) -> MeasureKind | None:
    if plain in field_names.LAB_FOLDERS:
        return MeasureKind.LAB
    return MeasureKind.VITAL if plain in field_names.VITAL_FOLDERS else None
