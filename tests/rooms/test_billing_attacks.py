"""What an attacker and an unlucky network try with billing: large words, words for others, plans that come and go."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.known import Cause
from chalicelib.billing.words import Word
from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import PaymentSeen
from chalicelib.models.billing_event import EventOutcome
from chalicelib.models.states import PaymentStatus, SubscriptionProvider, Tier
from tests.rooms.billing_world import APPLE, SIGNED_UP, STRIPE, BillingWorld, all_of
from tests.unit.billing.people import paid
from tests.unit.billing.words import BOUGHT, ENDS, payment, seen, term


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings) -> BillingWorld:
    found = BillingWorld(settings)
    found.settle("ada", "bob")
    return found


def orders(number: int, external_id: str, **changes: Any) -> list[PaymentSeen]:
    """Orders of one purchase, the oldest of which paid for its term."""
    return [
        payment(
            transaction_id=f"order-{external_id}-{one}",
            subscription_external_id=external_id,
            purchased_at=BOUGHT + timedelta(hours=one),
            **changes,
        )
        for one in range(number)
    ]


def chain(purchases: int, orders_each: int, **changes: Any) -> list[Any]:
    """Purchases that replaced one another, newest first, each with its orders: what Google tells at the first look."""
    names = [f"token-{one}" for one in range(purchases)]
    subscriptions = [
        seen(
            external_id=name,
            term=term(transaction_id=f"order-{name}-0"),
            superseded=tuple(names[at + 1 : at + 2]),
            **changes,
        )
        for at, name in enumerate(names)
    ]
    return [*subscriptions, *(one for name in names for one in orders(orders_each, name))]


def test_a_word_with_more_payments_than_a_transaction_carries_is_applied_whole(world: BillingWorld) -> None:
    assert world.tell("e1", *chain(5, 13, account="ada"))

    assert len(world.paid("ada")) == 65
    assert (world.plan("ada").tier, world.plan("ada").external_subscription_id) == (Tier.PREMIUM, "token-0")
    before = world.state()
    assert not world.tell("e1", *chain(5, 13, account="ada"))
    assert world.state() == before


def test_a_long_history_that_waited_is_handed_over_to_whoever_claims_it(world: BillingWorld) -> None:
    facts = chain(5, 13)
    world.tell("e1", *facts)
    assert [item for item in world.items("USER#") if item.entity_type == "payment"] == []
    world.sell("purchase", *facts, name=STRIPE)
    world.apple.sold["purchase"] = world.stripe.sold["purchase"]

    world.claim("ada", "purchase")
    assert len(world.paid("ada")) == 65
    assert world.items("UNCLAIMED#") == []


def test_a_payment_of_the_term_that_was_refunded_is_decided_on_with_the_first_part() -> None:
    subscription, paid_for_term, *others = chain(1, 40, account="ada")
    gone = replace(paid_for_term, status=PaymentStatus.REFUNDED)
    word = Word(all_of(subscription, *others, gone), Cause(BOUGHT, "e1", "any"))
    first, *_ = word.parts
    assert gone in first.facts.payments
    assert sorted(one.transaction_id for part in word.parts for one in part.facts.payments) == sorted(
        one.transaction_id for one in [*others, gone]
    )


def test_an_unknown_word_within_a_known_type_is_applied_and_kept(world: BillingWorld) -> None:
    notice = replace(world.notice("e1", all_of(seen(account="ada"), payment())), raw="the text as it came")
    assert world.notices.apply(notice)

    kept = world.application.events.find(STRIPE, "e1")
    assert kept is not None
    assert (kept.data.outcome, kept.data.raw) == (EventOutcome.APPLIED, "the text as it came")
    assert world.plan("ada").tier is Tier.PREMIUM


def test_an_own_upgrade_of_a_purchase_that_somebody_else_has_can_be_handed_in(world: BillingWorld) -> None:
    old = replace(seen(external_id="token-1", account="bob"), provider=APPLE)
    new = seen(1, external_id="token-2", account="ada", superseded=("token-1",))
    world.tell("e1", old)
    world.sell("purchase", new, old)
    world.claim("ada", "purchase")
    assert (world.plan("ada").subscription_status, world.plan("bob").subscription_status) == ("active", "expired")


def test_what_follows_a_purchase_of_somebody_else_and_names_nobody_is_not_had(world: BillingWorld) -> None:
    old = replace(seen(external_id="token-1", account="bob"), provider=APPLE)
    world.tell("e1", old)
    world.sell("purchase", seen(1, external_id="token-2", superseded=("token-1",)), old)
    before = world.state()
    with pytest.raises(errors.Conflict, match="PURCHASE_OWNED_BY_ANOTHER_ACCOUNT"):
        world.claim("ada", "purchase")
    assert world.state() == before


def test_a_purchase_of_somebody_else_is_not_had_by_an_upgrade(world: BillingWorld) -> None:
    old = replace(seen(external_id="token-1", account="bob"), provider=APPLE)
    world.tell("e1", old)
    world.sell("purchase", old)
    before = world.state()
    with pytest.raises(errors.Conflict, match="PURCHASE_OWNED_BY_ANOTHER_ACCOUNT"):
        world.claim("ada", "purchase")
    assert world.state() == before


def test_a_granted_plan_comes_back_when_what_was_bought_over_it_is_refunded(world: BillingWorld) -> None:
    granted = paid(SIGNED_UP, provider=SubscriptionProvider.INTERNAL, end_date=ENDS - timedelta(days=3))
    refund = payment(5, status=PaymentStatus.REFUNDED, changed_at=BOUGHT + timedelta(hours=5))
    words = {"bought": (seen(account="cleo"), payment()), "refunded": (seen(account="cleo"), refund)}
    ends = []
    for order in itertools.permutations(words):
        for item in world.items():
            item.delete()
        world.settle("cleo", subscription=granted)
        for name in order:
            world.tell(name, *words[name])
            world.tell(f"{name} again", *words[name])
        plan = world.plan("cleo")
        ends.append((plan.tier, plan.provider, plan.end_date, plan.subscription_status))
    assert ends[0] == ends[1]
    assert ends[0][1] is SubscriptionProvider.INTERNAL
    assert ends[0][3] == "active"


def test_a_granted_plan_that_was_bought_over_is_not_had_twice_and_bought_over_again(world: BillingWorld) -> None:
    granted = paid(SIGNED_UP, provider=SubscriptionProvider.INTERNAL, end_date=ENDS - timedelta(days=3))
    world.settle("cleo", subscription=granted)
    world.tell("e1", seen(account="cleo"), payment())
    assert (world.plan("cleo").provider, world.plan("cleo").end_date) == (STRIPE, ENDS)
    world.tell("e2", seen(account="cleo"), payment(5, status=PaymentStatus.REFUNDED))
    assert world.user("cleo").data.granted_subscription is None
    world.tell("e3", seen(account="cleo"), payment(6))

    assert (world.plan("cleo").provider, world.plan("cleo").end_date) == (STRIPE, ENDS)
    kept = world.user("cleo").data.granted_subscription
    assert (kept.provider, kept.end_date) == (SubscriptionProvider.INTERNAL, ENDS - timedelta(days=3))


def test_a_payment_that_waits_with_two_purchases_comes_home_once(world: BillingWorld) -> None:
    for name in ("token-1", "token-2"):
        world.tell(f"e-{name}", seen(external_id=name), payment(subscription_external_id=name))
    world.tell("e3", *(seen(1, external_id=name, account="ada") for name in ("token-1", "token-2")))

    assert [one.data.provider_transaction_id for one in world.paid("ada")] == ["in_1"]
    assert world.items("UNCLAIMED#") == []
