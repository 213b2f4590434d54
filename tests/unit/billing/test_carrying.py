"""A count goes with its person from one subscription to the next, and a year is counted by the month."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.periods import months_after, period_at
from chalicelib.billing.usage import carried_over, usage_at
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionType
from chalicelib.stores.reservation import Unit
from tests.unit.billing.people import SIGNED_UP, free, paid

ANCHORS = [datetime(2024, 1, 1, 17, 45, 12, 345678, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
LONG_AGO = st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC))


def _used(subscription: Subscription, documents: int, messages: int = 0) -> Subscription:
    subscription.usage_current_period.documents_processed = documents
    subscription.usage_current_period.chat_messages_used = messages
    return subscription


def _switched(old: Subscription, at: datetime, start_date: datetime | None = None) -> Subscription:
    new = paid(start_date or at, updated_at=at, end_date=at + timedelta(days=300))
    new.usage_current_period = carried_over(old, new.start_date, at)
    return new


@pytest.mark.parametrize("kind", SubscriptionType)
def test_whether_paid_by_the_month_or_the_year_all_anchors_count_by_contiguous_months(kind: SubscriptionType) -> None:
    for anchor in ANCHORS:
        subscription = paid(anchor, subscription_type=kind, end_date=None)
        expected_start = anchor
        for month in range(48):
            period = usage_at(subscription, expected_start).period
            assert period.start == expected_start == months_after(anchor, month)
            assert period.start.day == min(anchor.day, monthrange(period.start.year, period.start.month)[1])
            assert timedelta(days=28) <= period.end - period.start <= timedelta(days=31)
            expected_start = period.end


def test_what_was_used_stays_used_when_another_subscription_begins() -> None:
    at = SIGNED_UP + timedelta(days=10)
    new = _switched(_used(free(), 3, 20), at)
    assert [usage_at(new, at, unit).used for unit in Unit] == [3, 20]
    assert usage_at(new, at).period == period_at(at, at)
    assert new.usage_current_period.carried_from == SIGNED_UP


def test_after_several_switches_the_count_still_has_its_first_name() -> None:
    first = _switched(_used(free(), 2), SIGNED_UP + timedelta(days=3))
    first.usage_current_period.documents_processed += 1
    second = _switched(first, SIGNED_UP + timedelta(days=5))
    third = _switched(second, SIGNED_UP + timedelta(days=9))
    assert third.usage_current_period.carried_from == SIGNED_UP
    assert third.usage_current_period.documents_processed == 3


def test_a_count_whose_period_is_over_is_not_carried() -> None:
    at = SIGNED_UP + timedelta(days=40)
    new = _switched(_used(free(), 5, 50), at)
    assert [usage_at(new, at, unit).used for unit in Unit] == [0, 0]
    assert new.usage_current_period.carried_from is None


def test_a_subscription_that_keeps_its_day_keeps_its_count_under_the_same_name() -> None:
    at = SIGNED_UP + timedelta(days=10)
    new = _switched(_used(free(), 4), at, start_date=SIGNED_UP)
    assert usage_at(new, at).used == 4
    assert new.usage_current_period.carried_from is None


def test_a_count_carried_there_and_back_is_in_the_period_it_came_from() -> None:
    there = _switched(_used(free(), 4), SIGNED_UP + timedelta(days=3))
    back = _switched(there, SIGNED_UP + timedelta(days=6), start_date=SIGNED_UP)
    assert back.usage_current_period.carried_from is None
    assert usage_at(back, SIGNED_UP + timedelta(days=6)).used == 4


@given(
    anchor=LONG_AGO, others=st.lists(LONG_AGO, min_size=1, max_size=5), gap=st.timedeltas(timedelta(0), timedelta(3))
)
def test_switching_within_a_period_gives_nothing_away(anchor: datetime, others: list[datetime], gap: timedelta) -> None:
    """However often somebody switches, whatever the day of the new months: what was used just before stays used."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    subscription = free(anchor)
    opened = period_at(anchor, now)
    period = subscription.usage_current_period
    period.period_start, period.period_end, period.documents_processed = opened.start, opened.end, 4
    for start_date in others:
        before = usage_at(subscription, now).used
        subscription = _switched(subscription, now, start_date)
        after = usage_at(subscription, now)
        assert after.used == before
        assert after.period == period_at(start_date, now)
        now += gap
