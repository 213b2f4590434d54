"""The gateway and the simulated Stripe, over real HTTP and with real signatures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.gateways.provider_facts import Facts, Notice, Phase, Provider
from chalicelib.gateways.stripe import Stripe
from chalicelib.gateways.stripe_events import ASKED_FOR, KNOWN
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from dev.storefront.server import StorefrontServer
from dev.storefront.words import Happening
from tests.unit.gateways.stripe_world import USER, StripeWorld


@pytest.fixture(scope="module")
def server() -> Iterator[StorefrontServer]:
    with StorefrontServer() as running:
        yield running


@pytest.fixture
def world(server: StorefrontServer) -> StripeWorld:
    return StripeWorld(server)


def _notice(event_type: str, **payload: str) -> Notice:
    at = datetime(2026, 3, 14, tzinfo=UTC)
    return Notice(SubscriptionProvider.STRIPE, "evt", event_type, at, event_type in KNOWN, payload)


def _without_versions(facts: Facts) -> str:
    """What is said, whenever it was asked."""
    parts = []
    for one in facts.subscriptions:
        assert one.term is not None
        assert one.renewal is not None
        parts += [repr(one.account), repr(one.term)[: repr(one.term).index("version")]]
        parts += [one.renewal.phase, str(one.renewal.will_renew)]
    return repr((parts, [(p.transaction_id, p.status, p.money, p.refunded) for p in facts.payments]))


def test_a_purchase_is_told_with_its_account_its_term_and_its_payment(world: StripeWorld) -> None:
    external_id = world.shop.buy(USER, "family_yearly")
    facts = world.read(world.shop.take_deliveries()[0])
    (seen,), (payment,) = facts.subscriptions, facts.payments
    assert seen.term is not None
    assert seen.renewal is not None

    assert (seen.external_id, seen.account) == (external_id, USER)
    assert (seen.term.product, seen.term.anchor_at) == ("price_family_yearly", seen.term.began_at)
    assert (seen.term.ends_at.year, seen.term.ends_at.month) == (2027, 3)
    assert (seen.renewal.phase, seen.renewal.will_renew) == (Phase.ACTIVE, True)
    assert (payment.transaction_id, str(payment.money.amount)) == (seen.term.transaction_id, "199.99")
    assert not seen.needs_acknowledgement


LIVES: list[tuple[Happening, ...]] = [
    (Happening.RENEW,),
    (Happening.CANCEL,),
    (Happening.CANCEL, Happening.UNCANCEL),
    (Happening.CANCEL, Happening.EXPIRE),
    (Happening.FAIL_INTO_GRACE,),
    (Happening.FAIL_INTO_GRACE, Happening.RECOVER),
    (Happening.FAIL_INTO_RETRY, Happening.RECOVER),
    (Happening.FAIL_INTO_RETRY, Happening.EXPIRE),
    (Happening.UPGRADE,),
    (Happening.UPGRADE, Happening.DOWNGRADE),
    (Happening.UPGRADE, Happening.DOWNGRADE, Happening.RENEW),
    (Happening.PAUSE,),
    (Happening.PAUSE, Happening.RESUME),
    (Happening.REFUND,),
    (Happening.REFUND, Happening.REVERSE_REFUND),
    (Happening.DISPUTE,),
    (Happening.DISPUTE, Happening.WIN_DISPUTE),
    (Happening.DISPUTE, Happening.LOSE_DISPUTE),
]


@pytest.mark.parametrize("life", LIVES, ids="-".join)
def test_every_event_leads_to_the_present_state_whatever_it_is_about(
    world: StripeWorld, life: tuple[Happening, ...]
) -> None:
    external_id = world.bought()
    deliveries = world.happened(external_id, *life)
    looked = world.gateway.look(external_id)
    assert looked is not None
    assert deliveries

    for delivery in deliveries:
        assert world.notice(delivery).is_known
        assert _without_versions(world.read(delivery)) == _without_versions(looked)


@pytest.mark.parametrize(
    ("life", "status", "refunded"),
    [
        ((Happening.REFUND,), PaymentStatus.REFUNDED, Decimal("9.99")),
        ((Happening.REFUND, Happening.REVERSE_REFUND), PaymentStatus.COMPLETED, None),
        ((Happening.DISPUTE,), PaymentStatus.DISPUTED, None),
        ((Happening.DISPUTE, Happening.WIN_DISPUTE), PaymentStatus.COMPLETED, None),
        ((Happening.DISPUTE, Happening.LOSE_DISPUTE), PaymentStatus.DISPUTED, None),
    ],
)
def test_money_that_goes_back_and_comes_again_is_told_under_one_id(
    world: StripeWorld, life: tuple[Happening, ...], status: PaymentStatus, refunded: Decimal | None
) -> None:
    external_id = world.bought()
    before = world.payment(external_id)
    world.happened(external_id, *life)
    after = world.payment(external_id)

    assert (after.status, after.refunded) == (status, refunded)
    assert (after.transaction_id, after.processed_at) == (before.transaction_id, before.processed_at)
    assert before.version < after.version


def test_a_refund_in_part_keeps_the_payment_completed(world: StripeWorld) -> None:
    external_id = world.bought()
    world.shop.refund(external_id, 250)
    payment = world.payment(external_id)

    assert (payment.status, payment.refunded) == (PaymentStatus.COMPLETED, Decimal("2.50"))


def test_a_refund_of_an_old_invoice_is_found_behind_a_year_of_newer_ones(world: StripeWorld) -> None:
    external_id = world.bought()
    first = world.payment(external_id).transaction_id
    world.happened(external_id, *[Happening.RENEW] * 13)
    charge = world.shop.money.charge_of(first)
    assert charge is not None
    world.shop.money.refund(charge)
    told = {one.transaction_id: one for one in world.read(world.shop.take_deliveries()[0]).payments}

    assert len(told) == 13
    assert told[first].status is PaymentStatus.REFUNDED


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"id": "cs_1"},
        {"subscription": "sub_none"},
        {"invoice": "in_none"},
        {"charge": "ch_none"},
        {"payment_intent": "pi_none"},
    ],
)
def test_an_event_about_nothing_of_ours_says_nothing(world: StripeWorld, payload: dict[str, str]) -> None:
    assert world.gateway.read(_notice("charge.refunded", **payload)) == Facts()


def test_a_charge_without_an_intent_in_its_event_is_asked_for(world: StripeWorld) -> None:
    external_id = world.bought()
    charge = world.shop.money.charge_of(world.payment(external_id).transaction_id)
    assert charge is not None

    (seen,) = world.gateway.read(_notice("charge.dispute.created", charge=charge["id"])).subscriptions
    assert seen.external_id == external_id


def test_a_subscription_that_stripe_does_not_know_is_none(world: StripeWorld) -> None:
    assert world.gateway.look("sub_none") is None


def test_what_people_wrote_on_their_cards_gets_nowhere(world: StripeWorld) -> None:
    facts = world.gateway.look(world.bought())

    assert "Jane" not in repr(facts)
    assert not re.search(r"\b4242\b", repr(facts)), "the end of a card; a random id may contain it"


def test_a_subscription_of_the_other_mode_is_never_taken(world: StripeWorld) -> None:
    external_id = world.bought()
    with pytest.raises(errors.Unavailable):
        world.gateway_with(is_live=True).look(external_id)


def test_missed_tells_every_event_of_a_time_oldest_first(world: StripeWorld) -> None:
    began = world.clock.now()
    external_id = world.bought()
    for happening in (Happening.RENEW, Happening.REFUND, Happening.REVERSE_REFUND, Happening.UNKNOWN_NEWS):
        world.shop.happen(external_id, happening)
    middle = world.clock.now()
    world.happened(external_id, *[Happening.RENEW] * 2)
    sent = [one for one in world.shop.ledger.events if one["type"] in ASKED_FOR]

    told = list(world.gateway.missed(began, world.clock.now()))
    assert [one.event_id for one in told] == [one["id"] for one in sent]
    early = [one.event_id for one in world.gateway.missed(began, middle)]
    assert early == [one["id"] for one in sent if one["created"] <= int(middle.timestamp())]
    assert world.gateway.read(told[0]).subscriptions[0].external_id == external_id


def test_missed_pages_through_a_busy_day(world: StripeWorld) -> None:
    began = world.clock.now()
    for _ in range(120):
        world.bought()

    assert len(list(world.gateway.missed(began, world.clock.now()))) == 360


def test_nothing_is_missed_where_nothing_was_sent(world: StripeWorld) -> None:
    world.bought()
    ago = world.clock.now() - timedelta(days=30)

    assert list(world.gateway.missed(ago, ago + timedelta(days=2))) == []


def test_it_is_one_of_the_three_providers(world: StripeWorld) -> None:
    provider: Provider = world.gateway
    assert provider.name is SubscriptionProvider.STRIPE


def test_stripe_wants_no_acknowledgement(world: StripeWorld) -> None:
    seen = world.seen(world.bought())
    asked = len(world.shop.desk.calls)
    world.gateway.acknowledge(seen)

    assert len(world.shop.desk.calls) == asked


def test_a_deliverys_body_is_what_stripe_signed(world: StripeWorld) -> None:
    world.shop.buy(USER, "premium_monthly")
    delivery = world.shop.take_deliveries()[0]
    event: dict[str, Any] = json.loads(delivery.body)

    assert (event["id"], delivery.path) == (delivery.event_id, "/webhooks/stripe")
    assert isinstance(world.gateway, Stripe)
    assert world.notice(delivery).event_id == event["id"]
