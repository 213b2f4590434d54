"""What is kept of an order until it is written: the values, cleaned, and how the report is to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from chalicelib import errors
from chalicelib.reports.contract import DoctorReportRequest, ReportPreferences
from chalicelib.reports.intake import Intake
from chalicelib.reports.jobs import missing
from chalicelib.reports.measurements import Measurement
from chalicelib.reports.series import limited
from chalicelib.rules import Rules

REQUEST_LIMIT_BYTES: Final = 4 * 1024 * 1024
"""Far above a thousand values; a bound on what is read into memory."""


class StoredRequest(msgspec.Struct, kw_only=True, frozen=True):
    """An order as it lies in the bucket. `left_out` counts values beyond the most that go into a report, `unreadable`
    those that are none."""

    values: tuple[Measurement, ...]
    preferences: ReportPreferences
    left_out: int = 0
    unreadable: int = 0
    has_trends: bool = True


def gathered(request: DoctorReportRequest, results: Sequence[Any], today: date, rules: Rules) -> StoredRequest:
    """Put together what was sent and what stored results say; `results` are their contents as JSON values.

    Raises:
        InvalidRequest: INVALID_JSON; MISSING_HEALTH_DATA where there is no value in all of it.
    """
    intake = Intake(today)
    for part in (request.health_data, request.medical_data):
        if isinstance(part, msgspec.Raw):
            intake.read(_decoded(part))
    for result in results:
        intake.read({name: result.get(name) for name in ("document_date", "lab_results", "vitals")})
    values, left_out = limited(intake.found.values, rules.report_most_values, rules.report_most_values_per_test)
    if not values:
        raise missing()
    return StoredRequest(
        values=tuple(values),
        preferences=request.report_preferences or ReportPreferences(),
        left_out=left_out,
        unreadable=intake.found.unreadable,
    )


def write_request(request: StoredRequest) -> bytes:
    """Write an order; the same order gives the same bytes."""
    return msgspec.json.encode(request)


def read_request(content: bytes) -> StoredRequest:
    """Read an order back."""
    return msgspec.json.decode(content, type=StoredRequest)


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    # A float would lose digits: 5.10 is not 5.1 on a laboratory's paper.
    return msgspec.json.Decoder(float_hook=Decimal)


def _decoded(part: msgspec.Raw) -> Any:
    try:
        return _decoder().decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError) as wrong:
        raise errors.InvalidRequest("INVALID_JSON", "The body is not valid JSON.") from wrong
