"""The effective tier in every combination of tier, status, provider, end, grace and instant."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from chalicelib.billing.standing import effective_tier, renews, standing_of
from chalicelib.billing.tiers import TIERS
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, Tier
from tests.unit.billing.people import SIGNED_UP, paid

END = SIGNED_UP + timedelta(days=30)
GRACE_END = END + timedelta(days=7)
TICK = timedelta(microseconds=1)
INSTANTS = {
    "before the end": END - TICK,
    "at the end": END,
    "after the end": END + TICK,
    "before the grace is over": GRACE_END - TICK,
    "when the grace is over": GRACE_END,
    "after the grace": GRACE_END + TICK,
}
PAID_TIERS = [tier for tier in Tier if tier is not Tier.FREE]
ACTIVE, CANCELLED = SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED

WITHOUT_GRACE = {"before the end"}
WITH_GRACE = {"before the end", "at the end", "after the end", "before the grace is over"}
ALWAYS = set(INSTANTS)

COUNTS: dict[tuple[SubscriptionStatus, bool, bool], set[str]] = {
    # status, has an end, has a grace: when a paid tier counts
    (ACTIVE, True, False): WITHOUT_GRACE,
    (ACTIVE, True, True): WITH_GRACE,
    (ACTIVE, False, False): ALWAYS,
    (ACTIVE, False, True): ALWAYS,
    (CANCELLED, True, False): WITHOUT_GRACE,
    (CANCELLED, True, True): WITHOUT_GRACE,
}
"""Every combination that is not here never counts."""


@pytest.mark.parametrize("when", INSTANTS)
@pytest.mark.parametrize("has_grace", [False, True])
@pytest.mark.parametrize("has_end", [False, True])
@pytest.mark.parametrize("status", SubscriptionStatus)
def test_a_tier_counts_exactly_while_it_is_paid_or_forgiven(
    status: SubscriptionStatus, has_end: bool, has_grace: bool, when: str
) -> None:
    counts = when in COUNTS.get((status, has_end, has_grace), set())
    end, grace = (END if has_end else None), (GRACE_END if has_grace else None)
    for tier, provider in product(Tier, SubscriptionProvider):
        expected = tier if counts else Tier.FREE
        subscription = paid(
            tier=tier, subscription_status=status, provider=provider, end_date=end, grace_end_date=grace
        )
        assert effective_tier(tier, status, end, INSTANTS[when], grace) is expected
        shown = standing_of(subscription, INSTANTS[when])
        assert (shown.tier, shown.terms, shown.status) == (expected, TIERS[expected], ACTIVE)


def test_a_grace_that_is_over_before_the_end_shortens_nothing() -> None:
    assert effective_tier(Tier.PREMIUM, ACTIVE, END, END - TICK, SIGNED_UP) is Tier.PREMIUM


def test_within_the_grace_the_plan_is_shown_until_its_end() -> None:
    forgiven = paid(end_date=END, grace_end_date=GRACE_END, next_billing_date=END, auto_renew=True)
    shown = standing_of(forgiven, END + TICK)
    assert (shown.paid_until, shown.auto_renew) == (GRACE_END, True)


@pytest.mark.parametrize("provider", [one for one in SubscriptionProvider if one is not SubscriptionProvider.INTERNAL])
@pytest.mark.parametrize(
    ("said", "expected"), [(True, True), (False, False), (None, True)], ids=["on", "off", "old data"]
)
def test_whether_it_renews_is_what_the_store_said(
    provider: SubscriptionProvider, said: bool | None, expected: bool
) -> None:
    shown = standing_of(paid(end_date=END, provider=provider, auto_renew=said), END - TICK)
    assert shown.auto_renew is expected


CHARGED: dict[str, tuple[dict[str, Any], datetime, bool]] = {
    "one that renews": ({"auto_renew": True, "next_billing_date": END}, END - TICK, True),
    "one shared by the family": ({"auto_renew": True, "next_billing_date": None}, END - TICK, False),
    "one that was turned off": (
        {"auto_renew": False, "next_billing_date": None, "subscription_status": CANCELLED},
        END - TICK,
        False,
    ),
    "one in its grace": (
        {"auto_renew": True, "next_billing_date": END, "grace_end_date": GRACE_END},
        GRACE_END - TICK,
        True,
    ),
    "one that is paused and resumes": (
        {"auto_renew": True, "next_billing_date": GRACE_END, "subscription_status": SubscriptionStatus.EXPIRED},
        END,
        True,
    ),
    "one that is over": (
        {"auto_renew": False, "next_billing_date": None, "subscription_status": SubscriptionStatus.EXPIRED},
        END,
        False,
    ),
    "one of which no word came after its end": ({"auto_renew": True, "next_billing_date": END}, END, False),
    "old data in force": ({}, END - TICK, True),
    "old data that is over": ({}, END, False),
}


@pytest.mark.parametrize("what", CHARGED)
def test_somebody_is_said_to_pay_again_exactly_where_they_will_be_charged(what: str) -> None:
    stored, now, expected = CHARGED[what]
    assert renews(paid(end_date=END, **stored), now) is expected


def test_nobody_is_charged_for_what_we_granted() -> None:
    assert not renews(paid(provider=SubscriptionProvider.INTERNAL, end_date=None), END)


@pytest.mark.parametrize("tier", PAID_TIERS)
def test_a_disputed_or_refunded_plan_is_stored_as_expired_and_counts_at_no_instant(tier: Tier) -> None:
    taken_back = paid(tier=tier, subscription_status=SubscriptionStatus.EXPIRED, end_date=END, grace_end_date=GRACE_END)
    assert {standing_of(taken_back, now).tier for now in INSTANTS.values()} == {Tier.FREE}
