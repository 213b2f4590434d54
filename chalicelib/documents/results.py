"""Results and failures as they lie in the bucket: an analyst's findings with ids, ready to be answered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

import msgspec

from chalicelib.documents.contract import LabResult, ProcessingSummary, ResultAnswer, Vital
from chalicelib.gateways.analyst.findings import Analysis, LabFinding, VitalFinding
from chalicelib.ids import derived_id
from chalicelib.web.response import encode

_MILLISECOND: Final = Decimal("0.001")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job has no result, as it lies under `failures/`."""

    job_id: str
    error_code: str
    error_message: str
    failed_at: datetime


def document_id(job_id: str) -> str:
    """The UUID of a document, and of the content that its result is: that of its job."""
    return str(UUID(job_id.partition("_")[2]))


def compose(analysis: Analysis, *, job_id: str, analyst: str, at: datetime, seconds: float) -> ResultAnswer:
    """Give the findings their ids. The same findings of the same job get the same ids."""
    content_id = document_id(job_id)
    return ResultAnswer(
        job_id=job_id,
        content_id=content_id,
        title=analysis.title,
        summary=analysis.summary,
        detailed_interpretation=analysis.detailed_interpretation,
        confidence_score=analysis.confidence_score,
        document_date=analysis.document_date,
        medical_flags=list(analysis.medical_flags),
        lab_results=[_lab(content_id, number, found) for number, found in enumerate(analysis.lab_results)],
        vitals=[_vital(content_id, number, found) for number, found in enumerate(analysis.vitals)],
        disclaimers=list(analysis.disclaimers),
        generated_at=at,
        processing_summary=ProcessingSummary(
            processing_time_seconds=Decimal(seconds).quantize(_MILLISECOND),
            lab_results_count=len(analysis.lab_results),
            vitals_count=len(analysis.vitals),
            model_used=analysis.model_used,
            analyst=analyst,
        ),
    )


def _lab(content_id: str, number: int, found: LabFinding) -> LabResult:
    own: dict[str, Any] = {"id": derived_id(content_id, "lab", str(number)), "content_id": content_id}
    return LabResult(**own, **msgspec.structs.asdict(found))


def _vital(content_id: str, number: int, found: VitalFinding) -> Vital:
    own: dict[str, Any] = {"id": derived_id(content_id, "vital", str(number)), "content_id": content_id}
    return Vital(**own, **msgspec.structs.asdict(found))


def write(document: ResultAnswer | Failure) -> bytes:
    """Write a result or a failure as JSON: decimals as numbers with exactly their digits."""
    return encode(document).encode()


@cache
def _result_decoder() -> msgspec.json.Decoder[ResultAnswer]:
    # A laboratory value is a number or a text, to msgspec "anything": without the hook its digits were a float's.
    return msgspec.json.Decoder(ResultAnswer, float_hook=Decimal)


def read_result(content: bytes) -> ResultAnswer:
    """Read a stored result back, digit by digit as it was written."""
    return _result_decoder().decode(content)


def read_failure(content: bytes) -> Failure:
    """Read a stored failure back."""
    return msgspec.json.decode(content, type=Failure)
