"""How a test changed over time: computed from its values, with the words for it; nothing here is guessed by a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from chalicelib.reports.series import Point, Series, rounded
from chalicelib.reports.terms import Course, Per, Standing

_STEADY_SHARE: Final = Decimal("0.05")
_DAYS_OF_YEAR: Final = Decimal("365.25")
_DAYS_OF_MONTH: Final = _DAYS_OF_YEAR / 12
_SHOWN_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Trend:
    """The course of one test. `slope` is the least-squares line through all points; `change_percent` is None where the
    first value is zero."""

    series: Series
    first: Point
    latest: Point
    change: Decimal
    change_percent: Decimal | None
    slope: Decimal
    per: Per
    course: Course
    standing: Standing

    @property
    def sentence(self) -> str:
        """The trend in one or two sentences, without the name of the test in front."""
        return " ".join(_told(self))


def trend_of(series: Series) -> Trend | None:
    """Return the trend of a series; None where it has values of one day only."""
    if not series.has_trend:
        return None
    points = series.points
    first, latest = points[0], points[-1]
    span = Decimal((latest.day - first.day).days)
    per_day = slope_per_day(points)
    per = Per.YEAR if span >= 365 else Per.MONTH
    change = latest.number - first.number
    share = rounded(change / abs(first.number) * 100, _SHOWN_DIGITS) if first.number != 0 else None
    days = _DAYS_OF_YEAR if per is Per.YEAR else _DAYS_OF_MONTH
    return Trend(
        series=series,
        first=first,
        latest=latest,
        change=rounded(change),
        change_percent=share,
        slope=rounded(per_day * days, _SHOWN_DIGITS),
        per=per,
        course=_course(points, per_day * span),
        standing=_standing(latest.number, series.low, series.high),
    )


def slope_per_day(points: Sequence[Point]) -> Decimal:
    """Return the slope of the line with the least squared distance from some points, in units per day."""
    start = points[0].day
    days = [Decimal((point.day - start).days) for point in points]
    count = Decimal(len(points))
    mean_day, mean = sum(days, Decimal(0)) / count, sum((point.number for point in points), Decimal(0)) / count
    spread = sum(((day - mean_day) ** 2 for day in days), Decimal(0))
    together = sum(
        ((day - mean_day) * (point.number - mean) for day, point in zip(days, points, strict=True)), Decimal(0)
    )
    return together / spread if spread else Decimal(0)


def shown_day(day: date) -> str:
    """Write a day as people do: 3 March 2026."""
    return f"{day.day} {day:%B %Y}"


def _course(points: Sequence[Point], fitted_change: Decimal) -> Course:
    mean = sum((abs(point.number) for point in points), Decimal(0)) / len(points)
    if fitted_change == 0 or (mean and abs(fitted_change) / mean < _STEADY_SHARE):
        return Course.STEADY
    return Course.RISING if fitted_change > 0 else Course.FALLING


def _standing(number: Decimal, low: Decimal | None, high: Decimal | None) -> Standing:
    if low is None and high is None:
        return Standing.UNKNOWN
    if low is not None and number < low:
        return Standing.BELOW
    return Standing.ABOVE if high is not None and number > high else Standing.WITHIN


def _told(trend: Trend) -> list[str]:
    unit = f" {trend.series.unit}" if trend.series.unit else ""
    share = "" if trend.change_percent is None else f" ({_signed(trend.change_percent)} %)"
    verb = {Course.RISING: "Rising", Course.FALLING: "Falling", Course.STEADY: "Steady"}[trend.course]
    parts = [
        f"{verb}: from {trend.first.number:f} to {trend.latest.number:f}{unit}{share} between "
        f"{shown_day(trend.first.day)} and {shown_day(trend.latest.day)}, {len(trend.series.points)} values"
    ]
    if trend.course is not Course.STEADY:
        parts[0] += f", on average {_signed(trend.slope)}{unit} per {trend.per}"
    parts[0] += "."
    where = {
        Standing.BELOW: "The latest value is below its reference range",
        Standing.ABOVE: "The latest value is above its reference range",
        Standing.WITHIN: "The latest value is within its reference range",
    }.get(trend.standing)
    if where is not None:
        parts.append(f"{where} ({_range(trend.series)}).")
    converted = sum(point.is_converted for point in trend.series.points)
    if converted:
        parts.append(f"{converted} of the values {'was' if converted == 1 else 'were'} converted into{unit}.")
    if trend.series.unlike:
        is_one = trend.series.unlike == 1
        parts.append(
            f"{trend.series.unlike} value{' is' if is_one else 's are'} left out of this comparison: "
            f"{'its unit' if is_one else 'their units'} cannot be converted safely."
        )
    return parts


def _signed(number: Decimal) -> str:
    return f"{number:+f}".replace("-", "−")


def _range(series: Series) -> str:
    if series.low is not None and series.high is not None:
        return f"{series.low:f} – {series.high:f}"
    return f"from {series.low:f}" if series.low is not None else f"up to {series.high:f}"
