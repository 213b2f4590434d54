"""Notices and purchases at once, on an engine that is atomic: one owner, one payment, the same state as one by one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.billing_contract import PurchaseAnswer
from chalicelib.billing.usage import usage_at
from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import Facts, Notice, PaymentSeen, SubscriptionSeen
from chalicelib.models.states import PaymentStatus, Tier
from tests.rooms.billing_world import APPLE, NOW, BillingWorld, of_store
from tests.rooms.usage_world import UsageWorld, at_once
from tests.support import SettableClock
from tests.unit.billing.words import ENDS, EXTERNAL_ID, payment, seen, term

ROUNDS = 5
pytestmark = pytest.mark.second_engine


@pytest.fixture
def world(second_engine: TableConnection, settings: Settings) -> BillingWorld:
    return BillingWorld(settings)


def fresh(world: BillingWorld) -> None:
    """An empty table with two people in it."""
    for item in world.items():
        item.delete()
    world.settle("ada", "bob")


def until_taken(world: BillingWorld, notice: Notice) -> bool:
    """Deliver as a store does: again, where we are too busy."""
    for _ in range(10):
        try:
            return world.notices.apply(notice)
        except errors.Unavailable:
            continue
    raise AssertionError("never taken")


def of_apple(world: BillingWorld, event_id: str, hours: int, *facts: SubscriptionSeen | PaymentSeen) -> Notice:
    told = Facts(
        tuple(one for one in facts if isinstance(one, SubscriptionSeen)),
        tuple(one for one in facts if isinstance(one, PaymentSeen)),
    )
    return world.notice(event_id, of_store(APPLE, told), hours=hours)


def test_the_same_notice_twice_at_once_is_applied_once(world: BillingWorld) -> None:
    for _ in range(ROUNDS):
        fresh(world)
        notice = of_apple(world, "e1", 1, seen(1, account="ada"), payment(1))
        taken = at_once(4, lambda _, notice=notice: until_taken(world, notice))  # type: ignore[misc]  # mypy does not infer a lambda's default
        assert sorted(taken, key=str) == [False, False, False, True]
        assert (len(world.paid("ada")), world.user("ada").data.billing_revision) == (1, 1)


def test_different_notices_at_once_end_as_one_after_the_other(world: BillingWorld) -> None:
    for _ in range(ROUNDS):
        fresh(world)
        longer = term(4, transaction_id="in_2", product="price_fm", ends_at=ENDS.replace(month=6))
        notices = [
            of_apple(world, "e1", 1, seen(1, account="ada"), payment(1)),
            of_apple(world, "e2", 2, payment(2, refunded=Decimal("1.00"))),
            of_apple(world, "e3", 3, seen(3, account="ada"), payment(3, refunded=Decimal("2.00"))),
            of_apple(world, "e4", 4, seen(4, "sub_2", term=longer, account="ada"), payment(4, transaction_id="in_2")),
        ]
        assert at_once(4, lambda one, notices=notices: until_taken(world, notices[one])) == [True] * 4  # type: ignore[misc]  # mypy does not infer a lambda's default
        assert (world.plan("ada").tier, world.plan("ada").decided_by.event_id) == (Tier.FAMILY, "e4")
        refunded = {item.data.provider_transaction_id: item.data.refunded for item in world.paid("ada")}
        assert refunded == {"in_1": Decimal("2.00"), "in_2": None}
        assert len(world.subscriptions("ada")) == 2
        assert world.items("UNCLAIMED#") == []


def test_of_two_accounts_that_claim_at_once_one_owns_it(world: BillingWorld) -> None:
    for _ in range(ROUNDS):
        fresh(world)
        world.sell("signed", seen(), payment())
        answers = at_once(6, lambda one: world.claim(("ada", "bob")[one % 2], "signed"))
        winners = {("ada", "bob")[n % 2] for n, one in enumerate(answers) if isinstance(one, PurchaseAnswer)}
        refusals = {one.code for one in answers if isinstance(one, errors.ServiceError)}
        assert len(winners) == 1
        assert refusals <= {"PURCHASE_OWNED_BY_ANOTHER_ACCOUNT", "SERVICE_UNAVAILABLE"}
        (winner,) = winners
        assert world.application.subscriptions.owner_of(APPLE, EXTERNAL_ID) == winner
        tiers = {name: world.plan(name).tier for name in ("ada", "bob")}
        assert tiers == {name: Tier.PREMIUM if name == winner else Tier.FREE for name in tiers}
        assert len(world.paid("ada")) + len(world.paid("bob")) == 1


def test_a_notice_and_a_purchase_at_once_record_one_payment_and_leave_nothing_behind(world: BillingWorld) -> None:
    for number in range(ROUNDS * 2):
        fresh(world)
        world.sell("signed", seen(), payment())
        notice = of_apple(world, f"e{number}", 1, seen(1), payment(1))

        def act(one: int, notice: Notice = notice) -> object:
            return world.claim("ada", "signed") if one else until_taken(world, notice)

        at_once(2, act)
        world.claim("ada", "signed")
        assert (world.plan("ada").tier, len(world.paid("ada"))) == (Tier.PREMIUM, 1)
        assert world.items("UNCLAIMED#") == []
        assert len(world.items("GUARD#TRANSACTION#")) == 1


def test_a_refund_and_a_renewal_at_once_are_both_decided_on(world: BillingWorld) -> None:
    for _ in range(ROUNDS):
        fresh(world)
        until_taken(world, of_apple(world, "e0", 0, seen(account="ada"), payment()))
        refund = of_apple(world, "e1", 5, payment(5, status=PaymentStatus.REFUNDED))
        again = of_apple(world, "e2", 4, seen(4, account="ada"), payment(4))
        at_once(2, lambda one, both=(refund, again): until_taken(world, both[one]))  # type: ignore[misc]  # mypy does not infer a lambda's default
        assert world.plan("ada").decided_by.rule == "refunded"


def test_units_that_are_counted_while_the_plan_changes_are_not_lost(world: BillingWorld) -> None:
    for number in range(ROUNDS):
        fresh(world)
        usage = UsageWorld(SettableClock(NOW), "ada")
        notice = of_apple(world, f"e{number}", 1, seen(1, account="ada"))

        def act(one: int, usage: UsageWorld = usage, notice: Notice = notice) -> object:
            return until_taken(world, notice) if one == 0 else usage.upload(f"document {one}")

        results = at_once(5, act)
        reserved = [one for one in results[1:] if not isinstance(one, errors.ServiceError)]
        assert usage_at(world.plan("ada"), NOW).used == len(reserved) > 0
        assert world.plan("ada").tier is Tier.PREMIUM


def test_a_transfer_and_a_renewal_at_once_leave_one_owner(world: BillingWorld) -> None:
    for _ in range(ROUNDS):
        fresh(world)
        until_taken(world, of_apple(world, "e0", 0, seen(account="ada")))
        moved = of_apple(world, "e2", 9, seen(9, account="bob"))
        renewed = of_apple(world, "e1", 4, seen(4, account="ada"))
        at_once(2, lambda one, both=(moved, renewed): until_taken(world, both[one]))  # type: ignore[misc]  # mypy does not infer a lambda's default
        assert (world.plan("ada").tier, world.plan("bob").tier) == (Tier.FREE, Tier.PREMIUM)
        assert (len(world.subscriptions("ada")), len(world.subscriptions("bob"))) == (0, 1)
