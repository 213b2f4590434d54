"""The whole service behind its HTTP face, on a stand-in for AWS, with a real identity provider beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from chalice.test import Client, HTTPResponse
from urllib3.filepost import encode_multipart_formdata

import app as page
from chalicelib import clock as clocks
from chalicelib import config, wiring
from dev.event_shapes import queue_event
from dev.identity_provider import AUDIENCES, IdentityProvider
from tests.support import SettableClock

LAB_REPORTS = Path(__file__).parents[1] / "data" / "lab-reports"
SAMPLE = LAB_REPORTS / "pathology-panel-10-pages.pdf"
CONSENTS = {
    "medical_disclaimers": True,
    "terms_of_service": True,
    "privacy_policy": True,
    "healthcare_consultation": True,
    "emergency_care_limitation": True,
    "version": "1.0",
}
DEVICE = {"platform": "ios", "app_installation_id": "phone-1", "app_version": "1.4.2"}
JSON = {"Content-Type": "application/json"}


class Service:
    """Calls the service as the app would, and carries events as AWS would."""

    def __init__(self, client: Client, provider: IdentityProvider, clock: SettableClock) -> None:
        self.client = client
        self.provider = provider
        self.clock = clock
        self._delivered: set[str] = set()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HTTPResponse:
        """Make one call; a body that is not bytes is sent as JSON."""
        sent = {**JSON, **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.http.request(method, path, headers=sent, body=content)

    def id_token(self, provider: str = "google", **claims: Any) -> str:
        """Have the provider vouch for somebody, at the time that the test's clock shows."""
        now = int(self.clock.now().timestamp())
        return self.provider.issue(provider, **{"iat": now, "exp": now + 3600, **claims})

    def sign_in_answer(
        self, provider: str = "google", *, claims: Mapping[str, Any] | None = None, **body: Any
    ) -> HTTPResponse:
        """Sign in and return the answer as it is."""
        field = "id_token" if provider == "google" else "apple_id_token"
        sent = {
            "provider": provider,
            field: self.id_token(provider, **(claims or {})),
            "consent_acknowledgments": CONSENTS,
            "device_info": DEVICE,
            **({"apple_authorization_code": "code"} if provider == "apple" else {}),
            **body,
        }
        return self.call("POST", "/auth/oauth-onboarding", sent)

    def sign_in(self, provider: str = "google", **more: Any) -> dict[str, Any]:
        """Sign in and return the body of a success."""
        return succeeded(self.sign_in_answer(provider, **more))

    def upload_answer(self, token: str, content: bytes, name: str = "report.pdf", **fields: str) -> HTTPResponse:
        """Upload a document as the app does and return the answer as it is."""
        kind = name.rsplit(".", 1)[-1]
        media = {"pdf": "application/pdf", "png": "image/png"}.get(kind, "image/jpeg")
        form: dict[str, Any] = {
            "file": (name, content, media),
            "file_type": kind,
            "file_size": str(len(content)),
            "upload_timestamp": "2026-03-14T09:30:00Z",
            **fields,
        }
        body, content_type = encode_multipart_formdata(form)
        return self.call("POST", "/api/v1/process/upload", body, token=token, headers={"Content-Type": content_type})

    def upload(self, token: str, content: bytes, name: str = "report.pdf", **fields: str) -> dict[str, Any]:
        """Upload a document and return the body of a success."""
        return succeeded(self.upload_answer(token, content, name, **fields))

    def deliver_uploads(self) -> int:
        """Carry an S3 event for every new upload to the declared handler, and what that hands on to the functions of
        the lanes; return how many uploads there were."""
        settings = config.settings()
        store = boto3.client("s3", region_name=settings.region)
        listed = store.list_objects_v2(Bucket=settings.bucket_name, Prefix="uploads/").get("Contents", [])
        new = [one["Key"] for one in listed if one["Key"] not in self._delivered]
        for key in new:
            self._delivered.add(key)
            self.client.lambda_.invoke("document_uploaded", s3_event(settings.bucket_name, key))
        for queue, function in (
            (settings.priority_queue, "analyse_priority"),
            (settings.retries_queue, "retry_analysis"),
            (settings.priority_backlog_queue, "analyse_priority_backlog"),
            (settings.backlog_queue, "analyse_backlog"),
        ):
            self._deliver_first_attempts(queue, function)
        return len(new)

    def _deliver_first_attempts(self, queue: str, function: str) -> None:
        """Carry what was just handed on; retries stay in the queue."""
        sqs = boto3.client("sqs", region_name=config.settings().region)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        for message in _received(sqs, url):
            handle = message["ReceiptHandle"]
            if json.loads(message["Body"]).get("retry") is not None:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
                continue
            self.client.lambda_.invoke(function, queue_event([message], _arn(queue)))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)

    def deliver_messages(self, queue: str, function: str) -> int:
        """Carry what waits in a queue to the declared handler, due or not; return how many there were."""
        sqs = boto3.client("sqs", region_name=config.settings().region)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        messages = _received(sqs, url)
        for message in messages:
            self.client.lambda_.invoke(function, queue_event([message], _arn(queue)))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    def tick(self, function: str) -> None:
        """Fire a schedule."""
        self.client.lambda_.invoke(
            function, self.client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
        )

    def count(self, table_prefix: str) -> int:
        """Count the items whose partition key begins so."""
        client = boto3.client("dynamodb", region_name=config.settings().region)
        pages = client.get_paginator("scan").paginate(TableName=config.settings().table_name)
        return sum(item["PK"]["S"].startswith(table_prefix) for one in pages for item in one["Items"])


def _received(sqs: Any, url: str) -> list[Any]:
    """Receive as Lambda does, with everything that stands beside a body."""
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    messages: list[Any] = answer.get("Messages", [])
    return messages


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:eu-central-1:000000000000:{queue}"


def s3_event(bucket: str, key: str) -> dict[str, Any]:
    """Return an event as S3 writes it; keys are URL-encoded."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/"), "sequencer": "1"}},
    }
    return {"Records": [record]}


def succeeded(answer: HTTPResponse) -> dict[str, Any]:
    """Return the body of a success."""
    assert answer.status_code in {200, 202}, answer.body
    body: dict[str, Any] = answer.json_body
    assert body["success"] is True
    return body


def refused(answer: HTTPResponse, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is the failure expected, in the one envelope, and return its error."""
    assert (answer.status_code, answer.json_body["error"]["code"]) == (status, code), answer.body
    body: dict[str, Any] = answer.json_body
    allowed = {"success", "message", "error"} | ({"error_description"} if status == 400 else set())
    assert set(body) <= allowed
    assert body["success"] is False
    assert isinstance(body["message"], str)
    error: dict[str, Any] = body["error"]
    assert set(error) == {
        "code",
        "category",
        "message",
        "user_message",
        "recovery_strategy",
        "details",
        "correlation_id",
    }
    assert answer.headers["X-Request-ID"] == error["correlation_id"]
    return error


@contextmanager
def running(provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Run the service against whatever cloud the environment names; tables and queues are made, and removed."""
    clock = SettableClock()
    for name in ("google", "apple"):
        monkeypatch.setenv(f"{name.upper()}_JWKS_URL", provider.jwks_url(name))
        monkeypatch.setenv(f"{name.upper()}_ISSUERS", provider.issuer(name))
        monkeypatch.setenv(f"{name.upper()}_CLIENT_IDS", AUDIENCES[name])
    monkeypatch.setattr(clocks.SystemClock, "now", lambda _: clock.now())
    _forget()
    _make_surroundings(config.settings())
    with Client(page.app) as client:
        yield Service(client, provider, clock)
    _forget()


def _forget() -> None:
    from chalicelib.gateways import object_store

    config.settings.cache_clear()
    wiring.rooms.cache_clear()
    object_store.s3_client.cache_clear()


def _make_surroundings(settings: config.Settings) -> None:
    region = settings.region
    boto3.client("s3", region_name=region).create_bucket(
        Bucket=settings.bucket_name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    sqs = boto3.client("sqs", region_name=region)
    lanes = settings.priority_queue, settings.retries_queue, settings.priority_backlog_queue, settings.backlog_queue
    for queue in (*lanes, settings.chat_queue, settings.resets_queue, settings.erasures_queue):
        sqs.create_queue(QueueName=queue)
    boto3.client("secretsmanager", region_name=region).create_secret(
        Name=settings.token_keys_secret,
        SecretString=json.dumps({"current": {"kid": "k1", "secret": "a" * 43}, "previous": None}),
    )


def minutes(number: float) -> timedelta:
    """Return that many minutes."""
    return timedelta(minutes=number)
