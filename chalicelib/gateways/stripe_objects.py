"""What we read of Stripe's objects, and nothing else of them: no name, no address, no card ever gets past here.

Shapes are those of the API version that the library speaks; what later versions add is ignored. An expandable field is
an id or an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Generic, TypeVar

import msgspec

_Element = TypeVar("_Element")


class StripeObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object with an id."""

    id: str


class Listed(msgspec.Struct, Generic[_Element], frozen=True, kw_only=True):
    """A list object, or the first page of one."""

    data: tuple[_Element, ...] = ()
    has_more: bool = False


class SubscriptionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One price of a subscription. Since 2025-03-31 the periods stand here, and not on the subscription."""

    price: str | StripeObject
    current_period_start: int | None = None
    current_period_end: int | None = None

    @property
    def price_id(self) -> str:
        """What is paid."""
        return id_of(self.price) or ""


class PauseCollection(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of invoices while collection is paused."""

    behavior: str
    resumes_at: int | None = None


class PendingUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A change that waits for its payment."""

    subscription_items: tuple[SubscriptionItem, ...] | None = None


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a schedule."""

    start_date: int
    items: tuple[SubscriptionItem, ...] = ()


class Schedule(StripeObject, frozen=True, kw_only=True):
    """What is planned for a subscription."""

    phases: tuple[Phase, ...] = ()


class Subscription(StripeObject, frozen=True, kw_only=True):
    """A subscription. The periods on itself are those of versions before 2025-03-31."""

    status: str
    created: int
    start_date: int
    billing_cycle_anchor: int
    livemode: bool
    customer: str | StripeObject
    items: Listed[SubscriptionItem]
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict)
    current_period_start: int | None = None
    current_period_end: int | None = None
    cancel_at_period_end: bool = False
    cancel_at: int | None = None
    canceled_at: int | None = None
    ended_at: int | None = None
    pause_collection: PauseCollection | None = None
    pending_update: PendingUpdate | None = None
    schedule: str | Schedule | None = None
    latest_invoice: str | StripeObject | None = None


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What a line of an invoice is for."""

    start: int
    end: int


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an invoice."""

    period: Period


class SubscriptionDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Which subscription made an invoice."""

    subscription: str | StripeObject


class InvoiceParent(msgspec.Struct, frozen=True, kw_only=True):
    """What made an invoice."""

    subscription_details: SubscriptionDetails | None = None


class PaymentOfInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """Where the money of an invoice payment came from."""

    payment_intent: str | StripeObject | None = None
    charge: str | StripeObject | None = None


class InvoicePayment(StripeObject, frozen=True, kw_only=True):
    """A payment towards an invoice; since 2025-03-31 the one link between invoices and charges."""

    invoice: str | StripeObject
    payment: PaymentOfInvoice


class StatusTransitions(msgspec.Struct, frozen=True, kw_only=True):
    """When an invoice became what it is."""

    paid_at: int | None = None


class Invoice(StripeObject, frozen=True, kw_only=True):
    """An invoice."""

    created: int
    status: str | None
    currency: str
    amount_due: int
    amount_paid: int
    attempt_count: int = 0
    parent: InvoiceParent | None = None
    lines: Listed[InvoiceLine] = Listed()
    payments: Listed[InvoicePayment] | None = None
    status_transitions: StatusTransitions = StatusTransitions()

    @property
    def subscription_id(self) -> str | None:
        """The subscription that made it; None for one that somebody wrote by hand."""
        details = self.parent.subscription_details if self.parent is not None else None
        return id_of(details.subscription) if details is not None else None

    @property
    def is_paid(self) -> bool:
        """Whether nothing is owed any more; also where nothing ever was."""
        return self.status == "paid"


class Refund(StripeObject, frozen=True, kw_only=True):
    """Money on its way back."""

    amount: int
    created: int
    status: str | None = None


class MethodDetails(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody paid: the kind alone."""

    type: str | None = None


class Charge(StripeObject, frozen=True, kw_only=True):
    """Money that was taken, or was tried to be."""

    status: str
    amount_refunded: int
    disputed: bool = False
    payment_intent: str | StripeObject | None = None
    payment_method_details: MethodDetails | None = None
    refunds: Listed[Refund] | None = None


class Dispute(StripeObject, frozen=True, kw_only=True):
    """A charge that the payer's bank takes back, or asks about."""

    created: int
    status: str


class Session(StripeObject, frozen=True, kw_only=True):
    """A page of Stripe's on which somebody pays."""

    url: str
    expires_at: int


def id_of(reference: str | StripeObject | None) -> str | None:
    """Return the id of an expandable field."""
    return reference.id if isinstance(reference, StripeObject) else reference


def instant(seconds: int) -> datetime:
    """Return the instant that Stripe writes in seconds."""
    return datetime.fromtimestamp(seconds, UTC)
