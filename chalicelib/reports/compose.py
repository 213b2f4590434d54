"""From an order and an analyst's words to the report: numbers by code, a model's words beside them, never instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Final
from uuid import UUID

import msgspec

from chalicelib.gateways.analyst.local.assessment import row_interpretation
from chalicelib.gateways.analyst.local.disclaimers import ASK_YOUR_DOCTOR, IN_AN_EMERGENCY, NOT_A_DIAGNOSIS
from chalicelib.gateways.analyst.talk import Narrative
from chalicelib.reports import wording
from chalicelib.reports.assembled import Assembled, assembled
from chalicelib.reports.contract import (
    DoctorReport,
    Mark,
    ReportAnswer,
    ReportStyle,
    ReportSummary,
    ReportTrend,
    ReportValue,
    TrendPoint,
)
from chalicelib.reports.listed import listed_labs, listed_vitals
from chalicelib.reports.markdown import as_markdown
from chalicelib.reports.measurements import Measurement
from chalicelib.reports.request import StoredRequest
from chalicelib.reports.scalars import read_text
from chalicelib.reports.series import Series
from chalicelib.reports.trends import Trend
from chalicelib.web.response import encode

TITLE: Final = "Report for your doctor"
_VITALS: Final = "Vital signs"
_MOST_QUESTIONS: Final = 10
_MOST_RECOMMENDATIONS: Final = 8
_COMPARE: Final = (
    "The values were sent by the app or read from documents automatically and may contain errors or gaps. Compare them "
    "with the original reports; the originals count."
)
_MILLISECOND: Final = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Written:
    """An analyst's words, and what code alone would have said in their place: what is left is the model's."""

    narrative: Narrative
    by_code: Narrative

    def comments(self, section: str) -> str:
        """Return what the model said in a section; nothing where there was no model."""
        said, by_code = str(getattr(self.narrative, section)), str(getattr(self.by_code, section))
        return said.removeprefix(by_code).strip()

    def own_lines(self, section: str) -> Sequence[str]:
        """Return the lines of a section that the model wrote."""
        said: Sequence[str] = getattr(self.narrative, section)
        return [] if said == getattr(self.by_code, section) else said


def compose(
    request: StoredRequest, written: Written, *, job_id: str, at: datetime, seconds: float, analyst: str
) -> ReportAnswer:
    """Put the report together. The same order and words give the same report."""
    found = assembled(request)
    content_id = str(UUID(job_id.partition("_")[2]))
    report = _report(request, found, written)
    labs, vitals = listed_labs(request.values, content_id), listed_vitals(request.values, content_id)
    return ReportAnswer(
        job_id=job_id,
        content_id=content_id,
        title=TITLE,
        summary=" ".join([*report.notices, report.executive_summary]),
        detailed_interpretation=as_markdown(report),
        confidence_score=written.narrative.confidence_score,
        document_date=found.days[-1] if found.days else None,
        medical_flags=list(_flags(found)),
        lab_results=labs,
        vitals=vitals,
        disclaimers=report.disclaimers,
        generated_at=at,
        processing_summary=ReportSummary(
            processing_time_seconds=Decimal(seconds).quantize(_MILLISECOND),
            lab_results_count=len(labs),
            vitals_count=len(vitals),
            model_used=written.narrative.model_used,
            analyst=written.narrative.analyst or analyst,
        ),
        report=report,
    )


def write_report(report: ReportAnswer) -> bytes:
    """Write a report as JSON: decimals as numbers with exactly their digits."""
    return encode(report).encode()


def read_report(content: bytes) -> ReportAnswer:
    """Read a stored report back, digit by digit as it was written."""
    return _decoder().decode(content)


@cache
def _decoder() -> msgspec.json.Decoder[ReportAnswer]:
    return msgspec.json.Decoder(ReportAnswer, float_hook=Decimal)


def _report(request: StoredRequest, found: Assembled, written: Written) -> DoctorReport:
    preferences, days = request.preferences, found.days
    is_brief = preferences.report_style is ReportStyle.SUMMARY
    questions = [*written.own_lines("questions_for_doctor"), *wording.questions(found)]
    recommendations = [*written.own_lines("recommendations"), *wording.recommendations(found)]
    return DoctorReport(
        style=preferences.report_style,
        patient_name=read_text(preferences.patient_name),
        period_from=days[0] if days else None,
        period_to=days[-1] if days else None,
        notices=wording.notices(found),
        executive_summary=wording.executive_summary(found),
        executive_comments=written.comments("executive_summary"),
        values=[*_values(found, is_brief=is_brief)],
        laboratory_analysis=wording.laboratory_analysis(found),
        laboratory_comments="" if is_brief else written.comments("laboratory_analysis"),
        trends=[_trend(trend) for trend in found.trends],
        trend_comments="" if is_brief else written.comments("trends"),
        questions_for_doctor=list(dict.fromkeys(questions))[: 5 if is_brief else _MOST_QUESTIONS],
        recommendations=list(dict.fromkeys(recommendations))[:_MOST_RECOMMENDATIONS],
        disclaimers=_disclaimers(found, include=preferences.include_disclaimers),
        notes=[*written.narrative.notes, *wording.notes(request, found)],
    )


def _disclaimers(found: Assembled, *, include: bool) -> list[str]:
    """Return the disclaimers. Without them one stays: that it is no diagnosis is what makes it legal to hand out; and
    with a critical value the emergency sentence does."""
    if include:
        return [NOT_A_DIAGNOSIS, ASK_YOUR_DOCTOR, IN_AN_EMERGENCY, _COMPARE]
    return [NOT_A_DIAGNOSIS, *([IN_AN_EMERGENCY] if found.critical or found.critical_vitals else [])]


def _values(found: Assembled, *, is_brief: bool) -> Iterator[ReportValue]:
    pairs = list(zip(found.lab_series, found.labs, strict=True))
    order = {group: number for number, group in enumerate(dict.fromkeys(item.group for _, item in pairs))}
    for series, item in sorted(pairs, key=lambda pair: order[pair[1].group]):
        if not is_brief or item.standing == "abnormal":
            yield _value(series, item.group, row_interpretation(item), is_vital=False)
    for series in found.vital_series:
        if not is_brief or series.newest.is_abnormal:
            yield _value(series, _VITALS, "", is_vital=True)


def _value(series: Series, group: str, explanation: str, *, is_vital: bool) -> ReportValue:
    newest = series.newest
    return ReportValue(
        group=group,
        test_name=series.name,
        value=newest.value,
        unit=newest.unit,
        reference_range=newest.shown_range,
        mark=_mark(newest),
        measured_on=newest.measured_on,
        explanation=explanation,
        is_vital=is_vital,
        is_verified=newest.is_verified,
    )


def _mark(one: Measurement) -> Mark:
    if one.is_abnormal is None or not one.is_verified:
        return Mark.UNKNOWN
    direction = one.direction
    if direction is None:
        return Mark.NORMAL
    return {"low": Mark.LOW, "high": Mark.HIGH}.get(direction.value, Mark.ABNORMAL)


def _trend(trend: Trend) -> ReportTrend:
    series = trend.series
    return ReportTrend(
        test_name=series.name,
        unit=series.unit,
        points=[
            TrendPoint(
                date=point.day, value=point.number, is_abnormal=point.is_abnormal, is_converted=point.is_converted
            )
            for point in series.points
        ],
        reference_range_low=series.low,
        reference_range_high=series.high,
        change=trend.change,
        change_percent=trend.change_percent,
        slope=trend.slope,
        slope_per=trend.per,
        course=trend.course,
        latest_standing=trend.standing,
        summary=trend.sentence,
        not_comparable=series.unlike,
    )


def _flags(found: Assembled) -> Iterator[str]:
    if found.abnormal:
        yield "ABNORMAL_VALUES"
    if found.critical or found.critical_vitals:
        yield "CRITICAL_VALUES"
    if found.abnormal_vitals:
        yield "ABNORMAL_VITALS"
    if any(not series.newest.is_verified for series in (*found.lab_series, *found.vital_series)):
        yield "UNVERIFIED_VALUES"
