"""Pushes of Google Play: who sent them, for which app, what they are about, and what becomes of broken ones."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from chalicelib import errors
from chalicelib.gateways.jwks import Fetched, FetchFailed
from chalicelib.gateways.play_store_push import ONE_TIME, SUBSCRIPTION_TYPES, TEST, VOIDED, Pushes, voided_notice
from chalicelib.gateways.provider_facts import Notice
from chalicelib.rules import Rules
from dev.forgery import signed_with_public_key, unsigned, with_claims_changed
from dev.identity_provider import draw_key
from dev.storefront.google_book import PACKAGE_NAME
from dev.storefront.google_push import PubSub
from dev.storefront.google_shop import AUDIENCE, PUSH_EMAIL
from tests.support import SettableClock
from tests.unit.gateways.play_world import PlayWorld, play_world

TOKEN = "abcdefghijklmnopabcdefgh.AO-J1Oabcdefgh"
HAPPENED_AT = datetime(2026, 3, 14, 9, 26, 53, 589000, tzinfo=UTC)
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "one-time product": (
        {"oneTimeProductNotification": {"version": "1.0", "notificationType": 1, "sku": "x"}},
        ONE_TIME,
    ),
    "test": ({"testNotification": {"version": "1.0"}}, TEST),
}


@pytest.fixture(scope="module")
def world() -> Iterator[PlayWorld]:
    with play_world() as made:
        yield made


@pytest.fixture(scope="module")
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture(scope="module")
def pub_sub(clock: SettableClock) -> PubSub:
    return PubSub(AUDIENCE, PUSH_EMAIL, clock.now)


@pytest.fixture
def pushes(world: PlayWorld, pub_sub: PubSub, clock: SettableClock) -> Pushes:
    keys = json.dumps(pub_sub.published()).encode()
    return Pushes(world.shop.settings(world.url), clock, Rules(), lambda _: Fetched(keys))


def notification(told: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    usual = {"version": "1.0", "packageName": PACKAGE_NAME, "eventTimeMillis": "1773480413589"}
    return {**usual, **told, **changes}


def envelope(content: bytes, **message: Any) -> bytes:
    told = {"data": base64.b64encode(content).decode(), "messageId": "136969346945", **message}
    return json.dumps({"message": told, "subscription": "projects/x/subscriptions/y"}).encode()


def body(told: Mapping[str, Any], **changes: Any) -> bytes:
    return envelope(json.dumps(notification(told, **changes)).encode())


def of_type(number: Any, token: Any = TOKEN) -> dict[str, Any]:
    told = {"version": "1.0", "notificationType": number, "purchaseToken": token, "subscriptionId": "serenya_premium"}
    return {"subscriptionNotification": told}


def verified(pushes: Pushes, pub_sub: PubSub, content: bytes) -> Notice:
    return pushes.verify(content, {"authorization": f"Bearer {pub_sub.token()}"})


@pytest.mark.parametrize("number", sorted(SUBSCRIPTION_TYPES))
def test_every_type_of_google_has_its_name(pushes: Pushes, pub_sub: PubSub, number: int) -> None:
    notice = verified(pushes, pub_sub, body(of_type(number)))
    assert (notice.event_type, notice.is_known) == (SUBSCRIPTION_TYPES[number], True)
    assert (notice.event_id, notice.happened_at) == ("136969346945", HAPPENED_AT)
    assert notice.payload == {"purchase_token": TOKEN}


@pytest.mark.parametrize("number", [0, 14, 21, 99, -1, "4", 4.0, True, None, [4], {"x": "y"}])
def test_an_unknown_type_is_kept_without_the_purchase_token(pushes: Pushes, pub_sub: PubSub, number: Any) -> None:
    notice = verified(pushes, pub_sub, body(of_type(number)))
    assert not notice.is_known
    assert notice.event_type.startswith("SUBSCRIPTION_")
    assert notice.raw is not None and TOKEN not in notice.raw
    assert notice.payload == {}


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_concern_subscriptions_is_known_and_empty(pushes: Pushes, pub_sub: PubSub, kind: str) -> None:
    told, name = KINDS[kind]
    notice = verified(pushes, pub_sub, body(told))
    assert (notice.event_type, notice.is_known, notice.payload) == (name, True, {})


@pytest.mark.parametrize(
    ("more", "payload"),
    [
        ({"productType": 1, "refundType": 1}, {"purchase_token": TOKEN, "order_id": "GPA.1..0"}),
        ({}, {"purchase_token": TOKEN, "order_id": "GPA.1..0"}),
        ({"productType": 2}, {}),
    ],
    ids=["a subscription", "of no given kind", "a one-time product"],
)
def test_a_voided_purchase_names_its_order(
    pushes: Pushes, pub_sub: PubSub, more: Mapping[str, Any], payload: Mapping[str, str]
) -> None:
    told = {"voidedPurchaseNotification": {"purchaseToken": TOKEN, "orderId": "GPA.1..0", **more}}
    notice = verified(pushes, pub_sub, body(told))
    assert (notice.event_type, notice.is_known, notice.payload) == (VOIDED, True, payload)


def test_a_kind_that_google_may_add_is_kept_by_name(pushes: Pushes, pub_sub: PubSub) -> None:
    notice = verified(pushes, pub_sub, body({"holidayNotification": {"buyer": "somebody@example.com"}}))
    assert (notice.event_type, notice.is_known) == ("UNKNOWN", False)
    assert notice.raw == '{"kinds": ["holidayNotification"]}'


GOOD = body(of_type(4))
BROKEN = {
    "empty": b"",
    "truncated": GOOD[: len(GOOD) // 2],
    "not an object": b"[]",
    "deep": b"[" * 100_000,
    "no message": b"{}",
    "message is text": b'{"message": "x"}',
    "no data": json.dumps({"message": {"messageId": "1"}}).encode(),
    "data is no base64": envelope(b"", data="%%%"),
    "data is no JSON": envelope(b"\x00\xff"),
    "data is truncated": envelope(json.dumps(notification(of_type(4))).encode()[:40]),
    "data is a list": envelope(b"[]"),
    "no package": envelope(json.dumps(of_type(4)).encode()),
    "no purchase token": body({"subscriptionNotification": {"notificationType": 4}}),
    "purchase token is a path": body(of_type(4, "../../../orders/x")),
    "purchase token is a number": body(of_type(4, 12345678)),
    "order id is a path": body({"voidedPurchaseNotification": {"purchaseToken": TOKEN, "orderId": "../x"}}),
    "kind is text": body({"subscriptionNotification": "x"}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_genuine_push_that_cannot_be_read_is_an_unknown_one(pushes: Pushes, pub_sub: PubSub, case: str) -> None:
    first, second = (verified(pushes, pub_sub, BROKEN[case]) for _ in range(2))
    assert not first.is_known and first.payload == {}
    assert first.event_id == second.event_id
    assert first.raw is not None and TOKEN not in first.raw


@pytest.mark.parametrize("time", ["soon", None, -5, True, 1e99, "9" * 30])
def test_a_push_without_a_usable_time_happened_now(
    pushes: Pushes, pub_sub: PubSub, clock: SettableClock, time: Any
) -> None:
    notice = verified(pushes, pub_sub, body(of_type(4), eventTimeMillis=time))
    assert (notice.is_known, notice.happened_at) == (True, clock.now())


@pytest.mark.parametrize("package", ["app.another", "", PACKAGE_NAME.upper(), f"{PACKAGE_NAME} "])
def test_another_apps_notification_is_refused(pushes: Pushes, pub_sub: PubSub, package: str) -> None:
    with pytest.raises(errors.Unauthenticated, match="WRONG_ENVIRONMENT"):
        verified(pushes, pub_sub, body(of_type(4), packageName=package))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://accounts.example.com"},
        {"iss": None},
        {"aud": "https://another.example/webhooks/google"},
        {"aud": [AUDIENCE, "another"]},
        {"email": "somebody@else.iam.gserviceaccount.com"},
        {"email": PUSH_EMAIL.upper()},
        {"email": None},
        {"email_verified": False},
        {"email_verified": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 4102444800},
        {"sub": None},
    ],
    ids=str,
)
def test_a_push_of_another_sender_is_refused(pushes: Pushes, pub_sub: PubSub, claims: Mapping[str, Any]) -> None:
    with pytest.raises(errors.Unauthenticated, match="INVALID_SIGNATURE"):
        pushes.verify(GOOD, {"authorization": f"Bearer {pub_sub.token(**claims)}"})


def test_a_push_with_an_expired_token_is_refused(pushes: Pushes, pub_sub: PubSub, clock: SettableClock) -> None:
    late = int((clock.now() - timedelta(hours=2)).timestamp())
    with pytest.raises(errors.Unauthenticated, match="INVALID_SIGNATURE"):
        pushes.verify(GOOD, {"authorization": f"Bearer {pub_sub.token(iat=late, exp=late + 3600)}"})


def test_forged_tokens_are_refused(pushes: Pushes, pub_sub: PubSub) -> None:
    good = pub_sub.token()
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = pub_sub.key.kid
    forgeries = [
        unsigned(claims, kid=kid),
        unsigned(claims, "RS256", kid=kid),
        signed_with_public_key(claims, pub_sub.key),
        with_claims_changed(good, aud=AUDIENCE, sub="somebody"),
        jwt.encode(claims, draw_key().private, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(claims, draw_key().private, algorithm="RS256", headers={"kid": "unknown"}),
        good[:-4],
        good.rpartition(".")[0] + ".",
    ]
    for token in forgeries:
        with pytest.raises(errors.Unauthenticated, match="INVALID_SIGNATURE"):
            pushes.verify(GOOD, {"authorization": f"Bearer {token}"})
    assert pushes.verify(GOOD, {"authorization": f"Bearer {good}"}).is_known


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "Bearer a b", "Bearer ü", "Bearer x\ny"])
def test_a_push_without_a_token_is_refused(pushes: Pushes, header: str) -> None:
    with pytest.raises(errors.Unauthenticated, match="INVALID_SIGNATURE"):
        pushes.verify(GOOD, {"authorization": header})
    with pytest.raises(errors.Unauthenticated, match="INVALID_SIGNATURE"):
        pushes.verify(GOOD, {})


def test_while_googles_keys_cannot_be_had_a_push_is_to_come_again(
    world: PlayWorld, pub_sub: PubSub, clock: SettableClock
) -> None:
    def fetch(_: str) -> Fetched:
        raise FetchFailed("silence")

    silent = Pushes(world.shop.settings(world.url), clock, Rules(), fetch)
    with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
        verified(silent, pub_sub, GOOD)


@pytest.mark.parametrize(
    "changes", [{"voidedTimeMillis": None}, {"orderId": "../x"}, {"purchaseToken": None}, {"orderId": 7}], ids=str
)
def test_an_entry_of_the_voided_list_that_is_no_use_is_left_out(changes: Mapping[str, Any]) -> None:
    good = {"purchaseToken": TOKEN, "orderId": "GPA.1..0", "voidedTimeMillis": "1773480413589"}
    found = voided_notice(good)
    assert found is not None and (found.event_id, found.happened_at) == ("voided:GPA.1..0", HAPPENED_AT)
    assert voided_notice({**good, **changes}) is None
