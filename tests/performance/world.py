"""The whole service with people in it, as far as requests and events have to be prepared before they are counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
from chalice.test import HTTPResponse

from chalicelib.config import Settings, settings
from chalicelib.gateways.provider_facts import Facts
from chalicelib.models.base import Item
from deploy.cost.watch import Asked, Watch, watching
from dev.event_shapes import queue_event
from tests.api.service import SAMPLE, Service, minutes, s3_event, succeeded
from tests.api.test_billing import END, Market
from tests.unit.billing.words import payment, seen, term

Act = Callable[[], object]
Prepare = Callable[["World"], Act]


@dataclass(frozen=True)
class Case:
    """One row: of which route (`GET /user/profile`) or function, in which case, and how it comes about: what is
    prepared is not counted, what that returns is. It runs in a minute of its own, unless it is about the same one."""

    of: str
    name: str
    prepare: Prepare
    is_in_the_same_minute: bool = False
    is_first_of_process: bool = False

    @property
    def is_of_function(self) -> bool:
        """Whether this is an event; its cost may depend on everything that is there, so nothing else is."""
        return " " not in self.of


@dataclass
class Person:
    """Somebody who is signed in."""

    user_id: str
    token: str
    refresh_token: str
    claims: dict[str, str]


@dataclass
class World:
    """Prepares people, documents, purchases and messages, and asks and invokes what is counted."""

    market: Market
    _people: int = 0
    _events: int = 0
    _asked: list[Asked] = field(default_factory=list)
    _is_counting: bool = False

    @property
    def service(self) -> Service:
        """The service behind its HTTP face."""
        return self.market.service

    @property
    def settings(self) -> Settings:
        """The stage's settings."""
        return settings()

    def now(self) -> datetime:
        """The instant that the world's clock shows."""
        return self.service.clock.now()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch calls of AWS; they count while a case runs and the service is asked."""
        with watching(Watch(self._asked.append, lambda: self._is_counting)):
            yield

    def counted(self, case: Case) -> list[Asked]:
        """Prepare a case, run it, and return what it asked of AWS."""
        if case.is_of_function:
            self.forget_everybody()
        act = case.prepare(self)
        if not case.is_in_the_same_minute:
            self.service.clock.advance(minutes(1))
        if not case.is_first_of_process:
            # Secrets are read anew once a minute.
            for path in ("/subscriptions/plans", "/user/profile"):
                self.service.call("GET", path, token="x.y.z")  # no secret
        self._asked.clear()
        self._is_counting = True
        try:
            act()
        finally:
            self._is_counting = False
        self.service.clock.advance(minutes(1))
        return list(self._asked)

    def person(self, *, provider: str = "google", is_premium: bool = False) -> Person:
        """Sign somebody new up, in a minute of their own."""
        self._people += 1
        self.service.clock.advance(minutes(1))
        claims = {"sub": f"person-{self._people:04}", "email": f"person-{self._people:04}@example.com"}
        signed_in = self.service.sign_in(provider, claims=claims)
        self.service.clock.advance(minutes(1))
        one = Person(signed_in["user"]["id"], signed_in["access_token"], signed_in["refresh_token"], claims)
        if is_premium:
            self.buy(one)
        return one

    def buy(self, person: Person, number: int = 0) -> str:
        """Let Stripe tell of a bought plan, and return the name of its notice."""
        self._events += 1
        name = f"event-{self._events:04}"
        external_id, transaction = f"sub_{person.claims['sub']}", f"in_{person.claims['sub']}_{number}"
        word = seen(external_id=external_id, term=term(ends_at=END, transaction_id=transaction), account=person.user_id)
        bought_at = payment().purchased_at + timedelta(hours=number)
        paid = payment(transaction_id=transaction, subscription_external_id=external_id, purchased_at=bought_at)
        self.market.stripe.sold[external_id] = Facts((word,), (paid,))
        assert self.market.tell(self.market.stripe, name, word, paid).status_code == 200
        return name

    def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """Make a call, see that its answer has the status expected, and return the body."""
        answer: HTTPResponse = self.service.call(method, path, body, **options)
        assert answer.status_code == status, answer.body
        return answer.json_body if answer.body[:1] == b"{" else answer.body

    def asks(self, method: str, path: str, body: Any = None, **options: Any) -> Act:
        """Return a call that is still to be made."""
        return lambda: self.ask(method, path, body, **options)

    def invokes(self, function: str, event: Mapping[str, Any]) -> Act:
        """Return an invocation that is still to be made."""
        return lambda: self.service.client.lambda_.invoke(function, event)

    def tick(self, function: str) -> Act:
        """Return the firing of a schedule."""
        return lambda: self.service.tick(function)

    def uploaded(self, person: Person, stamp: str = "2026-03-14T09:30:00Z") -> str:
        """Upload the sample and return its job's id."""
        answer = self.service.upload(person.token, SAMPLE.read_bytes(), upload_timestamp=stamp)
        return str(answer["job_id"])

    def arrived(self, person: Person, job_id: str) -> dict[str, Any]:
        """Return the event that S3 fires for an upload."""
        return s3_event(self.settings.bucket_name, f"uploads/{person.user_id}/{job_id}.pdf")

    def handed_on(self, person: Person, job_id: str, queue: str) -> dict[str, Any]:
        """Let an upload be handed on, and return the event of the queue that it belongs in."""
        self.service.client.lambda_.invoke("document_uploaded", self.arrived(person, job_id))
        return self.message_of(queue)

    def analysed(self, person: Person) -> str:
        """Upload the sample, have it analysed, and return its job's id."""
        job_id = self.uploaded(person)
        event = self.handed_on(person, job_id, self.settings.retries_queue)
        self.service.client.lambda_.invoke("retry_analysis", event)
        return job_id

    def ordered(self, person: Person, values: Any) -> str:
        """Order a report and return its job's id."""
        path = "/api/v1/process/doctor-report"
        return str(succeeded(self.service.call("POST", path, {"health_data": values}, token=person.token))["job_id"])

    def message_of(self, queue: str) -> dict[str, Any]:
        """Take one message out of a queue, and return it as the event that Lambda gets."""
        sqs = boto3.client("sqs", region_name=self.settings.region)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, MessageAttributeNames=["All"])["Messages"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return queue_event([message], f"arn:aws:sqs:eu-central-1:000000000000:{queue}")

    def empty(self, queue: str) -> None:
        """Forget what waits in a queue."""
        sqs = boto3.client("sqs", region_name=self.settings.region)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for one in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])

    def forget_everybody(self) -> None:
        """Remove everything from table, bucket and queues."""
        with Item.batch_write() as batch:
            for item in Item.scan():
                batch.delete(item)
        s3 = boto3.client("s3", region_name=self.settings.region)
        sqs = boto3.client("sqs", region_name=self.settings.region)
        bucket = self.settings.bucket_name
        for one in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=one["Key"])
        for url in sqs.list_queues()["QueueUrls"]:
            self.empty(url.rsplit("/", 1)[-1])


def message(queue: str, content: Any) -> dict[str, Any]:
    """Return the event of a message that says this."""
    body = json.dumps(content)
    made = {"MessageId": "m-1", "ReceiptHandle": "r-1", "Body": body, "MD5OfBody": "0" * 32}
    return queue_event([made], f"arn:aws:sqs:eu-central-1:000000000000:{queue}")
