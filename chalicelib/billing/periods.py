"""Periods: whole months from an anchor, clamped to the month's length, never drifting (design, decision 10)."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to just before `end`, both aware UTC."""

    start: datetime
    end: datetime

    @property
    def due_on(self) -> date:
        """The first day on which the period is over from midnight on: a sweep of that day finds nobody too early."""
        day = self.end.date()
        return day if self.end.time() == time(0) else day + timedelta(days=1)


def months_after(anchor: datetime, months: int) -> datetime:
    """Return the anchor moved by whole months (also backwards), its day clamped to the month's length, its time of
    day kept.

    31 January plus one month is 28 or 29 February, plus two is 31 March: each is computed from the anchor, none from
    the one before.
    """
    anchor = anchor.astimezone(UTC)
    year, month_index = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    month = month_index + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]))


def period_at(anchor: datetime, now: datetime, *, months: int = 1) -> Period:
    """Return the period that contains `now`, of those that begin every `months` months from the anchor.

    Periods follow each other without gap or overlap, before the anchor too, so that a clock that lags behind still
    finds one. The anchor's time of day is kept: a store's paid-up instant is then a period's end, to the microsecond.
    """
    anchor, now = anchor.astimezone(UTC), now.astimezone(UTC)
    begun = (now.year - anchor.year) * 12 + now.month - anchor.month
    if months_after(anchor, begun) > now:
        begun -= 1
    first = begun // months * months
    return Period(months_after(anchor, first), months_after(anchor, first + months))
