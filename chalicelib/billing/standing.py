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
    end (granted by us) has no `paid_until` either. While a failed renewal is forgiven, `paid_until` is the end of the
    grace.
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


def effective_tier(
    tier: Tier,
    status: SubscriptionStatus,
    end_date: datetime | None,
    now: datetime,
    grace_end_date: datetime | None = None,
) -> Tier:
    """Return the tier that somebody may use now, out of what their subscription says.

    * free is free, whatever its dates say: a free plan that "ends" must not lock anybody out (design, trap 8);
    * pending is not paid yet, expired not any more (nor refunded, disputed, paused, replaced, which are stored as
      expired): free, whatever the grace;
    * active counts until its end, or the end of its grace if that is later; one without an end was granted by us and
      stays;
    * cancelled counts while it is paid up; without an end nothing says that it is, and nothing is forgiven to one that
      will not be charged.
    """
    if tier is Tier.FREE or status in (SubscriptionStatus.PENDING, SubscriptionStatus.EXPIRED):
        return Tier.FREE
    until = counts_until(status, end_date, grace_end_date)
    if until is None:
        return tier if status is SubscriptionStatus.ACTIVE else Tier.FREE
    return tier if now < until else Tier.FREE


def counts_until(
    status: SubscriptionStatus, end_date: datetime | None, grace_end_date: datetime | None
) -> datetime | None:
    """Return the end of what is paid or forgiven; None where there is no end."""
    if end_date is None or grace_end_date is None or status is not SubscriptionStatus.ACTIVE:
        return end_date
    return max(end_date, grace_end_date)


def standing_of(subscription: Subscription, now: datetime) -> Standing:
    """Return what a stored subscription is worth now: itself, or the free plan where it is over or not yet paid."""
    status, grace_end_date = subscription.subscription_status, subscription.grace_end_date
    tier = effective_tier(subscription.tier, status, subscription.end_date, now, grace_end_date)
    if tier is Tier.FREE:
        return _FREE
    is_cancelled = status is SubscriptionStatus.CANCELLED or subscription.cancelled_at is not None
    cancelled_at = (subscription.cancelled_at or subscription.updated_at) if is_cancelled else None
    is_billed = subscription.provider is not SubscriptionProvider.INTERNAL
    return Standing(
        plan=plan_of(tier, subscription.subscription_type),
        provider=subscription.provider,
        auto_renew=is_billed and not is_cancelled and subscription.auto_renew is not False,
        paid_until=counts_until(status, subscription.end_date, grace_end_date),
        cancelled_at=cancelled_at,
    )


def renews(subscription: Subscription, now: datetime) -> bool:
    """Whether this very person will be charged again: for the plan in force, or for one that is paused and resumes.

    Not those with whom a family member shares: the plan renews, and somebody else is charged. Of old data, which does
    not say who is, everybody whose plan renews.
    """
    renews_now = standing_of(subscription, now).auto_renew
    if subscription.auto_renew is None:
        return renews_now
    billed_at = subscription.next_billing_date
    return subscription.auto_renew and billed_at is not None and (renews_now or now < billed_at)


def billing_months(kind: SubscriptionType | None) -> int:
    """How many months a plan is charged for at once."""
    return 12 if kind is SubscriptionType.YEARLY else 1
