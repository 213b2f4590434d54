"""What the documents room takes and gives over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.gateways.analyst.findings import Source, TestCategory, VitalType
from chalicelib.web.links import Link
from chalicelib.web.response import Answer

JobId = Annotated[
    str, Meta(description="`result_` and a UUID.", examples=["result_0b7c1c1e-8a52-5d0e-9b5e-0d9a4c3f6a11"])
]
Score = Annotated[Decimal, Meta(description="From 1 to 10, one decimal.", examples=[9.5])]
_UPLOAD_ERRORS = (
    "400 UNSUPPORTED_FILE_TYPE",
    "400 FILE_VALIDATION_FAILED",
    "402 USAGE_LIMIT_EXCEEDED",
    "403 CONSENT_REQUIRED",
    "413 FILE_TOO_LARGE",
)


class ShownState(StrEnum):
    """Where a job stands, in the app's words."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"


class UploadForm(msgspec.Struct, kw_only=True):
    """The fields of a multipart upload. What is declared beside the file is checked, not trusted.

    Pictures of several pages are several parts `file` or `pages`, in order: they are one document, and one job.
    """

    file: Annotated[
        str,
        Meta(
            description="The document: PDF, JPG or PNG, up to 5 MiB. Up to ten pictures, with 5 MiB in all, are the "
            "pages of one document.",
            extra_json_schema={"format": "binary"},
        ),
    ]
    file_type: Annotated[str | UnsetType, Meta(description="pdf, jpg, jpeg or png.", examples=["pdf"])] = UNSET
    file_size: Annotated[int | UnsetType, Meta(description="In bytes, of all files together.")] = UNSET
    pages: Annotated[int | UnsetType, Meta(description="How many files there are; checked if it is sent.")] = UNSET
    upload_timestamp: Annotated[
        str | UnsetType,
        Meta(description="With the same bytes and timestamp a repeated upload is the same job and costs one unit."),
    ] = UNSET


class UploadAnswer(Answer, kw_only=True):
    """The document is taken and will be analysed."""

    ERRORS: ClassVar = (
        "400 NO_FILE_PROVIDED",
        *_UPLOAD_ERRORS,
        "409 UPLOAD_ALREADY_CLEANED_UP",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("show_job_status", {"job_id": "/job_id"}),
        Link("show_job_result", {"job_id": "/job_id"}),
        Link("clean_up_job", {"job_id": "/job_id"}),
    )

    job_id: JobId
    status: ShownState
    estimated_completion_seconds: int
    polling_endpoint: Annotated[str, Meta(description="The path that tells where the job stands.")]
    document_id: Annotated[str, Meta(description="A UUID; the result's `content_id`.")]
    file_name: Annotated[str, Meta(description="The name that was sent, made harmless to show.")]
    mime_type: Annotated[str, Meta(examples=["application/pdf"])]
    file_size_bytes: int
    page_count: Annotated[int, Meta(description="Pictures of several pages become one PDF.", examples=[1])]
    uploaded_at: datetime


class PageToUpload(msgspec.Struct, kw_only=True):
    """A picture of one page that is to go straight to the object store."""

    file_type: Annotated[str, Meta(description="jpg, jpeg or png.", examples=["jpg"])]
    file_size: Annotated[int, Meta(description="In bytes, exactly.", examples=[182044])]
    checksum_sha256: Annotated[
        str | None, Meta(description="SHA-256 of the bytes, as 64 hexadecimal digits or as base64.")
    ] = None


class UploadUrlRequest(msgspec.Struct, kw_only=True):
    """A document that is to go straight to the object store, or the pictures of its pages."""

    ERROR_CODES: ClassVar[dict[str, str]] = {
        "file_type": "UNSUPPORTED_FILE_TYPE",
        "file_size": "FILE_VALIDATION_FAILED",
        "checksum_sha256": "FILE_VALIDATION_FAILED",
        "pages": "FILE_VALIDATION_FAILED",
    }

    file_type: Annotated[
        str | None, Meta(description="pdf, jpg, jpeg or png. Needed unless there are `pages`.", examples=["pdf"])
    ] = None
    file_size: Annotated[
        int | None,
        Meta(description="In bytes, exactly; up to 10 MiB. Needed unless there are `pages`.", examples=[182044]),
    ] = None
    checksum_sha256: Annotated[
        str | None, Meta(description="SHA-256 of the bytes, as 64 hexadecimal digits or as base64.")
    ] = None
    pages: Annotated[
        list[PageToUpload] | None,
        Meta(description="Up to ten pictures, up to 10 MiB in all, in the order of the document's pages."),
    ] = None


class PresignedForm(msgspec.Struct, kw_only=True, frozen=True):
    """A form to be posted as `multipart/form-data`: all fields, then the file as `file`."""

    url: str
    fields: dict[str, str]


class UploadUrlAnswer(Answer, kw_only=True):
    """A unit is reserved, and given back unless the document arrives in time."""

    ERRORS: ClassVar = (*_UPLOAD_ERRORS, "409 UPLOAD_ALREADY_RECEIVED", "409 UPLOAD_EXPIRED")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("show_job_status", {"job_id": "/job_id"}),)

    job_id: JobId
    upload: PresignedForm
    uploads: Annotated[
        list[PresignedForm] | UnsetType,
        Meta(description="Where there are `pages`: a form for each, in order. The analysis starts with the last."),
    ] = UNSET
    expires_at: datetime


class JobShown(msgspec.Struct, kw_only=True):
    """A job in a list."""

    job_id: JobId
    content_type: Annotated[str, Meta(description="result or report.", examples=["result"])]
    status: ShownState
    retry_count: int
    uploaded_at: datetime
    finished_at: datetime | None
    progress: int | UnsetType = UNSET
    error_code: str | UnsetType = UNSET
    error_message: str | UnsetType = UNSET


class JobsAnswer(Answer, kw_only=True):
    """The caller's jobs, newest first."""

    ERRORS: ClassVar = ("400 INVALID_LIMIT", "400 INVALID_CURSOR")
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("list_jobs", {"cursor": "/next_cursor"}),
        Link("show_job_status", {"job_id": "/jobs/0/job_id"}),
    )

    jobs: list[JobShown]
    next_cursor: Annotated[str | None, Meta(description="To ask for the next page with; null at the end.")]


class StatusAnswer(Answer, kw_only=True):
    """Where a job stands."""

    ERRORS: ClassVar = ("404 JOB_NOT_FOUND",)
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("show_job_result", {"job_id": "/job_id"}),
        Link("retry_job", {"job_id": "/job_id"}),
    )

    job_id: JobId
    status: ShownState
    retry_count: Annotated[int, Meta(description="Tries after the first, automatic or asked for.")]
    progress: Annotated[int | UnsetType, Meta(description="Percent, an estimate.", examples=[40])] = UNSET
    error_message: Annotated[str | UnsetType, Meta(description="Why there is no result, in plain words.")] = UNSET


class LabResult(msgspec.Struct, kw_only=True):
    """One line of a laboratory report."""

    id: str
    content_id: str
    test_name: str
    test_category: TestCategory
    test_value: Annotated[
        Any,
        Meta(
            description="A number with exactly the document's digits, or text for a result in words.",
            examples=[5.10, "Negative"],
            extra_json_schema={"type": ["number", "string"]},
        ),
    ]
    test_unit: str | None
    reference_range_low: Decimal | None
    reference_range_high: Decimal | None
    reference_range_text: Annotated[str | None, Meta(description="The range as printed.")]
    is_abnormal: Annotated[bool | None, Meta(description="null where the document gives neither range nor flag.")]
    confidence_score: Score
    ai_interpretation: str
    test_date: date | None
    source: Annotated[Source, Meta(description="The page, from 1, and the line as read.")]


class Vital(msgspec.Struct, kw_only=True):
    """One vital sign. Blood pressure has a systolic and a diastolic value, everything else `numeric_value`."""

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


class ProcessingSummary(msgspec.Struct, kw_only=True):
    """How the result came about."""

    processing_time_seconds: Annotated[Decimal, Meta(description="To the millisecond.", examples=[1.25])]
    lab_results_count: int
    vitals_count: int
    model_used: str
    analyst: str


class ResultAnswer(Answer, kw_only=True):
    """What a document says; readable again and again until it is cleaned up."""

    ERRORS: ClassVar = ("404 JOB_NOT_FOUND", "409 RESULT_NOT_READY", "409 JOB_FAILED")
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("answer_chat_message", body={"attached_document_ids": ["/job_id"]}),
        Link("take_chat_message", body={"content_id": "/content_id"}),
        Link("order_doctor_report", body={"document_ids": ["/job_id"]}),
        Link("clean_up_job", {"job_id": "/job_id"}),
    )

    job_id: JobId
    content_id: str
    title: str
    summary: str
    detailed_interpretation: Annotated[str, Meta(description="Markdown.")]
    confidence_score: Score
    document_date: date | None
    medical_flags: list[str]
    lab_results: list[LabResult]
    vitals: list[Vital]
    disclaimers: list[str]
    generated_at: datetime
    processing_summary: ProcessingSummary


class RetryAnswer(Answer, kw_only=True):
    """The job is tried again; that costs no unit."""

    ERRORS: ClassVar = (
        "404 JOB_NOT_FOUND",
        "409 JOB_ALREADY_COMPLETED",
        "409 JOB_IN_PROGRESS",
        "429 RETRY_LIMIT_REACHED",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (Link("show_job_status", {"job_id": "/job_id"}),)

    job_id: JobId
    status: ShownState
    retry_count: int


class CleanupAnswer(Answer, kw_only=True):
    """Document, result and job are gone, whether by this call or an earlier one."""

    ERRORS: ClassVar = ("404 JOB_NOT_FOUND",)

    job_id: JobId
    message: str
