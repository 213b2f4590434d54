"""A purchase that names nobody and goes on from another one belongs to whoever has that, whichever was told first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.billing_contract import PurchaseRequest
from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import Facts, PaymentSeen, Phase, SubscriptionSeen
from chalicelib.models.states import Tier
from tests.rooms.billing_world import GOOGLE, BillingWorld, all_of, of_store
from tests.unit.billing.people import caller_of
from tests.unit.billing.words import BOUGHT, ENDS, payment, renewal, seen, term

LATER = BOUGHT + timedelta(days=1)


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings) -> BillingWorld:
    found = BillingWorld(settings)
    found.settle("ada", "bob")
    return found


def purchase(number: int, **changes: object) -> tuple[SubscriptionSeen, PaymentSeen]:
    """The purchase of that number in a line, each of which replaced the one before it, and its payment."""
    order = f"order-{number}"
    product = "price_pm" if number == 1 else "price_fm"
    given = {
        "term": term(number, transaction_id=order, product=product, ends_at=ENDS + timedelta(days=number)),
        "superseded": (f"token-{number - 1}",) if number > 1 else (),
        **changes,
    }
    at = BOUGHT + timedelta(hours=number)
    paid = payment(transaction_id=order, subscription_external_id=f"token-{number}", purchased_at=at)
    return seen(number, f"token-{number}", **given), paid


def tell(world: BillingWorld, number: int, **changes: object) -> None:
    """Let Google tell of a purchase, and of no other: it has forgotten those before."""
    facts = of_store(GOOGLE, all_of(*purchase(number, **changes)))
    world.notices.apply(world.notice(f"e{len(world.google.notices)}", facts, hours=number))


def hand_in(world: BillingWorld, user_id: str, number: int, **changes: object) -> None:
    """Hand in a purchase of Google Play."""
    world.google.sold[f"token-{number}"] = of_store(GOOGLE, all_of(*purchase(number, **changes)))
    request = PurchaseRequest(provider="google", purchase_token=f"token-{number}", product_id="premium")
    world.purchases.claim(caller_of(user_id), request)


def outcome(world: BillingWorld, user_id: str) -> tuple[object, ...]:
    """What somebody has in the end."""
    plan = world.plan(user_id)
    had = sorted(item.data.external_id for item in world.subscriptions(user_id))
    paid = [item.data.provider_transaction_id for item in world.paid(user_id)]
    return plan.tier, plan.external_subscription_id, plan.subscription_status, had, paid


def test_an_upgrade_that_names_nobody_is_its_person_s_at_once(world: BillingWorld) -> None:
    hand_in(world, "ada", 1)
    tell(world, 2)
    assert outcome(world, "ada") == (
        Tier.FAMILY, "token-2", "active", ["token-1", "token-2"], ["order-2", "order-1"]
    )  # fmt: skip
    assert world.items("UNCLAIMED#") == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_a_line_of_purchases_ends_alike_in_whatever_order_it_is_told_and_claimed(
    world: BillingWorld, order: tuple[int, ...]
) -> None:
    words: list[Callable[[], None]] = [
        lambda: tell(world, 1),
        lambda: tell(world, 2),
        lambda: tell(world, 3),
        lambda: hand_in(world, "ada", 1),
    ]
    for one in order:
        words[one]()
        words[one]()

    expected = ["order-3", "order-2", "order-1"]
    assert outcome(world, "ada") == (Tier.FAMILY, "token-3", "active", ["token-1", "token-2", "token-3"], expected)
    assert world.items("UNCLAIMED#") == []
    assert [item.data.external_id for item in world.subscriptions("bob")] == []


@pytest.mark.parametrize("is_first", [True, False])
def test_whom_the_store_names_for_the_one_before_beats_a_claim(world: BillingWorld, is_first: bool) -> None:
    if is_first:
        tell(world, 1, account="bob")
        with pytest.raises(errors.Conflict, match="PURCHASE_OWNED_BY_ANOTHER_ACCOUNT"):
            hand_in(world, "ada", 2)
        tell(world, 2)
    else:
        hand_in(world, "ada", 2)
        tell(world, 1, account="bob")
    assert (world.plan("bob").tier, world.plan("ada").tier) == (Tier.FAMILY, Tier.FREE)
    assert world.subscriptions("ada") == []


def test_an_upgrade_that_names_somebody_is_theirs_and_leaves_the_old_one_where_it_was(world: BillingWorld) -> None:
    hand_in(world, "ada", 1)
    tell(world, 2, account="bob")
    tell(world, 3)
    assert (world.plan("ada").subscription_status, world.plan("bob").external_subscription_id) == ("expired", "token-3")
    assert [item.data.provider_transaction_id for item in world.paid("ada")] == ["order-1"]


@pytest.mark.parametrize("is_told_first", [True, False])
def test_a_change_that_is_not_paid_yet_is_its_person_s_and_ends_nothing(
    world: BillingWorld, is_told_first: bool
) -> None:
    unpaid = renewal(2, phase=Phase.PENDING)
    pending = of_store(GOOGLE, Facts((seen(2, "token-2", term=None, renewal=unpaid, follows="token-1"),)))
    steps: list[Callable[[], object]] = [
        lambda: hand_in(world, "ada", 1),
        lambda: world.notices.apply(world.notice("pending", pending)),
    ]
    for step in reversed(steps) if is_told_first else steps:
        step()
    assert (world.plan("ada").tier, world.plan("ada").external_subscription_id) == (Tier.PREMIUM, "token-1")
    assert len(world.subscriptions("ada")) == 2

    tell(world, 2)
    assert (world.plan("ada").tier, world.plan("ada").external_subscription_id) == (Tier.FAMILY, "token-2")


def test_a_new_sign_up_after_the_end_is_the_same_person_s(world: BillingWorld) -> None:
    hand_in(world, "ada", 1, renewal=renewal(1, phase=Phase.EXPIRED, will_renew=False))
    tell(world, 2, superseded=(), follows="token-1", needs_acknowledgement=True)
    assert world.plan("ada").external_subscription_id == "token-2"
    assert world.google.acknowledged == ["token-2"]


def test_more_purchases_than_a_transaction_moves_come_home_all(world: BillingWorld) -> None:
    for number in range(2, 9):
        tell(world, number)
    assert world.plan("ada").tier is Tier.FREE
    hand_in(world, "ada", 1)
    assert world.plan("ada").external_subscription_id == "token-8"
    assert len(world.subscriptions("ada")) == 8
    assert len(world.paid("ada")) == 8
    assert world.items("UNCLAIMED#") == []


def test_purchases_that_follow_each_other_in_a_circle_are_nobody_s(world: BillingWorld) -> None:
    tell(world, 2)
    tell(world, 1, superseded=("token-2",))
    assert world.subscriptions("ada") == world.subscriptions("bob") == []
    hand_in(world, "ada", 2)
    assert len(world.subscriptions("ada")) == 2
