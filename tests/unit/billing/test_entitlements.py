"""Who may use what beyond counting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import errors
from chalicelib.billing.entitlements import Entitlements, Feature, allows
from chalicelib.billing.tiers import TIERS
from chalicelib.models.states import SubscriptionStatus, Tier
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, free, paid, person

END = SIGNED_UP + timedelta(days=28)
URL = "serenya://subscription/plans"


@pytest.mark.parametrize("feature", Feature)
@pytest.mark.parametrize("tier", Tier)
def test_a_feature_is_open_to_the_tiers_whose_terms_have_it(tier: Tier, feature: Feature) -> None:
    subscription = free() if tier is Tier.FREE else paid(tier=tier)
    assert allows(subscription, feature, SIGNED_UP) is getattr(TIERS[tier].features, feature.value)
    assert allows(subscription, feature, SIGNED_UP) is (tier is not Tier.FREE)


@pytest.mark.parametrize(
    ("status", "before", "after"),
    [
        (SubscriptionStatus.ACTIVE, True, False),
        (SubscriptionStatus.CANCELLED, True, False),
        (SubscriptionStatus.PENDING, False, False),
        (SubscriptionStatus.EXPIRED, False, False),
    ],
)
def test_what_has_ended_or_is_not_paid_opens_nothing(status: SubscriptionStatus, before: bool, after: bool) -> None:
    subscription = paid(subscription_status=status, end_date=END)
    assert allows(subscription, Feature.MEDICAL_REPORTS, END - timedelta(microseconds=1)) is before
    assert allows(subscription, Feature.MEDICAL_REPORTS, END) is after


@pytest.mark.parametrize("feature", Feature)
def test_whoever_lacks_a_feature_is_told_where_to_get_it(feature: Feature) -> None:
    with pytest.raises(errors.Forbidden) as refusal:
        Entitlements(SettableClock(SIGNED_UP), URL).require(person("u1"), feature)
    assert (refusal.value.status, refusal.value.code) == (403, "PREMIUM_REQUIRED")
    assert refusal.value.details == {"feature": feature.value, "upgrade_url": URL}
    assert "Premium" in refusal.value.user_message


def test_a_feature_closes_when_the_plan_ends() -> None:
    clock = SettableClock(END - timedelta(seconds=1))
    entitlements, user = Entitlements(clock, URL), person("u1", paid(end_date=END))
    entitlements.require(user, Feature.ADVANCED_ANALYTICS)
    clock.advance(timedelta(seconds=1))
    assert not entitlements.has(user, Feature.ADVANCED_ANALYTICS)
    with pytest.raises(errors.Forbidden):
        entitlements.require(user, Feature.ADVANCED_ANALYTICS)


def test_every_flag_of_the_tiers_that_the_app_is_shown_can_be_asked_for() -> None:
    assert {feature.value for feature in Feature} == set(TIERS[Tier.FREE].features.__slots__) - {"premium_support"}
