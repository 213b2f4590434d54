"""The few questions that we put to Stripe, and the answers as far as we read them."""

from __future__ import annotations

import logging
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from chalicelib import errors
from chalicelib.gateways.stripe_calls import StripeCalls
from chalicelib.gateways.stripe_objects import (
    Charge,
    Dispute,
    Invoice,
    InvoicePayment,
    Session,
    Subscription,
    id_of,
)
from chalicelib.observe.log import log

if TYPE_CHECKING:
    import stripe
    from stripe.params.checkout import SessionCreateParams

_Found = TypeVar("_Found")
_NEWEST_INVOICES: Final = 12
"""A read tells of a year of months, so that each heals what earlier ones, or lost notices, left untold."""
_MOST_CHARGES: Final = 200
_PAGE: Final = 100


class Feedback(StrEnum):
    """Why somebody leaves, in the words that Stripe has for it."""

    CUSTOMER_SERVICE = "customer_service"
    LOW_QUALITY = "low_quality"
    MISSING_FEATURES = "missing_features"
    OTHER = "other"
    SWITCHED_SERVICE = "switched_service"
    TOO_COMPLEX = "too_complex"
    TOO_EXPENSIVE = "too_expensive"
    UNUSED = "unused"


class StripeApi:
    """Asks Stripe. Safe under threads. Every question raises what `StripeCalls` raises, and `Unexpected` for an answer
    that is not of Stripe's own shape."""

    def __init__(self, calls: StripeCalls) -> None:
        self._calls = calls

    def subscription(self, subscription_id: str) -> Subscription | None:
        """Return a subscription with its schedule; None if there is none of that id."""
        found = self._calls.find(
            "subscription",
            lambda client: client.v1.subscriptions.retrieve(subscription_id, {"expand": ["schedule"]}),
        )
        return _read(found, Subscription) if found is not None else None

    def invoices(self, subscription_id: str) -> tuple[Invoice, ...]:
        """Return the newest invoices of a subscription, with their payments."""
        found = self._calls.ask(
            "invoices",
            lambda client: _first(
                client.v1.invoices.list(
                    {"subscription": subscription_id, "limit": _NEWEST_INVOICES, "expand": ["data.payments"]}
                ),
                _NEWEST_INVOICES,
            ),
        )
        return _read(found, tuple[Invoice, ...])

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Return an invoice with its payments; None if there is none of that id."""
        found = self._calls.find(
            "invoice", lambda client: client.v1.invoices.retrieve(invoice_id, {"expand": ["payments"]})
        )
        return _read(found, Invoice) if found is not None else None

    def invoice_paid_by(self, payment_intent: str) -> str | None:
        """Return the id of the invoice that a payment intent pays for; None for a payment without one."""
        found = self._calls.ask(
            "invoice_payments",
            lambda client: _first(
                client.v1.invoice_payments.list(
                    {"payment": {"type": "payment_intent", "payment_intent": payment_intent}, "limit": 1}
                ),
                1,
            ),
        )
        payments = _read(found, tuple[InvoicePayment, ...])
        return id_of(payments[0].invoice) if payments else None

    def charge(self, charge_id: str) -> Charge | None:
        """Return a charge; None if there is none of that id."""
        found = self._calls.find("charge", lambda client: client.v1.charges.retrieve(charge_id))
        return _read(found, Charge) if found is not None else None

    def charges(self, customer: str, since: int) -> tuple[Charge, ...]:
        """Return what a customer was charged since then, with the refunds."""
        found = self._calls.ask(
            "charges",
            lambda client: _first(
                client.v1.charges.list(
                    {"customer": customer, "created": {"gte": since}, "limit": _PAGE, "expand": ["data.refunds"]}
                ),
                _MOST_CHARGES,
            ),
        )
        return _read(found, tuple[Charge, ...])

    def disputes(self, charge_id: str) -> tuple[Dispute, ...]:
        """Return the disputes over a charge."""
        found = self._calls.ask(
            "disputes", lambda client: _first(client.v1.disputes.list({"charge": charge_id, "limit": _PAGE}), _PAGE)
        )
        return _read(found, tuple[Dispute, ...])

    def events(self, since: int, until: int, types: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return the events of these types (20 at most) created from `since` up to, and without, `until`. Stripe keeps
        them for 30 days."""
        return self._calls.ask(
            "events",
            lambda client: _first(
                client.v1.events.list(
                    {"created": {"gte": since, "lt": until}, "types": list(types), "limit": _PAGE},
                ),
                None,
            ),
        )

    def create_session(self, params: SessionCreateParams, idempotency_key: str) -> Session:
        """Create a checkout session, once per key."""
        found = self._calls.ask(
            "checkout",
            lambda client: client.v1.checkout.sessions.create(params, {"idempotency_key": idempotency_key}),
        )
        return _read(found, Session)

    def cancel(
        self, subscription_id: str, *, immediately: bool, feedback: Feedback | None, idempotency_key: str
    ) -> bool:
        """End a subscription, at once or with its period; whether there was one to end."""
        words: Any = {"cancellation_details": {"feedback": feedback.value}} if feedback is not None else {}
        options: stripe.RequestOptions = {"idempotency_key": idempotency_key}

        def call(client: stripe.StripeClient) -> Any:
            if immediately:
                return client.v1.subscriptions.cancel(subscription_id, words, options)
            end: Any = {"cancel_at_period_end": True, **words}
            return client.v1.subscriptions.update(subscription_id, end, options)

        return self._calls.find("cancel", call) is not None

    def release(self, schedule_id: str, idempotency_key: str) -> None:
        """Take a subscription off its schedule: Stripe does not let one that is on it end with its period."""
        self._calls.ask(
            "release",
            lambda client: client.v1.subscription_schedules.release(
                schedule_id, {}, {"idempotency_key": idempotency_key}
            ),
        )


def _first(found: Any, most: int | None) -> list[dict[str, Any]]:
    """Return what a list holds, page after page."""
    import stripe

    if not isinstance(found, stripe.ListObject):
        raise _not_understood("list")
    return [one.to_dict() for one in islice(found.auto_paging_iter(), most)]


def _read(found: Any, shape: type[_Found]) -> _Found:
    import stripe

    try:
        return msgspec.convert(found.to_dict() if isinstance(found, stripe.StripeObject) else found, shape)
    except msgspec.ValidationError as wrong:
        raise _not_understood(str(shape)) from wrong


def _not_understood(expected: str) -> errors.Unexpected:
    log("stripe_answer_not_understood", level=logging.ERROR, expected=expected)
    return errors.Unexpected(message="An answer of the payment provider was not understood.")
