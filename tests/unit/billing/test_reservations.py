"""What is asked of the table when a unit is wanted: the profile exactly as it was read, and the right period."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.billing.periods import period_at
from chalicelib.billing.usage import Reservations
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.stores.reservation import Reservation, Reserved, Unit
from chalicelib.stores.usage import ReserveOutcome
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, free, job, paid, person

SHARDS = 4
NOW = SIGNED_UP + timedelta(days=10)


@dataclass(slots=True)
class Table:
    """Answers as it is told to, and keeps what it was asked."""

    outcomes: list[ReserveOutcome]
    has: bool = False
    asked: list[Reservation] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    def reserve(self, reservation: Reservation, holder: JobItem) -> ReserveOutcome:
        self.asked.append(reservation)
        self.jobs.append(holder.data.user_id)
        return self.outcomes.pop(0)

    def has_job(self, _: JobItem) -> bool:
        return self.has


@dataclass(slots=True)
class Scene:
    """Reservations over such a table, and what they asked."""

    table: Table
    read: UserItem | None = None
    reads: list[str] = field(default_factory=list)
    at: datetime = NOW

    def reserve(self, user: UserItem) -> Any:
        store: Any = self.table
        rooms = Reservations(store, LiveSessions(), lambda _: None, self._profile, SettableClock(self.at), SHARDS)
        return rooms.reserve(user, caller_of("ada"), job("ada", "first", self.at))

    def _profile(self, user_id: str) -> UserItem | None:
        self.reads.append(user_id)
        return self.read


def used(number: int, plan: Subscription | None = None) -> UserItem:
    user = person("ada", plan or free())
    user.data.current_subscription.usage_current_period.documents_processed = number
    return user


def test_a_unit_is_asked_for_on_the_strength_of_the_profile_as_it_was_read() -> None:
    scene = Scene(Table([ReserveOutcome.RESERVED]))
    user = used(2)
    user.data.current_subscription.usage_current_period.carried_from = SIGNED_UP - timedelta(days=3)
    answer = scene.reserve(user)
    plan, period = user.data.current_subscription, period_at(SIGNED_UP, NOW)
    assert scene.table.asked == [
        Reservation(
            user_id="ada",
            session_id=caller_of("ada").session_id,
            subscription_id=plan.subscription_id,
            subscription_updated_at=plan.updated_at,
            seen_period_start=plan.usage_current_period.period_start,
            period_start=period.start,
            period_end=period.end,
            limit=5,
            due=keys.usage_due_key(period.due_on, keys.shard_of("ada", SHARDS), "ada"),
            at=NOW,
            carried_from=SIGNED_UP - timedelta(days=3),
            unit=Unit.DOCUMENT,
        )
    ]
    assert answer == Reserved(False, 3, 5, period.end)
    assert scene.table.jobs == ["ada"]
    assert scene.reads == []


def test_a_tier_without_a_limit_stands_in_no_due_index() -> None:
    scene = Scene(Table([ReserveOutcome.RESERVED]))
    scene.reserve(used(2, paid()))
    (asked,) = scene.table.asked
    assert (asked.limit, asked.due) == (None, None)


def test_the_last_unit_passes_and_the_next_is_refused_with_when_it_comes_back() -> None:
    Scene(Table([ReserveOutcome.RESERVED])).reserve(used(4))
    scene = Scene(Table([]))
    with pytest.raises(errors.QuotaSpent) as spent:
        scene.reserve(used(5))
    assert spent.value.details == {"used": 5, "limit": 5, "resets_at": period_at(SIGNED_UP, NOW).end}
    assert scene.table.asked == []


def test_the_last_unit_may_have_been_spent_on_this_very_job() -> None:
    scene = Scene(Table([], has=True))
    assert scene.reserve(used(5)) == Reserved(True, 5, 5, period_at(SIGNED_UP, NOW).end)
    assert scene.table.asked == []


def test_a_profile_that_proved_stale_is_read_again() -> None:
    scene = Scene(Table([ReserveOutcome.CHANGED, ReserveOutcome.RESERVED]), read=used(3))
    scene.reserve(used(2))
    assert scene.reads == ["ada"]
    assert len(scene.table.asked) == 2


def test_a_profile_that_keeps_changing_is_given_up_on() -> None:
    scene = Scene(Table([ReserveOutcome.CHANGED] * 20), read=used(3))
    with pytest.raises(errors.Unavailable):
        scene.reserve(used(2))
    assert len(scene.table.asked) == len(scene.reads) < 20
