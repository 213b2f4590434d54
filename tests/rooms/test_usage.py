"""Reserving units: who may, in which period, how often, and however many at once."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.usage import Reservations
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.models.states import ConsentType
from chalicelib.privacy.consents import require_processing
from chalicelib.stores.reservation import Reserved
from chalicelib.stores.usage import ResetOutcome, UsageStore
from chalicelib.web.request import Caller
from tests.rooms.usage_world import at_once, kinds
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, job, paid, person

PERIOD_END = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)


class _Profiles:
    """Reads profiles and counts how often."""

    def __init__(self) -> None:
        self.reads = 0

    def __call__(self, user_id: str) -> UserItem | None:
        self.reads += 1
        try:
            return UserItem.get(*keys.user_key(user_id), consistent_read=True)
        except UserItem.DoesNotExist:
            return None


class _House:
    """A room on the table, with a clock of its own."""

    def __init__(self, now: datetime = SIGNED_UP) -> None:
        self.clock = SettableClock(now)
        self.profiles = _Profiles()
        self.room = Reservations(UsageStore(), LiveSessions(), require_processing, self.profiles, self.clock, shards=8)

    def settle(self, used: int = 0, subscription: Subscription | None = None) -> UserItem:
        user = person("u1", subscription)
        user.data.current_subscription.usage_current_period.documents_processed = used
        user.save()
        return user

    def upload(self, name: str, user: UserItem | None = None) -> Reserved:
        """As an upload does it: read the profile, then reserve."""
        read = user or self.profiles("u1")
        return self.room.reserve(read, caller_of("u1"), job("u1", name, self.clock.now()))


def _stored() -> UserItem:
    return UserItem.get(*keys.user_key("u1"), consistent_read=True)


def _used() -> int:
    return int(_stored().data.current_subscription.usage_current_period.documents_processed)


def _jobs() -> int:
    return sum(1 for _ in JobItem.query(keys.user_partition("u1"), JobItem.sk.startswith("JOB#"), consistent_read=True))


def test_five_documents_pass_and_the_sixth_is_told_why_not(table: TableConnection) -> None:
    house = _House()
    house.settle()
    granted = [house.upload(str(number)) for number in range(5)]
    assert [(one.is_repeat, one.used, one.limit) for one in granted] == [(False, n, 5) for n in range(1, 6)]
    with pytest.raises(errors.QuotaSpent) as refusal:
        house.upload("6")
    assert (refusal.value.status, refusal.value.code) == (402, "USAGE_LIMIT_EXCEEDED")
    assert refusal.value.details == {"used": 5, "limit": 5, "resets_at": PERIOD_END}
    assert _jobs() == 5


def test_the_last_document_uploaded_again_is_the_same_job_not_a_refusal(table: TableConnection) -> None:
    house = _House()
    house.settle(used=4)
    assert not house.upload("last").is_repeat
    assert house.upload("last").is_repeat
    assert (_used(), _jobs()) == (5, 1)


def test_a_paid_tier_is_counted_and_never_refused(table: TableConnection) -> None:
    house = _House()
    house.settle(used=99, subscription=paid())
    granted = house.upload("a")
    assert (granted.used, granted.limit) == (100, None)
    assert _stored().gsi3_pk is None


def test_whoever_spent_more_than_the_free_limit_before_a_paid_plan_ended_is_refused(table: TableConnection) -> None:
    subscription = paid(end_date=SIGNED_UP + timedelta(days=2))
    house = _House(SIGNED_UP + timedelta(days=3))
    house.settle(used=30, subscription=subscription)
    with pytest.raises(errors.QuotaSpent) as refusal:
        house.upload("a")
    assert refusal.value.details["used"] == 30


def test_a_first_use_lists_the_user_as_due_on_the_day_after_the_periods_end(table: TableConnection) -> None:
    house = _House()
    house.settle()
    house.upload("a")
    listed = _stored()
    assert listed.gsi3_pk == f"USAGE_DUE#2026-03-01#{keys.shard_of('u1', 8)}"
    assert listed.gsi3_sk == "u1"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=6), timedelta(days=200)])
def test_a_late_schedule_costs_nobody_anything(table: TableConnection, late: timedelta) -> None:
    house = _House(PERIOD_END + late)
    house.settle(used=5)
    assert house.upload("a").used == 1
    assert _used() == 1


def test_until_the_last_moment_the_old_period_counts(table: TableConnection) -> None:
    house = _House(PERIOD_END - timedelta(microseconds=1))
    house.settle(used=5)
    with pytest.raises(errors.QuotaSpent):
        house.upload("a")


def test_a_process_whose_clock_lags_counts_in_the_period_that_another_opened(table: TableConnection) -> None:
    ahead, behind = _House(PERIOD_END), _House(PERIOD_END - timedelta(seconds=3))
    ahead.settle(used=5)
    ahead.upload("a")
    assert behind.upload("b").used == 2
    assert _stored().data.current_subscription.usage_current_period.period_start == PERIOD_END


def test_an_upgrade_between_reading_and_writing_is_seen(table: TableConnection) -> None:
    house = _House()
    stale = house.settle(used=4)
    upgraded = person("u1", paid(updated_at=SIGNED_UP + timedelta(seconds=1)))
    upgraded.data.current_subscription.usage_current_period.documents_processed = 70
    upgraded.save()
    assert house.upload("a", stale).limit is None
    assert (_used(), house.profiles.reads) == (71, 1)


def test_a_sign_out_between_reading_and_writing_is_seen(table: TableConnection) -> None:
    house = _House()
    stale = house.settle()
    moved = person("u1")
    moved.data.current_session.session_id = "another"
    moved.save()
    with pytest.raises(errors.Unauthenticated):
        house.upload("a", stale)
    assert _jobs() == 0


@pytest.mark.parametrize("withdrawn", [ConsentType.HEALTHCARE_CONSULTATION, ConsentType.MEDICAL_DISCLAIMERS])
def test_a_consent_withdrawn_between_reading_and_writing_is_seen(
    table: TableConnection, withdrawn: ConsentType
) -> None:
    house = _House()
    stale = house.settle()
    changed = person("u1", stale.data.current_subscription)
    setattr(changed.data.consents, withdrawn, None)
    changed.save()
    with pytest.raises(errors.Forbidden) as refusal:
        house.upload("a", stale)
    assert (refusal.value.code, refusal.value.details) == ("CONSENT_REQUIRED", {"missing_consents": [withdrawn]})
    assert (_used(), _jobs()) == (0, 0)


def test_a_consent_that_billing_does_not_need_is_not_asked_for(table: TableConnection) -> None:
    house = _House()
    user = house.settle()
    user.data.consents.terms_of_service = None
    user.save()
    assert house.upload("a").used == 1


def test_a_stranger_is_unknown(table: TableConnection) -> None:
    with pytest.raises(errors.Unauthenticated):
        _House().room.reserve(None, Caller("nobody", "s"), job("nobody", "a", SIGNED_UP))


def test_a_profile_that_keeps_changing_is_asked_to_come_back(table: TableConnection) -> None:
    house = _House()
    never_read_again = house.settle()
    subscription = _stored().data.current_subscription
    subscription.updated_at = SIGNED_UP + timedelta(seconds=1)
    person("u1", subscription).save()
    house.room = Reservations(
        UsageStore(), LiveSessions(), require_processing, lambda _: never_read_again, house.clock, 8
    )
    with pytest.raises(errors.Unavailable) as refusal:
        house.upload("a", never_read_again)
    assert refusal.value.retry_after_seconds
    assert _jobs() == 0


@pytest.mark.second_engine
def test_with_four_of_five_used_exactly_one_of_ten_passes(second_engine: TableConnection) -> None:
    house = _House()
    user = house.settle(used=4)
    results = at_once(10, lambda number: house.upload(str(number), user))
    assert kinds(results) == {"Reserved": 1, "QuotaSpent": 9}
    assert (_used(), _jobs()) == (5, 1)


@pytest.mark.second_engine
def test_fifty_at_once_get_exactly_five(second_engine: TableConnection) -> None:
    """A seed decides who begins when, who brings a stale profile, and who sends the same document as another."""
    for seed in range(20):
        draw = random.Random(seed)
        waits = [draw.choice((0.0, 0.0, draw.uniform(0, 0.02))) for _ in range(50)]
        names = [str(draw.randrange(40)) for _ in range(50)]
        is_stale = [draw.random() < 0.7 for _ in range(50)]
        house = _House()
        for item in JobItem.query(keys.user_partition("u1"), JobItem.sk.startswith("JOB#")):
            item.delete()
        user = house.settle()

        def act(number: int) -> Reserved:
            time.sleep(waits[number])  # noqa: B023  # called before the loop goes on
            return house.upload(names[number], user if is_stale[number] else None)  # noqa: B023  # the threads end within the round

        results = at_once(50, act)
        granted = [one for one in results if isinstance(one, Reserved) and not one.is_repeat]
        assert len(granted) == 5, seed
        assert {type(one) for one in results} <= {Reserved, errors.QuotaSpent}, seed
        assert (_used(), _jobs()) == (5, 5), seed


@pytest.mark.second_engine
def test_twenty_repeats_of_one_upload_at_once_cost_one_unit(second_engine: TableConnection) -> None:
    house = _House()
    user = house.settle(used=4)
    results = at_once(20, lambda _: house.upload("the same", user))
    assert sorted(result.is_repeat for result in results if isinstance(result, Reserved)) == [False] + [True] * 19
    assert (_used(), _jobs()) == (5, 1)


@pytest.mark.second_engine
def test_many_at_once_after_a_periods_end_open_it_once_and_share_its_limit(second_engine: TableConnection) -> None:
    house = _House(PERIOD_END + timedelta(days=2))
    user = house.settle(used=5)
    results = at_once(16, lambda number: house.upload(str(number), user))
    assert kinds(results) == {"Reserved": 5, "QuotaSpent": 11}
    assert (_used(), _jobs()) == (5, 5)


@pytest.mark.second_engine
@pytest.mark.parametrize("seed", range(5))
def test_a_reset_among_uploads_loses_no_count_and_grants_no_more(second_engine: TableConnection, seed: int) -> None:
    """Whichever comes first, five units of the new period are granted and counted."""
    house = _House()
    house.settle(used=2)
    house.upload("before")
    due = _stored().gsi3_pk
    assert due is not None
    house.clock.instant = PERIOD_END + timedelta(days=1, seconds=seed)
    user = _stored()

    def act(number: int) -> Reserved | ResetOutcome:
        if number % 4 == seed % 4:
            return UsageStore().reset("u1", due, house.clock.now())
        return house.upload(str(number), user)

    found = kinds(at_once(16, act))
    assert (found["Reserved"], found["QuotaSpent"], found["ResetOutcome"]) == (5, 7, 4)
    assert (_used(), _jobs()) == (5, 6)
    assert _stored().gsi3_pk != due
