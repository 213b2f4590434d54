"""Plots of a verification as SVG, drawn into the page: no script, no file beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 760
_LEFT, _RIGHT, _BAR, _GAP = 190, 120, 18, 8


def line(points: Sequence[Sequence[float]], x_name: str, y_name: str, height: int = 220) -> str:
    """Return a line through points, with its axes."""
    if len(points) < 2:
        return "<p>Too quick for a plot.</p>"
    left, bottom, top = 70, 34, 12
    most_x, most_y = max(x for x, _ in points) or 1.0, max(y for _, y in points) or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        across = left + x / most_x * (WIDTH - left - 20)
        return round(across, 1), round(height - bottom - y / most_y * (height - bottom - top), 1)

    path = " ".join(f"{'M' if number == 0 else 'L'}{a},{b}" for number, (a, b) in enumerate(place(*p) for p in points))
    ticks = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        across, up = place(most_x * share, most_y * share)
        ticks.append(f'<text x="{across}" y="{height - bottom + 16}" text-anchor="middle">{most_x * share:.3g}</text>')
        ticks.append(f'<line class="grid" x1="{left}" x2="{WIDTH - 20}" y1="{up}" y2="{up}"/>')
        ticks.append(f'<text x="{left - 8}" y="{up + 4}" text-anchor="end">{most_y * share:,.0f}</text>')
    names = (
        f'<text x="{(WIDTH + left) / 2}" y="{height - 2}" text-anchor="middle">{escape(x_name)}</text>'
        f'<text x="{left + 6}" y="{top + 4}">{escape(y_name)}</text>'
    )
    return _svg(height, f"{y_name} by {x_name}", "".join(ticks) + f'<path class="line" d="{path}"/>' + names)


def pairs(values: Mapping[str, tuple[int, int]], names: tuple[str, str]) -> str:
    """Return two bars for each name, one above the other, with their numbers."""
    if not values:
        return "<p>Nothing to compare.</p>"
    most = max(max(pair) for pair in values.values()) or 1
    step = 2 * _BAR + _GAP
    drawn = []
    for number, (name, pair) in enumerate(values.items()):
        top = number * step
        drawn.append(f'<text x="{_LEFT - 10}" y="{top + _BAR + 5}" text-anchor="end">{escape(name)}</text>')
        for place, value in enumerate(pair):
            at = top + place * _BAR
            drawn.append(_bar(at, value, most, "legacy" if place == 0 else "home", f"{names[place]} {value:,}"))
    return _svg(len(values) * step, " and ".join(names), "".join(drawn))


def bars(values: Mapping[str, int], title: str) -> str:
    """Return a bar for each name, the largest first."""
    if not values:
        return "<p>None.</p>"
    most = max(values.values())
    step = _BAR + _GAP
    drawn = []
    for number, (name, value) in enumerate(sorted(values.items(), key=lambda one: (-one[1], one[0]))):
        top = number * step
        drawn.append(f'<text x="{2 * _LEFT - 10}" y="{top + 14}" text-anchor="end">{escape(name)}</text>')
        drawn.append(_bar(top, value, most, "differs", f"{value:,}", left=2 * _LEFT))
    return _svg(len(values) * step, title, "".join(drawn))


def tiles(values: Mapping[str, int], title: str) -> str:
    """Return a tile for each range of keys, in their order; the more differences, the stronger its colour."""
    if not values:
        return "<p>No ranges.</p>"
    size = 22 if len(values) <= 256 else 9
    across = WIDTH // size
    most = max(values.values()) or 1
    drawn = []
    for number, (name, value) in enumerate(sorted(values.items())):
        row, column = divmod(number, across)
        kind = "same" if value == 0 else "differs"
        strength = 1.0 if value == 0 else 0.35 + 0.65 * value / most
        drawn.append(
            f'<rect class="{kind}" opacity="{strength:.2f}" x="{column * size}" y="{row * size}" width="{size - 2}" '
            f'height="{size - 2}"><title>{escape(name)}: {value:,}</title></rect>'
        )
    return _svg((len(values) // across + 1) * size, title, "".join(drawn))


def _bar(top: float, value: int, most: int, kind: str, told: str, left: int = _LEFT) -> str:
    width = max(1.0, value / most * (WIDTH - left - _RIGHT)) if value else 0.0
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{width:.1f}" height="{_BAR - 3}"/>'
        f'<text x="{left + width + 6:.1f}" y="{top + 12}">{escape(told)}</text>'
    )


def _svg(height: float, title: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{content}</svg>"
    )
