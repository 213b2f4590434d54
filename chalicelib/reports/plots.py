"""The picture of a trend: points over time, the reference band behind them, what is outside marked by its shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from chalicelib.reports.contract import ReportTrend, TrendPoint

if TYPE_CHECKING:
    from reportlab.graphics.shapes import Drawing

_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, 14.0, 10.0, 18.0
_INK, _GRID, _BAND, _BAND_EDGE, _ALERT = "#1f2933", "#d9dee4", "#e3efe6", "#6f9c7c", "#a8201a"
_SMALL: Final = 6.5
_MOST_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values and days lie on the picture."""

    width: float
    height: float
    low: float
    high: float
    first: date
    days: int

    def x(self, day: date) -> float:
        share = (day - self.first).days / self.days if self.days else 0.5
        return _LEFT + share * (self.width - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _BOTTOM + (value - self.low) / (self.high - self.low) * (self.height - _TOP - _BOTTOM)


def plot(trend: ReportTrend, width: float, height: float, font: str, bold: str) -> Drawing:
    """Return a drawing of one trend, in points."""
    from reportlab.graphics.shapes import Drawing, PolyLine

    frame = _frame(trend, width, height)
    drawing = Drawing(width, height)
    _draw_band(drawing, frame, trend)
    _draw_axes(drawing, frame, trend.points, font)
    ends = [(frame.x(point.date), frame.y(float(point.value))) for point in trend.points]
    drawing.add(PolyLine([place for end in ends for place in end], strokeColor=_color(_INK), strokeWidth=1.1))
    for point, (x, y) in zip(trend.points, ends, strict=True):
        drawing.add(_marker(point, x, y))
    _label_latest(drawing, frame, trend.points[-1], bold)
    return drawing


def ticks(low: float, high: float) -> list[float]:
    """Return three to five round numbers between two bounds."""
    rough = (high - low) / (_MOST_TICKS - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """Write a number with at most four digits that count."""
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3g}"


def _frame(trend: ReportTrend, width: float, height: float) -> _Frame:
    numbers = [float(point.value) for point in trend.points]
    bounds = [float(one) for one in (trend.reference_range_low, trend.reference_range_high) if one is not None]
    # A band that is far from all values would press them into a line: then only its nearer part is shown.
    spread = max(numbers) - min(numbers)
    reach = max(spread, abs(max(numbers, key=abs)) * 0.15, 1e-9) * 3
    near = [one for one in bounds if min(numbers) - reach <= one <= max(numbers) + reach]
    low, high = min(numbers + near), max(numbers + near)
    room = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    low = 0.0 if low >= 0 > low - room else low - room
    days = [point.date for point in trend.points]
    return _Frame(width, height, low, high + room, days[0], (days[-1] - days[0]).days)


def _draw_band(drawing: Any, frame: _Frame, trend: ReportTrend) -> None:
    from reportlab.graphics.shapes import Line, Rect

    low, high = trend.reference_range_low, trend.reference_range_high
    if low is None and high is None:
        return
    bottom = frame.low if low is None else min(max(float(low), frame.low), frame.high)
    top = frame.high if high is None else min(max(float(high), frame.low), frame.high)
    wide = frame.width - _LEFT - _RIGHT
    if top > bottom:
        tall = frame.y(top) - frame.y(bottom)
        drawing.add(Rect(_LEFT, frame.y(bottom), wide, tall, fillColor=_color(_BAND), strokeColor=None))
    for bound in (low, high):
        if bound is not None and frame.low <= float(bound) <= frame.high:
            y = frame.y(float(bound))
            edge = Line(_LEFT, y, _LEFT + wide, y, strokeColor=_color(_BAND_EDGE), strokeWidth=0.6)
            edge.strokeDashArray = [3, 2]
            drawing.add(edge)


def _draw_axes(drawing: Any, frame: _Frame, points: Sequence[TrendPoint], font: str) -> None:
    from reportlab.graphics.shapes import Line, String

    right = frame.width - _RIGHT
    for value in ticks(frame.low, frame.high):
        y = frame.y(value)
        drawing.add(Line(_LEFT - 2, y, right, y, strokeColor=_color(_GRID), strokeWidth=0.4))
        drawing.add(
            String(_LEFT - 4, y - 2.2, short(value), fontName=font, fontSize=_SMALL, textAnchor="end",
                   fillColor=_color(_INK))
        )  # fmt: skip
    drawing.add(Line(_LEFT, _BOTTOM, right, _BOTTOM, strokeColor=_color(_INK), strokeWidth=0.6))
    for day, anchor in ((points[0].date, "start"), (points[-1].date, "end")):
        drawing.add(
            String(frame.x(day) + (-6 if anchor == "start" else 6), 6, f"{day.day} {day:%b %Y}", fontName=font,
                   fontSize=_SMALL, textAnchor=anchor, fillColor=_color(_INK))
        )  # fmt: skip
    for point in points:
        x = frame.x(point.date)
        drawing.add(Line(x, _BOTTOM, x, _BOTTOM - 2, strokeColor=_color(_INK), strokeWidth=0.5))


def _marker(point: TrendPoint, x: float, y: float) -> Any:
    """A circle; a filled triangle for what is abnormal, so that it is told apart in black and white too."""
    from reportlab.graphics.shapes import Circle, Polygon

    if point.is_abnormal:
        return Polygon([x - 3.2, y - 2.4, x + 3.2, y - 2.4, x, y + 3.4], fillColor=_color(_ALERT), strokeColor=None)
    return Circle(x, y, 2.3, fillColor=_color("#ffffff"), strokeColor=_color(_INK), strokeWidth=1)


def _label_latest(drawing: Any, frame: _Frame, latest: TrendPoint, bold: str) -> None:
    from reportlab.graphics.shapes import String

    y = frame.y(float(latest.value))
    above = y + 5 if y + 13 < frame.height else y - 11
    drawing.add(
        String(frame.x(latest.date) + 6, above, short(float(latest.value)), fontName=bold, fontSize=7,
               textAnchor="end", fillColor=_color(_ALERT if latest.is_abnormal else _INK))
    )  # fmt: skip


def _color(code: str) -> Any:
    from reportlab.lib.colors import HexColor

    make: Callable[[str], Any] = HexColor
    return make(code)
