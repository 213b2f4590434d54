"""The whole service in this process, on an embedded cloud of its own: put back to its beginning again and again, with
rooms that are built anew, as a process that has just started has them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from chalice.test import HTTPResponse

import app as page
from chalicelib import clock as clocks
from chalicelib import config, wiring, wiring_billing
from chalicelib.billing.doors import Stores
from chalicelib.billing.products import Products
from chalicelib.documents import inspection
from chalicelib.models.base import shared_connection
from chalicelib.web.events import EventFailed
from dev.event_shapes import queue_event
from dev.faults import Attempt
from dev.faulty import SPARED
from dev.identity_provider import IdentityProvider
from tests.api import service as whole
from tests.api.service import s3_event
from tests.faults.steady import Steady, Through
from tests.rooms.billing_world import APPLE, GOOGLE, PRODUCTS, STRIPE, ScriptedStore
from tests.rooms.documents_world import quick_inspect

QUEUES: Final = {
    "priority": "analyse_priority",
    "retries": "retry_analysis",
    "priority_backlog": "analyse_priority_backlog",
    "backlog": "analyse_backlog",
    "chat": "answer_question",
    "resets": "reset_usage_batch",
    "erasures": "carry_erasure_on",
}
"""Queues by the names that settings have for them, and the functions that their messages go to."""
_FORESEEN: Final = ("ExceptionGroup", "BatchIncompleteError")
"""What functions raise on purpose, so that an event comes again, beside errors of the service's own."""


class Told(Exception):
    """The service said that it cannot now. The text says how."""


class Wrong(AssertionError):
    """The service said or did something that no fault excuses."""


@dataclass
class House:
    """The service, the cloud beneath, and what stands around both."""

    service: whole.Service
    settings: config.Settings
    cloud: SimpleNamespace
    stores: dict[str, ScriptedStore] = field(default_factory=dict)
    analyst: Steady = field(default_factory=Steady)
    urls: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    """What a journey remembers of its preparation."""
    events_seen: set[tuple[str, str]] = field(default_factory=set)
    in_use: set[str] = field(default_factory=set)
    """Queues in which there may be messages: those that something was sent to."""

    # Processes

    def start_anew(self) -> None:
        """Build the rooms anew: nothing is remembered, of keys, addresses or counts."""
        built: Any = wiring.build(self.settings, clocks.SystemClock())
        built.analyst = Through(lambda: self.analyst)
        wiring.rooms = lambda: built  # type: ignore[assignment]  # the fixture puts it back

    @contextmanager
    def another_process(self) -> Iterator[None]:
        """Whatever is asked inside is asked of a process of its own."""
        before = wiring.rooms
        self.start_anew()
        try:
            yield
        finally:
            wiring.rooms = before

    # What the app asks

    def ask(self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str) -> dict[str, Any]:
        """Call the service once.

        Raises:
            Told: it cannot now; ask again. Wrong: anything but that and success.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.read(self.service.call(method, path, body, token=token or None, headers=sent), f"{method} {path}")

    def read(self, answer: HTTPResponse, what: str) -> dict[str, Any]:
        """Read an answer as the app does."""
        body: dict[str, Any] = answer.json_body
        if answer.status_code in {200, 202}:
            return body
        code = body.get("error", {}).get("code")
        if answer.status_code == 503 and "Retry-After" in answer.headers:
            raise Told(f"{what}: 503 {code}")
        raise Wrong(f"{what} was answered {answer.status_code} {code}")

    # What AWS does

    def uploads(self) -> list[tuple[str, str]]:
        """Uploads of which S3 has not told yet, with the instants at which they came."""
        found = self.cloud.s3.list_objects_v2(Bucket=self.settings.bucket_name, Prefix="uploads/").get("Contents", [])
        there = [(one["Key"], str(one["LastModified"])) for one in found]
        return [one for one in there if one not in self.events_seen]

    def messages(self) -> list[tuple[str, Any]]:
        """Everything in the queues, due or not, received once."""
        found = []
        for name in sorted(self.in_use):
            answer = self.cloud.sqs.receive_message(
                QueueUrl=self.urls[name], MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=0
            )
            found += [(name, message) for message in answer.get("Messages", [])]
        return found

    def carry(self) -> int:
        """Carry what S3 tells and what waits in queues to the functions, once; what fails stays. Returns how many."""
        done = 0
        for upload in self.uploads():
            if self._invoked("document_uploaded", s3_event(self.settings.bucket_name, upload[0])):
                self.events_seen.add(upload)
            done += 1
        for name, message in self.messages():
            arn = f"arn:aws:sqs:eu-central-1:000000000000:{name}"
            if self._invoked(QUEUES[name], queue_event([message], arn)):
                self._delete(name, message)
            done += 1
        return done

    def _delete(self, name: str, message: Any) -> None:
        # Whoever received it later has the handle that counts.
        with suppress(self.cloud.sqs.exceptions.ReceiptHandleIsInvalid):
            self.cloud.sqs.delete_message(QueueUrl=self.urls[name], ReceiptHandle=message["ReceiptHandle"])

    def tick(self, function: str) -> None:
        """Fire a schedule; a run that fails is made up for by the next."""
        event = self.service.client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
        self._invoked(function, event)

    def settle(self, minutes: int = 40) -> None:
        """Let time pass as AWS lets it pass: events and messages again, the schedules, until nothing is left to do."""
        for minute in range(minutes):
            if self.carry():
                continue
            if not self._is_anything_open():
                return
            self.service.clock.advance(timedelta(minutes=1))
            self.tick("sweep_jobs")
            if minute % 5 == 4:
                self.tick("sweep_erasures")

    def _is_anything_open(self) -> bool:
        """Whether a job or an erasure has not ended: their index entries say when somebody looks at them."""
        return any("GSI3PK" in item for item in self.items("job", "erasure"))

    def _invoked(self, function: str, event: Any) -> bool:
        try:
            self.service.client.lambda_.invoke(function, event)
        except Exception as failure:  # noqa: BLE001  # whatever a function raises, Lambda invokes it again
            if isinstance(failure, EventFailed) and not str(failure).endswith(_FORESEEN):
                self.notes.setdefault("unforeseen", []).append(f"{function}: {failure}")
            return False
        return True

    def sees(self, attempt: Attempt) -> None:
        """Note which queue a message is sent to, and have what is sent to be seen later be seen at once: queues have
        clocks of their own. What is to be forgotten in a quarter of an hour is not."""
        if not attempt.operation.startswith("sqs:SendMessage"):
            return
        body = json.loads(attempt.request.body)
        self.in_use |= {name for name, url in self.urls.items() if url == body["QueueUrl"]}
        if 0 < body.get("DelaySeconds", 0) <= 300:
            attempt.request.body = json.dumps(body | {"DelaySeconds": 0}).encode()
            attempt.request.headers["Content-Length"] = str(len(attempt.request.body))

    # What is there

    def items(self, *entity_types: str) -> list[dict[str, Any]]:
        """The items of the table, or those of some types."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = self.cloud.dynamodb.scan(TableName=self.settings.table_name, ConsistentRead=True, **more)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return [one for one in found if not entity_types or one["entity_type"]["S"] in entity_types]
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def objects(self) -> dict[str, bytes]:
        """Every object of the bucket."""
        bucket = self.settings.bucket_name
        found = self.cloud.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {one["Key"]: self.cloud.s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found}


@contextmanager
def open_house(endpoint: str, provider: IdentityProvider) -> Iterator[House]:
    """Open the service on an embedded cloud that nobody else uses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        # Nothing here waits: retries have their own waits, and a clock that stands does not mind.
        patch.setattr(time, "sleep", lambda _: None)
        with whole.running(provider, patch) as service, pytest.MonkeyPatch.context() as within:
            yield _furnished(service, within)


def _furnished(service: whole.Service, patch: pytest.MonkeyPatch) -> House:
    from botocore.config import Config

    from chalicelib.models.schema import table_definition

    settings = config.settings()
    spared = Config(user_agent_extra=SPARED)
    make = boto3.session.Session(region_name=settings.region).client
    cloud = SimpleNamespace(**{name: make(name, config=spared) for name in ("dynamodb", "s3", "sqs")})
    cloud.dynamodb.create_table(**table_definition(settings.table_name))
    wiring.rooms()
    house = House(service, settings, cloud)
    house.urls = {
        name: cloud.sqs.get_queue_url(QueueName=getattr(settings, f"{name}_queue"))["QueueUrl"] for name in QUEUES
    }
    house.stores = {one.value: ScriptedStore(one) for one in (APPLE, GOOGLE, STRIPE)}
    connection, stores = shared_connection(), Stores(**house.stores)
    products = Products(dict.fromkeys((APPLE, GOOGLE, STRIPE), PRODUCTS))
    patch.setattr(wiring, "rooms", wiring.rooms)
    patch.setattr(page.api, "services", lambda: wiring.rooms())  # noqa: PLW0108  # whichever are there then
    patch.setattr(wiring, "connect", lambda *_: connection)
    patch.setattr(inspection, "inspect", quick_inspect)
    patch.setattr(wiring_billing, "stores_of", lambda *_: stores)
    patch.setattr(wiring_billing, "products_of", lambda *_: products)
    house.start_anew()
    return house


def attribute(item: Mapping[str, Any], *path: str) -> Any:
    """Return what stands at a path of `data`, without its type; None where nothing does."""
    found: Any = item["data"]
    for name in path:
        found = found["M"].get(name)
        if found is None:
            return None
    ((kind, value),) = found.items()
    return None if kind == "NULL" else int(value) if kind == "N" else value
