"""Export and erasure over HTTP: what the app sends and reads, from sign-in to the receipt."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from chalicelib.config import settings
from tests.api.service import SAMPLE, Service, refused, succeeded

WISH = {"confirmation_text": "DELETE", "deletion_reason": None, "include_audit_anonymization": True}


def everything_stored() -> str:
    client = boto3.client("dynamodb", region_name=settings().region)
    items = client.scan(TableName=settings().table_name)["Items"]
    objects = boto3.client("s3", region_name=settings().region).list_objects_v2(Bucket=settings().bucket_name)
    return json.dumps(items) + json.dumps([one["Key"] for one in objects.get("Contents", [])])


def erased(service: Service, token: str) -> dict[str, Any]:
    answer = succeeded(service.call("POST", "/gdpr/erasure-request", WISH, token=token))
    assert service.deliver_messages(settings().erasures_queue, "carry_erasure_on") == 1
    return answer


def test_an_export_over_http_is_one_document(service: Service) -> None:
    signed_in = service.sign_in()
    service.upload(signed_in["access_token"], SAMPLE.read_bytes())
    service.deliver_uploads()
    document = succeeded(service.call("GET", "/gdpr/export", token=signed_in["access_token"]))
    parts = {part["name"]: part["items"] for part in document["parts"]}
    assert parts["user"][0]["data"]["email"] == signed_in["user"]["email"]
    assert len(parts["consent_entry"]) == 5
    assert len(parts["job"]) == 1
    assert {file["kind"] for file in document["files"]["items"]} == {"document", "result"}
    assert document["download"] is None


def test_a_person_is_erased_and_gets_a_receipt_and_may_come_back_as_somebody_new(service: Service) -> None:
    signed_in = service.sign_in()
    token, user = signed_in["access_token"], signed_in["user"]
    service.upload(token, SAMPLE.read_bytes())
    service.deliver_uploads()
    answer = erased(service, token)
    assert answer["status"] == "initiated"
    assert isinstance(answer["estimated_completion_hours"], int)
    status = succeeded(service.call("GET", f"/gdpr/erasure-status/{answer['erasure_request_id']}"))
    assert status["status"] == "completed"
    assert set(status["progress"]) == set(answer["deletion_categories"])
    assert len(status["verification_hash"]) == 64
    assert status["completion_date"].endswith("Z")
    assert status["deletion_summary"]["kept"] == {"consent_entry": 5}
    assert user["id"] not in everything_stored()
    refused(service.call("GET", "/user/profile", token=token), 404, "PROFILE_NOT_FOUND")
    refused(service.call("GET", "/gdpr/export", token=token), 401, "SESSION_REVOKED")
    for _ in range(30):
        service.call("GET", "/user/profile", token=token)
    assert "LIMIT#general#" in everything_stored(), "counted, and not by name"
    body = {"refresh_token": signed_in["refresh_token"], "device_id": "phone-1"}
    refused(service.call("POST", "/auth/refresh", body), 401, "SESSION_REVOKED")
    assert user["id"] not in everything_stored(), "a token that is still good brings nothing back"
    anew = service.sign_in()
    assert anew["user"]["is_new_user"] is True
    assert anew["user"]["id"] != user["id"]


def test_while_the_erasure_runs_the_account_is_closed_and_nobody_can_sign_in(service: Service) -> None:
    signed_in = service.sign_in()
    answer = succeeded(service.call("POST", "/gdpr/erasure-request", WISH, token=signed_in["access_token"]))
    refused(service.call("GET", "/user/profile", token=signed_in["access_token"]), 403, "ACCOUNT_SUSPENDED")
    refused(service.sign_in_answer(), 403, "ACCOUNT_SUSPENDED")
    body = {"refresh_token": signed_in["refresh_token"], "device_id": "phone-1"}
    refused(service.call("POST", "/auth/refresh", body), 403, "ACCOUNT_SUSPENDED")
    status = succeeded(service.call("GET", f"/gdpr/erasure-status/{answer['erasure_request_id']}"))
    assert status["status"] == "initiated"
    assert status["progress"]["sessions"] == "completed"
    assert status["deletion_summary"] is None


def test_a_lost_erasure_is_found_by_the_schedule(service: Service) -> None:
    signed_in = service.sign_in()
    answer = succeeded(service.call("POST", "/gdpr/erasure-request", WISH, token=signed_in["access_token"]))
    queue = settings().erasures_queue
    sqs = boto3.client("sqs", region_name=settings().region)
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])
    service.clock.advance(settings().rules.erasure_overdue_after * 2)
    service.tick("sweep_erasures")
    assert service.deliver_messages(queue, "carry_erasure_on") == 1
    status = succeeded(service.call("GET", f"/gdpr/erasure-status/{answer['erasure_request_id']}"))
    assert status["status"] == "completed"


@pytest.mark.parametrize("body", [{}, {"confirmation_text": "delete"}, {"confirmation_text": 1}])
def test_anything_but_the_word_is_refused(service: Service, body: dict[str, Any]) -> None:
    token = service.sign_in()["access_token"]
    refused(service.call("POST", "/gdpr/erasure-request", body, token=token), 400, "INVALID_CONFIRMATION")
    succeeded(service.call("GET", "/user/profile", token=token))


def test_unknown_requests_are_one_answer(service: Service) -> None:
    answers = set()
    for one in ("x", "A" * 43, "%2e%2e", "9" * 300):
        answer = service.call("GET", f"/gdpr/erasure-status/{one}", headers={"X-Request-ID": "same-same"})
        refused(answer, 404, "ERASURE_REQUEST_NOT_FOUND")
        answers.add(answer.body)
    assert len(answers) == 1
