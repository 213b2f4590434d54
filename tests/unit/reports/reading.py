"""Short ways to make values, orders and reports for tests."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from chalicelib.gateways.analyst.local.talking import narrative_of
from chalicelib.gateways.analyst.talk import ReportRequest
from chalicelib.reports.assembled import assembled, facts_of
from chalicelib.reports.compose import Written, compose
from chalicelib.reports.contract import DoctorReportRequest, ReportAnswer
from chalicelib.reports.intake import Found, Intake
from chalicelib.reports.request import StoredRequest, gathered
from chalicelib.rules import Rules

TODAY = date(2026, 3, 14)
JOB = "report_6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11"


def read(document: Any) -> Found:
    """Read a JSON document as the app sends it; a text is JSON already."""
    intake = Intake(TODAY)
    text = document if isinstance(document, str) else json.dumps(document)
    intake.read(msgspec.json.Decoder(float_hook=Decimal).decode(text))
    return intake.found


def lab(name: str, value: Any, unit: str | None, day: str | None = None, **more: Any) -> dict[str, Any]:
    """One laboratory value in the shape of a result."""
    return {"test_name": name, "test_value": value, "test_unit": unit, "test_date": day, **more}


def wanted(body: dict[str, Any], results: tuple[Any, ...] = ()) -> StoredRequest:
    """An order, as it is stored."""
    request = msgspec.json.decode(json.dumps(body), type=DoctorReportRequest)
    return gathered(request, results, TODAY, Rules())


def report_of(*labs: dict[str, Any], vitals: Any = (), **preferences: Any) -> ReportAnswer:
    """A report of some values, with the local analyst's words."""
    body = {"medical_data": {"lab_results": labs, "vitals": vitals}, "report_preferences": preferences}
    return composed(wanted(body))


def composed(request: StoredRequest) -> ReportAnswer:
    """The report of an order."""
    narrative = narrative_of(ReportRequest(owner_id="somebody", facts=facts_of(assembled(request))))
    at = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
    return compose(request, Written(narrative, narrative), job_id=JOB, at=at, seconds=1.5, analyst="local")
