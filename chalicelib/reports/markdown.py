"""A report as one markdown text, for the app's page of results; everything that was sent is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chalicelib.gateways.analyst.local.markdown_text import escaped, table
from chalicelib.reports.contract import DoctorReport, Mark, ReportValue

_MARKS = {Mark.LOW: "▼ low", Mark.HIGH: "▲ high", Mark.ABNORMAL: "● abnormal", Mark.NORMAL: "", Mark.UNKNOWN: ""}
NOT_VERIFIED = "not checked"


def as_markdown(report: DoctorReport) -> str:
    """Return the whole report as markdown."""
    return "\n\n".join(_parts(report)) + "\n"


def mark_text(value: ReportValue) -> str:
    """Return what stands beside a value: in words and by a sign, never by colour alone."""
    return _MARKS[value.mark] if value.is_verified else NOT_VERIFIED


def _parts(report: DoctorReport) -> Iterator[str]:
    for notice in report.notices:
        yield "## Please contact a doctor today"
        yield escaped(notice, 4_000)
    yield from _section("Executive summary", escaped(report.executive_summary, 8_000), report.executive_comments)
    yield from _section("Laboratory analysis", report.laboratory_analysis, report.laboratory_comments)
    yield from _tables(report.values)
    trends = "\n".join(f"- **{escaped(one.test_name)}**: {escaped(one.summary, 600)}" for one in report.trends)
    yield from _section("Trends", trends or "No test was measured on several days.", report.trend_comments)
    yield from _section("Questions for the doctor", _list(report.questions_for_doctor))
    yield from _section("Recommendations", _list(report.recommendations))
    if report.notes:
        yield from _section("Notes", _list(report.notes))
    yield from _section("Please note", _list(report.disclaimers))


def _section(title: str, *texts: str) -> Iterator[str]:
    yield f"## {title}"
    yield from (text for text in texts if text)


def _tables(values: Iterable[ReportValue]) -> Iterator[str]:
    groups: dict[str, list[ReportValue]] = {}
    for one in values:
        groups.setdefault(one.group, []).append(one)
    for group, members in groups.items():
        yield f"### {escaped(group)}"
        yield table(("Test", "Result", "Range", "", "Date"), (_row(one) for one in members))


def _row(one: ReportValue) -> list[str]:
    result = f"{one.value} {one.unit}" if one.unit else one.value
    day = one.measured_on.isoformat() if one.measured_on else ""
    return [escaped(part) for part in (one.test_name, result, one.reference_range, mark_text(one), day)]


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escaped(line, 600)}" for line in lines)
