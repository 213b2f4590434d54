"""Notifications of stores and of Apple: forged, altered, foreign, repeated, old, and of somebody who is gone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from chalicelib import config
from dev import forgery
from dev.storefront.apple_certificates import SigningChain
from dev.storefront.apple_shop import AppleShop
from dev.storefront.stripe_shop import signature
from dev.storefront.words import Delivery, Happening, VirtualClock
from tests.attack.battlefield import Battlefield, Person
from tests.attack.record import Tried

SECTION = "5 Webhooks"
INVALID: Final = "401 INVALID_SIGNATURE"
ELSEWHERE: Final = "401 WRONG_ENVIRONMENT"
Alter = Callable[[Battlefield, Delivery], Delivery]


def _bought(field: Battlefield, store: str, account: str | None = None) -> Delivery:
    """A notification that says that Mallory bought something: what every forgery begins with."""
    _, (first, *_) = field.sell(getattr(field, store), account or field.mallory.user_id)
    return first


def _claims(delivery: Delivery) -> dict[str, Any]:
    part = json.loads(delivery.body)["signedPayload"].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _payload(signed: str) -> bytes:
    return json.dumps({"signedPayload": signed}).encode()


def _apple(change: Callable[[Battlefield, dict[str, Any]], str]) -> Alter:
    return lambda field, given: replace(given, body=_payload(change(field, _claims(given))))


def _altered(field: Battlefield, given: Delivery) -> Delivery:
    head, _, mark = json.loads(given.body)["signedPayload"].split(".")
    claims = json.dumps(_claims(given) | {"notificationUUID": "another"}).encode()
    return replace(given, body=_payload(f"{head}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{mark}"))


def _by_shop(shop: AppleShop) -> Alter:
    """Signed by a shop with the very chain that is trusted, for another app or environment."""

    def alter(field: Battlefield, given: Delivery) -> Delivery:
        shop.chain = field.apple.chain
        shop.buy(field.mallory.user_id, "premium_monthly")
        return replace(given, body=shop.take_deliveries()[0].body)

    return alter


APPLE: Mapping[str, tuple[Alter, tuple[str, ...]]] = {
    "not signed": (_apple(lambda _, claims: forgery.unsigned(claims)), (INVALID,)),
    "not signed, with the true certificates": (
        _apple(lambda field, claims: forgery.unsigned(claims, x5c=field.apple.chain.header)), (INVALID,),
    ),
    "signed by a chain of one's own": (_apple(lambda _, claims: SigningChain().sign(claims)), (INVALID,)),
    "signed by a key of one's own, under the true certificates": (
        _apple(lambda field, claims: SigningChain().sign(claims, x5c=field.apple.chain.header)), (INVALID,),
    ),
    "altered under the true signature": (_altered, (INVALID,)),
    "for another app": (_by_shop(AppleShop(VirtualClock(), "Sandbox", "app.evil")), (INVALID, ELSEWHERE)),
    "of the other environment (production)": (_by_shop(AppleShop(VirtualClock())), (INVALID, ELSEWHERE)),
    "empty": (lambda _, given: replace(given, body=b""), (INVALID,)),
    "100,000 brackets": (lambda _, given: replace(given, body=b"[" * 100_000), (INVALID,)),
}  # fmt: skip


def _push(**claims: Any) -> Alter:
    return lambda field, given: field.google.pub_sub.sealed(given, **claims)


def _header(value: Callable[[Battlefield], str]) -> Alter:
    return lambda field, given: replace(given, headers={**given.headers, "authorization": value(field)})


def _package(field: Battlefield, given: Delivery) -> Delivery:
    envelope = json.loads(given.body)
    told = json.loads(base64.b64decode(envelope["message"]["data"])) | {"packageName": "app.evil"}
    envelope["message"]["data"] = base64.b64encode(json.dumps(told).encode()).decode()
    return replace(given, body=json.dumps(envelope).encode())


GOOGLE: Mapping[str, tuple[Alter, tuple[str, ...]]] = {
    "without a token": (_header(lambda _: ""), (INVALID,)),
    "with a token that is not signed": (
        _header(lambda field: f"Bearer {forgery.unsigned({'aud': field.google.pub_sub.audience})}"), (INVALID,),
    ),
    "with a token for another service": (_push(aud="https://evil.example/webhooks/google"), (INVALID,)),
    "pushed by another account": (_push(email="evil@evil.iam.gserviceaccount.com"), (INVALID,)),
    "with an address that was not verified": (_push(email_verified=False), (INVALID,)),
    "with a token of another issuer": (_push(iss="https://evil.example"), (INVALID,)),
    "with a token that has expired": (_push(exp=1_700_000_000), (INVALID,)),
    "with the sign-in token of a person": (
        _header(lambda field: f"Bearer {field.service.id_token('google', email='ada@google.example')}"), (INVALID,),
    ),
    "for another app": (_package, (INVALID, ELSEWHERE)),
}  # fmt: skip


def _stripe(sign: Callable[[Battlefield, int, bytes], str], body: Callable[[bytes], bytes] = lambda one: one) -> Alter:
    def alter(field: Battlefield, given: Delivery) -> Delivery:
        now = int(field.service.clock.now().timestamp())
        header = sign(field, now, given.body)
        return replace(given, body=body(given.body), headers={**given.headers, "stripe-signature": header})

    return alter


def _true(field: Battlefield, at: int, body: bytes) -> str:
    return f"t={at},v1={signature(str(field.stripe.secret()['webhook_secret']), at, body)}"


def _live(body: bytes) -> bytes:
    return json.dumps(json.loads(body) | {"livemode": True}).encode()


STRIPE: Mapping[str, tuple[Alter, tuple[str, ...]]] = {
    "without a signature": (_stripe(lambda *_: ""), (INVALID,)),
    "by another secret": (_stripe(lambda _, now, body: f"t={now},v1={signature('whsec_evil', now, body)}"), (INVALID,)),
    "by an empty secret": (_stripe(lambda _, now, body: f"t={now},v1={signature('', now, body)}"), (INVALID,)),
    "altered under the true signature": (_stripe(_true, lambda body: body.replace(b"active", b"Active")), (INVALID,)),
    "truncated under the true signature": (_stripe(_true, lambda body: body[:-2]), (INVALID,)),
    "ten minutes old": (_stripe(lambda field, now, body: _true(field, now - 600, body)), (INVALID,)),
    "old, with today's time before it": (
        _stripe(lambda field, now, body: f"t={now},{_true(field, now - 600, body)}"), (INVALID,),
    ),
    "ten minutes of the future": (_stripe(lambda field, now, body: _true(field, now + 600, body)), (INVALID,)),
    "of the scheme for tests (v0)": (_stripe(lambda f, now, body: _true(f, now, body).replace("v1", "v0")), (INVALID,)),
    "a thousand signatures": (_stripe(lambda _, now, __: f"t={now}" + f",v1={'0' * 64}" * 1000), (INVALID,)),
    "of the other mode (live), truly signed": (
        lambda field, given: _stripe(lambda f, now, _: _true(f, now, _live(given.body)), _live)(field, given),
        (INVALID, ELSEWHERE),
    ),
}  # fmt: skip
STORES: Mapping[str, Mapping[str, tuple[Alter, tuple[str, ...]]]] = {"apple": APPLE, "google": GOOGLE, "stripe": STRIPE}


@pytest.mark.parametrize("store", STORES)
def test_a_notification_that_the_store_did_not_send_is_refused(field: Battlefield, tried: Tried, store: str) -> None:
    for name, (alter, expected) in STORES[store].items():
        forged = alter(field, _bought(field, store))
        with field.unchanged():
            answer = field.deliver(forged)
        assert not [call for call in answer.calls if call.startswith("dynamodb:")], (name, answer.calls)
        tried.answered(f"Notification of {store.title()}: {name}", f"/webhooks/{store}", expected, [answer.code])


@pytest.mark.parametrize("store", STORES)
def test_a_notification_at_another_stores_door_is_refused(field: Battlefield, tried: Tried, store: str) -> None:
    given = _bought(field, store)
    others = [f"/webhooks/{one}" for one in STORES if one != store]
    with field.unchanged():
        answers = [field.deliver(replace(given, path=path)).code for path in others]
    expected = (INVALID,)
    tried.answered(f"A genuine notification of {store.title()}", " and ".join(others), expected, answers)


@pytest.mark.parametrize("store", STORES)
def test_a_notification_that_is_repeated_changes_nothing(field: Battlefield, tried: Tried, store: str) -> None:
    buyer = field.signed_in(f"buyer-{store}", f"phone-of-{store}")
    given = _bought(field, store, buyer.user_id)
    assert field.deliver(given).status == 200
    assert _tier(field, buyer) == "premium"
    with field.unchanged():
        answers = [field.deliver(given).code for _ in range(5)]
    tried.answered(f"A genuine notification of {store.title()}, five times more", f"/webhooks/{store}", "200", answers)


@pytest.mark.parametrize("store", STORES)
def test_an_old_notification_after_the_end_brings_no_tier_back(field: Battlefield, tried: Tried, store: str) -> None:
    shop = getattr(field, store)
    buyer = field.signed_in(f"late-{store}", f"late-phone-of-{store}")
    external_id, first = field.sell(shop, buyer.user_id)
    shop.happen(external_id, Happening.REFUND)
    later = field.told(shop)
    for one in later:
        assert field.deliver(one).status == 200
    assert _tier(field, buyer) == "free"
    answers = [field.deliver(one).code for one in [*first, *later, *first]]
    assert _tier(field, buyer) == "free"
    attack = f"{store.title()}'s word of a purchase, kept back until after its refund"
    tried.answered(attack, f"/webhooks/{store}", "200", answers)


@pytest.mark.parametrize("store", STORES)
def test_a_notification_about_somebody_who_was_erased_brings_nobody_back(
    field: Battlefield, tried: Tried, store: str
) -> None:
    shop = getattr(field, store)
    leaver = field.signed_in(f"leaver-{store}", f"phone-of-leaver-{store}")
    external_id, told = field.sell(shop, leaver.user_id)
    field.do("POST", "/gdpr/erasure-request", {"confirmation_text": "DELETE"}, by=leaver)
    assert field.service.deliver_messages(config.settings().erasures_queue, "carry_erasure_on") == 1
    answers = [field.deliver(one).code for one in told]
    if store == "apple":
        body = {"provider": "apple", "signed_transaction": field.apple.signed_transaction(external_id)}
        answer = field.send("POST", "/subscriptions/purchases", body, by=leaver)
        assert answer.status in {401, 404}, answer
    assert f"USER#{leaver.user_id}" not in field.state()
    attack = f"A genuine notification of {store.title()} about somebody who was erased"
    tried.answered(attack, f"/webhooks/{store}", "200", answers)


def _tier(field: Battlefield, person: Person) -> str:
    return str(field.do("GET", "/subscriptions/current", by=person)["tier"])


def test_a_purchase_for_somebody_else_is_not_moved_by_claiming_it(field: Battlefield, tried: Tried) -> None:
    """The app hands in what it bought: nobody may hand in what names another account."""
    owner, thief = (field.signed_in(name, f"phone-of-{name}") for name in ("owner", "thief"))
    external_id, _ = field.sell(field.apple, owner.user_id)
    body = {"provider": "apple", "signed_transaction": field.apple.signed_transaction(external_id)}
    with field.unchanged():
        answer = field.send("POST", "/subscriptions/purchases", body, by=thief)
    tried.answered(
        "A transaction that names its buyer, before the buyer hands it in",
        "/subscriptions/purchases",
        "409 PURCHASE_OWNED_BY_ANOTHER_ACCOUNT",
        [answer.code],
    )


def test_notices_of_apple_about_identities_are_forged_in_vain(field: Battlefield, tried: Tried) -> None:
    provider, now = field.service.provider, int(field.service.clock.now().timestamp())
    person = field.service.sign_in("apple", claims={"email": "ada@apple.example"})
    told = {"type": "account-delete", "sub": "of ada", "event_time": now * 1000}
    claims = {
        "iss": provider.issuer("apple"), "aud": config.settings().apple.audiences[0], "iat": now, "exp": now + 3600,
        "jti": "one", "events": json.dumps(told),
    }  # fmt: skip
    good = provider.sign("apple", claims)
    for name, payload in {
        "not signed": forgery.unsigned(claims),
        "signed by Google's key": provider.sign("google", claims),
        "HS256 with Apple's public key": forgery.signed_with_public_key(claims, provider.signing_key("apple")),
        "altered under the true signature": forgery.with_claims_changed(good, events=json.dumps(told | {"sub": "x"})),
        "for another app": provider.sign("apple", {**claims, "aud": "app.evil"}),
        "of another issuer": provider.sign("apple", {**claims, "iss": "https://evil.example"}),
        "expired": provider.sign("apple", {**claims, "iat": now - 9000, "exp": now - 8000}),
        "an ID token in its place": field.service.id_token("apple", email="ada@apple.example"),
    }.items():
        with field.unchanged():
            answer = field.send("POST", "/webhooks/apple-identity", {"payload": payload})
        attack = f"Apple's word that an account is closed: {name}"
        tried.answered(attack, "/webhooks/apple-identity", ("401 INVALID_TOKEN", "400 INVALID_REQUEST"), [answer.code])
    assert person["user"]["id"] in field.state()


def test_an_old_notice_of_apple_is_no_news(field: Battlefield, tried: Tried) -> None:
    provider = field.service.provider
    life = config.settings().rules.apple_notice_life
    field.service.clock.advance(life + timedelta(hours=1))
    now = int(field.service.clock.now().timestamp())
    then = now - int(life.total_seconds()) - 60
    claims = {
        "iss": provider.issuer("apple"), "aud": config.settings().apple.audiences[0], "iat": then,
        "exp": now + 3600, "jti": "old",
        "events": json.dumps({"type": "consent-revoked", "sub": "x", "event_time": then * 1000}),
    }  # fmt: skip
    with field.unchanged():
        answer = field.send("POST", "/webhooks/apple-identity", {"payload": provider.sign("apple", claims)})
    tried.answered(
        "A genuine word of Apple, kept back for a week", "/webhooks/apple-identity", "401 INVALID_TOKEN", [answer.code]
    )
