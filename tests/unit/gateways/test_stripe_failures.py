"""What the gateway says when Stripe does not answer, refuses, or answers nonsense."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors
from dev.storefront.server import StorefrontServer
from dev.storefront.words import HttpAnswer
from tests.unit.gateways.stripe_world import USER, StripeWorld

ASKING: dict[str, Callable[[StripeWorld], Any]] = {
    "look": lambda world: world.gateway.look("sub_1"),
    "missed": lambda world: list(world.gateway.missed(world.clock.now() - timedelta(hours=1), world.clock.now())),
    "checkout": lambda world: world.gateway.checkout(USER, "premium_monthly", "key"),
    "cancel": lambda world: world.gateway.cancel("sub_1", immediately=True, reason=None, idempotency_key="key"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[StorefrontServer]:
    with StorefrontServer() as running:
        yield running


@pytest.fixture
def world(server: StorefrontServer) -> StripeWorld:
    return StripeWorld(server)


@pytest.mark.parametrize(
    ("asking", "status"), [*((asking, 429) for asking in ASKING), ("look", 500), ("missed", 503), ("checkout", 500)]
)
def test_a_stripe_that_does_not_answer_is_not_now(world: StripeWorld, asking: str, status: int) -> None:
    world.shop.desk.faults = [status] * 10
    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE") as not_now:
        ASKING[asking](world)

    assert not_now.value.retry_after_seconds
    assert len(world.shop.desk.calls) <= 2


def test_a_passing_fault_is_asked_again_once(world: StripeWorld) -> None:
    external_id = world.bought()
    world.shop.desk.faults = [500]

    assert world.gateway.look(external_id) is not None


def test_the_library_writes_no_names_of_customers_and_subscriptions(
    world: StripeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """It would put the address of every call into the log, wherever lines of information are kept."""
    external_id = world.bought()
    logging.getLogger("stripe").setLevel(logging.NOTSET)
    with caplog.at_level(logging.INFO):
        assert world.gateway_with().look(external_id) is not None
        assert world.gateway.look("sub_of_nobody") is None

    assert [line.getMessage() for line in caplog.records if line.name == "stripe"] == []


def test_a_checkout_whose_answer_was_lost_is_opened_once(world: StripeWorld) -> None:
    world.shop.desk.faults = [503]
    session = world.gateway.checkout(USER, "premium_monthly", "key")

    assert [one["id"] for one in world.shop.ledger.all("checkout.session")] == [session.session_id]


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize("status", [400, 402])
def test_a_request_that_stripe_calls_wrong_is_a_defect(world: StripeWorld, asking: str, status: int) -> None:
    world.shop.desk.faults = [status]
    with pytest.raises(errors.Unexpected):
        ASKING[asking](world)


def test_an_unknown_price_in_the_settings_is_a_defect(world: StripeWorld) -> None:
    gateway = world.gateway_with(products={"price_gone": "premium_monthly"})
    with pytest.raises(errors.Unexpected):
        gateway.checkout(USER, "premium_monthly", "key")


@pytest.mark.parametrize("asking", ASKING)
def test_a_key_that_stripe_does_not_take_is_not_now(world: StripeWorld, asking: str) -> None:
    world.held.value["api_key"] = "sk_test_of_another"
    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
        ASKING[asking](world)


def test_a_key_that_was_rolled_a_moment_ago_is_found(world: StripeWorld) -> None:
    external_id = world.bought()
    world.held.stale = {"api_key": "sk_test_before"}

    assert world.gateway.look(external_id) is not None


@pytest.mark.parametrize("key", [None, "", 7])
def test_without_a_key_nothing_is_asked(world: StripeWorld, key: Any) -> None:
    world.held.value["api_key"] = key
    with pytest.raises(errors.Unavailable):
        world.gateway.look("sub_1")
    assert world.shop.desk.calls == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://api.stripe.example", "ftp://127.0.0.1.evil.example"])
def test_nobody_there_and_no_tls_are_not_now(world: StripeWorld, url: str) -> None:
    with pytest.raises(errors.Unavailable):
        world.gateway_with(api_url=url).look("sub_1")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"object": "subscription", "id": "sub_1"}', b'{"object": "subscription", "id": 1}'],
)
def test_nonsense_is_never_taken_for_an_answer(
    world: StripeWorld, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(world.shop.desk, "answer", lambda *_: HttpAnswer(200, body))
    with pytest.raises((errors.Unavailable, errors.Unexpected)):
        world.gateway.look("sub_1")


def test_a_refusal_is_logged_without_what_was_sent(world: StripeWorld, caplog: pytest.LogCaptureFixture) -> None:
    world.shop.desk.faults = [400]
    with pytest.raises(errors.Unexpected):
        world.gateway.checkout(USER, "premium_monthly", "key")
    (logged,) = [vars(record) for record in caplog.records if record.getMessage() == "stripe_request_refused"]

    assert (logged["call"], logged["status"]) == ("checkout", 400)
    assert USER not in str(logged)


def test_a_status_of_tomorrow_opens_nothing_and_is_logged(world: StripeWorld, caplog: pytest.LogCaptureFixture) -> None:
    external_id = world.bought()
    world.thing(external_id)["status"] = "hibernating"

    assert world.renewal(external_id).phase == "pending"
    assert "stripe_status_unknown" in [record.getMessage() for record in caplog.records]
