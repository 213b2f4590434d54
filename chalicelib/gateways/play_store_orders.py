"""Orders of Google Play read as payments, with exactly the digits that Google gives.

Source: Google Play Developer API, `orders` (Order, Money) and "Subscription order numbers".
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from chalicelib.clock import parse_iso
from chalicelib.gateways.provider_facts import PaymentSeen, Version
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.money import Money, exact
from chalicelib.observe.log import log

ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""What every word of Google's is about: the present state. Whoever asked later knows better (`Version`)."""

_STATUSES: Final[Mapping[str, PaymentStatus]] = MappingProxyType(
    {
        "PENDING": PaymentStatus.PENDING,
        "PROCESSED": PaymentStatus.COMPLETED,
        "CANCELED": PaymentStatus.FAILED,
        # Asked for, and not given yet: the money is still here.
        "PENDING_REFUND": PaymentStatus.COMPLETED,
        "PARTIALLY_REFUNDED": PaymentStatus.COMPLETED,
        "REFUNDED": PaymentStatus.REFUNDED,
    }
)
_RENEWAL: Final = re.compile(r"(?P<first>.+)\.\.(?P<number>[0-9]{1,4})")
_UNITS: Final = re.compile(r"-?[0-9]{1,19}")
_MOST_NANOS: Final = 999_999_999

Answer = Mapping[str, Any]


def recent(order_id: str, number: int) -> tuple[str, ...]:
    """Return an order and those just before it, newest first: `X..1`, `X..0`, `X`. A lost notification of a renewal is
    made good by the next one that arrives."""
    renewal = _RENEWAL.fullmatch(order_id)
    if renewal is None:
        return (order_id,)
    first, last = renewal["first"], int(renewal["number"])
    numbered = [f"{first}..{one}" for one in range(last, -1, -1)]
    return tuple([*numbered, first][:number])


def payments(orders: Iterable[Answer], purchase_token: str, seen_at: datetime) -> tuple[PaymentSeen, ...]:
    """Return the payments that these orders are. What is no subscription's, or cannot be read, is none; the latter is
    logged."""
    found = (_payment(order, purchase_token, seen_at) for order in orders if _is_of_a_subscription(order))
    return tuple(payment for payment in found if payment is not None)


def digest(*told: Any) -> str:
    """Return what settles ties between two words of the same instant: a hash of their content."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def instant(value: Any) -> datetime | None:
    """Read an RFC 3339 instant; None for what is none."""
    try:
        return parse_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None


def objects(value: Any) -> list[Answer]:
    """Return the objects of a list; of anything else none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def inside(value: Any, *names: str) -> Any:
    """Return what lies in nested objects; None where one of them is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Refund:
    """A whole payment that went back: when, and Google's word for why."""

    refunded_at: datetime
    reason: str


def refund_of(order: Answer, seen_at: datetime) -> Refund | None:
    """Return the refund of an order that was refunded in full. A chargeback is one: Google tells of it when it is
    over."""
    if order.get("state") != "REFUNDED":
        return None
    event = inside(order, "orderHistory", "refundEvent")
    refunded_at = instant(inside(event, "eventTime")) or instant(order.get("lastEventTime")) or seen_at
    return Refund(refunded_at, str(inside(event, "refundReason") or "REFUNDED")[:40])


def _payment(order: Answer, purchase_token: str, seen_at: datetime) -> PaymentSeen | None:
    order_id, status = order.get("orderId"), _STATUSES.get(str(order.get("state")))
    money, created_at = _money(order.get("total")), instant(order.get("createTime"))
    if not isinstance(order_id, str) or status is None or money is None or created_at is None:
        log("play_store_order_not_readable", level=logging.ERROR, state=str(order.get("state"))[:40])
        return None
    processed_at = instant(inside(order, "orderHistory", "processedEvent", "eventTime"))
    has_come = status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED)
    refund, partial = refund_of(order, seen_at), _partly_refunded(order, money.currency)
    owner = order.get("purchaseToken")
    return PaymentSeen(
        provider=SubscriptionProvider.GOOGLE,
        transaction_id=order_id,
        subscription_external_id=owner if isinstance(owner, str) and owner else purchase_token,
        money=money,
        status=status,
        purchased_at=created_at,
        processed_at=(processed_at or created_at) if has_come else None,
        version=Version(ALWAYS, seen_at, digest(order)),
        refunded=money.amount if refund is not None else partial,
        method="google_play",
        changed_at=refund.refunded_at if refund is not None else None,
    )


def _is_of_a_subscription(order: Answer) -> bool:
    return any("subscriptionDetails" in item for item in objects(order.get("lineItems")))


def _partly_refunded(order: Answer, currency: str) -> Decimal | None:
    """Return how much went back in partial refunds, None for nothing. One that is on its way is not there yet."""
    amounts = [
        money.amount
        for event in objects(inside(order, "orderHistory", "partialRefundEvents"))
        if event.get("state") == "PROCESSED_SUCCESSFULLY"
        and (money := _money(inside(event, "refundDetails", "total"))) is not None
        and money.currency == currency
    ]
    return sum(amounts, Decimal(0)) if amounts else None


def _money(value: Any) -> Money | None:
    """Read Google's Money: whole units as text, and billionths. Both carry the sign; what is zero is left out."""
    units, nanos = inside(value, "units") or "0", inside(value, "nanos") or 0
    if not _UNITS.fullmatch(str(units)) or type(nanos) is not int or abs(nanos) > _MOST_NANOS:
        return None
    try:
        return exact(Decimal(str(units)) + Decimal(nanos).scaleb(-9), str(inside(value, "currencyCode")))
    except ValueError:
        return None
