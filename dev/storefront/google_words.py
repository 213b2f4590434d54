"""What the simulated Google Play keeps of products, purchases and orders, and how its API writes them.

Source: the discovery document of `androidpublisher` v3. As Google does, what is false, zero or empty is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from chalicelib.billing.tiers import Plan, plans
from chalicelib.models.states import SubscriptionType, Tier
from chalicelib.money import Money

UNACKNOWLEDGED: Final = 8
CHARGEBACK: Final = 7
REMORSE: Final = 1
"""Some of Google's reasons for which a purchase is voided."""


class State(StrEnum):
    """Google's states of a purchase."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    IN_GRACE_PERIOD = "IN_GRACE_PERIOD"
    ON_HOLD = "ON_HOLD"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    PENDING_PURCHASE_CANCELED = "PENDING_PURCHASE_CANCELED"


OPEN: Final = frozenset({State.ACTIVE, State.CANCELED, State.IN_GRACE_PERIOD})
"""The states in which Google lets the buyer use what was bought."""


@dataclass(frozen=True, slots=True)
class Product:
    """A base plan of a subscription product: one of our plans, as it is sold there."""

    product_id: str
    base_plan_id: str
    plan: Plan

    @property
    def key(self) -> str:
        """How settings name it."""
        return f"{self.product_id}:{self.base_plan_id}"

    @property
    def months(self) -> int:
        """How long a term is."""
        return 12 if self.plan.subscription_type is SubscriptionType.YEARLY else 1


def products() -> dict[str, Product]:
    """Return every product by the plan id that it is here."""
    paid = [plan for plan in plans() if plan.tier is not Tier.FREE]
    return {plan.plan_id: Product(f"serenya_{plan.tier}", str(plan.subscription_type), plan) for plan in paid}


@dataclass(slots=True)
class Order:
    """One payment for one term."""

    order_id: str
    token: str
    product: Product
    paid: Money
    created_at: datetime
    began_at: datetime
    ends_at: datetime
    state: str = "PROCESSED"
    refunded: Decimal = Decimal(0)
    refunded_at: datetime | None = None
    void_reason: int = REMORSE

    def as_json(self) -> dict[str, Any]:
        """Write an Order."""
        history: dict[str, Any] = {"processedEvent": {"eventTime": rfc3339(self.created_at)}}
        if self.refunded_at is not None:
            event = {"refundDetails": {"total": money(Money(self.refunded, self.paid.currency))}}
            if self.state == "REFUNDED":
                reason = "CHARGEBACK" if self.void_reason == CHARGEBACK else "OTHER"
                history["refundEvent"] = event | {"eventTime": rfc3339(self.refunded_at), "refundReason": reason}
            else:
                done = {"state": "PROCESSED_SUCCESSFULLY", "processTime": rfc3339(self.refunded_at)}
                history["partialRefundEvents"] = [event | done | {"createTime": rfc3339(self.refunded_at)}]
        return {
            "orderId": self.order_id,
            "purchaseToken": self.token,
            "state": self.state,
            "createTime": rfc3339(self.created_at),
            "lastEventTime": rfc3339(self.refunded_at or self.created_at),
            "total": money(self.paid),
            "orderHistory": history,
            "lineItems": [
                {
                    "productId": self.product.product_id,
                    "total": money(self.paid),
                    "subscriptionDetails": {
                        "basePlanId": self.product.base_plan_id,
                        "servicePeriodStartTime": rfc3339(self.began_at),
                        "servicePeriodEndTime": rfc3339(self.ends_at),
                    },
                }
            ],
        }

    def as_voided(self) -> dict[str, Any]:
        """Write a VoidedPurchase."""
        assert self.refunded_at is not None
        return {
            "kind": "androidpublisher#voidedPurchase",
            "purchaseToken": self.token,
            "orderId": self.order_id,
            "purchaseTimeMillis": str(milliseconds(self.created_at)),
            "voidedTimeMillis": str(milliseconds(self.refunded_at)),
            "voidedSource": 2 if self.void_reason == UNACKNOWLEDGED else 0,
            "voidedReason": self.void_reason,
        }


@dataclass(slots=True)
class Purchase:
    """A purchase token and everything behind it. `anchor` and `months` say when the term ends; `out_of_app` is the
    expired purchase that this one follows, where it was made in the Play Store itself; nobody named the account then
    (`is_named`)."""

    token: str
    account: str | None
    product: Product
    state: State
    anchor: datetime
    expires_at: datetime
    months: int = 0
    started_at: datetime | None = None
    auto_renew: bool = True
    orders: list[Order] = field(default_factory=list)
    linked: str | None = None
    is_acknowledged: bool = False
    is_replaced: bool = False
    is_test: bool = False
    cancelled_at: datetime | None = None
    resumes_at: datetime | None = None
    next_product: Product | None = None
    out_of_app: str | None = None
    is_named: bool = True

    @property
    def is_running(self) -> bool:
        """Whether it is paid for and going to renew."""
        return self.state is State.ACTIVE and self.auto_renew

    def as_json(self) -> dict[str, Any]:
        """Write a SubscriptionPurchaseV2."""
        state = "ACKNOWLEDGED" if self.is_acknowledged else "PENDING"
        written: dict[str, Any] = {
            "kind": "androidpublisher#subscriptionPurchaseV2",
            "regionCode": "US",
            "subscriptionState": f"SUBSCRIPTION_STATE_{self.state}",
            "acknowledgementState": f"ACKNOWLEDGEMENT_STATE_{state}",
            "lineItems": self._lines(),
        }
        optional = {
            "startTime": rfc3339(self.started_at),
            "linkedPurchaseToken": self.linked,
            "testPurchase": {} if self.is_test else None,
            "pausedStateContext": {"autoResumeTime": rfc3339(self.resumes_at)} if self.resumes_at else None,
            "canceledStateContext": self._cancellation(),
            **self._accounts(),
        }
        return written | {name: value for name, value in optional.items() if value is not None}

    def _accounts(self) -> dict[str, Any]:
        named = {} if self.account is None else {"obfuscatedExternalAccountId": self.account}
        if self.out_of_app is None:
            return {"externalAccountIdentifiers": named} if named and self.is_named else {}
        before = {"expiredExternalAccountIdentifiers": named} if named else {}
        return {"outOfAppPurchaseContext": {"expiredPurchaseToken": self.out_of_app, **before}}

    def _cancellation(self) -> dict[str, Any] | None:
        if self.state not in (State.CANCELED, State.EXPIRED):
            return None
        if self.is_replaced:
            return {"replacementCancellation": {}}
        if self.cancelled_at is not None:
            return {"userInitiatedCancellation": {"cancelTime": rfc3339(self.cancelled_at)}}
        return {"systemInitiatedCancellation": {}}

    def _lines(self) -> list[dict[str, Any]]:
        line = _line(self.product, self.auto_renew and self.next_product is None)
        if self.orders:
            line |= {"expiryTime": rfc3339(self.expires_at), "latestSuccessfulOrderId": self.orders[-1].order_id}
        if self.next_product is None:
            return [line]
        line["deferredItemReplacement"] = {"productId": self.next_product.product_id}
        return [line, _line(self.next_product, self.auto_renew)]


def money(value: Money) -> dict[str, Any]:
    """Write Google's Money."""
    units = int(value.amount)
    written = {"currencyCode": value.currency, "units": str(units), "nanos": int((value.amount - units).scaleb(9))}
    return {name: part for name, part in written.items() if part not in ("0", 0)}


def rfc3339(instant: datetime | None) -> str | None:
    """Write an instant with milliseconds, as Google does."""
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def milliseconds(instant: datetime) -> int:
    """Write an instant as milliseconds since 1970."""
    return (instant - datetime(1970, 1, 1, tzinfo=instant.tzinfo)) // timedelta(milliseconds=1)


def _line(product: Product, auto_renew: bool) -> dict[str, Any]:
    plan: dict[str, Any] = {"recurringPrice": money(product.plan.price)}
    return {
        "productId": product.product_id,
        "offerDetails": {"basePlanId": product.base_plan_id},
        "autoRenewingPlan": plan | ({"autoRenewEnabled": True} if auto_renew else {}),
    }
