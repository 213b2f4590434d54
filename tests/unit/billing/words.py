"""Words of stores for billing tests: terms, renewals, payments, each with a version of its own instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.billing.known import Cause, KnownSubscription, Told
from chalicelib.gateways.provider_facts import (
    PaymentSeen,
    Phase,
    RenewalSeen,
    SubscriptionSeen,
    TermSeen,
    Version,
)
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.money import Money

BOUGHT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDS = datetime(2026, 4, 1, 12, tzinfo=UTC)
EXTERNAL_ID = "sub_1"
STRIPE = SubscriptionProvider.STRIPE


def version(hours: int = 0) -> Version:
    return Version(BOUGHT, BOUGHT + timedelta(hours=hours), "")


def term(hours: int = 0, **changes: Any) -> TermSeen:
    given = {"transaction_id": "in_1", "product": "price_pm", "began_at": BOUGHT, "ends_at": ENDS, "anchor_at": BOUGHT}
    return TermSeen(**{**given, "version": version(hours), **changes})


def renewal(hours: int = 0, **changes: Any) -> RenewalSeen:
    given = {"phase": Phase.ACTIVE, "phase_given": "active", "will_renew": True, "version": version(hours)}
    return RenewalSeen(**{**given, **changes})


def seen(hours: int = 0, external_id: str = EXTERNAL_ID, **changes: Any) -> SubscriptionSeen:
    given = {"term": term(hours), "renewal": renewal(hours), "account": None}
    return SubscriptionSeen(STRIPE, external_id, **{**given, **changes})


def payment(hours: int = 0, **changes: Any) -> PaymentSeen:
    given: dict[str, Any] = {
        "provider": STRIPE,
        "transaction_id": "in_1",
        "subscription_external_id": EXTERNAL_ID,
        "money": Money(Decimal("9.99"), "USD"),
        "status": PaymentStatus.COMPLETED,
        "purchased_at": BOUGHT,
        "processed_at": BOUGHT,
        "version": version(hours),
    }
    return PaymentSeen(**{**given, **changes})


def cause(event_id: str = "evt_1", at: datetime = BOUGHT) -> Cause:
    return Cause(at, event_id, "customer.subscription.updated")


def known(external_id: str = EXTERNAL_ID, **words: Any) -> KnownSubscription:
    given = {"term": term(), "renewal": renewal(), **words}
    told: dict[str, Any] = {name: None if one is None else Told(one, version(), cause()) for name, one in given.items()}
    return KnownSubscription(STRIPE, external_id, **told)
