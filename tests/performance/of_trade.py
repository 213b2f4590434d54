"""Requests of subscriptions and payments, notices of stores, and what asks nobody anything, to be counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chalicelib.gateways.provider_facts import Facts
from tests.performance.of_people import signed_in
from tests.performance.world import Act, Case, Prepare, World
from tests.rooms.billing_world import APPLE, of_store
from tests.unit.billing.words import BOUGHT, payment, renewal, seen

WEBHOOK: Final = "POST /webhooks/apple"
CURRENT: Final = "GET /subscriptions/current"
CANCEL: Final = "DELETE /subscriptions/current"
PURCHASE: Final = "POST /subscriptions/purchases"


def _of_premium(method: str, path: str) -> Prepare:
    def prepare(world: World) -> Act:
        return world.asks(method, path, token=world.person(is_premium=True).token)

    return prepare


def _cancel(world: World) -> Act:
    one = world.person(is_premium=True)
    external_id = f"sub_{one.claims['sub']}"
    (word,) = world.market.stripe.sold[external_id].subscriptions
    off = renewal(9, will_renew=False, phase_given="canceled", cancelled_at=BOUGHT)
    world.market.stripe.sold[external_id] = Facts((replace(word, renewal=off),))
    return world.asks("DELETE", "/subscriptions/current", token=one.token)


def _purchase(world: World) -> Act:
    sold = Facts((seen(external_id="apple-1"),), (payment(transaction_id="t-1", subscription_external_id="apple-1"),))
    world.market.apple.sold["x.y.z"] = of_store(APPLE, sold)
    body = {"provider": "apple", "signed_transaction": "x.y.z"}
    return world.asks("POST", "/subscriptions/purchases", body, token=world.person().token)


def _purchase_again(world: World) -> Act:
    sold = Facts((seen(external_id="apple-2"),), (payment(transaction_id="t-2", subscription_external_id="apple-2"),))
    world.market.apple.sold["a.b.c"] = of_store(APPLE, sold)
    body, token = {"provider": "apple", "signed_transaction": "a.b.c"}, world.person().token
    world.ask("POST", "/subscriptions/purchases", body, token=token)
    return world.asks("POST", "/subscriptions/purchases", body, token=token)


def _notice(world: World) -> Act:
    one = world.person()
    return lambda: world.buy(one)


def _renewal_notice(world: World) -> Act:
    one = world.person(is_premium=True)
    return lambda: world.buy(one, number=1)


def _notice_again(world: World) -> Act:
    name = world.buy(world.person())
    return lambda: world.market.post(world.market.stripe, name)


def _notice_of_unknown_type(world: World) -> Act:
    return lambda: world.market.tell(world.market.stripe, "unheard-of", is_known=False, raw="as it came")


def _forged_notice(world: World) -> Act:
    return lambda: world.market.post(world.market.stripe, "anything", signature="forged")


def _anybody(path: str) -> Prepare:
    return lambda world: world.asks("GET", path)


CASES: Final = (
    Case(CURRENT, "free", signed_in("GET", "/subscriptions/current")),
    Case(CURRENT, "premium", _of_premium("GET", "/subscriptions/current")),
    Case(CURRENT, "premium, explained", _of_premium("GET", "/subscriptions/current?explain=true")),
    Case(CANCEL, "usual", _cancel),
    Case(CANCEL, "nothing to cancel", signed_in("DELETE", "/subscriptions/current", {}, status=409)),
    Case("GET /subscriptions/plans", "usual", _anybody("/subscriptions/plans")),
    Case("GET /subscriptions/usage", "usual", signed_in("GET", "/subscriptions/usage")),
    Case(PURCHASE, "usual", _purchase),
    Case(PURCHASE, "again", _purchase_again),
    Case(
        "POST /subscriptions/checkout", "usual",
        signed_in("POST", "/subscriptions/checkout", {"plan_id": "premium_monthly"}),
    ),
    Case("GET /payments", "one payment", _of_premium("GET", "/payments")),
    Case(WEBHOOK, "somebody bought", _notice),
    Case(WEBHOOK, "a renewal", _renewal_notice),
    Case(WEBHOOK, "a repetition", _notice_again),
    Case(WEBHOOK, "an unknown type", _notice_of_unknown_type),
    Case(WEBHOOK, "forged", _forged_notice),
    Case("GET /health", "usual", _anybody("/health")),
    Case("GET /health/check", "usual", _anybody("/health/check")),
    Case("GET /openapi.json", "usual", _anybody("/openapi.json")),
    Case("GET /docs", "usual", _anybody("/docs")),
)  # fmt: skip
