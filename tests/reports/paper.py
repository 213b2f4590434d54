"""A page to print a made-up report on: text, rules, paragraphs, blocks of pairs and tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from tests.reports.lines import Line, Style

BOLD = {"Helvetica": "Helvetica-Bold", "Times-Roman": "Times-Bold", "Courier": "Courier-Bold", "Vera": "VeraBd"}
MIDDLE = 297.5  # half the width of A4 in points


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: where it starts (or ends, or is centred) and which part of a line it shows."""

    x: float
    part: str
    title: str = ""
    align: str = "left"
    bold: bool = False


@dataclass(slots=True)
class Paper:
    """A PDF in the making; `y` is the distance from the top of the page in points, growing downwards."""

    font: str = "Helvetica"
    size: float = 9
    top: float = 60
    bottom: float = 780
    page_size: tuple[float, float] = A4
    decorate: Callable[[Paper, int], None] | None = None
    y: float = 0
    page: int = 1
    buffer: io.BytesIO = field(default_factory=io.BytesIO)
    canvas: Any = None

    def __post_init__(self) -> None:
        """Open the first page."""
        for name, file in (("Vera", "Vera.ttf"), ("VeraBd", "VeraBd.ttf")):
            if name not in pdfmetrics.getRegisteredFontNames():
                pdfmetrics.registerFont(TTFont(name, file))
        self.canvas = Canvas(self.buffer, pagesize=self.page_size, invariant=1)
        self._start_page()

    def _start_page(self) -> None:
        self.y = self.top
        if self.decorate:
            self.decorate(self, self.page)
            self.y = max(self.y, self.top)

    def new_page(self) -> None:
        """Close this page and open the next one with its letterhead."""
        self.canvas.showPage()
        self.page += 1
        self._start_page()

    def need(self, points: float) -> None:
        """Open a new page where fewer than `points` are left on this one."""
        if self.y + points > self.bottom:
            self.new_page()

    def put(
        self,
        x: float,
        text: str,
        *,
        y: float | None = None,
        bold: bool = False,
        size: float | None = None,
        align: str = "left",
        color: str = "#000000",
    ) -> None:
        """Print `text` at the current height, or at `y`, without moving on."""
        self.canvas.setFont(BOLD[self.font] if bold else self.font, size or self.size)
        self.canvas.setFillColor(color)
        draw = {"left": "drawString", "right": "drawRightString", "center": "drawCentredString"}[align]
        getattr(self.canvas, draw)(x, self.page_size[1] - (self.y if y is None else y), text)

    def say(self, x: float, text: str, *, step: float = 12, **how: Any) -> None:
        """Print `text` and move down."""
        self.put(x, text, **how)
        self.y += step

    def rule(
        self, x1: float = 40, x2: float = 555, *, width: float = 0.6, color: str = "#444444", step: float = 0
    ) -> None:
        """Draw a horizontal line a little under the current line of text."""
        self.canvas.setStrokeColor(color)
        self.canvas.setLineWidth(width)
        height = self.page_size[1] - self.y - 3
        self.canvas.line(x1, height, x2, height)
        self.y += step

    def box(
        self, x: float, y: float, width: float, height: float, *, fill: str | None = None, stroke: str = "#777777"
    ) -> None:
        """Draw a rectangle whose upper left corner is (`x`, `y`)."""
        self.canvas.setStrokeColor(stroke)
        self.canvas.setLineWidth(0.5)
        if fill:
            self.canvas.setFillColor(fill)
        self.canvas.rect(x, self.page_size[1] - y - height, width, height, fill=1 if fill else 0)

    def prose(self, text: str, x: float = 40, width: float = 515, *, size: float = 7.5, color: str = "#222222") -> None:
        """Print a paragraph, wrapped to `width`."""
        for part in simpleSplit(text, self.font, size, width):
            self.need(size + 3)
            self.say(x, part, size=size, step=size + 2.5, color=color)
        self.y += 4

    def pairs(self, rows: Iterable[Sequence[str]], places: Sequence[tuple[float, float]], *, step: float = 12) -> None:
        """Print label and value pairs in several columns, as in the block about the patient."""
        for row in rows:
            for (label_x, value_x), (label, value) in zip(places, zip(row[::2], row[1::2], strict=True), strict=False):
                self.put(label_x, label, bold=True, size=self.size - 1)
                self.put(value_x, value, size=self.size - 1)
            self.y += step

    def titles(self, columns: Sequence[Column], *, step: float = 5, color: str = "#000000") -> None:
        """Print the titles of `columns`."""
        for column in columns:
            self.put(column.x, column.title, bold=True, align=column.align, color=color)
        self.y += step

    def table(self, columns: Sequence[Column], lines: Iterable[Line], style: Style, *, step: float = 13) -> None:
        """Print one row per line, as tall as its tallest cell, with method lines in small type below the name."""
        for line in lines:
            cells = [self._cell(column.part, line, style).split("\n") for column in columns]
            under = line.under.split("\n") if line.under else []
            names = next(len(cell) for column, cell in zip(columns, cells, strict=True) if column.part == "name")
            tall = max(len(cell) for cell in cells)
            height = max(step + (tall - 1) * (self.size + 1.5), step + (names + len(under) - 1) * (self.size + 1))
            self.need(height + 2)
            for column, cell in zip(columns, cells, strict=True):
                self._column(column, cell, is_bold=column.bold or (column.part == "value" and bool(line.flag)))
                if column.part == "name":
                    self._below(column.x, under, names)
            self.y += height

    def _column(self, column: Column, texts: list[str], *, is_bold: bool) -> None:
        for number, text in enumerate(texts):
            self.put(column.x, text, y=self.y + number * (self.size + 1.5), align=column.align, bold=is_bold)

    def _below(self, x: float, texts: list[str], names: int) -> None:
        for number, text in enumerate(texts):
            self.put(x, text, y=self.y + (names + number) * (self.size + 0.5), size=self.size - 2, color="#555555")

    @staticmethod
    def _cell(part: str, line: Line, style: Style) -> str:
        if part.startswith("earlier"):
            number = int(part.removeprefix("earlier"))
            return line.earlier[number] if number < len(line.earlier) else ""
        if part.startswith("="):
            return part[1:]
        unit = line.unit_shown if line.unit_shown is not None else (line.unit or "")
        value, span = style.value_of(line), style.range_of(line)
        return {
            "name": line.name,
            "value": value,
            "unit": unit,
            "range": span,
            "flag": line.flag,
            "value unit": f"{value} {unit}".strip(),
            "range unit": f"{span} {unit}".strip() if span else unit,
            "value in": value if not line.flag else "",
            "value out": value if line.flag else "",
            "value flag": f"{value} {line.flag}".strip(),
            "flag value": f"{line.flag} {value}".strip(),
        }[part]

    def finish(self) -> bytes:
        """Return the finished PDF."""
        self.canvas.save()
        return self.buffer.getvalue()
