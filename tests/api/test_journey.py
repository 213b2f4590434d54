"""The main job over HTTP: sign in, hand in a real laboratory report, get it explained, have the use counted."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest

from tests.api.service import LAB_REPORTS, SAMPLE, Service, minutes, refused, succeeded

EXPECTED = json.loads((LAB_REPORTS / "pathology-panel-10-pages.expected.json").read_text(encoding="utf-8"))


def _used(service: Service, token: str) -> int:
    used: int = succeeded(service.call("GET", "/subscriptions/current", token=token))["usage"]["documents_processed"]
    return used


def _explained(service: Service, token: str) -> dict[str, Any]:
    job = service.upload(token, SAMPLE.read_bytes(), "pathology-panel.pdf")
    assert job["status"] == "processing"
    assert job["polling_endpoint"].endswith(f"/status/{job['job_id']}")
    assert succeeded(service.call("GET", job["polling_endpoint"], token=token))["status"] == "processing"
    refused(service.call("GET", f"/api/v1/process/result/{job['job_id']}", token=token), 409, "RESULT_NOT_READY")
    assert service.deliver_uploads() == 1
    assert succeeded(service.call("GET", job["polling_endpoint"], token=token))["status"] == "completed"
    return succeeded(service.call("GET", f"/api/v1/process/result/{job['job_id']}", token=token))


@pytest.mark.parametrize("provider_name", ["google", "apple"])
def test_a_real_report_goes_from_sign_in_to_result(service: Service, provider_name: str) -> None:
    signed_in = service.sign_in(provider_name)
    token = signed_in["access_token"]
    assert signed_in["user"]["is_new_user"] is True
    assert signed_in["user"]["auth_provider"] == provider_name
    result = _explained(service, token)
    abnormal = {row["test_name"] for row in result["lab_results"] if row["is_abnormal"]}
    assert abnormal == {row["test_name"] for row in EXPECTED["lab_results"] if row["is_abnormal"]}
    assert len(abnormal) == 7
    assert result["document_date"] == EXPECTED["document_date"]
    assert len(result["disclaimers"]) == 4
    assert 1 <= result["confidence_score"] <= 10
    assert result["processing_summary"]["lab_results_count"] == len(result["lab_results"])
    assert {row["content_id"] for row in result["lab_results"]} == {result["content_id"]}
    assert _used(service, token) == 1


def test_the_same_event_twice_is_one_analysis_and_one_unit(service: Service) -> None:
    token = service.sign_in()["access_token"]
    first = _explained(service, token)
    service._delivered.clear()
    assert service.deliver_uploads() == 1
    again = succeeded(service.call("GET", f"/api/v1/process/result/{first['job_id']}", token=token))
    assert again == first
    assert _used(service, token) == 1


def test_the_same_upload_twice_is_one_job_and_one_unit(service: Service) -> None:
    token = service.sign_in()["access_token"]
    first = service.upload(token, SAMPLE.read_bytes())
    second = service.upload(token, SAMPLE.read_bytes())
    other = service.upload(token, SAMPLE.read_bytes(), upload_timestamp="2026-03-14T09:31:00Z")
    assert first["job_id"] == second["job_id"] != other["job_id"]
    assert _used(service, token) == 2


def test_the_sixth_document_of_a_month_waits_for_the_next(service: Service) -> None:
    token = service.sign_in()["access_token"]
    for number in range(5):
        service.upload(token, SAMPLE.read_bytes(), upload_timestamp=f"{number}")
        service.clock.advance(minutes(1))
    spent = refused(
        service.upload_answer(token, SAMPLE.read_bytes(), upload_timestamp="5"), 402, "USAGE_LIMIT_EXCEEDED"
    )
    assert (spent["details"]["used"], spent["details"]["limit"]) == (5, 5)
    assert spent["details"]["resets_at"].startswith("2026-04-14")


def test_a_document_that_is_not_medical_fails_and_costs_nothing(service: Service) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(BytesIO())
    for number, line in enumerate(["The fox met the crow in the wood.", "They spoke of cheese for a long while."] * 12):
        canvas.drawString(72, 760 - 24 * number, line)
    story = canvas.getpdfdata()
    token = service.sign_in()["access_token"]
    job = service.upload(token, story, "story.pdf")
    service.deliver_uploads()
    status = succeeded(service.call("GET", job["polling_endpoint"], token=token))
    assert status["status"] == "failed"
    assert status["error_message"]
    failed = refused(service.call("GET", f"/api/v1/process/result/{job['job_id']}", token=token), 409, "JOB_FAILED")
    assert failed["details"]["error_code"] == "INVALID_MEDICAL_DOCUMENT"
    assert _used(service, token) == 0


def test_after_a_cleanup_nothing_is_left(service: Service) -> None:
    token = service.sign_in()["access_token"]
    job_id = _explained(service, token)["job_id"]
    for _ in range(2):
        succeeded(service.call("DELETE", f"/api/v1/process/cleanup/{job_id}", token=token))
    refused(service.call("GET", f"/api/v1/process/result/{job_id}", token=token), 404, "JOB_NOT_FOUND")
    refused(service.call("GET", f"/api/v1/process/status/{job_id}", token=token), 404, "JOB_NOT_FOUND")


def test_a_foreign_an_unknown_and_an_impossible_job_are_the_same_404(service: Service) -> None:
    owner = service.sign_in(claims={"sub": "owner"})["access_token"]
    other = service.sign_in(claims={"sub": "other", "email": "other@example.org"})["access_token"]
    job_id = service.upload(owner, SAMPLE.read_bytes())["job_id"]
    unknown = "result_00000000-0000-4000-8000-000000000000"
    for kind in ("status", "result"):
        answers = []
        for one in (job_id, unknown, "x", "..", "%2e%2e", "result_" + "9" * 300):
            answer = service.call(
                "GET", f"/api/v1/process/{kind}/{one}", token=other, headers={"X-Request-ID": "same-same"}
            )
            refused(answer, 404, "JOB_NOT_FOUND")
            answers.append(answer.body)
        assert len(set(answers)) == 1
    refused(service.call("DELETE", f"/api/v1/process/cleanup/{job_id}", token=other), 404, "JOB_NOT_FOUND")
    assert succeeded(service.call("GET", f"/api/v1/process/status/{job_id}", token=owner))["status"] == "processing"


def test_the_month_ends_and_the_count_starts_anew(service: Service) -> None:
    signed_in = service.sign_in()
    _explained(service, signed_in["access_token"])
    service.clock.advance(minutes(60 * 24 * 32))
    service.tick("sweep_usage")
    from chalicelib.config import settings

    assert service.deliver_messages(settings().resets_queue, "reset_usage_batch") == 1
    token = service.sign_in()["access_token"]
    assert _used(service, token) == 0
