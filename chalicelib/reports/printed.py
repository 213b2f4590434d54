"""A report on paper: A4, as a PDF whose bytes are the same for the same report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any, Final

from chalicelib.reports import printed_style as look
from chalicelib.reports.contract import Mark, ReportAnswer, ReportStyle, ReportTrend, ReportValue
from chalicelib.reports.markdown import mark_text
from chalicelib.reports.plots import plot
from chalicelib.reports.printed_text import lines_of, plain_markup
from chalicelib.reports.trends import shown_day

_COLUMNS_MM: Final = (57, 38, 36, 22, 21)
_FRAME_PADDING: Final = 6
"""What ReportLab keeps free inside a page's margins, in points."""
_PLOT_POINTS: Final = (238.0, 104.0)
_MOST_PLOTS: Final = {ReportStyle.COMPREHENSIVE: 24, ReportStyle.SUMMARY: 4}


def printed(answer: ReportAnswer) -> bytes:
    """Return the report as a PDF."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    look.shows()
    written = BytesIO()
    paper = SimpleDocTemplate(
        written,
        pagesize=A4,
        leftMargin=18 * mm - _FRAME_PADDING,
        rightMargin=18 * mm - _FRAME_PADDING,
        topMargin=16 * mm,
        bottomMargin=20 * mm,
        title=answer.title,
        author="Serenya",
        subject="Laboratory values and vital signs for a doctor",
        creator="Serenya",
        lang="en",
        invariant=1,
    )
    made = shown_day(answer.generated_at.date())
    footer = f"Made by Serenya on {made}. General information, not a diagnosis."
    paper.build(list(_story(answer)), canvasmaker=look.numbered_canvas(footer))
    return written.getvalue()


def _story(answer: ReportAnswer) -> Iterator[Any]:
    report, styles = answer.report, look.styles()
    yield _paragraph(answer.title, styles.title)
    yield _paragraph(" · ".join(_lead(answer)), styles.lead)
    yield _rule()
    if report.notices:
        yield _notice(report.notices)
    yield _paragraph("Executive summary", styles.heading)
    yield _paragraph(report.executive_summary, styles.body)
    yield from _markdown(report.executive_comments)
    yield _paragraph("Laboratory analysis", styles.heading)
    yield from _markdown(report.laboratory_analysis)
    yield from _markdown(report.laboratory_comments)
    yield from _tables(report.values)
    yield _paragraph("Trends", styles.heading)
    yield from _trends(report.trends, _MOST_PLOTS[report.style])
    yield from _markdown(report.trend_comments)
    yield from _listed("Questions for the doctor", report.questions_for_doctor)
    yield from _listed("Recommendations", report.recommendations)
    yield from _listed("Notes", report.notes)
    yield from _listed("Please note", report.disclaimers, is_small=True)


def _lead(answer: ReportAnswer) -> Iterator[str]:
    report = answer.report
    if report.patient_name:
        yield report.patient_name
    if report.period_from and report.period_to:
        first, last = shown_day(report.period_from), shown_day(report.period_to)
        yield f"Values of {last}" if first == last else f"Values from {first} to {last}"
    yield f"Made on {shown_day(answer.generated_at.date())}"


def _paragraph(text: str, style: Any, **more: Any) -> Any:
    from reportlab.platypus import Paragraph

    return Paragraph(plain_markup(text, look.shows()), style, **more)


def _markdown(text: str) -> Iterator[Any]:
    from reportlab.platypus import Paragraph

    styles = look.styles()
    for line in lines_of(text, look.shows()):
        if line.is_heading:
            yield Paragraph(line.markup, styles.group)
        elif line.is_bullet:
            yield Paragraph(line.markup, styles.bullet, bulletText="•")
        else:
            yield Paragraph(line.markup, styles.body)


def _rule() -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import HRFlowable

    return HRFlowable(width="100%", thickness=0.8, color=HexColor(look.RULE), spaceBefore=2, spaceAfter=4)


def _notice(notices: Sequence[str]) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table

    cells = [[_paragraph(f"! {notice}", look.styles().notice)] for notice in notices]
    box = Table(cells, colWidths=["100%"], spaceBefore=4, spaceAfter=4)
    box.setStyle(
        [
            ("BOX", (0, 0), (-1, -1), 1.2, HexColor(look.ALERT)),
            ("BACKGROUND", (0, 0), (-1, -1), HexColor(look.ALERT_GROUND)),
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
            ("RIGHTPADDING", (0, 0), (-1, -1), 8),
            ("TOPPADDING", (0, 0), (-1, -1), 5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 7),
        ]
    )
    return box


def _tables(values: Sequence[ReportValue]) -> Iterator[Any]:
    """Yield one table of all values, with a row above each group that stays with the row below it."""
    from reportlab.lib.units import mm
    from reportlab.platypus import Spacer, Table

    if not values:
        return
    styles = look.styles()
    titles = ("Test", "Result", "Reference range", "", "Date")
    rows: list[list[Any]] = [[_paragraph(title, styles.head_cell) for title in titles]]
    groups, outside = list[int](), list[int]()
    for group, members in groupby(values, key=lambda one: one.group):
        groups.append(len(rows))
        rows.append([_paragraph(group, styles.head_cell), "", "", "", ""])
        for one in members:
            if one.mark not in {Mark.NORMAL, Mark.UNKNOWN}:
                outside.append(len(rows))
            rows.append(_cells(one))
    table = Table(rows, colWidths=[width * mm for width in _COLUMNS_MM], repeatRows=1)
    table.setStyle(_table_look(groups, outside))
    yield Spacer(1, 6)
    yield table


def _table_look(groups: Iterable[int], outside: Iterable[int]) -> list[Any]:
    from reportlab.lib.colors import HexColor

    whole, first = (-1, -1), (0, 0)
    return [
        ("BACKGROUND", first, (-1, 0), HexColor(look.HEAD)),
        ("LINEBELOW", first, whole, 0.4, HexColor(look.RULE)),
        ("VALIGN", first, whole, "MIDDLE"),
        ("TOPPADDING", first, whole, 2.2),
        ("BOTTOMPADDING", first, whole, 3),
        ("LEFTPADDING", first, whole, 4),
        ("RIGHTPADDING", first, whole, 4),
        *(("BACKGROUND", (0, number), (-1, number), HexColor(look.ALERT_GROUND)) for number in outside),
        *(("SPAN", (0, number), (-1, number)) for number in groups),
        *(("TOPPADDING", (0, number), (-1, number), 7) for number in groups),
        *(("NOSPLIT", (0, number), (-1, number + 1)) for number in groups),
    ]


def _cells(one: ReportValue) -> list[Any]:
    styles = look.styles()
    is_outside = one.mark not in {Mark.NORMAL, Mark.UNKNOWN}
    style = styles.strong_cell if is_outside else styles.cell
    result = f"{one.value} {one.unit}" if one.unit else one.value
    day = one.measured_on.isoformat() if one.measured_on else "–"
    texts = ((one.test_name, style), (result, style), (one.reference_range or "–", styles.cell))
    return [*(_paragraph(*text) for text in texts), _paragraph(mark_text(one), style), _paragraph(day, styles.small)]


def _trends(trends: Sequence[ReportTrend], most: int) -> Iterator[Any]:
    from reportlab.platypus import Spacer

    styles = look.styles()
    if not trends:
        yield _paragraph("No test was measured on several days.", styles.body)
        return
    legend = "Shaded: the reference range. Triangles: values outside it. All figures are computed from the values."
    yield _paragraph(legend, styles.small)
    yield Spacer(1, 4)
    shown = sorted(trends, key=lambda one: one.latest_standing in {"within", "unknown"})
    for start in range(0, len(shown[:most]), 2):
        yield _pair(shown[:most][start : start + 2])
    for one in shown[most:]:
        yield _paragraph(f"{one.test_name}: {one.summary}", styles.small)


def _pair(trends: Sequence[ReportTrend]) -> Any:
    from reportlab.lib.units import mm
    from reportlab.platypus import Table

    cells: list[Any] = [_plot_cell(one) for one in trends]
    cells += [""] * (2 - len(cells))
    pair = Table([cells], colWidths=[87 * mm, 87 * mm])
    pair.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
        ]
    )
    return pair


def _plot_cell(one: ReportTrend) -> list[Any]:
    styles = look.styles()
    title = f"{one.test_name} ({one.unit})" if one.unit else one.test_name
    picture = plot(one, *_PLOT_POINTS, look.FONT, look.BOLD)
    return [_paragraph(title, styles.strong_cell), picture, _paragraph(one.summary, styles.small)]


def _listed(title: str, lines: Sequence[str], *, is_small: bool = False) -> Iterator[Any]:
    if not lines:
        return
    styles = look.styles()
    yield _paragraph(title, styles.heading)
    for line in lines:
        yield _paragraph(line, styles.small) if is_small else _paragraph(line, styles.bullet, bulletText="•")
