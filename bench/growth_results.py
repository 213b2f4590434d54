"""Writes what the growth bench found: figures for docs/performance.md, and a picture for each curve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bench.growth import MEASURES, Cost, Curve
from bench.plots import Line, Plot, draw
from bench.result_files import Result, write_result

_SHOWN: Final = {"calls": "calls", "read_units": "read units", "write_units": "write units", "kilobytes": "kB"}


def write(curves: Sequence[Curve]) -> None:
    """Write `bench/results/growth.json` and the pictures."""
    for curve in curves:
        draw(_plot(curve), _file(curve))
    write_result("growth", result(curves))


def result(curves: Sequence[Curve]) -> Result:
    """Return the figures as they stand on the page."""
    return Result(
        title="Growth",
        command="python -m bench.growth",
        said=[
            "Each curve is measured at N, 10 N and 100 N: three numbers in a cell are its three points, and the last "
            "column tells by how much the dearest of them grew while the number grew a hundredfold.",
            "What is asked for may cost in proportion; what is only stored may cost nothing.",
            *(f"{curve.title}, {curve.of}: {curve.said}" for curve in curves if curve.said),
        ],
        columns=["what", "more and more", "N", *_SHOWN.values(), "grew by"],
        rows=[[*_row(curve)] for curve in curves],
        plots=[_file(curve) for curve in curves],
    )


def _row(curve: Curve) -> list[str]:
    grown = max(curve.growth(measure) for measure in MEASURES)
    return [
        curve.title,
        f"{curve.of} ({curve.kind})",
        _points(one.number for one in curve.costs),
        *(_points(getattr(one, measure) for one in curve.costs) for measure in MEASURES),
        f"× {grown:.3g}",
    ]


def _points(numbers: Iterable[float]) -> str:
    return " · ".join(f"{one:,.0f}" if one >= 100 or one == int(one) else f"{one:.3g}" for one in numbers)


def _file(curve: Curve) -> str:
    return f"performance/growth-{curve.name}.svg"


def _plot(curve: Curve) -> Plot:
    numbers = [one.number for one in curve.costs]
    lines = [
        Line(_SHOWN[name], _of(curve.costs, name), look)
        for look, name in enumerate(MEASURES)
        if any(_of(curve.costs, name))
    ]
    return Plot(curve.title, f"{curve.of} ({curve.kind})", numbers, lines)


def _of(costs: Sequence[Cost], measure: str) -> list[float]:
    return [float(getattr(one, measure)) for one in costs]
