"""What the reports room takes and gives over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.gateways.analyst.findings import Source, TestCategory, VitalType
from chalicelib.reports.terms import Course, Per, Standing
from chalicelib.web.links import Link
from chalicelib.web.response import Answer

ReportId = Annotated[
    str, Meta(description="`report_` and a UUID.", examples=["report_0b7c1c1e-8a52-5d0e-9b5e-0d9a4c3f6a11"])
]
Markdown = Annotated[str, Meta(description="Markdown without links.")]
Score = Annotated[Decimal, Meta(description="From 1 to 10, one decimal.", examples=[9.5])]


class ReportStyle(StrEnum):
    """How much of it."""

    COMPREHENSIVE = "comprehensive"
    SUMMARY = "summary"


class Mark(StrEnum):
    """What is said of a value beside its number."""

    NORMAL = "normal"
    LOW = "low"
    HIGH = "high"
    ABNORMAL = "abnormal"
    UNKNOWN = "unknown"


class ReportPreferences(msgspec.Struct, kw_only=True, frozen=True):
    """How the report is to be."""

    include_disclaimers: bool = True
    report_style: ReportStyle = ReportStyle.COMPREHENSIVE
    patient_name: (
        Annotated[str, Meta(description="Printed at the top. Without it the report names nobody.", max_length=80)]
        | None
    ) = None


class DoctorReportRequest(msgspec.Struct, kw_only=True):
    """Values to be put together: from the app, as laboratory values, from stored documents, or all of these."""

    ERROR_CODES: ClassVar[dict[str, str]] = {"document_ids": "INVALID_DOCUMENT_IDS"}

    health_data: Annotated[
        msgspec.Raw | UnsetType,
        Meta(description="Any JSON of the app's: nested lists and maps of values in snake_case or camelCase."),
    ] = UNSET
    medical_data: Annotated[
        msgspec.Raw | UnsetType, Meta(description="`{lab_results: […], vitals: […]}`, in the shape of a result.")
    ] = UNSET
    document_ids: Annotated[
        list[str] | UnsetType | None, Meta(description="`job_id` or `content_id` of the caller's own results.")
    ] = UNSET
    report_preferences: ReportPreferences | None = None


class OrderAnswer(Answer, kw_only=True):
    """The report will be written; status and result are asked for as for documents."""

    ERRORS: ClassVar = (
        "400 MISSING_HEALTH_DATA",
        "400 INVALID_DOCUMENT_IDS",
        "403 PREMIUM_REQUIRED",
        "403 CONSENT_REQUIRED",
        "404 JOB_NOT_FOUND",
        "409 RESULT_NOT_READY",
        "409 JOB_FAILED",
        "409 REPORT_ALREADY_CLEANED_UP",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("show_job_status", {"job_id": "/job_id"}),
        Link("show_job_result", {"job_id": "/job_id"}),
    )

    job_id: ReportId
    status: Literal["processing"] = "processing"
    estimated_completion_seconds: int
    polling_endpoint: Annotated[str, Meta(description="The path that tells where the job stands.")]


class ReportValue(msgspec.Struct, kw_only=True, frozen=True):
    """The newest value of one test, as the printed table shows it."""

    group: str
    test_name: str
    value: str
    unit: str | None
    reference_range: str
    mark: Mark
    measured_on: date | None
    explanation: str
    is_vital: bool
    is_verified: bool


class TrendPoint(msgspec.Struct, kw_only=True, frozen=True):
    """One value of a trend, in the trend's unit."""

    date: date
    value: Decimal
    is_abnormal: bool | None
    is_converted: bool


class ReportTrend(msgspec.Struct, kw_only=True, frozen=True):
    """How one test changed. `slope` is that of the least-squares line, per month or year; all of it is computed."""

    test_name: str
    unit: str | None
    points: list[TrendPoint]
    reference_range_low: Decimal | None
    reference_range_high: Decimal | None
    change: Decimal
    change_percent: Decimal | None
    slope: Decimal
    slope_per: Per
    course: Course
    latest_standing: Standing
    summary: str
    not_comparable: Annotated[int, Meta(description="Values whose unit cannot be converted safely.")]


class DoctorReport(msgspec.Struct, kw_only=True, frozen=True):
    """The report by its sections. Numbers are computed by code; `comments` of a section are a model's words."""

    style: ReportStyle
    patient_name: str | None
    period_from: date | None
    period_to: date | None
    notices: Annotated[list[str], Meta(description="What cannot wait: critical values.")]
    executive_summary: str
    executive_comments: Markdown
    values: list[ReportValue]
    laboratory_analysis: Markdown
    laboratory_comments: Markdown
    trends: list[ReportTrend]
    trend_comments: Markdown
    questions_for_doctor: list[str]
    recommendations: list[str]
    disclaimers: list[str]
    notes: Annotated[list[str], Meta(description="What was left out, and why.")]


class ReportedLab(msgspec.Struct, kw_only=True, frozen=True):
    """One laboratory value, in the shape of a document's result."""

    id: str
    content_id: str
    test_name: str
    test_category: TestCategory
    test_value: Annotated[Any, Meta(extra_json_schema={"type": ["number", "string"]})]
    test_unit: str | None
    reference_range_low: Decimal | None
    reference_range_high: Decimal | None
    reference_range_text: str | None
    is_abnormal: bool | None
    confidence_score: Score
    ai_interpretation: str
    test_date: date | None
    source: Source


class ReportedVital(msgspec.Struct, kw_only=True, frozen=True):
    """One vital sign, in the shape of a document's result."""

    id: str
    content_id: str
    vital_type: VitalType
    systolic_value: Decimal | None
    diastolic_value: Decimal | None
    numeric_value: Decimal | None
    unit: str
    is_abnormal: bool | None
    confidence_score: Score
    ai_interpretation: str
    measurement_date: date | None
    source: Source


class ReportSummary(msgspec.Struct, kw_only=True, frozen=True):
    """How the report came about."""

    processing_time_seconds: Annotated[Decimal, Meta(description="To the millisecond.", examples=[1.25])]
    lab_results_count: int
    vitals_count: int
    model_used: str
    analyst: str


class ReportAnswer(Answer, kw_only=True):
    """A report for a doctor: the fields of a document's result, and the report by its sections. With `Accept:
    application/pdf` as the first type, a PDF to print."""

    job_id: ReportId
    content_id: str
    title: str
    summary: str
    detailed_interpretation: Markdown
    confidence_score: Score
    document_date: date | None
    medical_flags: list[str]
    lab_results: list[ReportedLab]
    vitals: list[ReportedVital]
    disclaimers: list[str]
    generated_at: datetime
    processing_summary: ReportSummary
    report: DoctorReport
