"""What GET /subscriptions/current and the profile show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.billing.subscriptions import FreePlan, Subscriptions, project
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.models.states import SubscriptionStatus, SubscriptionType, Tier
from chalicelib.web.request import Caller
from chalicelib.web.response import encode
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, free, paid, person


def _wire(subscription: Subscription, now: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(encode(project(subscription, now)), parse_float=str)
    return shown


def test_the_free_plan_is_shown_with_every_field_of_the_contract() -> None:
    subscription = free()
    subscription.usage_current_period.documents_processed = 3
    assert _wire(subscription, SIGNED_UP + timedelta(days=3)) == {
        "success": True,
        "subscription_id": subscription.subscription_id,
        "plan_id": "free",
        "plan_name": "Free",
        "status": "active",
        "tier": "free",
        "subscription_type": None,
        "provider": "internal",
        "monthly_price": "0.00",
        "currency": "USD",
        "current_period_start": "2026-01-31T15:00:00Z",
        "current_period_end": "2026-02-28T15:00:00Z",
        "auto_renew": False,
        "cancelled_at": None,
        "limits": {
            "max_documents": 5,
            "max_chat_messages": 50,
            "max_storage_gb": 1,
            "premium_support": False,
            "advanced_analysis": False,
        },
        "features": {
            "medical_reports": False,
            "priority_processing": False,
            "advanced_analytics": False,
            "export_capabilities": False,
        },
        "usage": {"documents_processed": 3, "limit": 5, "resets_at": "2026-02-28T15:00:00Z"},
    }


def test_a_paid_plan_is_unlimited_and_shows_its_exact_price() -> None:
    shown = _wire(paid(), SIGNED_UP + timedelta(days=3))
    assert (shown["plan_id"], shown["plan_name"], shown["tier"]) == ("premium_monthly", "Premium Monthly", "premium")
    assert (shown["subscription_type"], shown["provider"], shown["auto_renew"]) == ("monthly", "apple", True)
    assert shown["monthly_price"] == "9.99"
    assert shown["current_period_end"] == "2026-02-28T15:00:00Z"
    assert set(shown["features"].values()) == {True}
    assert shown["limits"] == {
        "max_documents": -1,
        "max_chat_messages": -1,
        "max_storage_gb": 100,
        "premium_support": True,
        "advanced_analysis": True,
    }
    assert (shown["usage"]["documents_processed"], shown["usage"]["limit"]) == (0, -1)


def test_counts_are_integers_on_the_wire_though_the_table_gives_other_numbers() -> None:
    subscription = free()
    subscription.usage_current_period.documents_processed = 5.0
    assert '"documents_processed":5,' in encode(project(subscription, SIGNED_UP))


def test_a_yearly_plan_shows_its_year_and_counts_by_the_month() -> None:
    start = datetime(2025, 6, 20, 9, 0, tzinfo=UTC)
    subscription = paid(start, subscription_type=SubscriptionType.YEARLY, end_date=datetime(2026, 6, 20, 9, tzinfo=UTC))
    shown = _wire(subscription, datetime(2026, 3, 1, tzinfo=UTC))
    assert (shown["current_period_start"], shown["current_period_end"]) == (
        "2025-06-20T09:00:00Z",
        "2026-06-20T09:00:00Z",
    )
    assert shown["usage"]["resets_at"] == "2026-03-20T09:00:00Z"


def test_after_its_end_a_cancelled_plan_is_the_free_one() -> None:
    subscription = paid(subscription_status=SubscriptionStatus.CANCELLED)
    assert subscription.end_date is not None
    before = _wire(subscription, subscription.end_date - timedelta(seconds=1))
    after = _wire(subscription, subscription.end_date)
    assert (before["tier"], before["status"], before["auto_renew"]) == ("premium", "active", False)
    assert before["cancelled_at"] is not None
    assert (after["plan_id"], after["status"], after["provider"], after["cancelled_at"]) == (
        "free",
        "active",
        "internal",
        None,
    )
    assert after["usage"]["limit"] == 5


def test_a_period_that_has_ended_counts_as_nothing_used_without_any_schedule() -> None:
    subscription = free()
    subscription.usage_current_period.documents_processed = 5
    shown = _wire(subscription, datetime(2026, 5, 2, tzinfo=UTC))
    assert shown["usage"] == {"documents_processed": 0, "limit": 5, "resets_at": "2026-05-31T15:00:00Z"}
    assert shown["current_period_start"] == "2026-04-30T15:00:00Z"


def test_a_clock_that_lags_does_not_reopen_the_period_before() -> None:
    subscription = free()
    subscription.usage_current_period.documents_processed = 4
    shown = project(subscription, SIGNED_UP - timedelta(seconds=2))
    assert shown.usage.documents_processed == 4


def test_a_new_subscription_in_mid_period_begins_with_nothing_used() -> None:
    subscription = free()
    subscription.usage_current_period.documents_processed = 5
    subscription.start_date = SIGNED_UP + timedelta(days=10)
    assert project(subscription, SIGNED_UP + timedelta(days=11)).usage.documents_processed == 0


def test_an_ended_period_with_odd_dates_in_old_data_counts_as_nothing_used() -> None:
    subscription = free()
    period = subscription.usage_current_period
    period.documents_processed = 5
    period.period_start = SIGNED_UP + timedelta(days=5)
    period.period_end = SIGNED_UP + timedelta(days=8)
    shown = project(subscription, SIGNED_UP + timedelta(days=9))
    assert shown.usage.documents_processed == 0
    assert shown.usage.resets_at == datetime(2026, 2, 28, 15, 0, tzinfo=UTC)


class _Reads:
    def __init__(self, *people: UserItem) -> None:
        self.people = {one.data.id: one for one in people}
        self.asked: list[str] = []

    def __call__(self, user_id: str) -> UserItem | None:
        self.asked.append(user_id)
        return self.people.get(user_id)


def _room(reads: _Reads) -> Subscriptions:
    return Subscriptions(sessions=LiveSessions(), read_profile=reads, clock=SettableClock(SIGNED_UP))


def test_the_current_subscription_costs_one_read() -> None:
    reads = _Reads(person("u1"))
    assert _room(reads).current(caller_of("u1")).tier is Tier.FREE
    assert reads.asked == ["u1"]


@pytest.mark.parametrize("caller", [Caller("u1", "an-older-session"), Caller("nobody", "s")])
def test_a_dead_session_is_shown_nothing(caller: Caller) -> None:
    with pytest.raises(errors.Unauthenticated):
        _room(_Reads(person("u1"))).current(caller)


def test_the_profile_gets_a_summary_without_a_read() -> None:
    reads = _Reads()
    summary = _room(reads).summary(person("u1", paid()).data.current_subscription, SIGNED_UP)
    assert (summary.plan_id, summary.tier, summary.status) == ("premium_monthly", Tier.PREMIUM, "active")
    assert summary.current_period_end == SIGNED_UP + timedelta(days=28)
    assert reads.asked == []


def test_a_free_plan_starts_with_nothing_used_and_has_no_end() -> None:
    at = datetime(2026, 8, 31, 22, 15, tzinfo=UTC)
    started = FreePlan().start(at)
    usage = started.usage_current_period
    assert started.end_date is None
    assert started.subscription_type is None
    assert usage.documents_processed == 0
    assert (usage.period_start, usage.period_end) == (at, datetime(2026, 9, 30, 22, 15, tzinfo=UTC))
    assert FreePlan().start(at).subscription_id != started.subscription_id
