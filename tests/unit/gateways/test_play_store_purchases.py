"""Purchases of Google Play as JSON, read as facts: a table per state, and what is odd in real answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.gateways.play_store_purchases import item_in_force, sells, subscription
from chalicelib.gateways.provider_facts import Phase, RenewalSeen, SubscriptionSeen, TermSeen

TOKEN, ORDER = "abcdefgh.AO-J1O", "GPA.1234-5678-9012-34567..0"
STARTED, BEGAN, EXPIRES = "2026-01-14T09:30:00.120Z", "2026-02-14T09:30:00.120Z", "2026-03-14T09:30:00.120Z"
SEEN_AT = datetime(2026, 3, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def line(auto_renew: bool = True, **changes: Any) -> dict[str, Any]:
    plan = {"autoRenewEnabled": True} if auto_renew else {}
    usual = {
        "productId": "serenya_premium",
        "offerDetails": {"basePlanId": "monthly"},
        "expiryTime": EXPIRES,
        "latestSuccessfulOrderId": ORDER,
        "autoRenewingPlan": plan,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def answer(state: str, *lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    usual = {
        "subscriptionState": f"SUBSCRIPTION_STATE_{state}",
        "startTime": STARTED,
        "acknowledgementState": "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED",
        "lineItems": list(lines) or [line()],
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def order(**changes: Any) -> dict[str, Any]:
    details = {"servicePeriodStartTime": BEGAN, "servicePeriodEndTime": EXPIRES}
    lines = [{"productId": "serenya_premium", "subscriptionDetails": details}]
    return {"orderId": ORDER, "state": "PROCESSED", "createTime": BEGAN, "lineItems": lines, **changes}


def read(told: dict[str, Any], *orders: dict[str, Any]) -> SubscriptionSeen:
    return subscription(TOKEN, told, {one["orderId"]: one for one in orders or [order()]}, SEEN_AT)


def term_and_renewal(told: dict[str, Any], *orders: dict[str, Any]) -> tuple[TermSeen, RenewalSeen]:
    seen = read(told, *orders)
    assert seen.term is not None and seen.renewal is not None
    return seen.term, seen.renewal


STATES = [
    ("PENDING", line(latestSuccessfulOrderId=None, expiryTime=None), Phase.PENDING, True),
    ("ACTIVE", line(), Phase.ACTIVE, True),
    ("ACTIVE", line(False), Phase.ACTIVE, False),
    ("ACTIVE", line(autoRenewingPlan=None, prepaidPlan={}), Phase.ACTIVE, False),
    ("CANCELED", line(False), Phase.ACTIVE, False),
    ("IN_GRACE_PERIOD", line(), Phase.GRACE, True),
    ("ON_HOLD", line(), Phase.RETRY, True),
    ("PAUSED", line(), Phase.PAUSED, True),
    ("EXPIRED", line(False), Phase.EXPIRED, False),
    ("EXPIRED", line(), Phase.EXPIRED, False),
    ("PENDING_PURCHASE_CANCELED", line(expiryTime=None), Phase.EXPIRED, False),
]


@pytest.mark.parametrize(("state", "item", "phase", "will_renew"), STATES)
def test_each_state_of_google_is_a_phase(state: str, item: dict[str, Any], phase: Phase, will_renew: bool) -> None:
    seen = read(answer(state, item))
    assert seen.renewal is not None
    assert (seen.renewal.phase, seen.renewal.will_renew, seen.renewal.phase_given) == (phase, will_renew, state)
    assert (seen.term is None) == ("expiryTime" not in item)


@pytest.mark.parametrize("state", ["UNSPECIFIED", "SUSPENDED_BY_LAW", ""])
def test_a_state_that_we_do_not_know_says_nothing(state: str) -> None:
    seen = read(answer(state, linkedPurchaseToken="another.token"))
    assert (seen.term, seen.renewal, seen.account, seen.superseded) == (None, None, None, ())


def test_a_term_has_the_instants_of_its_order() -> None:
    term, _ = term_and_renewal(answer("ACTIVE"))
    assert (term.began_at, term.ends_at, term.anchor_at) == (at(BEGAN), at(EXPIRES), at(STARTED))
    assert (term.transaction_id, term.product) == (ORDER, "serenya_premium:monthly")
    assert not term.is_family_shared


def test_a_grace_forgives_beyond_what_was_paid() -> None:
    forgiven_until = "2026-03-21T09:30:00.120Z"
    term, renewal = term_and_renewal(answer("IN_GRACE_PERIOD", line(expiryTime=forgiven_until)))
    assert (term.ends_at, renewal.grace_ends_at) == (at(EXPIRES), at(forgiven_until))
    assert term.anchor_at == at(STARTED)


def test_a_pause_says_when_it_ends() -> None:
    told = answer("PAUSED", pausedStateContext={"autoResumeTime": "2026-04-14T09:30:00Z"})
    assert term_and_renewal(told)[1].resumes_at == at("2026-04-14T09:30:00Z")


def test_a_cancellation_is_dated_where_google_dates_it() -> None:
    by_user = {"userInitiatedCancellation": {"cancelTime": "2026-02-20T10:00:00Z"}}
    by_system: dict[str, Any] = {"systemInitiatedCancellation": {}}
    assert term_and_renewal(answer("CANCELED", canceledStateContext=by_user))[1].cancelled_at == at("2026-02-20T10:00Z")
    assert term_and_renewal(answer("CANCELED", canceledStateContext=by_system))[1].cancelled_at is None
    assert term_and_renewal(answer("ACTIVE", canceledStateContext=by_user))[1].cancelled_at is None


def test_after_a_recovery_from_hold_months_are_counted_from_the_terms_own_start() -> None:
    began, ends = "2026-02-25T18:00:00Z", "2026-03-25T18:00:00Z"
    recovered = order()
    recovered["lineItems"][0]["subscriptionDetails"] = {"servicePeriodStartTime": began, "servicePeriodEndTime": ends}
    term, _ = term_and_renewal(answer("ACTIVE", line(expiryTime=ends)), recovered)
    assert (term.began_at, term.anchor_at) == (at(began), at(began))


@pytest.mark.parametrize(
    ("started", "ends"),
    [
        ("2026-01-31T09:30:00Z", "2026-02-28T09:30:00Z"),
        ("2026-01-31T23:50:00Z", "2026-03-01T00:10:00Z"),
        ("2026-01-01T00:10:00Z", "2026-01-31T23:50:00Z"),
        ("2024-02-29T12:00:00Z", "2025-02-28T12:00:00Z"),
        ("2025-12-15T12:00:00Z", "2026-01-15T12:00:07Z"),
    ],
)
def test_an_anchor_fits_through_short_months_and_midnights(started: str, ends: str) -> None:
    told = answer("ACTIVE", line(expiryTime=ends), startTime=started)
    assert term_and_renewal(told, order(lineItems=[]))[0].anchor_at == at(started)


def test_a_deferred_replacement_names_the_plan_that_follows() -> None:
    now = line(False, deferredItemReplacement={"productId": "serenya_basic"})
    then = line(productId="serenya_basic", expiryTime=None, latestSuccessfulOrderId=None)
    term, renewal = term_and_renewal(answer("ACTIVE", then, now))
    assert (term.product, renewal.next_product) == ("serenya_premium:monthly", "serenya_basic:monthly")
    assert renewal.will_renew
    assert term_and_renewal(answer("ACTIVE", now))[1].next_product == "serenya_basic"


def test_a_change_to_another_base_plan_of_the_same_product_is_a_change() -> None:
    now = line(False, deferredItemReplacement={"productId": "serenya_premium"}, offerDetails={"basePlanId": "yearly"})
    then = line(expiryTime=None, latestSuccessfulOrderId=None)
    term, renewal = term_and_renewal(answer("ACTIVE", now, then))
    assert (term.product, renewal.next_product) == ("serenya_premium:yearly", "serenya_premium:monthly")


@pytest.mark.parametrize("state", ["ACTIVE", "CANCELED", "IN_GRACE_PERIOD", "ON_HOLD", "PAUSED", "EXPIRED"])
def test_a_paid_purchase_supersedes_the_one_it_is_linked_to(state: str) -> None:
    assert read(answer(state, linkedPurchaseToken="the.one-before")).superseded == ("the.one-before",)


@pytest.mark.parametrize("state", ["PENDING", "PENDING_PURCHASE_CANCELED"])
def test_an_unpaid_purchase_supersedes_nothing(state: str) -> None:
    assert read(answer(state, linkedPurchaseToken="the.one-before")).superseded == ()


@pytest.mark.parametrize(
    ("state", "wants"),
    [("ACTIVE", True), ("CANCELED", True), ("IN_GRACE_PERIOD", True), ("PENDING", False), ("EXPIRED", False)],
)
def test_only_what_is_paid_for_needs_acknowledgement(state: str, wants: bool) -> None:
    told = answer(state, acknowledgementState="ACKNOWLEDGEMENT_STATE_PENDING")
    assert read(told).needs_acknowledgement is wants
    assert not read(answer(state)).needs_acknowledgement


def test_the_account_is_the_one_that_the_app_gave() -> None:
    given = {"obfuscatedExternalAccountId": "user-1", "obfuscatedExternalProfileId": "p", "externalAccountId": "e"}
    assert read(answer("ACTIVE", externalAccountIdentifiers=given)).account == "user-1"
    assert read(answer("ACTIVE", externalAccountIdentifiers={"externalAccountId": "e"})).account is None
    before = {"expiredExternalAccountIdentifiers": given, "expiredPurchaseToken": "x"}
    assert read(answer("ACTIVE", outOfAppPurchaseContext=before)).account == "user-1"


def test_a_refund_of_the_order_in_force_ends_the_term_whatever_google_says_of_it() -> None:
    event = {"eventTime": "2026-02-20T08:00:00Z", "refundReason": "CHARGEBACK"}
    refunded = order(state="REFUNDED", orderHistory={"refundEvent": event})
    term, renewal = term_and_renewal(answer("ACTIVE"), refunded)
    assert (term.revoked_at, term.revocation) == (at("2026-02-20T08:00:00Z"), "CHARGEBACK")
    assert renewal.phase is Phase.ACTIVE


@pytest.mark.parametrize("state", ["PROCESSED", "PENDING_REFUND", "PARTIALLY_REFUNDED"])
def test_less_than_a_refund_ends_nothing(state: str) -> None:
    assert term_and_renewal(answer("ACTIVE"), order(state=state))[0].revoked_at is None


def test_a_term_without_an_order_is_read_from_the_purchase() -> None:
    granted = answer("ACTIVE", line(latestSuccessfulOrderId=None))
    term, _ = term_and_renewal(granted)
    assert (term.transaction_id, term.began_at, term.ends_at) == (TOKEN, at(STARTED), at(EXPIRES))


def test_the_line_that_was_paid_for_and_lasts_longest_counts() -> None:
    short = line(expiryTime="2026-03-01T00:00:00Z", productId="short")
    unpaid = line(expiryTime="2027-03-01T00:00:00Z", productId="unpaid", latestSuccessfulOrderId=None)
    assert item_in_force(answer("ACTIVE", short, unpaid, line())) == line()
    assert item_in_force({"lineItems": "none"}) is None


def test_a_product_is_named_with_or_without_its_base_plan() -> None:
    told = answer("ACTIVE")
    assert sells(told, "serenya_premium") and sells(told, "serenya_premium:monthly")
    assert not sells(told, "serenya_premium:yearly") and not sells(told, "monthly")
    assert sells(answer("ACTIVE", line(offerDetails=None)), "serenya_premium")


def test_the_same_answer_has_the_same_version_and_another_has_not() -> None:
    one, same = term_and_renewal(answer("ACTIVE"))[0], term_and_renewal(answer("ACTIVE"))[0]
    other = term_and_renewal(answer("ACTIVE", line(False)))[0]
    assert one.version == same.version != other.version
    later = subscription(TOKEN, answer("ACTIVE"), {}, SEEN_AT + timedelta(microseconds=1)).term
    assert later is not None and later.version > other.version
