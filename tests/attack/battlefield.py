"""The service with somebody who has everything (Ada), somebody who attacks (Mallory), and stores that really sign.

An attack is one request. What is looked at is the whole answer, what it asked of AWS, and whether anything that is
stored or waits in a queue is different afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from chalicelib import config, wiring
from chalicelib.gateways.analyst.findings import Analysis, Analyst, Document
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from chalicelib.models import base
from chalicelib.models.schema import table_definition
from deploy.cost.recorder import Recorder
from dev.identity_provider import IdentityProvider
from dev.storefront.apple_shop import AppleShop
from dev.storefront.google_shop import GoogleShop
from dev.storefront.post import PostOffice
from dev.storefront.server import Controls, StorefrontServer
from dev.storefront.stripe_shop import StripeShop
from dev.storefront.words import Delivery, VirtualClock
from tests import support
from tests.api.service import DEVICE, Service, running, succeeded
from tests.api.test_guarded_routes import PICTURE
from tests.rooms.biometric_phone import draw_key, signed, spki
from tests.rooms.documents_world import an_analysis

CORRELATION = "the-same-for-all"
VALUES = {"lab_results": [{"test_name": "Ferritin", "test_value": 8, "test_unit": "ng/mL"}]}


@dataclass(frozen=True, slots=True)
class Answered:
    """All that a caller sees of an answer, and what it cost."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    calls: Mapping[str, int]
    read_units: float
    write_units: float

    @property
    def code(self) -> str:
        """The status, and the code of a failure."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return str(self.status)
        error = found.get("error") if isinstance(found, dict) else None
        return f"{self.status} {error['code']}" if isinstance(error, dict) else str(self.status)

    def without(self, *words: str) -> Answered:
        """The same with words left out of it, such as the id that was asked for."""
        body = self.body
        for word in words:
            body = body.replace(word.encode(), b"")
        return replace(self, body=body)


@dataclass
class Person:
    """Somebody who is signed in, and what they have: ids by what they are of."""

    name: str
    user_id: str
    session_id: str
    device_id: str
    refresh_token: str
    has: dict[str, str] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = field(default_factory=draw_key)


class _Uncounted:
    """Counts of calls that never reach a limit: limits are attacked apart, and hide nothing here."""

    def add(self, limit: str, subject: str, window: int, calls: int) -> int:
        return 0


@dataclass
class _Instant:
    """Finds the same in every document, and leaves everything else to another analyst."""

    name: str
    other: Analyst

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        return an_analysis()

    def answer(self, question: Question, deadline: datetime) -> Reply:
        return self.other.answer(question, deadline)

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        return self.other.report(request, deadline)


@dataclass
class Battlefield:
    """One service, two people, three stores."""

    service: Service
    apple: AppleShop
    google: GoogleShop
    stripe: StripeShop
    recorder: Recorder

    def __post_init__(self) -> None:
        self.ada = self.signed_in("ada", "phone-of-ada")
        self.mallory = self.signed_in("mallory", "phone-of-mallory")

    def signed_in(self, name: str, device_id: str) -> Person:
        """Sign somebody in for the first time."""
        session = self._session(name, device_id)
        return Person(
            name, session["user"]["id"], session["session"]["session_id"], device_id, session["refresh_token"]
        )

    def sign_in_again(self, person: Person) -> None:
        """Begin a new session on the same phone; the one before ends."""
        session = self._session(person.name, person.device_id)
        person.session_id, person.refresh_token = session["session"]["session_id"], session["refresh_token"]

    def _session(self, name: str, device_id: str) -> dict[str, Any]:
        device = {**DEVICE, "app_installation_id": device_id}
        claims = {"email": f"{name}@google.example", "name": f"{name.title()} Lovelace"}
        return self.service.sign_in(claims=claims, device_info=device)

    def token(self, person: Person) -> str:
        """An access token of somebody's session, fresh whatever the time."""
        expires_at = self.service.clock.now() + config.settings().rules.access_token_life
        return wiring.rooms().access_tokens.issue(person.user_id, person.session_id, expires_at)[0]

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: Person | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Make one request, and count what it asks of AWS."""
        sent = {"X-Request-ID": CORRELATION, **(headers or {})}
        token = self.token(by) if by is not None else None
        with self.recorder.journey("attack") as counts, self.recorder.run("api_handler", is_request=True):
            answer = self.service.call(method, path, body, token=token, headers=sent)
        return Answered(
            answer.status_code,
            {name.lower(): str(value) for name, value in answer.headers.items()},
            answer.body,
            dict(counts.calls),
            float(counts.read_units),
            float(counts.write_units),
        )

    def do(self, method: str, path: str, body: Any = None, *, by: Person) -> dict[str, Any]:
        """Make a request that must succeed."""
        return succeeded(self.service.call(method, path, body, token=self.token(by)))

    def deliver(self, delivery: Delivery) -> Answered:
        """Post a notification of a store as it is."""
        return self.send("POST", delivery.path, delivery.body, headers=delivery.headers)

    def sell(self, shop: AppleShop | GoogleShop | StripeShop, account: str | None) -> tuple[str, list[Delivery]]:
        """Let somebody buy; return the subscription's id and what the store has to say, sealed."""
        external_id = shop.buy(account, "premium_monthly")
        return external_id, self.told(shop)

    def told(self, shop: AppleShop | GoogleShop | StripeShop) -> list[Delivery]:
        """Return what a store has to say since the last time, sealed for now."""
        deliveries = shop.take_deliveries()
        return deliveries if isinstance(shop, AppleShop) else [shop.sealed_anew(one) for one in deliveries]

    def enrol(self, person: Person) -> str:
        """Enrol the key of somebody's phone; return the registration's id."""
        begin = {"biometric_type": "face", "device_id": person.device_id}
        begun = self.do("POST", "/auth/biometric/register", begin, by=person)
        body = {
            "registration_id": begun["registration_id"],
            "signed_challenge": signed(person.key, begun["challenge"]),
            "biometric_public_key": spki(person.key),
        }
        self.do("POST", "/auth/biometric/complete", body, by=person)
        return str(begun["registration_id"])

    def challenge(self, person: Person, registration_id: str, operation: str = "data_export") -> str:
        """Draw a challenge."""
        body = {"registration_id": registration_id, "operation": operation}
        return str(self.do("POST", "/auth/biometric/challenge", body, by=person)["challenge"])

    def upload(self, person: Person, name: str = "report.png", **fields: str) -> str:
        """Hand in the sample and have it analysed; return the job's id."""
        job_id = str(self.service.upload(self.token(person), PICTURE, name, **fields)["job_id"])
        self.service.deliver_uploads()
        return job_id

    def endow(self, person: Person) -> None:
        """Give somebody one of everything that has an id."""
        has = person.has
        has["job"] = self.upload(person)
        has["reserved"] = self.do("POST", "/api/v1/process/upload-url", PRESIGNED, by=person)["job_id"]
        order = {"health_data": VALUES}
        has["report"] = self.do("POST", "/api/v1/process/doctor-report", order, by=person)["job_id"]
        self.service.deliver_messages(config.settings().retries_queue, "retry_analysis")
        question = {"content_id": "c", "message": "What does this mean?", "structured_data": VALUES}
        has["question"] = self.do("POST", "/api/v1/chat/messages", question, by=person)["job_id"]
        self.service.deliver_messages(config.settings().chat_queue, "answer_question")
        for shop in (self.stripe, self.google, self.apple):
            has["subscription"], told = self.sell(shop, person.user_id)
            for delivery in told:
                assert self.deliver(delivery).status == 200, delivery
        for name, path in (("cursor of jobs", "/api/v1/process/jobs"), ("cursor of payments", "/payments")):
            has[name] = self.do("GET", f"{path}?limit=1", by=person)["next_cursor"]
        has["registration"] = self.enrol(person)

    def state(self) -> str:
        """Everything that is stored or waits, but counts of calls, as one text. Read from moto itself: a scan through
        botocore takes thirty times as long, and there are hundreds."""
        settings = config.settings()
        table = _backend("dynamodb", settings.region).get_table(settings.table_name)
        items = [json.dumps(one.to_json(), sort_keys=True) for one in table.all_items()]
        bucket = _backend("s3", "aws").buckets[settings.bucket_name]
        objects = [f"{key} {one.etag}" for key, one in bucket.keys.items()]
        queues = _backend("sqs", settings.region).queues.values()
        waiting = [f"{queue.name} {message.body}" for queue in queues for message in queue._messages]
        kept = [one for one in items if "LIMIT#" not in one]
        return "\n".join([*sorted(kept), *sorted(objects), *sorted(waiting)])

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check that what is stored and what waits is the same afterwards, byte for byte."""
        before = self.state()
        yield
        assert self.state() == before


PRESIGNED = {"file_type": "pdf", "file_size": 1000}


def _backend(service: Any, region: str) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID][region]


class _Wall:
    """The service's clock, which is made after the stores that date their signatures by it."""

    def __init__(self) -> None:
        self.clock = support.SettableClock()

    def now(self) -> datetime:
        return self.clock.now()


@contextmanager
def stores(wall: _Wall) -> Iterator[tuple[AppleShop, GoogleShop, StripeShop, dict[str, str]]]:
    """Open all three stores on one port; yields them and what the service's environment says of them."""
    clock = VirtualClock(wall.now())
    apple = AppleShop(clock, environment="Sandbox")
    google = GoogleShop(clock, wall=wall.now)
    stripe = StripeShop(clock, wall=wall)
    with StorefrontServer() as server:
        shops = (apple, google, stripe)
        server.open(shops, Controls(shops, clock, PostOffice(lambda _: None, clock)))
        play = google.settings(server.url)
        variables = {
            **apple.environment_variables(server.url),
            **stripe.environment_variables(f"{server.url}/stripe"),
            "PLAY_PACKAGE_NAME": play.package_name,
            "PLAY_PUSH_AUDIENCE": play.push_audience,
            "PLAY_PUSH_EMAIL": play.push_email,
            "PLAY_PRODUCTS": ",".join(f"{product}={plan}" for product, plan in play.products.items()),
            "PLAY_JWKS_URL": play.jwks_url,
            "PLAY_TOKEN_URL": play.token_url,
            "PLAY_API_URL": play.api_url,
        }
        yield apple, google, stripe, variables


@contextmanager
def battlefield(provider: IdentityProvider, *, is_endowed: bool = True) -> Iterator[Battlefield]:
    """Run the service on moto, with stores; Ada has one of everything unless she is to have nothing."""
    wall = _Wall()
    with pytest.MonkeyPatch.context() as patch, mock_aws(), stores(wall) as (apple, google, stripe, variables):
        for name, value in variables.items():
            patch.setenv(name, value)
        settings = support.test_settings()
        base.connect(settings.table_name, settings.region)
        boto3.client("dynamodb", region_name=settings.region).create_table(**table_definition(settings.table_name))
        with running(provider, patch) as service, _arranged() as recorder:
            wall.clock = service.clock
            _put_secrets(apple, google, stripe)
            field = Battlefield(service, apple, google, stripe, recorder)
            if is_endowed:
                field.endow(field.ada)
            yield field
    base.Item._connection = None


@contextmanager
def _arranged() -> Iterator[Recorder]:
    """Let the rooms count no limits and analyse at once, and watch what they ask."""
    rooms, recorder = wiring.rooms(), Recorder()
    pipeline = replace(rooms.documents.pipeline, analyst=_Instant("instant", rooms.documents.pipeline.analyst))
    with pytest.MonkeyPatch.context() as patch, recorder.watching():
        patch.setattr(rooms.documents, "pipeline", pipeline)
        patch.setattr(rooms.limiter, "counters", _Uncounted())
        yield recorder


def _put_secrets(apple: AppleShop, google: GoogleShop, stripe: StripeShop) -> None:
    settings = config.settings()
    client = boto3.client("secretsmanager", region_name=settings.region)
    for name, value in (
        (settings.app_store_secret, apple.secret()),
        (settings.play_store_secret, google.api.secret()),
        (settings.stripe_secret, stripe.secret()),
    ):
        client.create_secret(Name=name, SecretString=json.dumps(value))
