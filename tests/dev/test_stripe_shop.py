"""The simulated Stripe: what can happen there, what it tells, and an API as strict as the real one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from chalicelib.models.states import SubscriptionProvider, Tier
from dev.storefront.stripe_ledger import months_after
from dev.storefront.stripe_shop import StripeShop
from dev.storefront.words import Happening, Sealer, Shop, VirtualClock
from tests.support import test_settings

USER = "somebody"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def shop(clock: VirtualClock) -> StripeShop:
    return StripeShop(clock)


def _happen(shop: StripeShop, external_id: str, *happenings: Happening) -> str:
    for happening in happenings:
        assert shop.can(external_id, happening), happening
        external_id = shop.happen(external_id, happening)
    return external_id


def _ask(
    shop: StripeShop, method: str, path: str, key: str | None = None, bearer: str | None = None, **form: Any
) -> tuple[int, dict[str, Any]]:
    headers = {"authorization": f"Bearer {bearer or shop.desk.api_key}"}
    if key is not None:
        headers["idempotency-key"] = key
    query, body = (urlencode(form), b"") if method != "POST" else ("", urlencode(form).encode())
    answer = shop.answer(method, f"/stripe/v1/{path}?{query}", headers, body)
    assert answer is not None
    return answer.status, json.loads(answer.body)


def _session(shop: StripeShop, price: str = "price_premium_monthly", **more: str) -> dict[str, str]:
    return {"mode": "subscription", "line_items[0][price]": price, "success_url": "a:b", "cancel_url": "a:b", **more}


def test_it_is_a_shop_that_signs_each_attempt_anew(shop: StripeShop) -> None:
    as_shop: Shop = shop
    assert as_shop.name is SubscriptionProvider.STRIPE
    assert isinstance(shop, Sealer)


def test_a_stage_that_is_told_of_it_by_its_environment_sells_there(shop: StripeShop) -> None:
    url = "http://127.0.0.1:9/stripe"

    assert test_settings(**shop.environment_variables(url)).stripe == shop.settings(url)


def test_stripes_own_library_verifies_what_it_sends(shop: StripeShop) -> None:
    shop.buy(USER, "premium_monthly")
    secret = shop.secret()["webhook_secret"]
    for delivery in shop.take_deliveries():
        event = stripe.Webhook.construct_event(
            delivery.body, delivery.headers["stripe-signature"], secret, tolerance=10**9
        )
        assert event.id == delivery.event_id
    assert shop.take_deliveries() == []


def test_a_delivery_sealed_anew_is_the_same_event_signed_later(shop: StripeShop, clock: VirtualClock) -> None:
    shop.buy(USER, "premium_monthly")
    first = shop.take_deliveries()[0]
    clock.advance(timedelta(hours=5))
    again = shop.sealed_anew(first)

    assert (again.event_id, again.body, again.path) == (first.event_id, first.body, first.path)
    assert again.headers["stripe-signature"] != first.headers["stripe-signature"]


def test_signatures_are_dated_by_the_clock_of_who_verifies_them(clock: VirtualClock) -> None:
    wall = VirtualClock()
    shop = StripeShop(clock, wall=wall)
    clock.advance(timedelta(days=100))
    shop.buy(USER, "premium_monthly")
    dated = int(shop.take_deliveries()[0].headers["stripe-signature"].partition(",")[0].removeprefix("t="))

    assert abs(dated - wall.now().timestamp()) < 2


def test_while_the_secret_is_rolled_there_are_two_signatures(shop: StripeShop) -> None:
    before = shop.secret()["webhook_secret"]
    shop.roll_secret()
    assert shop.secret()["previous_webhook_secret"] == before
    shop.buy(USER, "premium_monthly")
    assert shop.take_deliveries()[0].headers["stripe-signature"].count("v1=") == 2
    shop.roll_secret(is_over=True)
    assert shop.secret()["previous_webhook_secret"] is None


LIVES: list[tuple[tuple[Happening, ...], Tier, bool]] = [
    ((), Tier.PREMIUM, True),
    ((Happening.RENEW, Happening.RENEW), Tier.PREMIUM, True),
    ((Happening.CANCEL,), Tier.PREMIUM, False),
    ((Happening.CANCEL, Happening.UNCANCEL), Tier.PREMIUM, True),
    ((Happening.CANCEL, Happening.EXPIRE), Tier.FREE, False),
    ((Happening.FAIL_INTO_GRACE,), Tier.PREMIUM, True),
    ((Happening.FAIL_INTO_GRACE, Happening.RECOVER), Tier.PREMIUM, True),
    ((Happening.FAIL_INTO_GRACE, Happening.FAIL_INTO_RETRY), Tier.FREE, False),
    ((Happening.FAIL_INTO_RETRY, Happening.RECOVER), Tier.PREMIUM, True),
    ((Happening.FAIL_INTO_RETRY, Happening.EXPIRE), Tier.FREE, False),
    ((Happening.CANCEL, Happening.EXPIRE, Happening.RESUBSCRIBE), Tier.PREMIUM, True),
    ((Happening.UPGRADE,), Tier.FAMILY, True),
    ((Happening.UPGRADE, Happening.DOWNGRADE), Tier.FAMILY, True),
    ((Happening.UPGRADE, Happening.DOWNGRADE, Happening.RENEW), Tier.PREMIUM, True),
    ((Happening.PAUSE,), Tier.FREE, False),
    ((Happening.PAUSE, Happening.RESUME), Tier.PREMIUM, True),
    ((Happening.REFUND,), Tier.FREE, True),
    ((Happening.REFUND, Happening.REVERSE_REFUND), Tier.PREMIUM, True),
    ((Happening.REFUND, Happening.RENEW), Tier.PREMIUM, True),
    ((Happening.DISPUTE,), Tier.FREE, True),
    ((Happening.DISPUTE, Happening.WIN_DISPUTE), Tier.PREMIUM, True),
    ((Happening.DISPUTE, Happening.LOSE_DISPUTE), Tier.FREE, True),
    ((Happening.UNKNOWN_NEWS,), Tier.PREMIUM, True),
]


@pytest.mark.parametrize(("life", "tier", "will_renew"), LIVES, ids=["-".join(row[0]) or "bought" for row in LIVES])
def test_a_life_ends_as_it_should(shop: StripeShop, life: tuple[Happening, ...], tier: Tier, will_renew: bool) -> None:
    truth = shop.truth(_happen(shop, shop.buy(USER, "premium_monthly"), *life))

    assert (truth.tier, truth.will_renew, truth.account) == (tier, will_renew, USER)


def test_grace_ends_and_so_does_a_term_that_nobody_renewed(shop: StripeShop, clock: VirtualClock) -> None:
    failed = _happen(shop, shop.buy(USER, "premium_monthly"), Happening.FAIL_INTO_GRACE)
    lasting = shop.buy(USER, "premium_monthly")
    clock.advance(timedelta(days=8))
    assert (shop.truth(failed).tier, shop.truth(lasting).tier) == (Tier.FREE, Tier.PREMIUM)
    clock.advance(timedelta(days=30))
    assert shop.truth(lasting).tier is Tier.FREE


@pytest.mark.parametrize(
    ("life", "impossible"),
    [
        ((), {Happening.RECOVER, Happening.EXPIRE, Happening.RESUME, Happening.DOWNGRADE, Happening.STOP_SHARING}),
        ((Happening.CANCEL,), {Happening.RENEW, Happening.CANCEL, Happening.PAUSE, Happening.UPGRADE}),
        ((Happening.REFUND,), {Happening.REFUND, Happening.DISPUTE, Happening.UPGRADE}),
        ((Happening.DISPUTE,), {Happening.DISPUTE, Happening.REFUND, Happening.REVERSE_REFUND}),
        ((Happening.CANCEL, Happening.EXPIRE), set(Happening) - {
            Happening.RESUBSCRIBE, Happening.REFUND, Happening.DISPUTE, Happening.UNKNOWN_NEWS}),
    ],
)  # fmt: skip
def test_what_cannot_happen_does_not(shop: StripeShop, life: tuple[Happening, ...], impossible: set[Happening]) -> None:
    external_id = _happen(shop, shop.buy(USER, "premium_monthly"), *life)
    for happening in impossible:
        assert not shop.can(external_id, happening)
        with pytest.raises(ValueError, match=happening):
            shop.happen(external_id, happening)


@pytest.mark.parametrize(("plan_id", "is_shared"), [("gold", False), ("free", False), ("family_monthly", True)])
def test_what_is_not_sold_cannot_be_bought(shop: StripeShop, plan_id: str, is_shared: bool) -> None:
    with pytest.raises(ValueError, match="Stripe"):
        shop.buy(USER, plan_id, is_shared=is_shared)


def test_an_upgrade_costs_what_the_rest_of_the_period_costs_more(shop: StripeShop, clock: VirtualClock) -> None:
    external_id = shop.buy(USER, "premium_monthly")
    clock.advance(timedelta(days=31) / 2)
    _happen(shop, external_id, Happening.UPGRADE)
    invoice = next(shop.ledger.all("invoice"))

    assert invoice["amount_paid"] == pytest.approx((1999 - 999) / 2, abs=1)
    assert invoice["billing_reason"] == "subscription_update"


@pytest.mark.parametrize(
    ("months", "day"), [(0, "01-31"), (1, "02-28"), (2, "03-31"), (3, "04-30"), (12, "01-31"), (25, "02-29")]
)
def test_months_end_as_stripes_do(months: int, day: str) -> None:
    anchor = int(datetime(2026, 1, 31, 10, tzinfo=UTC).timestamp())
    assert datetime.fromtimestamp(months_after(anchor, months), UTC).strftime("%m-%d") == day


def test_a_path_of_another_store_is_left_to_it(shop: StripeShop) -> None:
    assert shop.answer("GET", "/inApps/v1/subscriptions/1", {}, b"") is None
    assert shop.answer("GET", "/v1/events", {}, b"") is None


@pytest.mark.parametrize(
    ("method", "path", "form", "status", "kind"),
    [
        ("GET", "subscriptions/sub_none", {}, 404, "invalid_request_error"),
        ("GET", "customers", {}, 404, "invalid_request_error"),
        ("POST", "checkout/sessions", {}, 400, "invalid_request_error"),
        ("GET", "events", {"limit": 101}, 400, "invalid_request_error"),
        ("GET", "events", {f"types[{number}]": "a" for number in range(21)}, 400, "invalid_request_error"),
        ("DELETE", "subscriptions/sub_none", {}, 404, "invalid_request_error"),
    ],
)
def test_a_wrong_request_is_refused_in_stripes_words(
    shop: StripeShop, method: str, path: str, form: Mapping[str, Any], status: int, kind: str
) -> None:
    answered, content = _ask(shop, method, path, **form)
    assert (answered, content["error"]["type"]) == (status, kind)


def test_without_the_key_nothing_is_answered(shop: StripeShop) -> None:
    assert _ask(shop, "GET", "events", bearer="sk_test_guessed")[0] == 401


def test_a_key_gives_one_answer_and_stands_for_one_request(shop: StripeShop) -> None:
    first = _ask(shop, "POST", "checkout/sessions", key="k", **_session(shop))
    again = _ask(shop, "POST", "checkout/sessions", key="k", **_session(shop))
    other = _ask(shop, "POST", "checkout/sessions", key="k", **_session(shop, "price_family_monthly"))

    assert first == again
    assert (other[0], other[1]["error"]["type"]) == (400, "idempotency_error")
    assert len(list(shop.ledger.all("checkout.session"))) == 1
    assert _ask(shop, "POST", "checkout/sessions", key="k" * 256, **_session(shop))[0] == 400


def test_a_session_is_paid_once_and_in_time(shop: StripeShop, clock: VirtualClock) -> None:
    form = _session(shop, **{"subscription_data[metadata][user_id]": USER})
    _, paid = _ask(shop, "POST", "checkout/sessions", **form)
    _, late = _ask(shop, "POST", "checkout/sessions", **form)

    assert shop.truth(shop.pay(paid["id"])).account == USER
    assert "checkout.session.completed" in [one["type"] for one in shop.ledger.events]
    clock.advance(timedelta(days=1))
    for session_id in (paid["id"], late["id"]):
        with pytest.raises(ValueError, match="cannot be paid"):
            shop.pay(session_id)


def test_lists_come_in_pages_newest_first(shop: StripeShop) -> None:
    external_id = _happen(shop, shop.buy(USER, "premium_monthly"), Happening.RENEW, Happening.RENEW)
    _, first = _ask(shop, "GET", "invoices", subscription=external_id, limit=2)
    last = first["data"][-1]["id"]
    _, second = _ask(shop, "GET", "invoices", subscription=external_id, limit=2, starting_after=last)

    assert (first["has_more"], second["has_more"]) == (True, False)
    created = [one["created"] for one in first["data"] + second["data"]]
    assert created == sorted(created, reverse=True)
    assert len(created) == 3


def test_what_is_included_on_demand_is_left_out_otherwise(shop: StripeShop) -> None:
    external_id = shop.buy(USER, "premium_monthly")
    _, plain = _ask(shop, "GET", "invoices", subscription=external_id)
    _, full = _ask(shop, "GET", "invoices", subscription=external_id, **{"expand[0]": "data.payments"})

    assert "payments" not in plain["data"][0]
    assert full["data"][0]["payments"]["data"][0]["payment"]["type"] == "payment_intent"
    assert not [name for name in plain["data"][0] if name.startswith("_")]


def test_a_subscription_on_a_schedule_must_be_released_before_it_is_cancelled(shop: StripeShop) -> None:
    external_id = _happen(shop, shop.buy(USER, "family_monthly"), Happening.DOWNGRADE)
    assert _ask(shop, "POST", f"subscriptions/{external_id}", cancel_at_period_end="true")[0] == 400
    schedule = shop.ledger.the("subscription", external_id)["schedule"]
    assert _ask(shop, "POST", f"subscription_schedules/{schedule}/release")[0] == 200
    assert _ask(shop, "POST", f"subscriptions/{external_id}", cancel_at_period_end="true")[0] == 200


def test_a_subscription_that_has_ended_cannot_be_changed(shop: StripeShop) -> None:
    external_id = shop.buy(USER, "premium_monthly")
    assert _ask(shop, "DELETE", f"subscriptions/{external_id}")[1]["status"] == "canceled"
    for method in ("DELETE", "POST"):
        status, content = _ask(shop, method, f"subscriptions/{external_id}", cancel_at_period_end="true")
        assert (status, content["error"]["code"]) == (404, "resource_missing")
