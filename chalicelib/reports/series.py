"""Values of the same test put in order: one unit, one reference range, and what could not be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from chalicelib.reports.measurements import MeasureKind, Measurement, series_key
from chalicelib.reports.units import Conversion, conversion

_LEAST_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Point:
    """A number on a day, in the unit of its series. `is_converted`: it was sent in another unit."""

    day: date
    number: Decimal
    is_abnormal: bool | None
    is_converted: bool


@dataclass(frozen=True, slots=True)
class Series:
    """All values of one test, newest last. `points` are those that have a day, a number, and a unit that can be
    reconciled with that of the newest; `unlike` counts those whose unit cannot."""

    key: str
    name: str
    kind: MeasureKind
    unit: str | None
    values: tuple[Measurement, ...]
    points: tuple[Point, ...]
    low: Decimal | None
    high: Decimal | None
    unlike: int

    @property
    def newest(self) -> Measurement:
        """The value that counts."""
        return self.values[-1]

    @property
    def has_trend(self) -> bool:
        """Whether there are values of at least two days to compare."""
        return len({point.day for point in self.points}) >= 2


def arranged(values: Iterable[Measurement]) -> list[Series]:
    """Return the series of some values, in the order in which their tests come first. Values without a day count as
    older than those with one, and later ones as newer."""
    groups: dict[str, list[Measurement]] = {}
    for one in values:
        groups.setdefault(series_key(one), []).append(one)
    return [_series(key, group) for key, group in groups.items()]


def limited(values: Sequence[Measurement], most: int, most_per_test: int) -> tuple[list[Measurement], int]:
    """Return the newest values, at most so many in all and of one test, in the order given, and how many were left
    out. What was sent twice counts once."""
    unique = list(dict.fromkeys(values))
    numbered = sorted(enumerate(unique), key=lambda pair: (pair[1].measured_on or date.min, pair[0]), reverse=True)
    kept: list[int] = []
    per_test: dict[str, int] = {}
    for number, one in numbered:
        key = series_key(one)
        per_test[key] = per_test.get(key, 0) + 1
        if len(kept) < most and per_test[key] <= most_per_test:
            kept.append(number)
    return [unique[number] for number in sorted(kept)], len(unique) - len(kept)


def _series(key: str, group: list[Measurement]) -> Series:
    ordered = sorted(group, key=lambda one: one.measured_on or date.min)
    newest = ordered[-1]
    dated = [one for one in ordered if one.measured_on is not None and one.number is not None and one.is_verified]
    unit = dated[-1].unit if dated else newest.unit
    points, unlike = [], 0
    for one in dated:
        change = conversion(one.unit, unit, key)
        if change is None:
            unlike += 1
        else:
            points.append(_point(one, change, one.unit != unit))
    low, high = _band(dated, unit, key)
    return Series(key, newest.name, newest.kind, unit, tuple(ordered), tuple(points), low, high, unlike)


def _point(one: Measurement, change: Conversion, is_converted: bool) -> Point:
    assert one.measured_on is not None
    assert one.number is not None
    number = change.of(one.number)
    if is_converted:
        # A conversion adds no digits that were not measured.
        number = rounded(number, max(_LEAST_DIGITS, len(one.number.normalize().as_tuple().digits)))
    return Point(one.measured_on, rounded(number), one.is_abnormal, is_converted)


def _band(dated: Sequence[Measurement], unit: str | None, key: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the range of the newest value that has one, in the series' unit."""
    for one in reversed(dated):
        change = conversion(one.unit, unit, key)
        if change is not None and (one.low is not None or one.high is not None):
            low, high = (None if bound is None else rounded(change.of(bound), 4) for bound in (one.low, one.high))
            return low, high
    return None, None


def rounded(number: Decimal, digits: int = 6) -> Decimal:
    """Return a number with at most so many digits that count, and as it is where it has fewer."""
    if len(number.normalize().as_tuple().digits) <= digits or number == 0:
        return number
    with localcontext() as context:
        context.prec = digits
        short = (+number).normalize()
    return short if short == 0 or short.as_tuple().exponent < 0 else short.quantize(Decimal(1))  # type: ignore[operator]  # narrower than its declared type
