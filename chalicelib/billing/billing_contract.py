"""What purchases, checkouts, payments and the stores' notices say over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.billing.contract import CurrentSubscriptionAnswer
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.web.links import Link
from chalicelib.web.response import Answer

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_Purchase = Annotated[str, msgspec.Meta(max_length=20_000)]
_Name = Annotated[str, msgspec.Meta(max_length=255)]
_Reason = Annotated[str, msgspec.Meta(max_length=500)]


class PurchaseRequest(msgspec.Struct, kw_only=True):
    """A purchase that the app made in its store."""

    ERROR_CODES: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("provider", "signed_transaction", "purchase_token", "product_id"), "INVALID_PURCHASE"
    )

    provider: Annotated[str, msgspec.Meta(description="`apple` or `google`.", examples=["apple"])] = ""
    signed_transaction: Annotated[
        _Purchase | None, msgspec.Meta(description="Apple: the transaction as StoreKit signed it.")
    ] = None
    purchase_token: Annotated[_Purchase | None, msgspec.Meta(description="Google: the token of the purchase.")] = None
    product_id: Annotated[_Name | None, msgspec.Meta(description="Google: what was bought.")] = None


class PurchaseAnswer(Answer, kw_only=True):
    """The purchase belongs to the caller, now or before; `subscription` is what they have with everything that is
    theirs."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "400 INVALID_PURCHASE",
        "403 BIOMETRIC_REQUIRED",
        "409 PURCHASE_OWNED_BY_ANOTHER_ACCOUNT",
        "503 PROVIDER_UNAVAILABLE",
        "503 SERVICE_UNAVAILABLE",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("show_subscription"),
        Link("list_payments"),
    )

    subscription: CurrentSubscriptionAnswer


class CheckoutRequest(msgspec.Struct, kw_only=True):
    """A plan to be paid through Stripe."""

    ERROR_CODES: ClassVar[Mapping[str, str]] = {"plan_id": "UNKNOWN_PLAN"}

    plan_id: Annotated[str, msgspec.Meta(max_length=64, examples=["premium_monthly"])] = ""


class CheckoutAnswer(Answer, kw_only=True):
    """A page of Stripe's where the caller pays. The plan begins when Stripe tells us that they did."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "400 UNKNOWN_PLAN",
        "400 INVALID_IDEMPOTENCY_KEY",
        "403 BIOMETRIC_REQUIRED",
        "409 ALREADY_SUBSCRIBED",
        "409 IDEMPOTENCY_KEY_REUSED",
        "503 PROVIDER_UNAVAILABLE",
    )

    session_id: str
    checkout_url: str
    expires_at: _Instant


class CancelRequest(msgspec.Struct, kw_only=True):
    """How a subscription at Stripe is to end; of the reason Stripe is told what is one of its own words."""

    cancel_immediately: bool = False
    cancellation_reason: _Reason | None = None


class CancelAnswer(Answer, kw_only=True):
    """The subscription as it stands after that: until the end of what is paid, unless it was to end at once."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "409 MANAGED_BY_STORE",
        "409 NO_PAID_SUBSCRIPTION",
        "503 PROVIDER_UNAVAILABLE",
        "503 SERVICE_UNAVAILABLE",
    )

    subscription: CurrentSubscriptionAnswer


class PaymentShown(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. Amounts have exactly the digits of their currency."""

    payment_id: str
    subscription_id: str | None
    amount: Annotated[Decimal, msgspec.Meta(examples=[9.99])]
    currency: Annotated[str, msgspec.Meta(examples=["USD"])]
    status: PaymentStatus
    refunded_amount: Annotated[
        Decimal | None, msgspec.Meta(description="How much of it was paid back; null where nothing was.")
    ]
    provider: SubscriptionProvider
    payment_method: str | None
    created_at: Annotated[_Instant, msgspec.Meta(description="When it was bought.")]
    processed_at: Annotated[_Instant | None, msgspec.Meta(description="When the money came; null while it has not.")]


class PaymentsAnswer(Answer, kw_only=True):
    """Payments, newest first. The old name of the route calls them `records`; the list is the same."""

    ERRORS: ClassVar[tuple[str, ...]] = ("400 INVALID_LIMIT", "400 INVALID_CURSOR")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("list_payments", {"cursor": "/next_cursor"}),)

    payments: list[PaymentShown]
    next_cursor: Annotated[str | None, msgspec.Meta(description="To ask for the next page with; null at the end.")]
    has_more: bool
    records: Annotated[
        list[PaymentShown] | UnsetType, msgspec.Meta(description="On `/subscriptions/billing-history`: the payments.")
    ] = UNSET


class WebhookAnswer(Answer, kw_only=True):
    """Stored and applied, now or before; or nothing that we act upon, and kept."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "401 INVALID_SIGNATURE",
        "401 WRONG_ENVIRONMENT",
        "503 PROVIDER_UNAVAILABLE",
        "503 SERVICE_UNAVAILABLE",
    )
