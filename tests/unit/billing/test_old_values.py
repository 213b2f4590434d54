"""Tier and type of old data, read as what they mean."""

from __future__ import annotations

import pytest

from chalicelib.models.old_values import meant_plan
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionType, Tier
from tests.unit.billing.people import paid

MONTHLY, YEARLY = SubscriptionType.MONTHLY, SubscriptionType.YEARLY


@pytest.mark.parametrize(
    ("tier", "kind", "meant"),
    [
        ("free", None, (Tier.FREE, None)),
        ("premium", "monthly", (Tier.PREMIUM, MONTHLY)),
        ("family", "yearly", (Tier.FAMILY, YEARLY)),
        ("monthly", None, (Tier.PREMIUM, MONTHLY)),
        ("yearly", None, (Tier.PREMIUM, YEARLY)),
        ("monthly", "premium", (Tier.PREMIUM, MONTHLY)),
        ("yearly", "family", (Tier.FAMILY, YEARLY)),
        ("free", "premium", (Tier.PREMIUM, None)),
        ("free", "monthly", (Tier.FREE, None)),
        ("premium", "free", (Tier.PREMIUM, None)),
        ("premium", "premium", (Tier.PREMIUM, None)),
        (None, "monthly", (Tier.PREMIUM, MONTHLY)),
        (None, None, (Tier.FREE, None)),
        ("", "", (Tier.FREE, None)),
        (" Premium ", "MONTHLY", (Tier.PREMIUM, MONTHLY)),
    ],
)
def test_a_value_of_the_wrong_kind_is_read_as_what_it_means(
    tier: str | None, kind: str | None, meant: tuple[Tier, SubscriptionType | None]
) -> None:
    assert meant_plan(tier, kind) == meant


def test_a_value_that_means_nothing_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="gold"):
        meant_plan("gold", "monthly")


@pytest.mark.parametrize("wrong", [{"S": "monthly"}, {"NULL": True}, None])
def test_a_stored_subscription_reads_right_whatever_its_tier_says(wrong: dict[str, object] | None) -> None:
    stored = Subscription().serialize(paid())
    del stored["tier"]
    if wrong is not None:
        stored["tier"] = wrong
    read = Subscription().deserialize(stored)
    assert (read.tier, read.subscription_type) == (Tier.PREMIUM, MONTHLY)
