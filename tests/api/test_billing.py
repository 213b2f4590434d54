"""Purchases, payments, checkouts and webhooks over HTTP, with stores that say what they are told to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.billing.doors import Stores
from chalicelib.billing.products import Products
from chalicelib.gateways.provider_facts import Facts, Notice, PaymentSeen, SubscriptionSeen
from tests.api.service import Service, refused, succeeded
from tests.rooms.billing_world import APPLE, GOOGLE, PRODUCTS, STRIPE, ScriptedStore, of_store
from tests.unit.billing.words import BOUGHT, payment, renewal, seen, term

END = BOUGHT + timedelta(days=60)


@dataclass
class Market:
    """The service, three stores, and somebody who is signed in."""

    service: Service
    apple: ScriptedStore
    google: ScriptedStore
    stripe: ScriptedStore
    token: str
    user_id: str

    def tell(self, store: ScriptedStore, event_id: str, *facts: SubscriptionSeen | PaymentSeen, **changes: Any) -> Any:
        """Let a store post a notice."""
        told = Facts(
            tuple(one for one in facts if isinstance(one, SubscriptionSeen)),
            tuple(one for one in facts if isinstance(one, PaymentSeen)),
        )
        given = {"event_type": "news", "happened_at": BOUGHT, "is_known": True, "payload": {}}
        store.notices[event_id] = Notice(store.name, event_id, **{**given, **changes})
        store.facts[event_id] = of_store(store.name, told)
        return self.post(store, event_id)

    def post(self, store: ScriptedStore, body: str, signature: str = "good") -> Any:
        return self.service.call("POST", f"/webhooks/{store.name}", body.encode(), headers={"Signature": signature})

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.service.call(method, path, body, token=self.token, headers=headers)


@pytest.fixture
def market(service: Service) -> Iterator[Market]:
    apple, google, stripe = (ScriptedStore(name) for name in (APPLE, GOOGLE, STRIPE))
    stores, products = Stores(apple, google, stripe), Products(dict.fromkeys((APPLE, GOOGLE, STRIPE), PRODUCTS))
    billing = wiring.rooms().billing
    application = replace(billing.purchases.application, products=lambda: products)
    notices = replace(billing.notices, providers=lambda: stores.providers, application=application)
    purchases = replace(billing.purchases, stores=lambda: stores, notices=notices, application=application)
    checkout = replace(billing.checkout, stores=lambda: stores, notices=notices)
    with pytest.MonkeyPatch.context() as patch:
        for name, room in {"notices": notices, "purchases": purchases, "checkout": checkout}.items():
            patch.setattr(billing, name, room)
        signed_in = service.sign_in()
        yield Market(service, apple, google, stripe, signed_in["access_token"], signed_in["user"]["id"])


def test_a_purchase_from_the_store_to_the_list_of_payments(market: Market) -> None:
    long = term(ends_at=END)
    market.apple.sold["x.y.z"] = of_store(APPLE, Facts((seen(term=long),), (payment(),)))
    body = {"provider": "apple", "signed_transaction": "x.y.z"}
    bought = succeeded(market.call("POST", "/subscriptions/purchases", body))["subscription"]
    assert (bought["tier"], bought["plan_id"], bought["provider"]) == ("premium", "premium_monthly", "apple")

    current = succeeded(market.call("GET", "/subscriptions/current?explain=true"))
    assert current["explanation"]["rule"] == "renewing"
    assert current["explanation"]["event_type"] == "purchase"
    [paid] = succeeded(market.call("GET", "/payments"))["payments"]
    assert (Decimal(str(paid["amount"])), paid["currency"], paid["status"]) == (Decimal("9.99"), "USD", "completed")
    history = succeeded(market.call("GET", "/subscriptions/billing-history"))
    assert history["records"] == history["payments"] == [paid]
    export = succeeded(market.call("GET", "/gdpr/export"))
    parts = {part["name"]: part["items"] for part in export["parts"]}
    assert len(parts["payment"]) == len(parts["provider_subscription"]) == 1
    refusal = market.call("DELETE", "/subscriptions/current", {})
    assert "apps.apple.com" in refused(refusal, 409, "MANAGED_BY_STORE")["details"]["manage_url"]
    refused(market.call("POST", "/gdpr/erasure-request", {"confirmation_text": "DELETE"}), 409, "ACTIVE_SUBSCRIPTION")


def test_a_notice_and_its_repetition_are_answered_alike(market: Market) -> None:
    word = seen(term=term(ends_at=END), account=market.user_id)
    for _ in range(2):
        assert market.tell(market.stripe, "e1", word, payment()).status_code == 200
    current = succeeded(market.call("GET", "/subscriptions/current?explain=true"))
    assert (current["tier"], current["explanation"]["event_id"]) == ("premium", "e1")
    assert len(succeeded(market.call("GET", "/payments"))["payments"]) == 1


@pytest.mark.parametrize("store", ["apple", "google", "stripe"])
def test_a_forged_notice_is_refused_and_changes_nothing(market: Market, store: str) -> None:
    shop: ScriptedStore = getattr(market, store)
    refused(market.post(shop, "anything", signature="forged"), 401, "INVALID_SIGNATURE")
    refused(market.service.call("POST", f"/webhooks/{store}"), 401, "INVALID_SIGNATURE")
    assert market.service.count("GUARD#EVENT#") == 0


def test_a_store_that_cannot_be_asked_now_is_told_to_come_again(market: Market) -> None:
    market.stripe.is_down = True
    answer = market.tell(market.stripe, "e1", seen(account=market.user_id))
    refused(answer, 503, "PROVIDER_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) > 0
    market.stripe.is_down = False
    assert market.post(market.stripe, "e1").status_code == 200


def test_an_unknown_type_is_answered_and_kept(market: Market) -> None:
    assert market.tell(market.apple, "e1", is_known=False, raw="as it came").status_code == 200
    assert market.service.count("GUARD#EVENT#") == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"provider": "apple"},
        {"provider": "apple", "signed_transaction": "unheard of"},
        {"provider": "apple", "signed_transaction": 5},
        {"provider": ["apple"]},
        {"provider": "google", "purchase_token": "t", "product_id": None},
        {"provider": "google", "purchase_token": "t" * 20_001, "product_id": "p"},
        {"provider": "stripe", "signed_transaction": "x"},
    ],
)
def test_what_is_no_purchase_is_refused(market: Market, body: dict[str, Any]) -> None:
    refused(market.call("POST", "/subscriptions/purchases", body), 400, "INVALID_PURCHASE")
    assert market.service.count("UNCLAIMED#") == 0


def test_a_purchase_of_another_account_is_refused(market: Market) -> None:
    market.google.sold["t"] = of_store(GOOGLE, Facts((seen(),), (payment(),)))
    body = {"provider": "google", "purchase_token": "t", "product_id": "p"}
    succeeded(market.call("POST", "/subscriptions/purchases", body))
    other = market.service.sign_in(claims={"sub": "somebody-else", "email": "else@example.org"})
    answer = market.service.call("POST", "/subscriptions/purchases", body, token=other["access_token"])
    refused(answer, 409, "PURCHASE_OWNED_BY_ANOTHER_ACCOUNT")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x"])
def test_a_wrong_limit_is_refused(market: Market, query: str) -> None:
    refused(market.call("GET", f"/payments?{query}"), 400, "INVALID_LIMIT")


@pytest.mark.parametrize("cursor", ["x", "AAAA", "e30"])
def test_a_wrong_cursor_is_refused(market: Market, cursor: str) -> None:
    refused(market.call("GET", f"/payments?cursor={cursor}"), 400, "INVALID_CURSOR")


def test_a_cursor_of_somebody_else_is_refused(market: Market) -> None:
    word = seen(account=market.user_id)
    second = payment(transaction_id="in_2", purchased_at=BOUGHT + timedelta(hours=1))
    market.tell(market.stripe, "e1", word, payment(), second)
    cursor = succeeded(market.call("GET", "/payments?limit=1"))["next_cursor"]
    other = market.service.sign_in(claims={"sub": "somebody-else", "email": "else@example.org"})
    answer = market.service.call("GET", f"/payments?cursor={cursor}", token=other["access_token"])
    refused(answer, 400, "INVALID_CURSOR")
    assert len(succeeded(market.call("GET", f"/subscriptions/billing-history?cursor={cursor}"))["records"]) == 1


def test_a_checkout_and_a_cancellation(market: Market) -> None:
    page = succeeded(market.call("POST", "/subscriptions/checkout", {"plan_id": "premium_monthly"}))
    assert (page["session_id"], page["checkout_url"]) == ("cs_1", "https://pay.example/cs_1")
    refused(market.call("POST", "/subscriptions/checkout", {"plan_id": "gold"}), 400, "UNKNOWN_PLAN")
    refused(market.call("POST", "/subscriptions/checkout", {"plan_id": 7}), 400, "UNKNOWN_PLAN")
    refused(market.call("DELETE", "/subscriptions/current", {}), 409, "NO_PAID_SUBSCRIPTION")

    word = seen(term=term(ends_at=END), account=market.user_id)
    market.tell(market.stripe, "e1", word)
    off = renewal(9, will_renew=False, phase_given="canceled", cancelled_at=BOUGHT)
    market.stripe.sold["sub_1"] = Facts((replace(word, renewal=off),))
    shown = succeeded(market.call("DELETE", "/subscriptions/current"))["subscription"]
    assert (shown["status"], shown["auto_renew"], shown["tier"]) == ("active", False, "premium")
    assert shown["cancelled_at"] is not None
    refused(market.call("DELETE", "/subscriptions/current", {"cancel_immediately": "yes"}), 400, "INVALID_REQUEST")


def test_a_stage_that_sells_nothing_knows_no_store(service: Service) -> None:
    refused(service.call("POST", "/webhooks/apple", {"signedPayload": "x"}), 404, "NOT_FOUND")
    token = service.sign_in()["access_token"]
    body = {"provider": "apple", "signed_transaction": "x"}
    refused(service.call("POST", "/subscriptions/purchases", body, token=token), 400, "INVALID_PURCHASE")
    refused(
        service.call("POST", "/subscriptions/checkout", {"plan_id": "premium_monthly"}, token=token),
        400,
        "UNKNOWN_PLAN",
    )
