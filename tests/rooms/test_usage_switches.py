"""The count across a period's end, an upgrade and a downgrade: units are neither given away nor lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionStatus
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.reservation import Reserved, Unit
from chalicelib.stores.usage import UsageStore
from tests.rooms.usage_world import UsageWorld, a_world, at_once, kinds, switch
from tests.unit.billing.people import SIGNED_UP, free, job, paid

PERIOD_END = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
UPGRADED = SIGNED_UP + timedelta(days=14)
NEXT_OF_UPGRADED = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)
JOBS = JobStore(UsageStore(), 1)


def _upgrade(world: UsageWorld, at: datetime = UPGRADED) -> Subscription:
    world.clock.instant = at
    new = paid(at, updated_at=at, end_date=at + timedelta(days=400))
    switch("u1", new, at)
    return new


def _refund(world: UsageWorld, bought: Subscription, at: datetime) -> None:
    """The store took it back: the subscription stays, and is worth nothing."""
    world.clock.instant = at
    bought.subscription_status, bought.end_date = SubscriptionStatus.EXPIRED, at
    switch("u1", bought, at)


def _give_back(name: str, world: UsageWorld) -> bool:
    wanted = job("u1", name, SIGNED_UP)
    found = JOBS.find("u1", wanted.data.job_id)
    assert found is not None
    return JOBS.drop(found, world.clock.now())


def _jobs() -> int:
    return sum(1 for _ in JobItem.query(keys.user_partition("u1"), JobItem.sk.startswith("JOB#"), consistent_read=True))


def test_an_upgrade_in_mid_period_takes_the_limit_away_and_keeps_the_count(
    any_engine_for_long: TableConnection,
) -> None:
    world = a_world()
    world.settle(documents=5, messages=50)
    with pytest.raises(errors.QuotaSpent):
        world.upload("as a free user")
    _upgrade(world)
    granted = world.upload("as a paying user")
    assert (granted.used, granted.limit, granted.resets_at) == (6, None, NEXT_OF_UPGRADED)
    assert world.ask("as a paying user").used == 51


def test_a_downgrade_in_mid_period_keeps_what_was_used_until_the_period_ends(
    any_engine_for_long: TableConnection,
) -> None:
    world = a_world()
    world.settle(documents=4)
    bought = _upgrade(world)
    for number in range(3):
        world.upload(f"{number}")
    _refund(world, bought, UPGRADED + timedelta(days=3))
    with pytest.raises(errors.QuotaSpent) as refusal:
        world.upload("as a free user again")
    assert refusal.value.details == {"used": 7, "limit": 5, "resets_at": NEXT_OF_UPGRADED}
    world.clock.instant = NEXT_OF_UPGRADED
    assert world.upload("in the next period").used == 1


def test_buying_and_returning_a_plan_gives_no_new_month(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle(documents=5)
    for day in (1, 2, 3):
        bought = _upgrade(world, UPGRADED + timedelta(days=day))
        _refund(world, bought, UPGRADED + timedelta(days=day, hours=1))
    with pytest.raises(errors.QuotaSpent) as refusal:
        world.upload("a")
    assert refusal.value.details["used"] == 5


def test_a_unit_reserved_before_an_upgrade_is_given_back_after_it(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle(documents=2)
    world.upload("a")
    _upgrade(world)
    world.upload("b")
    assert (_give_back("a", world), world.used()) == (True, 3)
    assert (_give_back("b", world), world.used()) == (True, 2)


def test_a_unit_reserved_before_an_upgrade_and_a_downgrade_is_given_back(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle(documents=4)
    world.upload("a")
    message = world.ask("a")
    bought = _upgrade(world)
    _refund(world, bought, UPGRADED + timedelta(minutes=1))
    switch("u1", free(UPGRADED + timedelta(minutes=2)), UPGRADED + timedelta(minutes=2))
    world.clock.advance(timedelta(minutes=2))
    assert _give_back("a", world)
    world.messages.give_back(message)
    assert (world.used(), world.used(Unit.MESSAGE)) == (4, 0)
    assert world.upload("b").used == 5


def test_a_unit_reserved_before_a_switch_takes_nothing_from_the_period_after_it(
    any_engine_for_long: TableConnection,
) -> None:
    world = a_world()
    world.settle()
    world.upload("a")
    _upgrade(world)
    world.clock.instant = NEXT_OF_UPGRADED + timedelta(days=1)
    world.upload("b")
    assert (_give_back("a", world), world.used()) == (True, 1)


def test_a_unit_of_the_ended_period_takes_nothing_from_the_new_one(any_engine_for_long: TableConnection) -> None:
    world = a_world(PERIOD_END - timedelta(seconds=1))
    world.settle()
    world.upload("a")
    world.clock.instant = PERIOD_END
    world.upload("b")
    assert (_give_back("a", world), world.used()) == (True, 1)
    assert (_give_back("b", world), world.used()) == (True, 0)


def test_a_switch_after_a_periods_end_begins_with_nothing_used(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle(documents=4)
    world.upload("a")
    bought = _upgrade(world, PERIOD_END + timedelta(days=2))
    assert world.used() == 0
    _refund(world, bought, PERIOD_END + timedelta(days=3))
    assert world.upload("b").used == 1
    assert (_give_back("a", world), world.used()) == (True, 1)


@pytest.mark.parametrize("is_upgraded", [False, True])
def test_the_same_upload_on_both_sides_of_a_period_or_a_switch_costs_one_unit(
    any_engine_for_long: TableConnection, is_upgraded: bool
) -> None:
    world = a_world(PERIOD_END - timedelta(seconds=1))
    world.settle(documents=4)
    world.upload("a")
    if is_upgraded:
        _upgrade(world, PERIOD_END - timedelta(microseconds=1))
    else:
        world.clock.instant = PERIOD_END
    assert world.upload("a").is_repeat
    assert (world.used(), _jobs()) == (5 if is_upgraded else 0, 1)


@pytest.mark.second_engine
@pytest.mark.parametrize("seed", range(6))
def test_uploads_and_releases_among_switches_lose_no_unit_and_give_none_away(
    second_engine: TableConnection, seed: int
) -> None:
    """What is counted in the end is what was there and what was granted, less what was given back."""
    world = a_world(UPGRADED)
    world.settle(documents=3)
    world.upload("held")

    def act(number: int) -> object:
        turn, at = (number + seed) % 6, UPGRADED + timedelta(minutes=number + 1)
        if turn in (0, 1):
            bought = paid(at, updated_at=at, end_date=at + timedelta(days=400))
            switch("u1", bought if turn == 0 else free(at), at)
            return None
        return _give_back("held", world) if number == 2 + seed % 2 else world.upload(f"{number}")

    results = at_once(18, act)
    granted = kinds(results).get("Reserved", 0)
    given_back = sum(1 for one in results if one is True)
    assert given_back <= 1
    assert not [one for one in results if isinstance(one, errors.Unauthenticated)]
    world.clock.instant = UPGRADED + timedelta(hours=1)
    assert (world.used(), _jobs()) == (3 + 1 + granted - given_back, 1 + granted - given_back)
    assert all(one.used <= 4 + 18 for one in results if isinstance(one, Reserved))
