"""Questions to the App Store's server, over HTTP: what is found, what is missed, and what "later" looks like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, ClassVar

import jwt
import pytest

from chalicelib import errors
from chalicelib.gateways.provider_facts import Notice, Phase
from chalicelib.models.states import PaymentStatus
from dev.storefront.apple_api import PAGE, AppleApi
from dev.storefront.words import Happening, HttpAnswer
from tests.unit.gateways.app_store_world import ACCOUNT, World, payment, renewal, term, world_over_http

OTHER_ACCOUNT = "9b2c1f66-0000-4000-8000-000000000002"


@pytest.fixture
def world() -> Iterator[World]:
    with world_over_http() as running:
        yield running


def missed(world: World, days: float = 170) -> list[Notice]:
    now = world.clock.now()
    return list(world.store.missed(now - timedelta(days=days), now + timedelta(days=1)))


def test_a_look_finds_how_a_subscription_stands_now(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "family_yearly")
    world.shop.happen(external_id, Happening.FAIL_INTO_GRACE)
    facts = world.store.look(external_id)
    assert facts is not None
    assert renewal(facts).phase is Phase.GRACE
    assert term(facts).product == "app.serenya.family.yearly"
    told = world.facts(world.last())
    assert renewal(facts).version > renewal(told).version
    assert replace(term(facts), version=term(told).version) == term(told)


@pytest.mark.parametrize("external_id", ["2000000000000000", "no number", "../notifications", "ä/ö"])
def test_a_look_at_a_subscription_that_apple_does_not_know_finds_none(world: World, external_id: str) -> None:
    assert world.store.look(external_id) is None


def test_every_notification_that_was_sent_is_found_again_page_by_page(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    for _ in range(PAGE):
        world.shop.happen(external_id, Happening.CANCEL)
        world.shop.happen(external_id, Happening.UNCANCEL)
    sent = [world.told(delivery) for delivery in world.shop.take_deliveries()]
    assert missed(world) == sent
    assert len(sent) == 2 * PAGE + 1
    assert world.shop.api.questions == 3


def test_nothing_is_asked_for_a_time_that_is_over_before_it_began(world: World) -> None:
    now = world.clock.now()
    assert list(world.store.missed(now + timedelta(days=1), now + timedelta(days=2))) == []
    assert list(world.store.missed(now, now - timedelta(days=2))) == []
    assert world.shop.api.questions == 0


def test_the_history_is_asked_no_further_back_than_apple_keeps_it(world: World) -> None:
    world.shop.buy(ACCOUNT, "premium_monthly")
    world.clock.advance(timedelta(days=200))
    late = world.shop.buy(ACCOUNT, "premium_monthly")
    found = missed(world, days=4000)
    assert [notice.event_type for notice in found] == ["SUBSCRIBED/INITIAL_BUY"]
    assert world.store.read(found[0]).subscriptions[0].external_id == late


def test_one_record_that_is_not_for_us_does_not_hide_the_others(world: World) -> None:
    world.shop.tell({"notificationType": "TEST", "data": {"bundleId": "app.somebody.else", "environment": "Sandbox"}})
    world.shop.buy(ACCOUNT, "premium_monthly")
    assert [notice.event_type for notice in missed(world)] == ["SUBSCRIBED/INITIAL_BUY"]


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_when_apple_does_not_answer_we_are_told_to_come_back(world: World, status: int) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.shop.api.trouble = HttpAnswer(status, b'{"errorCode": 4040002, "errorMessage": "Try again."}')
    with pytest.raises(errors.Unavailable) as silence:
        world.store.look(external_id)
    assert silence.value.code == "PROVIDER_UNAVAILABLE"
    with pytest.raises(errors.Unavailable):
        missed(world)


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"null", b"[" * 100_000])
def test_an_answer_that_cannot_be_read_is_none(world: World, body: bytes) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.shop.api.trouble = HttpAnswer(200, body)
    with pytest.raises(errors.Unavailable):
        world.store.look(external_id)


def test_a_failure_of_the_moment_is_asked_again_and_no_more_than_twice(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.shop.api.trouble = HttpAnswer(503, b"")
    with pytest.raises(errors.Unavailable):
        world.store.look(external_id)
    assert world.shop.api.questions == 3


def test_nobody_listening_is_silence() -> None:
    with pytest.raises(errors.Unavailable):
        World().store.look("2000000000000000")


def test_the_app_store_is_asked_over_tls_alone() -> None:
    with pytest.raises(errors.Unavailable):
        World("http://api.storekit.example").store.look("2000000000000000")


def test_a_key_that_was_replaced_is_read_again_at_once(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.held.fresh = world.held.value
    world.held.value = AppleApi(world.shop.bundle_id, world.clock.now, lambda _: None, lambda _: None).secret()
    assert world.store.look(external_id) is not None


def test_a_key_that_apple_does_not_accept_is_our_trouble_and_not_the_callers(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.held.value = AppleApi(world.shop.bundle_id, world.clock.now, lambda _: None, lambda _: None).secret()
    with pytest.raises(errors.Unavailable):
        world.store.look(external_id)


@pytest.mark.parametrize(
    "secret", [{}, {"issuer_id": "i", "key_id": "k"}, {"issuer_id": "i", "key_id": "k", "private_key": "no key"}]
)
def test_without_a_usable_key_nothing_is_asked(world: World, secret: dict[str, Any]) -> None:
    world.held.value = secret
    with pytest.raises(errors.Unavailable):
        world.store.look("2000000000000000")
    assert world.shop.api.questions == 0


class _Recorder(BaseHTTPRequestHandler):
    """Answers every question with "too many", and remembers it."""

    headers_seen: ClassVar[list[dict[str, str]]] = []
    retry_after: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.headers_seen.append(dict(self.headers))
        self.send_response(429)
        self.send_header("Retry-After", self.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def busy() -> Iterator[World]:
    server = HTTPServer(("127.0.0.1", 0), _Recorder)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield World(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_a_question_carries_a_token_for_our_app_that_soon_ends(busy: World) -> None:
    _Recorder.headers_seen.clear()
    with pytest.raises(errors.Unavailable):
        busy.store.look("2000000000000000")
    [headers] = _Recorder.headers_seen
    token = headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": busy.shop.api.key_id}
    assert (claims["aud"], claims["bid"], claims["iss"]) == (
        "appstoreconnect-v1",
        "app.serenya",
        busy.shop.api.issuer_id,
    )
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("7", 7), ("in", 60), ("past", 1), ("99999", 300), ("soon", 5), ("", 5), ("9" * 40, 5), ("-3", 5)],
)
def test_apple_says_how_long_to_wait_in_seconds_or_as_an_instant(busy: World, given: str, seconds: int) -> None:
    at = {"in": timedelta(seconds=60), "past": timedelta(days=-1)}.get(given)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    _Recorder.retry_after = given if at is None else str((busy.clock.now() + at - epoch) // timedelta(milliseconds=1))
    with pytest.raises(errors.Unavailable) as later:
        busy.store.look("2000000000000000")
    assert later.value.retry_after_seconds == pytest.approx(seconds, abs=1)


def test_a_posted_purchase_is_a_subscription_with_its_payment(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_yearly")
    facts = world.store.claim(world.shop.signed_transaction(external_id))
    assert (facts.subscriptions[0].external_id, facts.subscriptions[0].account) == (external_id, ACCOUNT)
    assert renewal(facts).will_renew
    assert str(payment(facts).money.amount) == "99.99"


def test_a_purchase_that_was_refunded_since_unlocks_nothing(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    posted = world.shop.signed_transaction(external_id)
    world.shop.happen(external_id, Happening.REFUND)
    facts = world.store.claim(posted)
    assert term(facts).revoked_at is not None
    assert payment(facts).status is PaymentStatus.REFUNDED


def test_an_old_purchase_brings_the_present_term_and_both_payments(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    posted = world.shop.signed_transaction(external_id)
    world.shop.happen(external_id, Happening.UPGRADE)
    facts = world.store.claim(posted)
    assert term(facts).product == "app.serenya.family.monthly"
    assert sorted(str(paid.money.amount) for paid in facts.payments) == ["19.99", "9.99"]


def test_each_payment_says_whom_its_own_transaction_was_made_for(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.shop.happen(external_id, Happening.CANCEL)
    world.shop.happen(external_id, Happening.EXPIRE)
    world.shop.hand_over(external_id, OTHER_ACCOUNT)
    world.shop.happen(external_id, Happening.RESUBSCRIBE)
    found = world.store.look(external_id)
    assert found is not None
    assert found.subscriptions[0].account == OTHER_ACCOUNT
    in_order = sorted(found.payments, key=lambda paid: paid.purchased_at)
    assert [paid.account for paid in in_order] == [ACCOUNT, OTHER_ACCOUNT]


def test_a_fresh_purchase_does_not_fail_because_apple_is_silent(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    posted = world.shop.signed_transaction(external_id)
    world.shop.api.trouble = HttpAnswer(429, b"{}")
    facts = world.store.claim(posted)
    assert term(facts).product == "app.serenya.premium.monthly"
    assert facts.subscriptions[0].renewal is None

    world.clock.advance(timedelta(hours=1))
    with pytest.raises(errors.Unavailable):
        world.store.claim(posted)


def test_what_is_no_subscription_is_no_purchase(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    bought = world.shop._subscriptions[external_id]
    with pytest.raises(errors.InvalidRequest) as refusal:
        world.store.claim(world.shop.signed_of(bought, bought.last, type="Non-Consumable"))
    assert refusal.value.code == "INVALID_PURCHASE"
    with pytest.raises(errors.InvalidRequest):
        world.store.claim(world.shop.signed_of(bought, bought.last, bundleId="app.somebody.else"))
    with pytest.raises(errors.InvalidRequest):
        world.store.claim(world.shop.signed_of(bought, bought.last, price=-1))


def test_what_apples_server_says_of_another_environment_is_not_taken(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    sandbox = world.gateway(environment="Sandbox", app_apple_id=None)
    with pytest.raises(errors.Unavailable):
        sandbox.look(external_id)


def test_an_acknowledgement_asks_nothing(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    facts = world.store.look(external_id)
    assert facts is not None
    asked = world.shop.api.questions
    world.store.acknowledge(facts.subscriptions[0])
    assert world.shop.api.questions == asked
    assert not facts.subscriptions[0].needs_acknowledgement
