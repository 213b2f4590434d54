"""What one invoice of Stripe's says of a payment: how much, whether it came, and how much of it went back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from chalicelib.gateways.provider_facts import AmountRefusedError, PaymentSeen, Version
from chalicelib.gateways.stripe_money import amount_of, money_of
from chalicelib.gateways.stripe_objects import Charge, Dispute, Invoice, Refund, id_of, instant
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.money import Money

_NOT_REFUNDED: Final = frozenset({"failed", "canceled"})
"""A refund that failed or was called off went back to us: Stripe's word for "refund reversed"."""
_MONEY_TAKEN_BACK: Final = frozenset(
    {"needs_response", "under_review", "appeal_needs_response", "appeal_under_review", "lost"}
)
"""The `warning_` statuses are questions of a bank that has taken nothing yet, `won` and `prevented` leave us the
money."""


def payment_of(
    invoice: Invoice,
    subscription_id: str,
    charges: Iterable[Charge],
    disputes: Mapping[str, tuple[Dispute, ...]],
    version: Version,
) -> PaymentSeen | None:
    """Return what an invoice says of its payment; None for one over nothing, and while nobody has tried to take the
    money: a draft may yet change, and what is billed during a pause is void at once.

    Raises:
        AmountRefusedError: the currency is none.
    """
    amount = invoice.amount_paid if invoice.is_paid else invoice.amount_due
    is_tried = invoice.is_paid or invoice.attempt_count > 0
    if invoice.status in (None, "draft") or amount <= 0 or not is_tried:
        return None
    tried = _charges_for(invoice, charges)
    behind = tuple(one for one in tried if one.status == "succeeded") if invoice.is_paid else ()
    is_on_its_way = invoice.status == "open" and any(one.status == "pending" for one in tried)
    refunds = [refund for charge in behind for refund in _refunds(charge)]
    refunded = min(sum(_refunded(charge) for charge in behind), amount)
    taken_back = [one for charge in behind for one in disputes.get(charge.id, ()) if one.status in _MONEY_TAKEN_BACK]
    status = PaymentStatus.PENDING if is_on_its_way else PaymentStatus.FAILED
    if invoice.is_paid:
        status = _status_of_money(is_refunded=refunded == amount, is_disputed=bool(taken_back))
    return PaymentSeen(
        provider=SubscriptionProvider.STRIPE,
        transaction_id=invoice.id,
        subscription_external_id=subscription_id,
        money=_money(amount, invoice.currency),
        status=status,
        purchased_at=instant(invoice.created),
        processed_at=_processed_at(invoice),
        version=version,
        refunded=amount_of(refunded, invoice.currency) if refunded else None,
        method=next((one.payment_method_details.type for one in behind if one.payment_method_details), None),
        changed_at=_changed_at(status, refunds, taken_back),
    )


def _money(amount: int, currency: str) -> Money:
    try:
        return money_of(amount, currency)
    except ValueError as wrong:
        raise AmountRefusedError("not a currency") from wrong


def _status_of_money(*, is_refunded: bool, is_disputed: bool) -> PaymentStatus:
    """A refund in full outweighs a dispute: what went back cannot be won back."""
    if is_refunded:
        return PaymentStatus.REFUNDED
    return PaymentStatus.DISPUTED if is_disputed else PaymentStatus.COMPLETED


def _charges_for(invoice: Invoice, charges: Iterable[Charge]) -> tuple[Charge, ...]:
    payments = [one.payment for one in (invoice.payments.data if invoice.payments is not None else ())]
    intents = {id_of(one.payment_intent) for one in payments} - {None}
    direct = {id_of(one.charge) for one in payments} - {None}
    return tuple(one for one in charges if id_of(one.payment_intent) in intents or one.id in direct)


def _refunds(charge: Charge) -> tuple[Refund, ...]:
    return tuple(one for one in (charge.refunds.data if charge.refunds else ()) if one.status not in _NOT_REFUNDED)


def _refunded(charge: Charge) -> int:
    """Stripe's own sum, unless all refunds are at hand: of a refund that fails later the sum may lag behind."""
    if charge.refunds is None or charge.refunds.has_more:
        return charge.amount_refunded
    return sum(refund.amount for refund in _refunds(charge))


def _processed_at(invoice: Invoice) -> datetime | None:
    if not invoice.is_paid:
        return None
    paid_at = invoice.status_transitions.paid_at
    return instant(paid_at if paid_at is not None else invoice.created)


def _changed_at(status: PaymentStatus, refunds: Iterable[Refund], disputes: Iterable[Dispute]) -> datetime | None:
    seconds = [one.created for one in (refunds if status is PaymentStatus.REFUNDED else disputes)]
    return instant(max(seconds)) if seconds else None
