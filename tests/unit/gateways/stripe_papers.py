"""Objects as Stripe writes them, and what they are as facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from chalicelib.gateways.provider_facts import Facts, PaymentSeen, RenewalSeen, TermSeen
from chalicelib.gateways.stripe_facts import Answers, facts_in
from chalicelib.gateways.stripe_objects import Charge, Dispute, Invoice, Subscription
from chalicelib.rules import Rules

DAY = 86_400
START = int(datetime(2026, 1, 31, 10, tzinfo=UTC).timestamp())
FIRST_END = int(datetime(2026, 2, 28, 10, tzinfo=UTC).timestamp())
SECOND_END = int(datetime(2026, 3, 31, 10, tzinfo=UTC).timestamp())
ASKED_AT = datetime(2026, 3, 1, tzinfo=UTC)
GRACE = Rules().stripe_grace
PRICES = {"price_small": "premium_monthly", "price_big": "family_monthly"}


def item_of(start: int | None = FIRST_END, end: int | None = SECOND_END, price: Any = "price_small") -> dict[str, Any]:
    return {"price": price, "current_period_start": start, "current_period_end": end}


def subscription_of(**changes: Any) -> dict[str, Any]:
    usual = {
        "id": "sub_1",
        "status": "active",
        "created": START,
        "start_date": START,
        "billing_cycle_anchor": START,
        "livemode": False,
        "customer": "cus_1",
        "items": {"data": [item_of()]},
        "metadata": {"user_id": "somebody"},
    }
    return {**usual, **changes}


def invoice_of(number: int, start: int, end: int, status: str = "paid", **changes: Any) -> dict[str, Any]:
    usual = {
        "id": f"in_{number}",
        "created": start,
        "status": status,
        "currency": "usd",
        "amount_due": 999,
        "amount_paid": 999 if status == "paid" else 0,
        "attempt_count": 1,
        "lines": {"data": [{"period": {"start": start, "end": end}}]},
        "payments": {"data": [{"id": "p", "invoice": "in", "payment": {"payment_intent": f"pi_{number}"}}]},
        "status_transitions": {"paid_at": start + 60 if status == "paid" else None},
    }
    return {**usual, **changes}


def charge_of(number: int, **changes: Any) -> dict[str, Any]:
    usual = {
        "id": f"ch_{number}",
        "status": "succeeded",
        "amount_refunded": 0,
        "payment_intent": f"pi_{number}",
        "payment_method_details": {"type": "card"},
        "refunds": {"data": []},
    }
    return {**usual, **changes}


FIRST, SECOND = invoice_of(1, START, FIRST_END), invoice_of(2, FIRST_END, SECOND_END)
UNPAID = invoice_of(2, FIRST_END, SECOND_END, "open")


def facts_of(
    subscription: Mapping[str, Any],
    invoices: list[dict[str, Any]],
    charges: list[dict[str, Any]] | None = None,
    disputes: Mapping[str, list[dict[str, Any]]] | None = None,
    asked_at: datetime = ASKED_AT,
) -> Facts:
    answers = Answers(
        asked_at,
        msgspec.convert(subscription, Subscription),
        msgspec.convert(invoices, tuple[Invoice, ...]),
        msgspec.convert(charges or [], tuple[Charge, ...]),
        msgspec.convert(disputes or {}, dict[str, tuple[Dispute, ...]]),
    )
    return facts_in(answers, PRICES, GRACE)


def seen_of(subscription: Mapping[str, Any], *invoices: dict[str, Any]) -> tuple[TermSeen, RenewalSeen]:
    (seen,) = facts_of(subscription, list(invoices)).subscriptions
    assert seen.term is not None
    assert seen.renewal is not None
    return seen.term, seen.renewal


def payment_of(invoice: dict[str, Any], *charges: dict[str, Any], **disputes: list[dict[str, Any]]) -> PaymentSeen:
    (payment,) = facts_of(subscription_of(), [invoice], list(charges), disputes).payments
    return payment


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
