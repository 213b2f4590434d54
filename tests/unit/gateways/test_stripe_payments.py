"""What invoices, charges, refunds and disputes at Stripe say of a payment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.billing.amounts import require_fitting
from chalicelib.gateways.provider_facts import AmountRefusedError
from chalicelib.models.states import PaymentStatus
from tests.unit.gateways.stripe_papers import (
    DAY,
    FIRST,
    FIRST_END,
    SECOND,
    SECOND_END,
    UNPAID,
    at,
    charge_of,
    facts_of,
    invoice_of,
    payment_of,
    subscription_of,
)


def _refund(amount: int, status: str, created: int = FIRST_END) -> dict[str, Any]:
    return {"id": f"re_{amount}_{status}", "amount": amount, "status": status, "created": created}


def _refunded(*refunds: dict[str, Any], amount_refunded: int = 0) -> dict[str, Any]:
    return charge_of(2, refunds={"data": list(refunds)}, amount_refunded=amount_refunded)


def test_a_paid_invoice_is_a_payment_under_the_id_of_the_invoice() -> None:
    payment = payment_of(SECOND, charge_of(2), charge_of(7))

    assert (payment.transaction_id, payment.subscription_external_id) == ("in_2", "sub_1")
    assert (str(payment.money.amount), payment.money.currency) == ("9.99", "USD")
    assert (payment.status, payment.method) == (PaymentStatus.COMPLETED, "card")
    assert (payment.purchased_at, payment.processed_at) == (at(FIRST_END), at(FIRST_END + 60))
    assert (payment.refunded, payment.changed_at) == (None, None)


@pytest.mark.parametrize("currency", ["", "us", "usdt", "us1", "u d", "€€€"])
def test_an_invoice_in_what_is_no_currency_is_refused_and_says_what_else_it_knew(currency: str) -> None:
    with pytest.raises(AmountRefusedError) as refusal:
        facts_of(subscription_of(), [SECOND | {"currency": currency}])
    assert [one.external_id for one in refusal.value.subscriptions] == ["sub_1"]
    assert str(refusal.value) == "not a currency"


@pytest.mark.parametrize("amount", [10**14, 10**30, 10**300])
def test_an_invoice_over_too_large_an_amount_is_refused_and_nothing_worse(amount: int) -> None:
    with pytest.raises(AmountRefusedError, match="too large an amount"):
        require_fitting(facts_of(subscription_of(), [SECOND | {"amount_paid": amount}]))


@pytest.mark.parametrize(
    ("invoice", "charges", "status"),
    [
        (UNPAID, [charge_of(2, status="failed")], PaymentStatus.FAILED),
        (UNPAID, [charge_of(2, status="pending")], PaymentStatus.PENDING),
        (UNPAID, [charge_of(3, status="pending")], PaymentStatus.FAILED),
        (invoice_of(2, FIRST_END, SECOND_END, "uncollectible"), [], PaymentStatus.FAILED),
        (invoice_of(2, FIRST_END, SECOND_END, "void"), [], PaymentStatus.FAILED),
    ],
)
def test_money_that_has_not_come_is_never_processed(
    invoice: dict[str, Any], charges: list[dict[str, Any]], status: PaymentStatus
) -> None:
    payment = payment_of(invoice, *charges)

    assert (payment.status, payment.processed_at, str(payment.money.amount)) == (status, None, "9.99")


@pytest.mark.parametrize(
    "invoice",
    [
        invoice_of(2, FIRST_END, SECOND_END, "draft"),
        invoice_of(2, FIRST_END, SECOND_END, "open", attempt_count=0),
        invoice_of(2, FIRST_END, SECOND_END, "void", attempt_count=0),
        invoice_of(2, FIRST_END, SECOND_END, "paid", amount_due=0, amount_paid=0),
        invoice_of(2, FIRST_END, SECOND_END, "paid", amount_paid=0),
    ],
)
def test_what_nobody_tried_to_charge_is_no_payment(invoice: dict[str, Any]) -> None:
    assert facts_of(subscription_of(), [FIRST, invoice]).payments == facts_of(subscription_of(), [FIRST]).payments


REFUNDS: list[tuple[dict[str, Any], PaymentStatus, str | None]] = [
    (_refunded(_refund(999, "succeeded")), PaymentStatus.REFUNDED, "9.99"),
    (_refunded(_refund(999, "pending")), PaymentStatus.REFUNDED, "9.99"),
    (_refunded(_refund(400, "succeeded")), PaymentStatus.COMPLETED, "4.00"),
    (_refunded(_refund(400, "succeeded"), _refund(599, "succeeded")), PaymentStatus.REFUNDED, "9.99"),
    (_refunded(_refund(400, "succeeded"), _refund(599, "failed")), PaymentStatus.COMPLETED, "4.00"),
    (_refunded(_refund(999, "failed"), amount_refunded=999), PaymentStatus.COMPLETED, None),
    (_refunded(_refund(999, "canceled")), PaymentStatus.COMPLETED, None),
    (charge_of(2, refunds=None, amount_refunded=999), PaymentStatus.REFUNDED, "9.99"),
    (charge_of(2, refunds={"data": [], "has_more": True}, amount_refunded=5), PaymentStatus.COMPLETED, "0.05"),
    (_refunded(_refund(5000, "succeeded")), PaymentStatus.REFUNDED, "9.99"),
]


@pytest.mark.parametrize(("charge", "status", "digits"), REFUNDS)
def test_a_refund_counts_while_it_stands(charge: dict[str, Any], status: PaymentStatus, digits: str | None) -> None:
    payment = payment_of(SECOND, charge)

    assert (payment.status, payment.refunded) == (status, None if digits is None else Decimal(digits))
    assert payment.processed_at == at(FIRST_END + 60)


def test_a_payment_in_two_charges_is_refunded_when_both_are() -> None:
    two = invoice_of(2, FIRST_END, SECOND_END)
    two["payments"]["data"].append({"id": "p", "invoice": "in_2", "payment": {"charge": "ch_9"}})
    rest = charge_of(9, payment_intent=None, refunds={"data": [_refund(599, "succeeded", FIRST_END + DAY)]})

    assert payment_of(two, _refunded(_refund(400, "succeeded"))).status is PaymentStatus.COMPLETED
    whole = payment_of(two, _refunded(_refund(400, "succeeded")), rest)
    assert (whole.status, whole.changed_at) == (PaymentStatus.REFUNDED, at(FIRST_END + DAY))


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("warning_needs_response", PaymentStatus.COMPLETED),
        ("warning_under_review", PaymentStatus.COMPLETED),
        ("warning_closed", PaymentStatus.COMPLETED),
        ("needs_response", PaymentStatus.DISPUTED),
        ("under_review", PaymentStatus.DISPUTED),
        ("appeal_needs_response", PaymentStatus.DISPUTED),
        ("appeal_under_review", PaymentStatus.DISPUTED),
        ("lost", PaymentStatus.DISPUTED),
        ("won", PaymentStatus.COMPLETED),
        ("prevented", PaymentStatus.COMPLETED),
    ],
)
def test_a_dispute_counts_while_the_bank_has_the_money(status: str, told: PaymentStatus) -> None:
    dispute = {"id": "du_1", "created": FIRST_END + DAY, "status": status}
    payment = payment_of(SECOND, charge_of(2), ch_2=[dispute])

    assert payment.status is told
    assert payment.changed_at == (at(FIRST_END + DAY) if told is PaymentStatus.DISPUTED else None)


def test_a_refund_in_full_outweighs_a_dispute_that_is_won() -> None:
    dispute = {"id": "du_1", "created": FIRST_END, "status": "lost"}

    assert payment_of(SECOND, _refunded(_refund(999, "succeeded")), ch_2=[dispute]).status is PaymentStatus.REFUNDED
