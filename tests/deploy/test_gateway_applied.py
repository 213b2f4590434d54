"""The gateway in the embedded cloud: imported, applied, applied again, and what it answers.

What the embedded cloud does not emulate, and so is shown by the documents alone: imports (done here call by call),
access logs, compression, X-Ray, web ACLs, and the request's id in headers and bodies of 405.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.session import Session

from deploy.gateway.apply import Apply
from deploy.gateway.declaration import Gateway
from deploy.gateway.single_calls import EmbeddedClient
from deploy.gateway.swagger import patched
from deploy.packaging.uploads import tell_eventbridge
from dev.testing import embedded_cloud
from tests.deploy.gateway import REGION, chalices_own, declared

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
IMPORTED = {
    "/health",
    "/health/check",
    "/auth/google",
    "/user/profile",
    "/api/v1/process/doctor-report",
    "/api/v1/process/status/{job_id}",
}
pytestmark = pytest.mark.second_engine


@dataclass(frozen=True)
class Site:
    """A deployed API whose functions are missing: what it answers is the gateway's own."""

    cloud: str
    api_id: str
    gateway: Gateway

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.cloud, **KEYS)  # type: ignore[call-overload]  # any service

    def importer(self) -> EmbeddedClient:
        return EmbeddedClient(Session())

    def apply(self) -> list[str]:
        return Apply(self.gateway, self.client, sleep=lambda _: None).run(self.api_id)

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], Any]:
        url = f"{self.cloud}/_aws/execute-api/{self.api_id}/api{path}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, method=method, headers=sent), timeout=20)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return answer.status, dict(answer.headers), json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with embedded_cloud(services="") as cloud, pytest.MonkeyPatch.context() as patch:
        # Chalice's client asks the environment, as its command line does.
        patch.setenv("AWS_ENDPOINT_URL", cloud)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        gateway = declared()
        empty = Site(cloud, "", gateway)
        api_id = empty.importer().import_rest_api(_document(gateway), "EDGE")
        empty.client("apigateway").create_deployment(restApiId=api_id, stageName="api")
        made = Site(cloud, api_id, gateway)
        made.apply()
        yield made


def _document(gateway: Gateway) -> dict[str, Any]:
    """A part of the routes: call by call all of them take seconds."""
    document = patched(chalices_own(), gateway)
    document["paths"] = {path: item for path, item in document["paths"].items() if path in IMPORTED}
    assert len(document["paths"]) == len(IMPORTED)
    return document


def _is_ours(body: Any, code: str) -> bool:
    return body["success"] is False and body["error"]["code"] == code and bool(body["error"]["correlation_id"])


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer a.b.c"}])
def test_an_unknown_path_is_404_in_our_envelope(site: Site, headers: dict[str, str]) -> None:
    status, answered, body = site.ask("/nowhere/at/all", **headers)
    assert status == 404
    assert _is_ours(body, "NOT_FOUND")
    assert answered["Access-Control-Allow-Origin"] == "*"
    assert answered["X-Request-ID"] == body["error"]["correlation_id"] != "$context.requestId"


def test_a_wrong_method_is_405_in_our_envelope(site: Site) -> None:
    status, answered, body = site.ask("/user/profile", "DELETE")
    assert status == 405
    assert _is_ours(body, "METHOD_NOT_ALLOWED")
    assert answered["Allow"] == "GET, PUT, OPTIONS"


def test_a_function_that_is_not_there_is_500_in_our_envelope(site: Site) -> None:
    status, answered, body = site.ask("/health")
    assert status == 500
    assert _is_ours(body, "INTERNAL_ERROR")
    assert answered["Access-Control-Allow-Origin"] == "*"


def test_a_preflight_request_is_answered_without_a_function(site: Site) -> None:
    status, answered, _ = site.ask("/auth/google", "OPTIONS", Origin="https://app.example")
    assert status == 200
    assert "Idempotency-Key" in answered["Access-Control-Allow-Headers"]


def test_a_flood_is_429_and_told_when_to_come_back(site: Site) -> None:
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: site.ask("/api/v1/process/doctor-report", "POST"), range(120)))
    refused = [answer for answer in answers if answer[0] == 429]
    assert refused
    for _, headers, body in refused:
        assert _is_ours(body, "RATE_LIMIT_EXCEEDED")
        assert headers["Retry-After"] == "1"
    # Others are let through meanwhile: each method has its own bucket.
    assert site.ask("/user/profile")[0] == 500


def test_applying_again_changes_nothing(site: Site) -> None:
    assert site.apply() == []


def test_what_somebody_changed_by_hand_is_put_right(site: Site) -> None:
    api = site.client("apigateway")
    api.put_gateway_response(restApiId=site.api_id, responseType="THROTTLED", statusCode="418")
    api.update_stage(
        restApiId=site.api_id,
        stageName="api",
        patchOperations=[
            {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "1"},
            {"op": "replace", "path": "/~1gone/GET/throttling/rateLimit", "value": "7"},
            {
                "op": "replace",
                "path": "/accessLogSettings/format",
                "value": "$context.requestId $context.identity.sourceIp",
            },
        ],
    )
    changes = " ".join(site.apply())
    for thing in ("THROTTLED", "*/*", "/gone/GET", "accessLogSettings/format"):
        assert thing in changes
    stage = api.get_stage(restApiId=site.api_id, stageName="api")
    assert "sourceIp" not in stage["accessLogSettings"]["format"]
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 100
    assert not [key for key in stage["methodSettings"] if "gone" in key]
    assert site.apply() == []


def test_the_account_lets_api_gateway_write_logs_and_an_older_role_is_left(site: Site) -> None:
    api = site.client("apigateway")
    assert api.get_account()["cloudwatchRoleArn"].endswith(":role/apigateway-writes-logs")
    other = "arn:aws:iam::000000000000:role/theirs"
    api.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": other}])
    site.apply()
    assert api.get_account()["cloudwatchRoleArn"] == other


def test_importing_again_takes_away_what_is_gone_and_keeps_the_rest(site: Site) -> None:
    document = _document(site.gateway)
    document["paths"]["/later/{id}/more"] = document["paths"].pop("/health/check")
    importer = site.importer()
    importer.update_api_from_swagger(site.api_id, document)
    assert "/later/{id}/more" in _paths(site) and "/health/check" not in _paths(site)
    importer.update_api_from_swagger(site.api_id, _document(site.gateway))
    assert _paths(site) >= {"/health", "/health/check", "/auth/google"}
    assert not [path for path in _paths(site) if path.startswith("/later")]


def _paths(site: Site) -> set[str]:
    pages = site.client("apigateway").get_paginator("get_resources").paginate(restApiId=site.api_id)
    return {one["path"] for page in pages for one in page["items"]}


def test_a_bucket_tells_eventbridge_beside_whom_it_tells_already(site: Site) -> None:
    s3, queues = site.client("s3"), site.client("sqs")
    url = queues.create_queue(QueueName="theirs")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.create_bucket(Bucket="documents", CreateBucketConfiguration={"LocationConstraint": REGION})
    theirs = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="documents", NotificationConfiguration={"QueueConfigurations": [theirs]}
    )
    assert tell_eventbridge(s3, "documents") is True
    found = s3.get_bucket_notification_configuration(Bucket="documents")
    assert found["QueueConfigurations"][0]["QueueArn"] == arn
    assert "EventBridgeConfiguration" in found
    assert tell_eventbridge(s3, "documents") is False
