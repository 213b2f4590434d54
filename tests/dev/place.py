"""A tiny application with a bucket and a queue of its own, and a recorder of what its functions were called with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import boto3
from chalice.app import Chalice
from chalice.config import Config

from deploy.resources import Bucket, Queue, Resources, declare
from dev.bridge import Bridge
from dev.provision import Clients, clients_at, create_bucket, create_queue
from tests import support

REGION = "eu-central-1"


class Recorder:
    """Keeps what a function was called with, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, answer: Any = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self._failures = failures
        self._answer = answer
        self._lock = threading.Lock()

    def __call__(self, event: Any) -> Any:
        with self._lock:
            self.events.append(event.to_dict())
            self.times.append(time.monotonic())
            if self._failures > 0:
                self._failures -= 1
                raise RuntimeError("told to fail")
        return self._answer

    def wait_for(self, count: int, seconds: float = 5.0) -> None:
        wait_until(lambda: len(self.events) >= count, seconds)


@cache
def clients(endpoint: str) -> tuple[Clients, Any]:
    """Clients are slow to make, and the same for every test."""
    return clients_at(endpoint, REGION), boto3.client("events", endpoint_url=endpoint, region_name=REGION)


class Place:
    """One bucket, one queue and one application, under names that no other test uses."""

    def __init__(self, endpoint: str, **queue_settings: Any) -> None:
        self.stage = uuid4().hex[:8]
        self.clients, self.events = clients(endpoint)
        self.bucket = f"documents-{self.stage}"
        queue = Queue(f"work-{self.stage}", **{"visibility": timedelta(seconds=30), **queue_settings})
        create_bucket(Bucket(self.bucket, expires_after_days=2), self.clients.s3)
        self.queue = queue
        self.queue_url = create_queue(queue, self.clients.sqs)
        self.app = Chalice(app_name="tiny")
        declared = declare(support.test_settings())
        self.resources: Resources = replace(declared, queues=(queue,))

    def bridge(self) -> Bridge:
        config = Config(chalice_stage=self.stage, config_from_disk={"stages": {self.stage: {"lambda_timeout": 20}}})
        return Bridge(
            self.app,
            config,
            self.resources,
            s3=self.clients.s3,
            sqs=self.clients.sqs,
            events=self.events,
            poll_seconds=1,
        )

    def messages_in(self, url: str) -> int:
        names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def url_of(self, name: str) -> str:
        return self.clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]


class Running:
    """A bridge that runs for one `with` block."""

    def __init__(self, place: Place) -> None:
        self._bridge = place.bridge()

    def __enter__(self) -> None:
        self._bridge.start()

    def __exit__(self, *_: object) -> None:
        self._bridge.stop(wait_seconds=8.0)


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.01)
