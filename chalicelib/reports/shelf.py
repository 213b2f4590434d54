"""Results of every kind at one address: of documents as they are, of reports as JSON or as a PDF to print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from chalicelib.observe.log import log
from chalicelib.reports.contract import ReportAnswer
from chalicelib.reports.doors import Documents
from chalicelib.reports.jobs import is_report
from chalicelib.web.request import Caller
from chalicelib.web.response import Raw

PDF: Final = "application/pdf"

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Shelf(Generic[D]):
    """Hands out results."""

    documents: Documents[D]

    def result(self, caller: Caller, job_id: str, accept: str | None) -> D | ReportAnswer | Raw:
        """Return what a job made. `accept` is the request's header: where `application/pdf` is its first type a report
        comes as a PDF, the same bytes each time.

        Raises:
            NotFound: JOB_NOT_FOUND. Conflict: RESULT_NOT_READY, or JOB_FAILED with `details.error_code`.
        """
        if not is_report(job_id):
            return self.documents.result(caller, job_id)
        from chalicelib.reports.compose import read_report

        report = read_report(self.documents.stored(caller, job_id))
        if not wants_pdf(accept):
            return report
        from chalicelib.reports.printed import printed

        content = printed(report)
        log("report_printed", job_id=job_id, size=len(content))
        return Raw(
            body=content,
            content_type=PDF,
            headers={"Content-Disposition": 'attachment; filename="doctor-report.pdf"'},
        )


def wants_pdf(accept: str | None) -> bool:
    """Whether the first type of an Accept header is a PDF. The first alone: by it API Gateway decides whether an answer
    is turned back into bytes, and whoever lists a PDF second would get base64."""
    first = (accept or "").split(",", 1)[0].split(";", 1)[0]
    return first.strip().lower() == PDF
