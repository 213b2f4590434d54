"""The whole service on moto for a state machine: one clock for it and the App Store, an instant analyst, a broom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from chalicelib import config, wiring
from chalicelib.errors import NotMedical
from chalicelib.gateways.analyst.findings import Analysis, Analyst, Document
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from chalicelib.models.schema import table_definition
from dev.identity_provider import IdentityProvider
from dev.storefront.apple_shop import AppleShop
from dev.storefront.post import PostOffice
from dev.storefront.server import Controls, StorefrontServer
from dev.storefront.words import Delivery, VirtualClock
from tests.api.service import Service, running
from tests.rooms.documents_world import an_analysis, quick_inspect
from tests.support import SettableClock

LETTER = b"%PDF-1.4 a letter"
REPORT = b"%PDF-1.4 a report"


class OneClock(VirtualClock):
    """The store's clock, which is the service's: what one reads moves both by a millisecond."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = SettableClock()

    def now(self) -> datetime:
        with self._lock:
            self.shared.advance(timedelta(milliseconds=1))
            return self.shared.instant

    def advance(self, by: timedelta) -> None:
        with self._lock:
            self.shared.advance(by)


@dataclass
class Instant:
    """Finds the same in every report, nothing medical in a letter, and leaves talk to another analyst."""

    name: str
    other: Analyst

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        if document.content.startswith(LETTER):
            raise NotMedical
        return an_analysis()

    def answer(self, question: Question, deadline: datetime) -> Reply:
        return self.other.answer(question, deadline)

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        return self.other.report(request, deadline)


class Uncounted:
    """Counts of calls that never reach a limit per minute: the clock stands still between many calls here."""

    def add(self, limit: str, subject: str, window: int, calls: int) -> int:
        return 0


@dataclass
class World:
    """The service, a store, and what AWS would carry between them."""

    service: Service
    store: AppleShop
    clock: OneClock

    def sweep_out(self) -> None:
        """Forget everybody: an empty table, bucket and queues, for the next run of the machine."""
        settings = config.settings()
        backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][settings.region]
        backend.tables.pop(settings.table_name)
        boto3.client("dynamodb", region_name=settings.region).create_table(**table_definition(settings.table_name))
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[settings.bucket_name].keys.clear()
        self.service._delivered.clear()
        self.deliver_queues()
        # Without it the first sweep of each run would look a month back.
        wiring.rooms().usage_reset.due.record_swept(self.clock.now().date(), self.clock.now())

    def deliver_uploads(self, *, is_repeated: bool = False) -> None:
        """Carry the events of S3; with `is_repeated` those that were carried before, too."""
        settings = config.settings()
        if is_repeated:
            self.service._delivered.clear()
        stored = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[settings.bucket_name].keys
        if any(key.startswith("uploads/") and key not in self.service._delivered for key in stored):
            self.service.deliver_uploads()
        self.deliver_queues()

    def deliver_queues(self) -> None:
        """Carry what waits until nothing does."""
        settings = config.settings()
        queues = sqs_backends[DEFAULT_ACCOUNT_ID][settings.region].queues
        for queue, function in (
            (settings.retries_queue, "retry_analysis"),
            (settings.erasures_queue, "carry_erasure_on"),
            (settings.resets_queue, "reset_usage_batch"),
        ):
            # To look into moto costs nothing; to ask it costs a client.
            while queues[queue].messages and self.service.deliver_messages(queue, function):
                pass

    def tell(self, delivery: Delivery) -> int:
        """Post a notification of the store, and return the status of the answer."""
        answer = self.service.call("POST", delivery.path, delivery.body, headers=delivery.headers)
        status: int = answer.status_code
        return status

    def items_of(self, user_id: str) -> int:
        return self.service.count(f"USER#{user_id}")


@contextmanager
def world(provider: IdentityProvider) -> Iterator[World]:
    """Run the service on the table that the test has, selling in the App Store."""
    clock = OneClock()
    store = AppleShop(clock, environment="Sandbox")
    with StorefrontServer() as server, pytest.MonkeyPatch.context() as patch:
        server.open([store], Controls([store], clock, PostOffice(lambda _: None, clock)))
        for name, value in store.environment_variables(server.url).items():
            patch.setenv(name, value)
        # To make a client takes longer than ten calls of it, and events are carried with new ones.
        patch.setattr(boto3, "client", cache(boto3.client))
        with running(provider, patch) as service:
            clock.shared = service.clock
            _put_secret(store)
            _arrange(patch)
            yield World(service, store, clock)


def _put_secret(store: AppleShop) -> None:
    import json

    settings = config.settings()
    client = boto3.client("secretsmanager", region_name=settings.region)
    client.create_secret(Name=settings.app_store_secret, SecretString=json.dumps(store.secret()))


def _arrange(patch: pytest.MonkeyPatch) -> None:
    """Have what is slow and has tests of its own done at once: inspection, and the reading of a document."""
    rooms = wiring.rooms()
    documents = rooms.documents
    quick: Any = replace(documents._sources, inspect=quick_inspect)
    instant = Instant("instant", documents.pipeline.analyst)
    patch.setattr(documents, "_sources", quick)
    patch.setattr(documents, "uploads", replace(documents.uploads, inspect=quick_inspect))
    patch.setattr(documents, "pipeline", replace(documents.pipeline, analyst=instant, sources=quick))
    patch.setattr(documents, "arrivals", replace(documents.arrivals, sources=quick))
    patch.setattr(rooms.limiter, "counters", Uncounted())
