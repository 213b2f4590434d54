"""How a printed report looks: fonts, paragraphs, the footer of each page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from chalicelib.reports.printed_text import Shows

FONT: Final = "Report"
BOLD: Final = "Report-Bold"
INK, SOFT, RULE, ALERT, ALERT_GROUND, HEAD = "#1f2933", "#52606d", "#c5ced8", "#a8201a", "#fbeceb", "#eef2f6"
_FILES: Final = {FONT: "DejaVuSans.ttf", BOLD: "DejaVuSans-Bold.ttf"}


@dataclass(frozen=True, slots=True)
class Styles:
    """The paragraphs that a report has."""

    title: Any
    lead: Any
    heading: Any
    group: Any
    body: Any
    bullet: Any
    cell: Any
    strong_cell: Any
    head_cell: Any
    small: Any
    notice: Any


@cache
def shows() -> Shows:
    """Make the fonts known, and return what tells whether they have a glyph. Both have the same ones."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    fonts = {name: TTFont(name, str(Path(__file__).parent / "fonts" / file)) for name, file in _FILES.items()}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)
    glyphs = fonts[FONT].face.charToGlyph
    return lambda mark: ord(mark) in glyphs


@cache
def styles() -> Styles:
    """The paragraph styles."""
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    def style(name: str, size: float, leading: float, **more: Any) -> Any:
        return ParagraphStyle(
            name, fontName=more.pop("font", FONT), fontSize=size, leading=leading,
            textColor=HexColor(more.pop("ink", INK)), **more,
        )  # fmt: skip

    return Styles(
        title=style("title", 18, 23, font=BOLD, spaceAfter=2),
        lead=style("lead", 9, 13, ink=SOFT, spaceAfter=4),
        heading=style("heading", 12.5, 17, font=BOLD, spaceBefore=12, spaceAfter=4, keepWithNext=1),
        group=style("group", 9.5, 13, font=BOLD, spaceBefore=7, spaceAfter=2, keepWithNext=1),
        body=style("body", 9, 13, spaceAfter=4),
        bullet=style("bullet", 9, 13, leftIndent=11, bulletIndent=2, spaceAfter=2.5),
        cell=style("cell", 8.2, 10.6),
        strong_cell=style("strong_cell", 8.2, 10.6, font=BOLD),
        head_cell=style("head_cell", 7.6, 10, font=BOLD, ink=SOFT),
        small=style("small", 7.6, 10.4, ink=SOFT),
        notice=style("notice", 9.5, 13.5, ink=ALERT),
    )


def numbered_canvas(footer: str) -> Any:
    """Return the kind of canvas that writes `footer` and "Page 2 of 5" below each page: how many there are is known at
    the end only."""
    from reportlab.lib.colors import HexColor
    from reportlab.lib.units import mm
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):  # type: ignore[misc]  # narrower than its declared type
        """Keeps the state of each page until all are there."""

        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  # ReportLab's name
            """Put a page aside."""
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            """Write all pages."""
            for number, page in enumerate(self._pages, start=1):
                pages = self._pages
                self.__dict__.update(page)
                self._pages = pages
                self._write_footer(f"Page {number} of {len(pages)}")
                super().showPage()
            super().save()

        def _write_footer(self, place: str) -> None:
            self.setStrokeColor(HexColor(RULE))
            self.setLineWidth(0.5)
            self.line(18 * mm, 15 * mm, 192 * mm, 15 * mm)
            self.setFont(FONT, 7)
            self.setFillColor(HexColor(SOFT))
            self.drawString(18 * mm, 11 * mm, footer)
            self.drawRightString(192 * mm, 11 * mm, place)

    return Numbered
