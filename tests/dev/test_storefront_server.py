"""The simulated stores on their port: whose API answers, and what the control paths do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from chalicelib.models.states import SubscriptionProvider, Tier
from dev.storefront.post import PostOffice, over_http
from dev.storefront.server import Controls, FlowingClock, StorefrontServer
from dev.storefront.words import Delivery, Happening, HttpAnswer, Truth, VirtualClock


class TinyShop:
    """A store with one kind of news, whose notifications go back to its own server."""

    name = SubscriptionProvider.STRIPE

    def __init__(self) -> None:
        self.owners: dict[str, str | None] = {}
        self.outgoing: list[Delivery] = []
        self.heard: list[bytes] = []

    def buy(self, account: str | None, plan_id: str, *, is_shared: bool = False) -> str:
        if plan_id != "premium_monthly" or is_shared:
            raise ValueError(f"no plan {plan_id!r}")
        external_id = f"sub-{len(self.owners)}"
        self.owners[external_id] = account
        self._tell("bought", external_id)
        return external_id

    def can(self, external_id: str, happening: Happening) -> bool:
        return external_id in self.owners and happening is Happening.CANCEL

    def happen(self, external_id: str, happening: Happening) -> str:
        self._tell(happening.value, external_id)
        return external_id

    def truth(self, external_id: str) -> Truth:
        until = datetime(2026, 4, 14, tzinfo=UTC)
        return Truth(Tier.PREMIUM, will_renew=False, until=until, account=self.owners[external_id])

    def take_deliveries(self) -> list[Delivery]:
        taken, self.outgoing = self.outgoing, []
        return taken

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        if path == "/tiny/hook":
            assert headers["x-seal"] == "s"
            self.heard.append(body)
            return HttpAnswer(200, b"{}")
        if path == "/tiny/breaks":
            raise RuntimeError("told to break")
        return HttpAnswer(200, path.encode(), "text/plain") if path.startswith("/tiny/echo") else None

    def _tell(self, what: str, external_id: str) -> None:
        body = json.dumps({"what": what, "id": external_id}).encode()
        self.outgoing.append(Delivery(self.name, f"{what}-{external_id}", "/tiny/hook", {"x-seal": "s"}, body))


class Counter:
    """The server with the tiny shop in it."""

    def __init__(self, server: StorefrontServer) -> None:
        self.shop, self.clock, self.url = TinyShop(), VirtualClock(), server.url
        post = PostOffice(over_http(server.url), self.clock, [self.shop])
        server.open([self.shop], Controls([self.shop], self.clock, post))

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = urllib3.request(method, self.url + path, json=body, retries=False, timeout=5)
        is_text = answer.headers["Content-Type"] == "text/plain"
        return answer.status, answer.data.decode() if is_text else answer.json()


@pytest.fixture
def counter() -> Iterator[Counter]:
    with StorefrontServer() as server:
        yield Counter(server)


def test_a_purchase_is_told_to_the_service_before_the_control_path_answers(counter: Counter) -> None:
    status, answer = counter.call(
        "POST", "/control/buy", {"provider": "stripe", "plan_id": "premium_monthly", "account": "u1"}
    )
    assert (status, answer["external_id"]) == (200, "sub-0")
    assert [(one["event_id"], one["status"], one["attempt"]) for one in answer["deliveries"]] == [
        ("bought-sub-0", 200, 1)
    ]
    assert counter.shop.heard == [b'{"what": "bought", "id": "sub-0"}']
    status, truth = counter.call("GET", "/control/truth?provider=stripe&external_id=sub-0")
    assert (status, truth["tier"], truth["account"], truth["will_renew"]) == (200, "premium", "u1", False)


def test_what_can_happen_happens_and_what_cannot_is_refused_with_a_sentence(counter: Counter) -> None:
    counter.call("POST", "/control/buy", {"provider": "stripe", "plan_id": "premium_monthly"})
    happen = {"provider": "stripe", "external_id": "sub-0"}
    assert counter.call("POST", "/control/happen", {**happen, "happening": "cancel"})[0] == 200
    assert [json.loads(body)["what"] for body in counter.shop.heard] == ["bought", "cancel"]
    status, answer = counter.call("POST", "/control/happen", {**happen, "happening": "refund"})
    assert (status, answer["error"]) == (400, "ValueError: refund cannot happen to this subscription now")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/control/buy", {"provider": "stripe", "plan_id": "gold"}),
        ("POST", "/control/buy", {"provider": "nobody", "plan_id": "premium_monthly"}),
        ("POST", "/control/buy", {}),
        ("POST", "/control/happen", {"provider": "stripe", "external_id": "x", "happening": "miracle"}),
        ("POST", "/control/advance", {"days": "many"}),
        ("GET", "/control/truth?provider=stripe&external_id=x", None),
        ("POST", "/control/weather", {"drops": "often"}),
        ("GET", "/control/nothing", None),
    ],
)
def test_a_control_request_that_makes_no_sense_is_refused(counter: Counter, method: str, path: str, body: Any) -> None:
    status, answer = counter.call(method, path, body)
    assert status == 400
    assert answer["error"]
    assert counter.shop.heard == []


def test_advancing_moves_the_clock(counter: Counter) -> None:
    before = counter.clock.now()
    assert counter.call("POST", "/control/advance", {"days": 2, "seconds": 5})[0] == 200
    assert timedelta(days=2, seconds=5) < counter.clock.now() - before < timedelta(days=2, seconds=6)


def test_the_weather_can_be_turned(counter: Counter) -> None:
    assert counter.call("POST", "/control/weather", {"drops": 1})[0] == 200
    buy = {"provider": "stripe", "plan_id": "premium_monthly"}
    assert counter.call("POST", "/control/buy", buy)[1]["deliveries"] == []
    assert counter.call("POST", "/control/weather", {"repeats": 1})[0] == 200
    assert [one["event_id"] for one in counter.call("POST", "/control/buy", buy)[1]["deliveries"]] == [
        "bought-sub-1"
    ] * 2
    assert counter.call("POST", "/control/weather", {"delay_seconds": 3600, "seed": 1})[0] == 200
    assert counter.call("POST", "/control/buy", buy)[1]["deliveries"] == []
    assert len(counter.call("POST", "/control/advance", {"seconds": 3600})[1]["deliveries"]) == 1


def test_other_paths_are_the_stores_own(counter: Counter) -> None:
    assert counter.call("GET", "/tiny/echo?a=1") == (200, "/tiny/echo?a=1")
    assert counter.call("GET", "/elsewhere")[0] == 404
    status, answer = counter.call("GET", "/tiny/breaks")
    assert (status, answer["error"]["message"]) == (500, "RuntimeError: told to break")


def test_the_flowing_clock_goes_with_the_machines_and_never_stands() -> None:
    clock = FlowingClock()
    first, second = clock.now(), clock.now()
    assert first < second
    assert abs(second - datetime.now(UTC)) < timedelta(seconds=1)
    clock.advance(timedelta(days=3))
    assert timedelta(days=3) <= clock.now() - second < timedelta(days=3, seconds=1)
