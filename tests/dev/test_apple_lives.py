"""Whatever happens in the simulated App Store, and in whatever order it is heard of, leads to what the store holds."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.gateways.provider_facts import Facts, Phase, RenewalSeen, TermSeen
from chalicelib.models.states import Tier
from dev.storefront.lives import Life, live, lives
from tests.unit.gateways.app_store_world import ACCOUNT, World


def newest(told: list[Facts]) -> tuple[TermSeen, RenewalSeen]:
    """The greatest words of all that was told of one subscription."""
    seen = [subscription for facts in told for subscription in facts.subscriptions]
    terms = [one.term for one in seen if one.term is not None]
    renewals = [one.renewal for one in seen if one.renewal is not None]
    return max(terms, key=lambda term: term.version), max(renewals, key=lambda renewal: renewal.version)


@settings(max_examples=40, deadline=None)
@given(lives(may_be_shared=True), st.integers(0, 2**32))
def test_the_newest_words_agree_with_the_store_in_any_order(life: Life, seed: int) -> None:
    world = World()
    story = live(life, world.shop, world.clock, ACCOUNT, lambda _: None)
    truth = world.shop.truth(story[-1][1])
    told = [world.facts(delivery) for delivery in world.shop.take_deliveries()]
    random.Random(seed).shuffle(told)
    term, renewal = newest(told)
    until = None if term.revoked_at is not None else renewal.grace_ends_at or term.ends_at
    is_open = until is not None and world.clock.now() < until and renewal.phase in (Phase.ACTIVE, Phase.GRACE)
    tier = Tier(term.product.split(".")[2]) if is_open else Tier.FREE
    assert (tier, renewal.will_renew, until) == (truth.tier, truth.will_renew, truth.until)
