"""The reset as a Lambda function behind the embedded cloud's own event source: what fails comes again or is kept."""

from __future__ import annotations

import io
import json
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import boto3
import pytest

from chalicelib.models import base, keys
from chalicelib.models.profile import UserItem
from chalicelib.models.schema import table_definition
from deploy.generate import ROOT
from deploy.resources import Queue
from dev.provision import create_queue
from dev.testing import embedded_cloud
from tests import support
from tests.dev.place import REGION, wait_until
from tests.unit.billing.people import person

pytestmark = [pytest.mark.second_engine, pytest.mark.prove]

DUE_ON = date(2026, 3, 1)
NOBODY_THERE = "http://127.0.0.1:9"
OURS = "import app\nhandler = app.reset_usage_batch\n"
NAMES_FAILURES = """
def handler(event, context):
    failed = [one["messageId"] for one in event["Records"] if one["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
"""


@dataclass
class _Cloud:
    endpoint: str

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION)  # type: ignore[call-overload]  # the service's name is not a literal

    def queue(self, name: str) -> tuple[str, str]:
        """A queue that gives up as ours do, sooner; its address and that of its dead letters."""
        declared = Queue(name, visibility=timedelta(seconds=2))
        url = create_queue(declared, self.client("sqs"))
        return url, self.client("sqs").get_queue_url(QueueName=declared.dead_letter_name)["QueueUrl"]

    def function_behind(self, queue_url: str, source: str, batch_size: int, table_at: str | None = None) -> None:
        """Deploy code and feed it from a queue as Chalice declares it: no failures are reported by item."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("main.py", source)
        name = queue_url.rsplit("/", 1)[1]
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/reset",
            Handler="main.handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=20,
            Environment=_environment(table_at or self.endpoint),
        )
        described = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        arn = described["Attributes"]["QueueArn"]
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=name, BatchSize=batch_size)

    def table_answers(self, queue_url: str) -> None:
        """Let the function find the table from now on."""
        name = queue_url.rsplit("/", 1)[1]
        self.client("lambda").update_function_configuration(FunctionName=name, Environment=_environment(self.endpoint))

    def send(self, queue_url: str, *bodies: str) -> None:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        self.client("sqs").send_message_batch(QueueUrl=queue_url, Entries=entries)

    def left_in(self, queue_url: str) -> int:
        return self._count(queue_url, "ApproximateNumberOfMessages") + self.hidden_in(queue_url)

    def hidden_in(self, queue_url: str) -> int:
        """Messages that were received and not deleted."""
        return self._count(queue_url, "ApproximateNumberOfMessagesNotVisible")

    def _count(self, queue_url: str, name: str) -> int:
        found = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])["Attributes"]
        return int(found[name])


def _environment(table_at: str) -> dict[str, dict[str, str]]:
    libraries = sysconfig.get_paths()["purelib"]
    return {
        "Variables": {
            **support.ENVIRONMENT,
            "AWS_ENDPOINT_URL_DYNAMODB": table_at,
            "PYTHONPATH": f"{ROOT}:{libraries}",
        }
    }


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Cloud]:
    with embedded_cloud(services="") as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield _Cloud(endpoint)
    base.Item._connection = None


def _due_person(user_id: str) -> None:
    user = person(user_id)
    user.data.current_subscription.usage_current_period.documents_processed = 3
    user.gsi3_pk, user.gsi3_sk = keys.usage_due_key(DUE_ON, 0, user_id)
    user.save()


def _stored(user_id: str) -> UserItem:
    return UserItem.get(*keys.user_key(user_id), consistent_read=True)


def test_what_the_deployed_function_cannot_do_comes_again_and_what_nobody_can_do_is_kept_aside(cloud: _Cloud) -> None:
    stage = support.test_settings()
    base.connect(stage.table_name, stage.region)
    cloud.client("dynamodb").create_table(**table_definition(stage.table_name))
    for user_id in ("u1", "u2"):
        _due_person(user_id)
    url, dead_letters = cloud.queue("resets")
    cloud.function_behind(url, OURS, batch_size=1, table_at=NOBODY_THERE)
    cloud.send(url, json.dumps({"due_partition": f"USAGE_DUE#{DUE_ON}#0", "user_ids": ["u1", "u2"]}), "none of ours")
    wait_until(lambda: cloud.hidden_in(url) == 2, seconds=20)
    assert cloud.left_in(url) == 2, "while the table does not answer nothing is lost"
    assert _stored("u1").gsi3_pk is not None
    cloud.table_answers(url)
    wait_until(lambda: cloud.left_in(dead_letters) == 1 and cloud.left_in(url) == 0, seconds=40)
    (kept,) = cloud.client("sqs").receive_message(QueueUrl=dead_letters, WaitTimeSeconds=2)["Messages"]
    assert kept["Body"] == "none of ours"
    for user_id in ("u1", "u2"):
        user = _stored(user_id)
        assert user.data.current_subscription.usage_current_period.documents_processed == 0
        assert user.gsi3_pk is None


def test_a_returned_list_of_failures_loses_messages_which_is_why_the_batch_is_one(cloud: _Cloud) -> None:
    url, dead_letters = cloud.queue("lists")
    cloud.function_behind(url, NAMES_FAILURES, batch_size=10)
    cloud.send(url, "good", "bad")
    wait_until(lambda: cloud.left_in(url) == 0, seconds=20)
    assert cloud.left_in(dead_letters) == 0
