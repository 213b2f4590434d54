"""The one decision about a subscription: what it is worth at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.billing.tiers import TIERS, Plan, TierTerms, plan_of
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody has: shown as `active` whichever it is, because the free plan never ends.

    `paid_until` and `cancelled_at` speak of a paid plan in force, and are None for the free one; a paid plan without an
    end (granted by us) has no `paid_until` either.
    """

    plan: Plan
    provider: SubscriptionProvider
    auto_renew: bool
    paid_until: datetime | None
    cancelled_at: datetime | None
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE

    @property
    def tier(self) -> Tier:
        """The effective tier."""
        return self.plan.tier

    @property
    def terms(self) -> TierTerms:
        """What the effective tier allows."""
        return TIERS[self.plan.tier]


_FREE = Standing(plan_of(Tier.FREE, None), SubscriptionProvider.INTERNAL, False, None, None)


def effective_tier(tier: Tier, status: SubscriptionStatus, end_date: datetime | None, now: datetime) -> Tier:
    """Return the tier that somebody may use now, out of what their subscription says.

    * free is free, whatever its dates say: a free plan that "ends" must not lock anybody out (design, trap 8);
    * pending is not paid yet, expired not any more: free;
    * active counts until its end; one without an end was granted by us and stays;
    * cancelled counts while it is paid up; without an end nothing says that it is.
    """
    if tier is Tier.FREE or status in (SubscriptionStatus.PENDING, SubscriptionStatus.EXPIRED):
        return Tier.FREE
    if end_date is None:
        return tier if status is SubscriptionStatus.ACTIVE else Tier.FREE
    return tier if now < end_date else Tier.FREE


def standing_of(subscription: Subscription, now: datetime) -> Standing:
    """Return what a stored subscription is worth now: itself, or the free plan where it is over or not yet paid."""
    tier = effective_tier(subscription.tier, subscription.subscription_status, subscription.end_date, now)
    if tier is Tier.FREE:
        return _FREE
    is_cancelled = (
        subscription.subscription_status is SubscriptionStatus.CANCELLED or subscription.cancelled_at is not None
    )
    cancelled_at = (subscription.cancelled_at or subscription.updated_at) if is_cancelled else None
    return Standing(
        plan=plan_of(tier, subscription.subscription_type),
        provider=subscription.provider,
        auto_renew=not is_cancelled and subscription.provider is not SubscriptionProvider.INTERNAL,
        paid_until=subscription.end_date,
        cancelled_at=cancelled_at,
    )


def renews(subscription: Subscription, now: datetime) -> bool:
    """Whether somebody pays for a plan that will be charged again."""
    return standing_of(subscription, now).auto_renew


def billing_months(kind: SubscriptionType | None) -> int:
    """How many months a plan is charged for at once."""
    return 12 if kind is SubscriptionType.YEARLY else 1
