"""What functions behind queues and schedules do in a process of their own: read their secrets, send their messages."""

from __future__ import annotations

from datetime import timedelta

import boto3

from chalicelib import wiring
from chalicelib.config import settings
from chalicelib.models.catalogue import OBJECTS
from tests.api.service import Service, minutes, succeeded
from tests.api.test_apple_identity import apple_service

__all__ = ["apple_service"]
WISH = {"confirmation_text": "DELETE"}


def waiting_in(queue: str) -> int:
    sqs = boto3.client("sqs", region_name=settings().region)
    shown = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=["All"])
    attributes = shown["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesDelayed"])


def in_a_new_process() -> None:
    """Forget the secrets and addresses that another function has asked for."""
    wiring.rooms.cache_clear()


def test_a_question_whose_message_was_lost_is_sent_again_by_the_sweep(service: Service) -> None:
    token = service.sign_in()["access_token"]
    body = {"content_id": "c", "message": "What is potassium?"}
    succeeded(service.call("POST", "/api/v1/chat/messages", body, token=token))
    queue = settings().chat_queue
    sqs = boto3.client("sqs", region_name=settings().region)
    sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"])
    service.clock.advance(timedelta(seconds=100))
    in_a_new_process()
    service.tick("sweep_jobs")
    assert waiting_in(queue) == 1


def test_an_erasure_gives_apples_grant_back_by_itself(apple_service: Service) -> None:
    service = apple_service
    code = service.provider.apple_tokens.draw_code()
    token = service.sign_in("apple", apple_authorization_code=code)["access_token"]
    succeeded(service.call("POST", "/gdpr/erasure-request", WISH, token=token))
    in_a_new_process()
    assert service.deliver_messages(settings().erasures_queue, "carry_erasure_on") == 1
    assert waiting_in(settings().erasures_queue) == 0


def test_an_erasure_that_has_to_wait_sends_itself_a_message(service: Service) -> None:
    token = service.sign_in()["access_token"]
    declared = {"file_type": "pdf", "file_size": 1000}
    succeeded(service.call("POST", "/api/v1/process/upload-url", declared, token=token))
    asked = succeeded(service.call("POST", "/gdpr/erasure-request", WISH, token=token))
    in_a_new_process()
    assert service.deliver_messages(settings().erasures_queue, "carry_erasure_on") == 1
    # The form that was given out can still be used.
    assert waiting_in(settings().erasures_queue) == 1
    status = succeeded(service.call("GET", f"/gdpr/erasure-status/{asked['erasure_request_id']}"))
    assert status["status"] != "completed"


def test_an_overdue_erasure_is_sent_on_by_the_sweep(service: Service) -> None:
    token = service.sign_in()["access_token"]
    succeeded(service.call("POST", "/gdpr/erasure-request", WISH, token=token))
    service.clock.advance(minutes(60 * 24))
    in_a_new_process()
    service.tick("sweep_erasures")
    assert waiting_in(settings().erasures_queue) == 2


def test_an_export_links_to_what_lies_under_every_prefix(service: Service) -> None:
    signed_in = service.sign_in()
    s3 = boto3.client("s3", region_name=settings().region)
    stored = [f"{prefix}{signed_in['user']['id']}/x" for prefix in OBJECTS]
    for key in stored:
        s3.put_object(Bucket=settings().bucket_name, Key=key, Body=b"no JSON")
    document = succeeded(service.call("GET", "/gdpr/export", token=signed_in["access_token"]))
    links = {file["name"]: file["download_url"] for file in document["files"]["items"]}
    assert set(links) == set(stored)
    assert all(key in link for key, link in links.items())
