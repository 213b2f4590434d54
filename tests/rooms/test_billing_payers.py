"""A payment stays with who made it, when the subscription has come to another account and words of it come late."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import Facts, PaymentSeen
from chalicelib.models.states import Tier
from tests.rooms.billing_world import APPLE, BillingWorld, later_term, of_store
from tests.unit.billing.words import BOUGHT, payment, seen


@pytest.fixture
def world(any_engine: TableConnection, settings: Settings) -> BillingWorld:
    found = BillingWorld(settings)
    found.settle("ada", "bob")
    return found


def paid_after(hours: int, transaction_id: str, account: str | None = None) -> PaymentSeen:
    at = BOUGHT + timedelta(hours=hours)
    return payment(hours, transaction_id=transaction_id, purchased_at=at, account=account)


def tell(world: BillingWorld, event_id: str, facts: Facts) -> None:
    world.notices.apply(world.notice(event_id, of_store(APPLE, facts)))


def payers(world: BillingWorld) -> dict[str, list[str]]:
    return {one: sorted(item.data.provider_transaction_id for item in world.paid(one)) for one in ("ada", "bob")}


def test_old_payments_beside_a_newer_term_are_with_whom_their_transactions_name(world: BillingWorld) -> None:
    bobs = seen(account="bob", term=later_term(9, transaction_id="in_2"))
    tell(world, "e1", Facts((bobs,), (paid_after(0, "in_1", "ada"), paid_after(9, "in_2", "bob"))))
    assert payers(world) == {"ada": ["in_1"], "bob": ["in_2"]}
    assert world.plan("bob").tier is Tier.PREMIUM


@pytest.mark.parametrize("is_late", [True, False])
def test_a_payment_that_names_nobody_is_with_who_claimed_the_subscription_when_it_was_made(
    world: BillingWorld, is_late: bool
) -> None:
    world.sell("signed", seen(), payment())
    world.claim("ada", "signed")
    renewed = Facts((seen(5, term=later_term(5, transaction_id="in_2")),), (paid_after(5, "in_2"),))
    moved = seen(account="bob", term=later_term(9, transaction_id="in_3"))
    words = {"renewed": renewed, "moved": Facts((moved,), (paid_after(9, "in_3", "bob"),))}
    for name in reversed(words) if is_late else words:
        tell(world, name, words[name])
        tell(world, name, words[name])

    assert payers(world) == {"ada": ["in_1", "in_2"], "bob": ["in_3"]}
    assert (world.plan("ada").tier, world.plan("bob").tier) == (Tier.FREE, Tier.PREMIUM)
