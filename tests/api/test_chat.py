"""The chat over HTTP, as the app speaks it: prepared questions, answers at once and later, and bad input."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from chalicelib import config
from chalicelib.documents.results import compose, write
from tests.api.service import Service, minutes, refused, succeeded
from tests.rooms.documents_world import an_analysis

VALUES = {
    "lab_results": [{"test_name": "Ferritin", "test_value": 8, "test_unit": "ng/mL", "reference_range": "15-150"}]
}
MESSAGE = {"conversation_id": "conversation-1", "message": "What does this mean?", "context": {"health_data": VALUES}}
LATER = {"content_id": "content-1", "message": "What does this mean?", "structured_data": VALUES}
METADATA = {"confidence_score", "disclaimers", "suggested_follow_ups", "model_used"}


@pytest.fixture
def token(service: Service) -> str:
    """The access token of somebody new."""
    access_token: str = service.sign_in()["access_token"]
    return access_token


def _deliver(service: Service) -> int:
    return service.deliver_messages(config.settings().chat_queue, "answer_question")


def _later(service: Service, token: str, body: Any = None, **headers: str) -> dict[str, Any]:
    answer = service.call("POST", "/api/v1/chat/messages", body or LATER, token=token, headers=headers)
    assert answer.status_code == 202, answer.json_body
    taken: dict[str, Any] = answer.json_body
    return taken


def _status(service: Service, token: str, job_id: str) -> dict[str, Any]:
    return succeeded(service.call("GET", f"/api/v1/chat/jobs/{job_id}/status", token=token))


@pytest.mark.parametrize("path", ["/chat/prompts", "/api/v1/chat/prompts"])
@pytest.mark.parametrize("given", ["result", "results", "report", "REPORTS"])
def test_prepared_questions_come_with_a_tag(service: Service, token: str, path: str, given: str) -> None:
    answer = service.call("GET", f"{path}?content_type={given}", token=token)
    body = succeeded(answer)

    assert body["content_type"] == given.lower().rstrip("s")
    assert body["ttl_seconds"] == 86400
    assert body["generated_at"].endswith("Z")
    assert len(body["prompts"]) == 12
    assert set(body["prompts"][0]) == {
        "id", "content_type", "category", "prompt_text", "full_prompt_text", "display_order", "has_sub_options",
        "requires_health_data",
    }  # fmt: skip
    assert answer.headers["ETag"].startswith('W/"')
    assert "max-age=86400" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("header", ["{}", '"old", {}', "*"])
def test_questions_that_the_app_has_are_not_sent_again(service: Service, token: str, header: str) -> None:
    path = "/chat/prompts?content_type=result"
    tag = service.call("GET", path, token=token).headers["ETag"]
    service.clock.advance(minutes(5))
    again = service.call("GET", path, token=token, headers={"If-None-Match": header.format(tag)})

    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["ETag"] == tag
    assert again.headers["Access-Control-Allow-Origin"] == "*"


def test_a_tag_of_other_questions_is_none_of_these(service: Service, token: str) -> None:
    tag = service.call("GET", "/chat/prompts?content_type=report", token=token).headers["ETag"]
    answer = service.call("GET", "/chat/prompts?content_type=result", token=token, headers={"If-None-Match": tag})

    assert len(succeeded(answer)["prompts"]) == 12


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "MISSING_CONTENT_TYPE"),
        ("?content_type=", "MISSING_CONTENT_TYPE"),
        ("?content_type=x", "INVALID_CONTENT_TYPE"),
    ],
)
def test_a_kind_of_content_is_needed(service: Service, token: str, query: str, code: str) -> None:
    refused(service.call("GET", f"/chat/prompts{query}", token=token), 400, code)


def test_a_message_is_answered_at_once(service: Service, token: str) -> None:
    body = succeeded(service.call("POST", "/chat/messages", MESSAGE, token=token))

    assert (body["conversation_id"], body["role"]) == ("conversation-1", "serenya")
    assert "Your value of 8 ng/mL is low." in body["content"]
    assert set(body["metadata"]) == METADATA
    assert 1 <= body["metadata"]["confidence_score"] <= 10
    assert len(body["metadata"]["disclaimers"]) == 3
    assert body["message_id"]
    assert body["created_at"].endswith("Z")
    assert not [name for name in body if "encrypt" in name]


def test_a_message_can_be_about_a_document_that_is_stored(service: Service, token: str) -> None:
    owner = succeeded(service.call("GET", "/user/profile", token=token))["user"]["id"]
    job_id, settings = "result_6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11", config.settings()
    result = compose(an_analysis(), job_id=job_id, analyst="local", at=service.clock.now(), seconds=1.0)
    boto3.client("s3", region_name=settings.region).put_object(
        Bucket=settings.bucket_name, Key=f"results/{owner}/{job_id}.json", Body=write(result)
    )
    sent = {"conversation_id": "c", "message": "What is this?", "attached_document_ids": [job_id]}
    body = succeeded(service.call("POST", "/chat/messages", sent, token=token))

    assert "Potassium 5.10 mmol/L" in body["content"]
    other = service.sign_in(claims={"sub": "another", "email": "another@example.com"})["access_token"]
    refused(service.call("POST", "/chat/messages", sent, token=other), 404, "DOCUMENT_NOT_FOUND")


def test_a_question_is_answered_later(service: Service, token: str) -> None:
    taken = _later(service, token)
    assert taken["job_id"] == f"chat_{taken['chat_id']}"
    assert isinstance(taken["estimated_completion_seconds"], int)
    assert _status(service, token, taken["job_id"])["status"] == "processing"
    assert "chat_response" not in _status(service, token, taken["job_id"])
    assert _deliver(service) == 1
    found = _status(service, token, taken["job_id"])

    assert found["status"] == "complete"
    response = found["chat_response"]
    assert set(response) == {"chat_id", "content_id", "response", "suggested_follow_ups", "timestamp"}
    assert (response["chat_id"], response["content_id"]) == (taken["chat_id"], "content-1")
    assert "Your value of 8 ng/mL is low." in response["response"]["content"]
    assert response["response"]["sources_referenced"] == ["Ferritin"]
    assert len(response["response"]["medical_disclaimers"]) == 3
    assert response["suggested_follow_ups"]


def test_a_fetched_answer_is_forgotten(service: Service, token: str) -> None:
    job_id = _later(service, token)["job_id"]
    _deliver(service)
    _status(service, token, job_id)
    settings = config.settings()
    sqs = boto3.client("sqs", region_name=settings.region)
    url = sqs.get_queue_url(QueueName=settings.chat_queue)["QueueUrl"]
    waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])
    assert waiting["Attributes"] == {"ApproximateNumberOfMessagesDelayed": "1"}
    owner = succeeded(service.call("GET", "/user/profile", token=token))["user"]["id"]
    # Nobody waits a quarter of an hour for the one that is in the queue.
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"user_id": owner, "job_id": job_id, "forget": True}))
    assert _deliver(service) == 1

    refused(service.call("GET", f"/api/v1/chat/jobs/{job_id}/status", token=token), 404, "JOB_NOT_FOUND")
    listed = boto3.client("s3", region_name=settings.region).list_objects_v2(Bucket=settings.bucket_name)
    assert listed["KeyCount"] == 0


def test_the_same_key_is_the_same_question(service: Service, token: str) -> None:
    first, second = (_later(service, token, **{"Idempotency-Key": "k-1"})["job_id"] for _ in range(2))
    other = _later(service, token, {**LATER, "message": "And now?"}, **{"Idempotency-Key": "k-1"})["job_id"]

    assert first == second
    assert other != first


def test_answers_of_the_chat_are_no_documents(service: Service, token: str) -> None:
    job_id = _later(service, token)["job_id"]
    _deliver(service)
    for method, path in (("GET", "status"), ("GET", "result"), ("POST", "retry"), ("DELETE", "cleanup")):
        answer = service.call(method, f"/api/v1/process/{path}/{job_id}", token=token)
        refused(answer, 404, "JOB_NOT_FOUND")

    assert _status(service, token, job_id)["status"] == "complete"


def test_somebody_elses_question_is_the_same_as_none(service: Service, token: str) -> None:
    job_id = _later(service, token)["job_id"]
    other = service.sign_in(claims={"sub": "another", "email": "another@example.com"})["access_token"]
    none = f"chat_{'0' * 8}-0000-4000-8000-{'0' * 12}"
    answers = [service.call("GET", f"/api/v1/chat/jobs/{one}/status", token=other) for one in (job_id, none)]
    errors = [refused(answer, 404, "JOB_NOT_FOUND") for answer in answers]

    assert {**errors[0], "correlation_id": ""} == {**errors[1], "correlation_id": ""}


def test_there_are_no_conversations_here(service: Service, token: str) -> None:
    refused(service.call("GET", "/chat/conversations/anything", token=token), 404, "CONVERSATION_NOT_FOUND")


ENCRYPTED = {"encrypted_data": {"ciphertext": "AA=="}, "encryption_metadata": {"version": 1}}


@pytest.mark.parametrize("path", ["/chat/messages", "/api/v1/chat/messages"])
@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"message": None}, 400, "INVALID_MESSAGE"),
        ({"message": 5}, 400, "INVALID_MESSAGE"),
        ({"message": ["x"]}, 400, "INVALID_MESSAGE"),
        ({"message": "  \n "}, 400, "INVALID_MESSAGE"),
        ({"message": "x" * 1001}, 400, "MESSAGE_TOO_LONG"),
        ({"conversation_id": None, "content_id": None}, 400, None),
        ({"conversation_id": "", "content_id": ""}, 400, None),
        ({"context": {"prompt_id": "nothing"}, "suggested_prompt_id": "nothing"}, 400, "INVALID_PROMPT_ID"),
        (
            {"context": {"prompt_id": "result_clarify_metric"}, "suggested_prompt_id": "result_clarify_metric",
             "structured_data": None}, 400, "MISSING_METRIC_NAME",
        ),
        ({"context": 5, "structured_data": None, "metric_name": 5}, 400, "INVALID_REQUEST"),
        (ENCRYPTED, 422, "ENCRYPTED_PAYLOAD_UNSUPPORTED"),
    ],
)  # fmt: skip
def test_a_question_that_is_none_is_refused(
    service: Service, token: str, path: str, changed: dict[str, Any], status: int, code: str | None
) -> None:
    missing = "MISSING_CONVERSATION_ID" if path == "/chat/messages" else "MISSING_CONTENT_ID"
    refused(service.call("POST", path, {**MESSAGE, **LATER, **changed}, token=token), status, code or missing)
    assert _deliver(service) == 0


@pytest.mark.parametrize("path", ["/chat/messages", "/api/v1/chat/messages"])
def test_an_encrypted_body_is_told_so_whatever_is_in_it(service: Service, token: str, path: str) -> None:
    half: dict[str, Any] = {"encrypted_data": None, "encryption_metadata": []}
    for body in (ENCRYPTED, {"encrypted_data": "AA=="}, half):
        refused(service.call("POST", path, body, token=token), 422, "ENCRYPTED_PAYLOAD_UNSUPPORTED")


@pytest.mark.parametrize("path", ["/chat/messages", "/api/v1/chat/messages"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff", b"[" * 5000])
def test_what_is_no_json_is_refused(service: Service, token: str, path: str, body: bytes) -> None:
    assert service.call("POST", path, body, token=token).status_code == 400


def test_hostile_data_is_answered_or_refused_and_never_an_error_of_ours(service: Service, token: str) -> None:
    deep: Any = VALUES
    for _ in range(200):
        deep = {"x": [deep]}
    long: list[Any] = [[]] * 100_000
    for data in (deep, "x" * 500_000, long, 10**30, {"ferritin": 1e308}, {"a" * 10_000: 5}, None, True):
        for path, name in (("/chat/messages", "context"), ("/api/v1/chat/messages", "structured_data")):
            sent = {**MESSAGE, **LATER, "message": "What is ferritin?", name: data}
            if name == "context":
                sent["context"] = {"health_data": data}
            assert service.call("POST", path, sent, token=token).status_code in {200, 202}
    huge = json.dumps({**MESSAGE, "context": {"health_data": "x" * 1024 * 1024}}).encode()
    refused(service.call("POST", "/chat/messages", huge, token=token), 413, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize(("path", "body"), [("/chat/messages", MESSAGE), ("/api/v1/chat/messages", LATER)])
def test_a_withdrawn_consent_closes_the_chat(service: Service, token: str, path: str, body: Any) -> None:
    change = {"consent_given": False, "consent_version": "1.0"}
    succeeded(service.call("PUT", "/user/consents/healthcare_consultation", change, token=token))

    refused(service.call("POST", path, body, token=token), 403, "CONSENT_REQUIRED")


def test_thirty_messages_a_minute_are_answered(service: Service, token: str) -> None:
    answers = [service.call("POST", "/chat/messages", MESSAGE, token=token).status_code for _ in range(31)]

    assert (answers[:30], answers[30]) == ([200] * 30, 429)


def test_no_word_of_a_conversation_is_kept_or_logged(
    service: Service, token: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    secret = {"message": "Is my unmistakable rash from ferritin?", "conversation_id": "unmistakable-conversation"}
    values = {"health_data": [{"name": "Unmistakable test", "value": "97.531"}]}
    service.call("POST", "/chat/messages", {**secret, "context": values}, token=token)
    service.call("POST", "/chat/messages", {**secret, "context": {"prompt_id": "unmistakable"}}, token=token)
    job_id = _later(service, token, {**LATER, **secret, "structured_data": values})["job_id"]
    _deliver(service)
    _status(service, token, job_id)
    settings = config.settings()
    kept = boto3.client("dynamodb", region_name=settings.region).scan(TableName=settings.table_name)["Items"]
    printed = capfd.readouterr()
    logged = "".join(f"{one.getMessage()} {vars(one)}" for one in caplog.records if one.name == "serenya")
    seen = f"{kept}{printed.out}{printed.err}{logged}".lower()

    assert job_id in seen
    assert "message_answered" in seen
    for word in ("unmistakable", "97.531", "ferritin", "rash"):
        assert word not in seen


def test_an_export_has_the_answer_that_waits(service: Service, token: str) -> None:
    job_id = _later(service, token)["job_id"]
    _deliver(service)
    files = succeeded(service.call("GET", "/gdpr/export", token=token))["files"]["items"]

    assert [one["name"].rpartition("/")[2] for one in files] == [f"{job_id}.json"]
    assert "ferritin" in str(files[0]["content"]).lower()
