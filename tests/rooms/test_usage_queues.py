"""Messages reach the queue, all of them, or the caller is told to come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib import errors
from chalicelib.gateways import queues
from chalicelib.gateways.queues import Queues

REGION = "eu-central-1"


@pytest.fixture
def queue() -> Iterator[Any]:
    with mock_aws():
        sqs = boto3.resource("sqs", region_name=REGION)
        yield sqs.create_queue(QueueName="resets", Attributes={"VisibilityTimeout": "0"})


def _received(queue: Any) -> set[str]:
    found: set[str] = set()
    while messages := queue.receive_messages(MaxNumberOfMessages=10):
        for message in messages:
            found.add(message.body)
            message.delete()
    return found


def test_a_message_is_sent_with_its_text(queue: Any) -> None:
    Queues(REGION).send("resets", '{"who": "u1"}')
    assert _received(queue) == {'{"who": "u1"}'}


def test_a_delayed_message_is_not_seen_yet(queue: Any) -> None:
    Queues(REGION).send("resets", "later", delay_seconds=30)
    queue.load()
    assert queue.attributes["ApproximateNumberOfMessagesDelayed"] == "1"
    assert _received(queue) == set()


def test_more_messages_than_fit_into_a_request_are_all_sent(queue: Any) -> None:
    texts = [f"message {number}" for number in range(23)]
    Queues(REGION).send_batch("resets", texts)
    assert _received(queue) == set(texts)


def test_nothing_to_send_asks_nobody() -> None:
    Queues(REGION).send_batch("no such queue", [])


def test_a_queue_that_is_not_there_is_unavailable(queue: Any) -> None:
    with pytest.raises(errors.Unavailable) as refusal:
        Queues(REGION).send("another", "text")
    assert refusal.value.__cause__ is not None


class _Choosy:
    """Answers like SQS, and takes a message only on its given attempt."""

    def __init__(self, takes_on: dict[str, int]) -> None:
        self.takes_on = takes_on
        self.requests: list[list[str]] = []
        self.taken: list[str] = []
        self.addresses_asked = 0

    def get_queue_url(self, **asked: str) -> dict[str, str]:
        self.addresses_asked += 1
        return {"QueueUrl": f"https://queues.test/{asked['QueueName']}"}

    def send_message_batch(self, **asked: Any) -> dict[str, Any]:
        assert asked["QueueUrl"] == "https://queues.test/resets"
        entries = asked["Entries"]
        self.requests.append([entry["MessageBody"] for entry in entries])
        attempt = len(self.requests)
        failed = [entry for entry in entries if self.takes_on.get(entry["MessageBody"], 1) > attempt]
        self.taken += [entry["MessageBody"] for entry in entries if entry not in failed]
        return {"Failed": [{"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"} for entry in failed]}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "_FIRST_WAIT_SECONDS", 0.001)


def test_only_what_was_not_taken_is_sent_again(quick: None) -> None:
    sqs = _Choosy({"b": 2, "d": 3})
    Queues(REGION, _made_client=sqs).send_batch("resets", ["a", "b", "c", "d"])
    assert sqs.requests == [["a", "b", "c", "d"], ["b", "d"], ["d"]]
    assert sorted(sqs.taken) == ["a", "b", "c", "d"]


def test_what_is_never_taken_is_said(quick: None) -> None:
    sqs = _Choosy({"b": 100})
    with pytest.raises(errors.Unavailable, match="1 of 2"):
        Queues(REGION, _made_client=sqs).send_batch("resets", ["a", "b"])


def test_a_queues_address_is_asked_for_once() -> None:
    sqs = _Choosy({})
    sender = Queues(REGION, _made_client=sqs)
    sender.send_batch("resets", ["a"])
    sender.send_batch("resets", ["b"])
    assert sqs.addresses_asked == 1
