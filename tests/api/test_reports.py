"""Reports through the whole service: ordered, written by the queue's function, read as JSON and as a PDF."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest
import urllib3
from chalice.config import Config
from chalice.local import LocalDevServer
from chalice.test import HTTPResponse

import app as page
from chalicelib import config
from tests.api.service import SAMPLE, Service, minutes, refused, succeeded
from tests.api.witness import watching

ORDER = "/api/v1/process/doctor-report"
VALUES = {
    "labResults": [
        {"testName": "Ferritin", "value": value, "unit": "µg/L", "referenceRange": "15 - 150", "date": day}
        for value, day in ((8, "2025-01-05"), (12.53, "2025-06-05"), (31, "2026-03-01"))
    ],
    "vitals": {"bloodPressure": "148/92"},
}


@pytest.fixture
def token(service: Service) -> str:
    """Somebody who signed up just now, and is on the free plan."""
    return str(service.sign_in()["access_token"])


def _deliver(service: Service) -> int:
    return service.deliver_messages(config.settings().retries_queue, "retry_analysis")


def _result(service: Service, token: str, job_id: str, accept: str | None = None) -> HTTPResponse:
    headers = {} if accept is None else {"Accept": accept}
    return service.call("GET", f"/api/v1/process/result/{job_id}", token=token, headers=headers)


def _written(service: Service, token: str, **body: Any) -> str:
    job_id = succeeded(service.call("POST", ORDER, body or {"health_data": VALUES}, token=token))["job_id"]
    assert _deliver(service) == 1
    return str(job_id)


def test_a_report_is_ordered_written_and_read(service: Service, token: str) -> None:
    answer = service.call("POST", ORDER, {"health_data": VALUES}, token=token)
    body = succeeded(answer)
    assert (answer.status_code, body["status"]) == (202, "processing")
    assert body["job_id"].startswith("report_")
    status = succeeded(service.call("GET", body["polling_endpoint"], token=token))
    assert status["status"] == "processing"
    refused(_result(service, token, body["job_id"]), 409, "RESULT_NOT_READY")

    assert _deliver(service) == 1

    assert succeeded(service.call("GET", body["polling_endpoint"], token=token))["status"] == "completed"
    result = succeeded(_result(service, token, body["job_id"], "application/json"))
    assert [one["test_value"] for one in result["lab_results"]] == [8, 12.53, 31]
    (trend,) = result["report"]["trends"]
    assert (trend["test_name"], trend["course"], trend["latest_standing"]) == ("Ferritin", "rising", "within")
    assert set(result) >= {"title", "summary", "detailed_interpretation", "medical_flags", "vitals", "disclaimers"}


def test_a_report_comes_as_a_pdf_to_whoever_accepts_one(service: Service, token: str) -> None:
    job_id = _written(service, token)

    answer = _result(service, token, job_id, "application/pdf")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body.startswith(b"%PDF-")
    assert answer.body == _result(service, token, job_id, "application/pdf;q=1, */*").body


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, application/pdf", "text/html"])
def test_everybody_else_gets_json(service: Service, token: str, accept: str | None) -> None:
    answer = _result(service, token, _written(service, token), accept)

    assert answer.headers["Content-Type"] == "application/json"
    assert succeeded(answer)["title"] == "Report for your doctor"


def test_the_deployed_shape_of_a_pdf_is_base64_and_says_so(service: Service, token: str) -> None:
    """What API Gateway is given: without the flag it would hand out base64 to print."""
    job_id = _written(service, token)
    event = {
        "resource": "/api/v1/process/result/{job_id}",
        "path": f"/api/v1/process/result/{job_id}",
        "httpMethod": "GET",
        "headers": {"Authorization": f"Bearer {token}", "Accept": "application/pdf"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"job_id": job_id},
        "stageVariables": {},
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": "/api/v1/process/result/{job_id}", "httpMethod": "GET", "identity": {"sourceIp": "1.2.3.4"},
        },
    }  # fmt: skip

    answer = page.app(event, None)

    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert base64.b64decode(answer["body"]).startswith(b"%PDF-")
    assert "application/pdf" in page.app.api.binary_types
    event["headers"] = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    plain = page.app(event, None)
    assert plain.get("isBase64Encoded", False) is False
    assert json.loads(plain["body"])["job_id"] == job_id


def test_an_error_of_somebody_who_wants_a_pdf_is_readable(service: Service, token: str) -> None:
    missing = "report_6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11"

    refused(_result(service, token, missing, "application/pdf"), 404, "JOB_NOT_FOUND")


def test_the_result_of_a_document_is_json_whatever_is_accepted(service: Service, token: str) -> None:
    job_id = service.upload(token, SAMPLE.read_bytes())["job_id"]
    service.deliver_uploads()

    assert succeeded(_result(service, token, job_id, "application/pdf"))["lab_results"]


def test_a_document_that_was_read_goes_into_a_report(service: Service, token: str) -> None:
    document = service.upload(token, SAMPLE.read_bytes())
    service.deliver_uploads()
    read = succeeded(_result(service, token, document["job_id"]))

    job_id = _written(service, token, document_ids=[document["document_id"]])
    report = succeeded(_result(service, token, job_id))

    assert len(report["lab_results"]) >= 0.9 * len(read["lab_results"])
    assert _result(service, token, job_id, "application/pdf").body.startswith(b"%PDF-")


def test_the_second_report_and_one_after_a_week_need_premium(service: Service, token: str) -> None:
    _written(service, token)
    error = refused(service.call("POST", ORDER, {"health_data": {"ldl": 120}}, token=token), 403, "PREMIUM_REQUIRED")
    assert error["details"]["upgrade_url"].startswith("serenya://")

    late = service.sign_in(claims={"sub": "somebody-else", "email": "else@example.com"})
    service.clock.advance(minutes(7 * 24 * 60))
    again = service.sign_in(claims={"sub": "somebody-else", "email": "else@example.com"})
    assert late["user"]["id"] == again["user"]["id"]
    sent = service.call("POST", ORDER, {"health_data": VALUES}, token=again["access_token"])
    refused(sent, 403, "PREMIUM_REQUIRED")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MISSING_HEALTH_DATA"),
        (b"{}", "MISSING_HEALTH_DATA"),
        (b"{", "INVALID_JSON"),
        (b"[]", "INVALID_REQUEST"),
        (b'{"health_data": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "INVALID_JSON"),
        (b'{"health_data": {"glucose": NaN}}', "INVALID_JSON"),
        (b'{"document_ids": "x"}', "INVALID_DOCUMENT_IDS"),
        (b'{"document_ids": [5]}', "INVALID_DOCUMENT_IDS"),
        (b'{"health_data": {"glucose": 5}, "report_preferences": {"report_style": "epic"}}', "INVALID_REQUEST"),
        (b'{"health_data": {"glucose": 5}, "report_preferences": {"patient_name": 5}}', "INVALID_REQUEST"),
    ],
)
def test_a_body_that_is_wrong_is_refused_and_takes_nothing(
    service: Service, token: str, body: bytes, code: str
) -> None:
    refused(service.call("POST", ORDER, body, token=token), 400, code)

    assert succeeded(service.call("POST", ORDER, {"health_data": VALUES}, token=token))["job_id"]


def test_five_orders_a_minute_are_all_there_are(service: Service, token: str) -> None:
    answers = [service.call("POST", ORDER, {"health_data": VALUES}, token=token).status_code for _ in range(7)]

    assert answers == [202] * 5 + [429] * 2


def test_a_report_is_cleaned_up_and_in_an_export(service: Service, token: str) -> None:
    job_id = _written(service, token)
    succeeded(service.call("DELETE", f"/api/v1/process/cleanup/{job_id}", token=token))

    refused(_result(service, token, job_id), 404, "JOB_NOT_FOUND")


def test_nothing_of_what_was_sent_is_in_the_logs(service: Service, token: str) -> None:
    body = {"health_data": VALUES, "report_preferences": {"patient_name": "Zoe Secretname"}}
    with watching() as found:
        job_id = _written(service, token, **body)
        _result(service, token, job_id, "application/pdf")

    logged = "\n".join(found.seen)
    assert "report_ordered" in logged
    assert not [word for word in ("Ferritin", "Secretname", "148/92", "12.53") if word in logged]


def test_a_pdf_arrives_whole_over_the_local_server(service: Service, token: str) -> None:
    """`chalice local` decodes what it says is base64; a browser or the app gets the bytes."""
    job_id = _written(service, token)
    server = LocalDevServer(page.app, Config(chalice_stage="local"), "127.0.0.1", 0)
    threading.Thread(target=server.server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server.server_port}/api/v1/process/result/{job_id}"
    try:
        paper, text = (
            urllib3.request("GET", address, headers={"Authorization": f"Bearer {token}", "Accept": accept})
            for accept in ("application/pdf", "application/json")
        )
    finally:
        server.server.shutdown()

    assert (paper.status, paper.headers["Content-Type"]) == (200, "application/pdf")
    assert paper.data.startswith(b"%PDF-")
    assert paper.data.rstrip().endswith(b"%%EOF")
    assert text.json()["job_id"] == job_id
