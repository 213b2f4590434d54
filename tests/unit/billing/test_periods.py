"""Periods never drift, never overlap, and leave no gap."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.periods import Period, months_after, period_at

LEAP_YEAR = 2024
ANCHORS = [datetime(LEAP_YEAR, 1, 1, 17, 45, 12, 345678, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
TICK = timedelta(microseconds=1)


def test_all_anchors_of_a_leap_year_give_contiguous_periods_for_four_years() -> None:
    for anchor in ANCHORS:
        expected_start = anchor
        for month in range(48):
            period = period_at(anchor, expected_start)
            assert period.start == expected_start == months_after(anchor, month)
            assert period.start.day == min(anchor.day, monthrange(period.start.year, period.start.month)[1])
            assert period.start.timetz() == anchor.timetz()
            assert (period.start.year * 12 + period.start.month) - (anchor.year * 12 + anchor.month) == month
            assert period_at(anchor, period.end - TICK) == period
            expected_start = period.end


@given(
    anchor=st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    now=st.datetimes(datetime(2010, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC)),
    months=st.sampled_from([1, 12]),
)
def test_every_instant_is_in_exactly_one_period(anchor: datetime, now: datetime, months: int) -> None:
    period = period_at(anchor, now, months=months)
    assert period.start <= now < period.end
    assert period_at(anchor, period.start - TICK, months=months).end == period.start
    assert period_at(anchor, period.end, months=months).start == period.end


@pytest.mark.parametrize(
    ("month", "start"),
    [
        (1, date(2024, 2, 29)),
        (2, date(2024, 3, 31)),
        (3, date(2024, 4, 30)),
        (13, date(2025, 2, 28)),
        (14, date(2025, 3, 31)),
        (49, date(2028, 2, 29)),
    ],
)
def test_the_thirty_first_is_clamped_and_comes_back(month: int, start: date) -> None:
    assert months_after(datetime(2024, 1, 31, tzinfo=UTC), month).date() == start


def test_a_leap_day_anchor_comes_back_each_leap_year() -> None:
    anchor = datetime(2024, 2, 29, 8, 0, tzinfo=UTC)
    yearly = [months_after(anchor, 12 * year).date().isoformat() for year in range(5)]
    assert yearly == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    assert months_after(anchor, 1).day == 29


def test_an_anchor_in_another_offset_counts_in_utc() -> None:
    anchor = datetime(2024, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=5)))
    assert months_after(anchor, 0) == datetime(2024, 2, 29, 20, 0, tzinfo=UTC)
    assert period_at(anchor, anchor).start.tzinfo is UTC


@pytest.mark.parametrize(
    ("end", "due_on"),
    [
        (datetime(2026, 4, 14, 0, 0, tzinfo=UTC), date(2026, 4, 14)),
        (datetime(2026, 4, 14, 0, 0, 0, 1, tzinfo=UTC), date(2026, 4, 15)),
        (datetime(2026, 4, 30, 23, 59, tzinfo=UTC), date(2026, 5, 1)),
    ],
)
def test_a_period_is_due_on_the_first_day_that_is_wholly_after_it(end: datetime, due_on: date) -> None:
    assert Period(end - timedelta(days=30), end).due_on == due_on
