"""What GET /subscriptions/plans and GET /subscriptions/usage show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.billing.subscriptions import Subscriptions, project, show_usage
from chalicelib.models.profile import UserItem
from chalicelib.models.states import SubscriptionType
from chalicelib.web.request import Caller
from chalicelib.web.response import encode
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, free, paid, person

AGREED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "subscription_tiers.json").read_text(),
    parse_float=Decimal,
    parse_int=Decimal,
)


def _room(*people: UserItem) -> Subscriptions:
    by_id = {one.data.id: one for one in people}
    return Subscriptions(sessions=LiveSessions(), read_profile=by_id.get, clock=SettableClock(SIGNED_UP))


def _plans() -> list[dict[str, Any]]:
    shown: dict[str, Any] = json.loads(encode(_room().plans()), parse_float=str)
    assert shown["success"] is True
    plans: list[dict[str, Any]] = shown["plans"]
    return plans


def test_every_plan_is_shown_with_exactly_the_digits_of_its_price() -> None:
    assert [(plan["plan_id"], plan["plan_name"], plan["price"], plan["monthly_price"]) for plan in _plans()] == [
        ("free", "Free", "0.00", "0.00"),
        ("premium_monthly", "Premium Monthly", "9.99", "9.99"),
        ("premium_yearly", "Premium Yearly", "99.99", "8.33"),
        ("family_monthly", "Family Monthly", "19.99", "19.99"),
        ("family_yearly", "Family Yearly", "199.99", "16.67"),
    ]


def test_the_plans_say_what_was_agreed_of_their_tiers() -> None:
    for plan in _plans():
        agreed = AGREED[plan["tier"]]
        period = "yearly" if plan["subscription_type"] == "yearly" else "monthly"
        most = agreed["max_documents_per_month"]
        flags = ("medical_reports", "priority_processing", "advanced_analytics", "export_capabilities")
        assert Decimal(plan["price"]) == agreed[f"{period}_price_usd"]
        assert plan["currency"] == "USD"
        assert plan["features"] == {flag: agreed[flag] for flag in flags}
        assert plan["limits"]["max_documents"] == (-1 if most is None else most)
        assert plan["limits"]["advanced_analysis"] is agreed["advanced_analytics"]


def test_somebodys_subscription_says_of_their_plan_what_the_list_of_plans_says() -> None:
    by_id = {plan["plan_id"]: plan for plan in _plans()}
    for subscription in (free(), paid(), paid(subscription_type=SubscriptionType.YEARLY)):
        shown = json.loads(encode(project(subscription, SIGNED_UP)), parse_float=str)
        plan = by_id[shown["plan_id"]]
        assert {name: shown[name] for name in plan if name in shown} == {
            name: value for name, value in plan.items() if name in shown
        }
        assert {"limits", "features", "monthly_price", "currency"} <= plan.keys() & shown.keys()


def test_usage_shows_documents_messages_and_storage_of_the_running_period() -> None:
    subscription = free()
    subscription.usage_current_period.documents_processed = 3
    subscription.usage_current_period.chat_messages_used = 41
    assert json.loads(encode(show_usage(subscription, SIGNED_UP + timedelta(days=2)))) == {
        "success": True,
        "documents_used": 3,
        "documents_limit": 5,
        "chat_messages_used": 41,
        "chat_messages_limit": 50,
        "storage_used_gb": 0,
        "storage_limit_gb": 1,
        "period_start": "2026-01-31T15:00:00Z",
        "period_end": "2026-02-28T15:00:00Z",
    }


def test_usage_of_a_paid_plan_is_counted_and_has_no_limit() -> None:
    subscription = paid()
    subscription.usage_current_period.documents_processed = 70
    shown = show_usage(subscription, SIGNED_UP)
    assert (shown.documents_used, shown.documents_limit, shown.chat_messages_limit) == (70, -1, -1)
    assert shown.storage_limit_gb == 100


def test_usage_and_the_subscription_agree_at_any_instant() -> None:
    subscription = paid(end_date=SIGNED_UP + timedelta(days=20))
    subscription.usage_current_period.documents_processed = 7
    for days in (0, 10, 19, 20, 27, 28, 29, 200):
        now = SIGNED_UP + timedelta(days=days)
        usage, current = show_usage(subscription, now), project(subscription, now)
        assert usage.documents_used == current.usage.documents_processed
        assert usage.documents_limit == current.usage.limit == current.limits.max_documents
        assert usage.chat_messages_limit == current.limits.max_chat_messages
        assert usage.period_end == current.usage.resets_at


def test_a_profile_from_before_messages_were_counted_has_used_none() -> None:
    subscription = free()
    subscription.usage_current_period.chat_messages_used = None
    assert show_usage(subscription, SIGNED_UP).chat_messages_used == 0


def test_messages_of_a_period_that_has_ended_count_as_nothing_used() -> None:
    subscription = free()
    subscription.usage_current_period.chat_messages_used = 50
    shown = show_usage(subscription, datetime(2026, 2, 28, 15, 0, tzinfo=UTC))
    assert (shown.chat_messages_used, shown.period_end) == (0, datetime(2026, 3, 31, 15, 0, tzinfo=UTC))


@pytest.mark.parametrize("caller", [Caller("u1", "an-older-session"), Caller("nobody", "s")])
def test_a_dead_session_is_shown_no_usage(caller: Caller) -> None:
    with pytest.raises(errors.Unauthenticated):
        _room(person("u1")).usage(caller)


def test_usage_is_the_callers_own() -> None:
    other = person("u2")
    other.data.current_subscription.usage_current_period.documents_processed = 4
    room = _room(person("u1"), other)
    assert (room.usage(caller_of("u1")).documents_used, room.usage(caller_of("u2")).documents_used) == (0, 4)
