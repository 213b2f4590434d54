"""Draws curves as SVG, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
_SIZE: Final = (6.4, 3.6)
_LOOKS: Final = (("#1b6ca8", "o"), ("#d1495b", "s"), ("#2e933c", "^"), ("#7b5ea7", "D"))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a picture: its name, a value for each number on the axis below, and which of the looks it has: so
    the same thing looks the same in every picture."""

    name: str
    values: Sequence[float]
    look: int = 0


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture, both axes logarithmic."""

    title: str
    below: str
    numbers: Sequence[float]
    lines: Sequence[Line]


def draw(plot: Plot, name: str) -> None:
    """Write a picture under `docs/`, such as `performance/growth-reset.svg`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    path = DOCS / name
    path.parent.mkdir(exist_ok=True)
    with mpl.rc_context(
        {"svg.hashsalt": "serenya", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    ):
        figure, axes = pyplot.subplots(figsize=_SIZE, layout="constrained")
        for line in plot.lines:
            colour, mark = _LOOKS[line.look]
            axes.plot(
                plot.numbers, line.values, color=colour, marker=mark, markersize=5, linewidth=1.6, label=line.name
            )
        _scale(axes, plot)
        axes.set_title(plot.title, loc="left", fontweight="bold")
        axes.set_xlabel(plot.below)
        axes.grid(visible=True, which="major", color="#e4e4e4", linewidth=0.8)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)


def _scale(axes: Any, plot: Plot) -> None:
    """The same decades up as across where there is room: so a line at 45 degrees is in proportion, and a level one is
    flat."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    shown = [value for line in plot.lines for value in line.values if value > 0]
    across = plot.numbers[-1] / plot.numbers[0]
    low, high = min(shown), max(shown)
    axes.set_ylim(low / 2, max(high * 2, low * across))
    axes.set_xticks(list(plot.numbers))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
