"""What a subscription's status and periods at Stripe say, as facts: pure, from objects as Stripe writes them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.gateways.provider_facts import Phase
from chalicelib.gateways.stripe_money import amount_of, money_of
from tests.unit.gateways.stripe_papers import (
    ASKED_AT,
    DAY,
    FIRST,
    FIRST_END,
    GRACE,
    SECOND,
    SECOND_END,
    START,
    UNPAID,
    at,
    facts_of,
    invoice_of,
    item_of,
    seen_of,
    subscription_of,
)

STATUSES: list[tuple[str, dict[str, Any], list[dict[str, Any]], Phase, bool, str, int]] = [
    ("active", {}, [FIRST, SECOND], Phase.ACTIVE, True, "in_2", SECOND_END),
    ("active", {}, [FIRST, UNPAID], Phase.ACTIVE, True, "in_2", SECOND_END),
    ("trialing", {}, [FIRST, SECOND], Phase.ACTIVE, True, "in_2", SECOND_END),
    ("past_due", {}, [FIRST, UNPAID], Phase.GRACE, True, "in_1", FIRST_END),
    ("past_due", {}, [], Phase.GRACE, True, "sub_1", FIRST_END),
    ("unpaid", {}, [FIRST, UNPAID], Phase.RETRY, False, "in_1", FIRST_END),
    ("unpaid", {"items": {"data": [item_of(SECOND_END, SECOND_END + 30 * DAY)]}}, [FIRST, UNPAID], Phase.RETRY, False,
     "in_1", FIRST_END),
    ("canceled", {"ended_at": SECOND_END}, [FIRST, SECOND], Phase.EXPIRED, False, "in_2", SECOND_END),
    ("canceled", {"ended_at": FIRST_END + DAY}, [FIRST, SECOND], Phase.EXPIRED, False, "in_2", FIRST_END + DAY),
    ("canceled", {"ended_at": FIRST_END + 9 * DAY}, [FIRST, UNPAID], Phase.EXPIRED, False, "in_1", FIRST_END),
    ("canceled", {"ended_at": SECOND_END}, [], Phase.EXPIRED, False, "sub_1", SECOND_END),
    ("incomplete", {"items": {"data": [item_of(START, FIRST_END)]}}, [invoice_of(1, START, FIRST_END, "open")],
     Phase.PENDING, False, "in_1", START),
    ("incomplete_expired", {"items": {"data": [item_of(START, FIRST_END)]}, "ended_at": START + DAY},
     [invoice_of(1, START, FIRST_END, "void")], Phase.EXPIRED, False, "in_1", START),
    ("paused", {}, [invoice_of(1, START, FIRST_END, amount_due=0, amount_paid=0), UNPAID], Phase.PAUSED, True, "in_1",
     FIRST_END),
    ("of tomorrow", {}, [FIRST, UNPAID], Phase.PENDING, False, "in_1", FIRST_END),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "changes", "invoices", "phase", "will_renew", "paid_by", "ends_at"),
    STATUSES,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(STATUSES)],
)
def test_a_status_says_what_is_paid_and_what_becomes_of_it(
    status: str,
    changes: dict[str, Any],
    invoices: list[dict[str, Any]],
    phase: Phase,
    will_renew: bool,
    paid_by: str,
    ends_at: int,
) -> None:
    term, renewal = seen_of(subscription_of(status=status, **changes), *invoices)

    assert (renewal.phase, renewal.will_renew, renewal.phase_given) == (phase, will_renew, status)
    assert (term.transaction_id, term.ends_at) == (paid_by, at(ends_at))
    assert term.began_at <= term.ends_at


def test_a_failed_renewal_is_forgiven_for_seven_days_from_the_end_of_what_was_paid() -> None:
    _, renewal = seen_of(subscription_of(status="past_due"), FIRST, UNPAID)

    assert timedelta(days=7) == GRACE
    assert renewal.grace_ends_at == at(FIRST_END) + GRACE


def test_a_failed_upgrade_takes_nothing_from_the_period_that_is_paid() -> None:
    upgrade = invoice_of(3, FIRST_END + DAY, SECOND_END, "open")
    term, renewal = seen_of(subscription_of(status="past_due"), FIRST, SECOND, upgrade)

    assert (term.transaction_id, term.ends_at, renewal.grace_ends_at) == ("in_2", at(SECOND_END), at(SECOND_END))


def test_of_several_invoices_for_a_period_the_latest_paid_one_stands_for_it() -> None:
    upgrade = invoice_of(3, FIRST_END + DAY, SECOND_END)
    term, _ = seen_of(subscription_of(), upgrade, FIRST, SECOND)

    assert term.transaction_id == "in_3"


@pytest.mark.parametrize(
    ("pause", "invoice", "phase", "will_renew"),
    [
        ("void", invoice_of(2, FIRST_END, SECOND_END, "void", attempt_count=0), Phase.PAUSED, False),
        ("void", SECOND, Phase.ACTIVE, False),
        ("keep_as_draft", invoice_of(2, FIRST_END, SECOND_END, "draft"), Phase.ACTIVE, True),
        ("mark_uncollectible", invoice_of(2, FIRST_END, SECOND_END, "uncollectible"), Phase.ACTIVE, True),
    ],
)
def test_a_pause_takes_the_tier_where_nothing_will_be_paid_for_it(
    pause: str, invoice: dict[str, Any], phase: Phase, will_renew: bool
) -> None:
    paused = subscription_of(pause_collection={"behavior": pause, "resumes_at": SECOND_END + DAY})
    term, renewal = seen_of(paused, FIRST, invoice)

    assert (renewal.phase, renewal.will_renew, renewal.phase_given) == (phase, will_renew, f"active/{pause}")
    assert term.ends_at == at(FIRST_END if phase is Phase.PAUSED else SECOND_END)
    assert renewal.resumes_at == at(SECOND_END + DAY)


@pytest.mark.parametrize(
    ("changes", "will_renew", "ends_at"),
    [
        ({"cancel_at_period_end": True, "cancel_at": SECOND_END, "canceled_at": START + 5}, False, SECOND_END),
        ({"cancel_at": FIRST_END + DAY, "canceled_at": START + 5}, False, FIRST_END + DAY),
        ({"cancel_at": SECOND_END + 90 * DAY, "canceled_at": START + 5}, True, SECOND_END),
    ],
)
def test_a_cancellation_ends_it_when_it_says(changes: dict[str, Any], will_renew: bool, ends_at: int) -> None:
    term, renewal = seen_of(subscription_of(**changes), FIRST, SECOND)

    assert (renewal.will_renew, term.ends_at, renewal.cancelled_at) == (will_renew, at(ends_at), at(START + 5))


def _schedule(*phases: tuple[int, str]) -> dict[str, Any]:
    return {"id": "s_1", "phases": [{"start_date": begin, "items": [{"price": price}]} for begin, price in phases]}


@pytest.mark.parametrize(
    ("changes", "product"),
    [
        ({}, None),
        ({"schedule": "s_1"}, None),
        ({"schedule": _schedule((FIRST_END, "price_small"), (SECOND_END, "price_big"))}, "price_big"),
        ({"schedule": _schedule((FIRST_END, "price_small"), (SECOND_END, "price_small"))}, None),
        ({"schedule": _schedule((START, "price_big"), (FIRST_END, "price_small"))}, None),
        ({"schedule": _schedule((SECOND_END + 60 * DAY, "price_far"), (SECOND_END, "price_big"))}, "price_big"),
        ({"pending_update": {"subscription_items": [item_of(price={"id": "price_big"})]}}, "price_big"),
        ({"pending_update": {"subscription_items": None}}, None),
    ],
)
def test_what_renews_is_told_where_it_is_something_else(changes: dict[str, Any], product: str | None) -> None:
    assert seen_of(subscription_of(**changes), FIRST, SECOND)[1].next_product == product


def test_periods_stand_on_items_and_before_2025_stood_on_the_subscription() -> None:
    old = subscription_of(
        items={"data": [{"price": {"id": "price_small"}}]},
        current_period_start=FIRST_END,
        current_period_end=SECOND_END,
    )

    assert seen_of(old, FIRST, SECOND) == seen_of(subscription_of(), FIRST, SECOND)


def test_the_item_that_is_a_plan_counts_and_an_unknown_product_is_seen_to_be_one() -> None:
    other = item_of(START, START + DAY, "price_of_a_mug")

    assert seen_of(subscription_of(items={"data": [other, item_of()]}), FIRST, SECOND)[0].product == "price_small"
    assert seen_of(subscription_of(items={"data": [other]}), FIRST)[0].product == "price_of_a_mug"


def test_months_are_counted_from_the_billing_anchor_unless_it_lies_ahead() -> None:
    assert seen_of(subscription_of(), FIRST, SECOND)[0].anchor_at == at(START)
    assert seen_of(subscription_of(billing_cycle_anchor=SECOND_END), FIRST, SECOND)[0].anchor_at == at(FIRST_END)


@pytest.mark.parametrize(("metadata", "account"), [({"user_id": "u"}, "u"), ({"user_id": ""}, None), ({}, None)])
def test_the_account_is_whom_our_checkout_named(metadata: dict[str, str], account: str | None) -> None:
    assert facts_of(subscription_of(metadata=metadata), [SECOND]).subscriptions[0].account == account


def test_versions_are_as_old_as_the_question_and_alike_for_alike_content() -> None:
    early, late = (facts_of(subscription_of(), [FIRST, SECOND], asked_at=then) for then in (ASKED_AT, ASKED_AT + GRACE))
    again, other = (facts_of(subscription_of(status=status), [FIRST, SECOND]) for status in ("active", "canceled"))
    first, second = (one.subscriptions[0].renewal for one in (early, late))
    assert first is not None
    assert second is not None

    assert first.version < second.version
    assert early == again
    assert early.subscriptions[0].renewal != other.subscriptions[0].renewal


MINOR: list[tuple[int, str, str]] = [
    (999, "usd", "9.99"),
    (1000, "eur", "10.00"),
    (1, "usd", "0.01"),
    (500, "jpy", "500"),
    (9900, "krw", "9900"),
    (5120, "kwd", "5.120"),
    (10, "bhd", "0.010"),
    (500, "isk", "5"),
    (1200, "ugx", "12"),
    (550, "isk", "5.50"),
    (99999, "huf", "999.99"),
]


@pytest.mark.parametrize(("minor", "currency", "digits"), MINOR)
def test_amounts_have_exactly_the_digits_of_their_currency(minor: int, currency: str, digits: str) -> None:
    assert str(amount_of(minor, currency)) == digits
    assert money_of(minor, currency).currency == currency.upper()
