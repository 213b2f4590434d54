"""Whole lives at the simulated Stripe: whatever the order in which we read, we decide as Stripe holds it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest

from chalicelib.billing.decision import Decision, decide
from chalicelib.billing.known import Cause, ExternalKey, Known
from chalicelib.billing.merge import learn
from chalicelib.billing.products import Products
from chalicelib.billing.standing import effective_tier
from chalicelib.models.states import SubscriptionProvider, Tier
from dev.storefront.server import StorefrontServer
from dev.storefront.words import Delivery, Happening
from tests.unit.gateways.stripe_world import USER, StripeWorld

STRIPE = SubscriptionProvider.STRIPE


@pytest.fixture(scope="module")
def server() -> Iterator[StorefrontServer]:
    with StorefrontServer() as running:
        yield running


def _learned(world: StripeWorld, known: Known, deliveries: Iterable[Delivery]) -> Known:
    for delivery in deliveries:
        notice = world.notice(world.shop.sealed_anew(delivery))
        cause = Cause(notice.happened_at, notice.event_id, notice.event_type)
        known = learn(known, world.gateway.read(notice), cause)
    return known


def _looked(world: StripeWorld, external_id: str) -> Known:
    facts = world.gateway.look(external_id)
    assert facts is not None
    return learn(Known(), facts, Cause(world.clock.now(), "look", "look"))


def _decided(world: StripeWorld, known: Known, external_id: str) -> Decision:
    products = Products({STRIPE: world.shop.products})
    subscription = known.subscriptions[ExternalKey(STRIPE, external_id)]
    return decide(subscription, list(known.payments.values()), products)


def _lived(server: StorefrontServer, seed: int) -> None:
    """Let one life happen; hear of it at once but for what comes late, and hear of it afterwards, shuffled."""
    chance, world = random.Random(seed), StripeWorld(server)
    bought = [world.shop.buy(USER, chance.choice(list(world.shop.products.values())))]
    told = world.shop.take_deliveries()
    at_once, late, life = _learned(world, Known(), told), [], list[Happening]()
    for _ in range(chance.randint(1, 8)):
        life.append(chance.choice([one for one in Happening if world.shop.can(bought[-1], one)]))
        world.clock.advance(timedelta(hours=chance.randint(0, 100)))
        bought.append(world.shop.happen(bought[-1], life[-1]))
        _agree(world, _decided(world, _looked(world, bought[-1]), bought[-1]), bought[-1], life)
        sent = world.shop.take_deliveries()
        told += sent
        punctual = [one for one in sent if chance.random() < 0.7]
        late += [one for one in sent if one not in punctual]
        at_once = _learned(world, at_once, chance.sample(punctual, len(punctual)))
    at_once = _learned(world, at_once, late)
    afterwards = _learned(world, Known(), chance.sample(told, len(told)) + told[:3])

    for known in (at_once, afterwards):
        for external_id in set(bought):
            _agree(world, _decided(world, known, external_id), external_id, life)
    assert _payments(at_once) == _payments(afterwards)


def _agree(world: StripeWorld, decision: Decision, external_id: str, life: list[Happening]) -> None:
    truth, now = world.shop.truth(external_id), world.clock.now()
    tier = effective_tier(decision.tier, decision.status, decision.end_date, now, decision.grace_end_date)
    assert (tier, decision.auto_renew) == (truth.tier, truth.will_renew), life
    assert tier is Tier.FREE or decision.lasts_until == truth.until, life


def _payments(known: Known) -> dict[str, tuple[object, ...]]:
    return {
        key.external_id: (one.status, one.seen.money, one.seen.refunded, one.processed_at)
        for key, one in known.payments.items()
    }


@pytest.mark.parametrize("seed", range(12))
def test_a_life_is_decided_as_stripe_holds_it(server: StorefrontServer, seed: int) -> None:
    _lived(server, seed)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_many_lives_are_decided_as_stripe_holds_them(server: StorefrontServer) -> None:
    for seed in range(1_000, 1_500):
        _lived(server, seed)
