"""What each tier allows and costs, and the plans by which it is paid: code constants, the same in every stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from chalicelib.models.states import SubscriptionType, Tier
from chalicelib.money import Money, usd

UNLIMITED: Final = -1
"""What the app reads as "no limit"."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a tier may do beyond counting documents."""

    medical_reports: bool
    priority_processing: bool
    advanced_analytics: bool
    export_capabilities: bool
    premium_support: bool


@dataclass(frozen=True, slots=True)
class TierTerms:
    """A tier's terms. A limit of None is unlimited; chat messages and documents are counted per period, storage in
    GB."""

    tier: Tier
    name: str
    max_documents: int | None
    max_chat_messages: int | None
    max_storage_gb: int
    features: Features
    monthly_price: Money
    yearly_price: Money


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to have a tier. `price` is charged once per `subscription_type`, which is None for the free plan."""

    plan_id: str
    name: str
    tier: Tier
    subscription_type: SubscriptionType | None
    price: Money

    @property
    def monthly_price(self) -> Money:
        """What a month costs: a yearly price is spread over twelve, rounded to cents, and shown, not charged."""
        return self.price.spread_over(12) if self.subscription_type is SubscriptionType.YEARLY else self.price


_FREE: Final = Features(
    medical_reports=False,
    priority_processing=False,
    advanced_analytics=False,
    export_capabilities=False,
    premium_support=False,
)
_PAID: Final = Features(
    medical_reports=True,
    priority_processing=True,
    advanced_analytics=True,
    export_capabilities=True,
    premium_support=True,
)

TIERS: Final[Mapping[Tier, TierTerms]] = MappingProxyType(
    {
        Tier.FREE: TierTerms(Tier.FREE, "Free", 5, 50, 1, _FREE, usd("0.00"), usd("0.00")),
        Tier.PREMIUM: TierTerms(Tier.PREMIUM, "Premium", None, None, 100, _PAID, usd("9.99"), usd("99.99")),
        Tier.FAMILY: TierTerms(Tier.FAMILY, "Family", None, None, 100, _PAID, usd("19.99"), usd("199.99")),
    }
)


def plan_of(tier: Tier, subscription_type: SubscriptionType | None) -> Plan:
    """Return the plan by which a tier is paid. A paid tier whose type is unknown counts as monthly; free has one
    plan."""
    terms = TIERS[tier]
    if tier is Tier.FREE:
        return Plan("free", terms.name, tier, None, terms.monthly_price)
    if subscription_type is SubscriptionType.YEARLY:
        return Plan(f"{tier}_yearly", f"{terms.name} Yearly", tier, SubscriptionType.YEARLY, terms.yearly_price)
    return Plan(f"{tier}_monthly", f"{terms.name} Monthly", tier, SubscriptionType.MONTHLY, terms.monthly_price)


def plans() -> tuple[Plan, ...]:
    """Return every plan, cheapest tier first."""
    paid = [plan_of(tier, kind) for tier in (Tier.PREMIUM, Tier.FAMILY) for kind in SubscriptionType]
    return (plan_of(Tier.FREE, None), *paid)


def on_the_wire(limit: int | None) -> int:
    """Write a limit as the app reads it."""
    return UNLIMITED if limit is None else limit
