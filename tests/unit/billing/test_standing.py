"""What a subscription is worth, in every combination of tier, status, provider and end."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product

import pytest

from chalicelib.billing.standing import effective_tier, standing_of
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier
from tests.unit.billing.people import SIGNED_UP, paid

NOW = SIGNED_UP + timedelta(days=10)
TICK = timedelta(microseconds=1)
ENDS = {"before its end": NOW + TICK, "at its end": NOW, "after its end": NOW - TICK, "without an end": None}

PAID_IN_FORCE = {
    (SubscriptionStatus.ACTIVE, "before its end"),
    (SubscriptionStatus.ACTIVE, "without an end"),
    (SubscriptionStatus.CANCELLED, "before its end"),
}
"""Every other combination is the free plan."""


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("status", SubscriptionStatus)
@pytest.mark.parametrize("tier", Tier)
def test_a_tier_counts_while_it_is_paid(tier: Tier, status: SubscriptionStatus, end: str) -> None:
    expected = tier if (status, end) in PAID_IN_FORCE else Tier.FREE
    assert effective_tier(tier, status, ENDS[end], NOW) is expected


def test_whoever_bills_changes_nothing_about_the_tier() -> None:
    for tier, status, provider, end in product(Tier, SubscriptionStatus, SubscriptionProvider, ENDS.values()):
        subscription = paid(tier=tier, subscription_status=status, provider=provider, end_date=end)
        assert standing_of(subscription, NOW).tier is effective_tier(tier, status, end, NOW)


def test_what_is_shown_is_always_active() -> None:
    for tier, status, end in product(Tier, SubscriptionStatus, ENDS.values()):
        shown = standing_of(paid(tier=tier, subscription_status=status, end_date=end), NOW)
        assert shown.status is SubscriptionStatus.ACTIVE


def test_a_cancelled_plan_that_is_paid_up_no_longer_renews() -> None:
    cancelled_at = SIGNED_UP + timedelta(days=3)
    shown = standing_of(
        paid(subscription_status=SubscriptionStatus.CANCELLED, end_date=NOW + TICK, cancelled_at=cancelled_at), NOW
    )
    assert (shown.tier, shown.auto_renew, shown.cancelled_at) == (Tier.PREMIUM, False, cancelled_at)


def test_a_cancellation_of_unknown_date_still_shows_one() -> None:
    subscription = paid(subscription_status=SubscriptionStatus.CANCELLED, end_date=NOW + TICK)
    assert standing_of(subscription, NOW).cancelled_at == subscription.updated_at


def test_a_running_plan_whose_renewal_was_turned_off_keeps_its_tier() -> None:
    shown = standing_of(paid(end_date=NOW + TICK, cancelled_at=SIGNED_UP), NOW)
    assert (shown.tier, shown.auto_renew) == (Tier.PREMIUM, False)


def test_an_ended_plan_is_the_free_one_with_nothing_left_of_the_old() -> None:
    shown = standing_of(paid(end_date=NOW - TICK, cancelled_at=SIGNED_UP), NOW)
    assert shown.plan.plan_id == "free"
    assert shown.provider is SubscriptionProvider.INTERNAL
    assert (shown.auto_renew, shown.cancelled_at, shown.paid_until) == (False, None, None)
    assert shown.plan.subscription_type is None


@pytest.mark.parametrize("provider", SubscriptionProvider)
def test_only_what_somebody_bills_renews(provider: SubscriptionProvider) -> None:
    shown = standing_of(paid(provider=provider, end_date=None), NOW)
    assert shown.auto_renew is (provider is not SubscriptionProvider.INTERNAL)


@pytest.mark.parametrize("kind", [None, *SubscriptionType])
def test_a_free_plan_that_seems_to_end_locks_nobody_out(kind: SubscriptionType | None) -> None:
    long_ago = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    shown = standing_of(paid(tier=Tier.FREE, subscription_type=kind, end_date=long_ago), NOW)
    assert (shown.tier, shown.terms.max_documents) == (Tier.FREE, 5)
