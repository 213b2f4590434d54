"""One id from the app's request to the last line of what it set off, and to the objects and messages on the way."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib import config
from chalicelib.gateways.analyst import bedrock
from chalicelib.gateways.analyst.conversation import ModelRequest, Turn
from chalicelib.observe.log import correlate
from chalicelib.observe.registry import Metric
from chalicelib.web.events import EventFailed
from chalicelib.web.run_time import time_left, watched
from tests.api.service import SAMPLE, Service, minutes, refused, s3_event, succeeded
from tests.api.test_billing import Market, market  # noqa: F401  # a fixture
from tests.api.test_reports import ORDER, VALUES
from tests.unit.billing.words import seen

ID = "app-request-0001"


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def _said(caplog: pytest.LogCaptureFixture) -> dict[str, str | None]:
    """Return the events of the log, each with the id that it carries."""
    return {vars(one)["event"]: vars(one)["correlation_id"] for one in caplog.records if one.name == "serenya"}


def _metadata(prefix: str) -> list[str | None]:
    settings = config.settings()
    store = boto3.client("s3", region_name=settings.region)
    keys = [one["Key"] for one in store.list_objects_v2(Bucket=settings.bucket_name, Prefix=prefix).get("Contents", [])]
    return [store.head_object(Bucket=settings.bucket_name, Key=key)["Metadata"].get("correlation-id") for key in keys]


def test_an_upload_keeps_the_id_of_its_request_until_its_result(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    token = service.sign_in()["access_token"]
    job = _upload(service, token, ID)
    assert _metadata("uploads/") == [ID]
    caplog.clear()

    service.deliver_uploads()

    found = _said(caplog)
    assert {"document_handed_on", "analysis_started", "analysis_completed"} <= set(found)
    assert set(found.values()) == {ID}
    assert _metadata("results/") == [ID]
    assert succeeded(service.call("GET", job["polling_endpoint"], token=token))["status"] == "completed"


def test_of_several_records_each_has_the_id_of_its_own_request(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    token, settings = service.sign_in()["access_token"], config.settings()
    job = _upload(service, token, ID)
    listed = boto3.client("s3", region_name=settings.region).list_objects_v2(Bucket=settings.bucket_name)
    (key,) = (one["Key"] for one in listed["Contents"])
    records = [s3_event(settings.bucket_name, one)["Records"][0] for one in (key, "uploads/nobodys")]
    caplog.clear()

    service.client.lambda_.invoke("document_uploaded", {"Records": records})

    found = _said(caplog)
    assert found["document_handed_on"] == ID
    assert found["foreign_object_ignored"] not in {ID, None}, "it is none of that request"
    assert job["status"] == "processing"


def test_a_lost_job_is_found_under_the_id_of_its_request_and_the_sweep_goes_on_under_its_own(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    token = service.sign_in()["access_token"]
    _upload(service, token, ID)
    service.clock.advance(minutes(10))
    caplog.clear()

    service.tick("sweep_jobs")

    found = _said(caplog)
    assert found["overdue_job_found"] == found["analysis_retry_scheduled"] == ID
    assert found["jobs_swept"] not in {ID, None}


def test_a_presigned_form_carries_the_id_of_its_request(service: Service) -> None:
    token = service.sign_in()["access_token"]
    answer = service.call(
        "POST",
        "/api/v1/process/upload-url",
        {"file_type": "pdf", "file_size": 5},
        token=token,
        headers={"X-Request-ID": ID},
    )
    fields = succeeded(answer)["upload"]["fields"]
    assert fields["x-amz-meta-correlation-id"] == ID


def test_a_message_carries_the_id_of_its_request_beside_its_body(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    token = service.sign_in()["access_token"]
    service.call("POST", ORDER, {"health_data": VALUES}, token=token, headers={"X-Request-ID": ID})
    settings = config.settings()
    sqs = boto3.client("sqs", region_name=settings.region)
    url = sqs.get_queue_url(QueueName=settings.retries_queue)["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], VisibilityTimeout=0)["Messages"]
    assert message["MessageAttributes"]["correlation_id"]["StringValue"] == ID
    assert ID not in message["Body"]
    caplog.clear()

    service.deliver_messages(settings.retries_queue, "retry_analysis")

    assert {"report_started", "analysis_completed"} <= set(_said(caplog))
    assert set(_said(caplog).values()) == {ID}


def test_lambda_is_not_told_what_a_foreign_error_quotes(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Its runtime writes the text of whatever is raised into the log."""
    event = service.client.events.generate_sqs_event(['{"job_id": "Zoe Secretname"'], config.settings().retries_queue)
    with pytest.raises(EventFailed) as raised:
        service.client.lambda_.invoke("retry_analysis", event)
    assert "Secretname" not in "".join(traceback.format_exception(raised.value)) + caplog.text


@pytest.mark.parametrize("given", ["", "short", "x" * 65, 'quo"ted-id', "somebody@example.com"])
def test_a_message_with_a_strange_id_gets_a_new_one(
    service: Service, given: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = service.client.events.generate_sqs_event(["no message of ours"], config.settings().retries_queue)
    event["Records"][0]["messageAttributes"] = {"correlation_id": {"stringValue": given, "dataType": "String"}}
    with pytest.raises(EventFailed, match="message_failed: DecodeError"):
        service.client.lambda_.invoke("retry_analysis", event)
    drawn = _said(caplog)["message_failed"]
    assert drawn != given
    assert len(str(drawn)) == 36


def test_a_call_to_a_model_names_the_request_that_it_is_made_for() -> None:
    request = ModelRequest("system", (Turn("user", "text"),), 10)
    correlate(ID)
    assert bedrock._converse("model", request)["requestMetadata"] == {"correlation_id": ID}
    correlate(None)
    assert "requestMetadata" not in bedrock._converse("model", request)


def _upload(service: Service, token: str, correlation: str) -> dict[str, Any]:
    original = service.call

    def call(*args: Any, headers: Mapping[str, str] | None = None, **more: Any) -> Any:
        return original(*args, headers={**(headers or {}), "X-Request-ID": correlation}, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "call", call)
        return service.upload(token, SAMPLE.read_bytes())


def _measured(text: str) -> Iterator[str]:
    for line in _lines(text):
        for declared in line.get("_aws", {}).get("CloudWatchMetrics", []):
            assert declared["Namespace"] in {"Serenya/dev", "Serenya/test"}, "the client of the tests takes `dev`"
            assert declared["Dimensions"] == [[]]
            yield from (metric["Name"] for metric in declared["Metrics"])


def test_what_journeys_measure_is_declared(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """Sign-up, documents until the month's are used, a report, a forged notice, a reuse, a sweep, a broken message."""
    signed_in = service.sign_in()
    token, refresh = signed_in["access_token"], signed_in["refresh_token"]
    for number in range(6):
        service.upload_answer(token, SAMPLE.read_bytes(), upload_timestamp=str(number))
        service.clock.advance(minutes(1))
    service.deliver_uploads()
    service.call("POST", "/webhooks/apple-identity", {"payload": "x.y.z"})
    held: dict[str, Any] = {"refresh_token": refresh, "device_id": "phone-1"}
    for _ in range(3):
        fresh = service.call("POST", "/auth/refresh", held)
        held["refresh_token"] = fresh.json_body.get("refresh_token", refresh)
    refused(service.call("POST", "/auth/refresh", {**held, "refresh_token": refresh}), 401, "REFRESH_TOKEN_REUSED")
    service.tick("sweep_usage")
    event = service.client.events.generate_sqs_event(["broken"], config.settings().retries_queue)
    with pytest.raises(EventFailed, match="message_failed: DecodeError"):
        service.client.lambda_.invoke("retry_analysis", event)

    measured = set(_measured(capsys.readouterr().out))

    assert measured <= set(Metric)
    assert measured >= {
        Metric.ACCOUNTS_CREATED,
        Metric.ANALYSES_COMPLETED,
        Metric.QUOTA_DENIED,
        Metric.REFRESH_TOKEN_REUSED,
        Metric.USAGE_RESET_LAG,
        Metric.EVENT_FAILED,
    }


def test_a_webhook_that_we_fail_to_take_is_counted_and_so_is_a_forged_one(
    market: Market,  # noqa: F811  # the fixture
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused(market.post(market.apple, "anything", signature="forged"), 401, "INVALID_SIGNATURE")
    assert list(_measured(capsys.readouterr().out)) == [Metric.WEBHOOK_FAILED]
    market.stripe.is_down = True
    refused(market.tell(market.stripe, "e1", seen(account=market.user_id)), 503, "PROVIDER_UNAVAILABLE")
    assert list(_measured(capsys.readouterr().out)) == [Metric.WEBHOOK_FAILED]
    market.stripe.is_down = False
    assert market.post(market.stripe, "e1").status_code == 200
    assert not list(_measured(capsys.readouterr().out))


class _Context:
    """Lambda's context of a function that has used this much of its time when asked again."""

    def __init__(self, *left: int) -> None:
        self._left = iter(left)

    def get_remaining_time_in_millis(self) -> int:
        return next(self._left)


@pytest.mark.parametrize(
    ("left", "is_near"), [((10_000, 1_999), True), ((10_000, 2_000), False), ((29_000, 28_000), False)]
)
def test_whoever_comes_near_the_limit_says_so(
    left: tuple[int, int], is_near: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with watched(_Context(*left), "sweep_usage"):
        pass
    assert (Metric.RAN_NEAR_LIMIT in set(_measured(capsys.readouterr().out))) is is_near


def test_what_runs_knows_how_long_it_can_go_on_and_nobody_else_does() -> None:
    assert time_left() is None
    with watched(_Context(29_000, 28_000), "sweep_usage"):
        left = time_left()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(time_left).result() is None, "a thread may outlast what began it"
    assert left is not None
    assert timedelta(seconds=28) < left <= timedelta(seconds=29)
    assert time_left() is None


def test_without_a_limit_nobody_is_near_it(capsys: pytest.CaptureFixture[str]) -> None:
    with watched(None, "sweep_usage"):
        pass
    assert not capsys.readouterr().out
