"""The event bridge against a tiny application and a real embedded cloud: the shapes, the retries, the dead
letters."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import urllib3
from chalice.app import Rate, S3Event, SQSEvent

from deploy.resources import declare
from dev import provision
from dev.bridge import UnsupportedSourceError, inbox_name
from dev.event_shapes import scheduled_event
from tests import support
from tests.dev.place import REGION, Place, Recorder, Running, clients, wait_until

pytestmark = pytest.mark.second_engine


@pytest.fixture
def place(second_cloud: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    yield Place(second_cloud)


def on_s3(place: Place, recorder: Recorder, **declaration: Any) -> None:
    @place.app.on_s3_event(bucket=place.bucket, **declaration)
    def document_uploaded(event: S3Event) -> Any:
        return recorder(event)


def on_queue(place: Place, recorder: Recorder, batch_size: int = 1) -> None:
    @place.app.on_sqs_message(queue=place.queue.name, batch_size=batch_size)
    def work(event: SQSEvent) -> Any:
        return recorder(event)


def test_an_uploaded_object_reaches_the_declared_function_at_once(place: Place) -> None:
    seen = Recorder()
    on_s3(place, seen, events=["s3:ObjectCreated:*"], prefix="uploads/")
    with Running(place):
        put_at = time.monotonic()
        place.clients.s3.put_object(Bucket=place.bucket, Key="uploads/a b/ü+1.pdf", Body=b"12345")
        seen.wait_for(1)
    record = seen.events[0]["Records"][0]
    assert seen.times[0] - put_at < 2.0
    assert record["eventSource"] == "aws:s3"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["bucket"]["name"] == place.bucket
    assert record["s3"]["object"]["key"] == "uploads/a+b/%C3%BC%2B1.pdf", "keys come URL-encoded"
    assert record["s3"]["object"]["size"] == 5
    assert record["s3"]["object"]["sequencer"]


def test_a_presigned_post_fires_the_event_too(place: Place) -> None:
    seen = Recorder()
    on_s3(place, seen, events=["s3:ObjectCreated:*"], prefix="uploads/")
    with Running(place):
        form = place.clients.s3.generate_presigned_post(place.bucket, "uploads/1.pdf", ExpiresIn=60)
        fields = {**form["fields"], "file": ("1.pdf", b"12345")}
        assert urllib3.request("POST", form["url"], fields=fields).status == 204
        seen.wait_for(1)
    record = seen.events[0]["Records"][0]
    assert record["eventName"] == "ObjectCreated:Post"
    assert record["s3"]["object"]["size"] == 5


def test_objects_outside_the_declared_prefix_and_events_are_not_delivered(place: Place) -> None:
    seen = Recorder()
    on_s3(place, seen, events=["s3:ObjectCreated:*"], prefix="uploads/", suffix=".pdf")
    with Running(place):
        for key in ("results/1.pdf", "uploads/1.txt", "uploads/1.pdf"):
            place.clients.s3.put_object(Bucket=place.bucket, Key=key, Body=b"x")
        place.clients.s3.delete_object(Bucket=place.bucket, Key="uploads/1.pdf")
        seen.wait_for(1)
        time.sleep(0.3)
    assert [one["Records"][0]["s3"]["object"]["key"] for one in seen.events] == ["uploads/1.pdf"]


def test_a_failing_s3_function_is_tried_three_times_and_then_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dev.bridge.RETRY_DELAYS_SECONDS", (0, 0))
    seen = Recorder(failures=99)
    on_s3(place, seen, prefix="uploads/")
    with Running(place):
        place.clients.s3.put_object(Bucket=place.bucket, Key="uploads/1.pdf", Body=b"x")
        inbox = place.url_of(inbox_name("tiny", place.stage))
        wait_until(lambda: len(seen.events) >= 3 and place.messages_in(inbox) == 0)
        time.sleep(0.3)
    assert len(seen.events) == 3
    assert seen.events[0] == seen.events[2], "a retry carries the same event"


def test_an_s3_function_that_fails_once_is_tried_again_and_then_left_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dev.bridge.RETRY_DELAYS_SECONDS", (0, 0))
    seen = Recorder(failures=1)
    on_s3(place, seen)
    with Running(place):
        place.clients.s3.put_object(Bucket=place.bucket, Key="1.pdf", Body=b"x")
        seen.wait_for(2)
        time.sleep(0.3)
    assert len(seen.events) == 2


def test_a_message_reaches_the_queue_function_in_the_real_shape_and_is_deleted(place: Place) -> None:
    seen = Recorder()
    on_queue(place, seen)
    with Running(place):
        place.clients.sqs.send_message(
            QueueUrl=place.queue_url,
            MessageBody='{"n": 1}',
            MessageAttributes={"kind": {"DataType": "String", "StringValue": "retry"}},
        )
        seen.wait_for(1)
        wait_until(lambda: place.messages_in(place.queue_url) == 0)
    record = seen.events[0]["Records"][0]
    assert record["body"] == '{"n": 1}'
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:{REGION}:000000000000:{place.queue.name}"
    assert record["awsRegion"] == REGION
    assert record["md5OfBody"]
    assert record["receiptHandle"]
    assert record["messageAttributes"]["kind"] == {
        "stringValue": "retry",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }


def test_a_failing_message_reappears_and_ends_in_the_dead_letter_queue(second_cloud: str) -> None:
    place = Place(second_cloud, visibility=timedelta(seconds=1), max_receives=2)
    seen = Recorder(failures=99)
    on_queue(place, seen)
    with Running(place):
        place.clients.sqs.send_message(QueueUrl=place.queue_url, MessageBody="broken")
        dead_letters = place.url_of(place.queue.dead_letter_name)
        wait_until(lambda: place.messages_in(dead_letters) == 1, seconds=8)
    counts = [one["Records"][0]["attributes"]["ApproximateReceiveCount"] for one in seen.events]
    assert counts == ["1", "2"]
    assert place.messages_in(place.queue_url) == 0
    assert seen.times[1] - seen.times[0] >= 0.9, "it reappears after its visibility time-out, not at once"


def test_named_failures_are_ignored_unless_the_queue_declares_them(second_cloud: str) -> None:
    for reports, left in ((False, 0), (True, 1)):
        place = Place(second_cloud, reports_item_failures=reports)
        seen = _FailsFirst()
        on_queue(place, seen, batch_size=10)
        place.clients.sqs.send_message_batch(
            QueueUrl=place.queue_url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(3)]
        )
        with Running(place):
            wait_until(lambda: sum(len(one["Records"]) for one in seen.events) >= 3)  # noqa: B023  # called before the loop goes on
            wait_until(lambda: place.messages_in(place.queue_url) == left)  # noqa: B023  # called before the loop goes on


class _FailsFirst(Recorder):
    """Names the message "0" as failed."""

    def __call__(self, event: Any) -> Any:
        super().__call__(event)
        failed = [one["messageId"] for one in event.to_dict()["Records"] if one["body"] == "0"]
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def test_a_schedule_becomes_a_rule_that_delivers_to_its_function(place: Place) -> None:
    seen = Recorder()

    @place.app.schedule(Rate(1, unit=Rate.MINUTES))
    def sweep(event: Any) -> None:
        seen(event)

    with Running(place):
        rule = place.events.describe_rule(Name=f"tiny-{place.stage}-sweep")
        assert rule["ScheduleExpression"] == "rate(1 minute)"
        assert rule["State"] == "ENABLED"
        target = place.events.list_targets_by_rule(Rule=rule["Name"])["Targets"][0]["Arn"]
        assert target.endswith(inbox_name("tiny", place.stage))
        event = scheduled_event(rule["Arn"], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        inbox = place.url_of(inbox_name("tiny", place.stage))
        place.clients.sqs.send_message(QueueUrl=inbox, MessageBody=json.dumps(event))
        seen.wait_for(1)
    assert seen.events[0]["detail-type"] == "Scheduled Event"
    assert seen.events[0]["source"] == "aws.events"
    assert seen.events[0]["time"] == "2026-01-02T03:04:05Z"
    assert seen.events[0]["resources"] == [rule["Arn"]]


def test_a_schedule_that_aws_would_refuse_is_refused_at_the_start(place: Place) -> None:
    @place.app.schedule("cron(10 0 * * * *)")
    def sweep(event: Any) -> None:
        """Never called: of day of month and day of week, one must be `?`."""

    with pytest.raises(Exception, match="ScheduleExpression"):
        place.bridge().start()


def test_a_source_that_the_bridge_cannot_carry_is_named(place: Place) -> None:
    @place.app.on_sns_message(topic="news")
    def told(event: Any) -> None:
        """Never called."""

    with pytest.raises(UnsupportedSourceError, match=r"SNSEventConfig \(told\)"):
        place.bridge().start()


def test_a_function_gets_the_context_that_lambda_gives(place: Place) -> None:
    contexts: list[Any] = []

    @place.app.on_sqs_message(queue=place.queue.name)
    def work(event: SQSEvent) -> None:
        contexts.append(event.context)

    with Running(place):
        place.clients.sqs.send_message(QueueUrl=place.queue_url, MessageBody="x")
        wait_until(lambda: bool(contexts))
    assert contexts[0].function_name == f"tiny-{place.stage}-work"
    assert 0 < contexts[0].get_remaining_time_in_millis() <= 20_000
    assert contexts[0].aws_request_id


def test_resources_can_be_created_twice_and_keep_their_key(second_cloud: str) -> None:
    resources = declare(replace(support.test_settings(), stage=f"twice{uuid4().hex[:6]}"))
    own, _ = clients(second_cloud)
    provision.create(resources, own)
    first = own.secretsmanager.get_secret_value(SecretId=resources.token_keys.name)["SecretString"]
    provision.create(resources, own)
    second = own.secretsmanager.get_secret_value(SecretId=resources.token_keys.name)["SecretString"]
    assert first == second
    assert json.loads(first)["previous"] is None
