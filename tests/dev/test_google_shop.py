"""The simulated Google Play: what can happen when, what it tells, and that what it holds to be so is what is read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.billing.periods import months_after
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.states import Tier
from dev.storefront.google_book import PACKAGE_NAME
from dev.storefront.google_shop import PATIENCE
from dev.storefront.google_words import Purchase, State
from dev.storefront.words import Happening, Sealer
from tests.unit.gateways.play_world import ACCOUNT, PlayWorld, play_world

H = Happening
NEVER = {H.REVERSE_REFUND, H.DISPUTE, H.WIN_DISPUTE, H.LOSE_DISPUTE, H.STOP_SHARING}


@pytest.fixture(scope="module")
def module_world() -> Iterator[PlayWorld]:
    with play_world() as world:
        yield world


@pytest.fixture
def world(module_world: PlayWorld) -> Iterator[PlayWorld]:
    # What other tests left unacknowledged would be refunded in the middle of this one.
    for token in module_world.shop.book.purchases:
        module_world.shop.book.acknowledge(token)
    module_world.shop.take_deliveries()
    yield module_world


def purchase(world: PlayWorld, token: str) -> Purchase:
    return world.shop.book.purchases[token]


def types(world: PlayWorld) -> list[tuple[str, str | None]]:
    """What was told since the last time: the type, and of which purchase."""
    return [(notice.event_type, notice.payload.get("purchase_token")) for notice in world.notices()]


def test_a_push_is_what_pub_sub_sends(world: PlayWorld) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    (delivery,) = world.shop.take_deliveries()
    envelope = json.loads(delivery.body)
    told = json.loads(base64.b64decode(envelope["message"]["data"]))

    assert (delivery.path, envelope["message"]["messageId"]) == ("/webhooks/google", delivery.event_id)
    assert told["packageName"] == PACKAGE_NAME
    assert told["subscriptionNotification"]["purchaseToken"] == token
    assert delivery.headers["authorization"].startswith("Bearer ey")


def test_every_attempt_is_signed_anew(world: PlayWorld) -> None:
    assert isinstance(world.shop, Sealer)
    world.shop.buy(ACCOUNT, "premium_monthly")
    (delivery,) = world.shop.take_deliveries()
    world.wait(hours=3)
    again = world.shop.sealed_anew(delivery)
    assert (again.event_id, again.body) == (delivery.event_id, delivery.body)
    assert world.store.verify(again.body, again.headers).is_known


LIVES: dict[str, tuple[list[Happening], list[str], Phase, Tier]] = {
    "renewed": ([H.RENEW], ["RENEWED"], Phase.ACTIVE, Tier.PREMIUM),
    "cancelled": ([H.CANCEL], ["CANCELED"], Phase.ACTIVE, Tier.PREMIUM),
    "restarted": ([H.CANCEL, H.UNCANCEL], ["CANCELED", "RESTARTED"], Phase.ACTIVE, Tier.PREMIUM),
    "expired": ([H.CANCEL, H.EXPIRE], ["CANCELED", "EXPIRED"], Phase.EXPIRED, Tier.FREE),
    "in grace": ([H.FAIL_INTO_GRACE], ["IN_GRACE_PERIOD"], Phase.GRACE, Tier.PREMIUM),
    "on hold": ([H.FAIL_INTO_RETRY], ["ON_HOLD"], Phase.RETRY, Tier.FREE),
    "hold after grace": (
        [H.FAIL_INTO_GRACE, H.FAIL_INTO_RETRY],
        ["IN_GRACE_PERIOD", "ON_HOLD"],
        Phase.RETRY,
        Tier.FREE,
    ),
    "recovered from grace": (
        [H.FAIL_INTO_GRACE, H.RECOVER],
        ["IN_GRACE_PERIOD", "RECOVERED"],
        Phase.ACTIVE,
        Tier.PREMIUM,
    ),
    "recovered from hold": ([H.FAIL_INTO_RETRY, H.RECOVER], ["ON_HOLD", "RECOVERED"], Phase.ACTIVE, Tier.PREMIUM),
    "never recovered": ([H.FAIL_INTO_RETRY, H.EXPIRE], ["ON_HOLD", "CANCELED", "EXPIRED"], Phase.EXPIRED, Tier.FREE),
    "paused": ([H.PAUSE], ["PAUSE_SCHEDULE_CHANGED", "PAUSED"], Phase.PAUSED, Tier.FREE),
    "resumed": ([H.PAUSE, H.RESUME], ["PAUSE_SCHEDULE_CHANGED", "PAUSED", "RECOVERED"], Phase.ACTIVE, Tier.PREMIUM),
    "unknown": ([H.UNKNOWN_NEWS], ["99"], Phase.ACTIVE, Tier.PREMIUM),
}


@pytest.mark.parametrize("life", LIVES)
def test_what_is_read_is_what_google_holds_to_be_so(world: PlayWorld, life: str) -> None:
    happenings, told, phase, tier = LIVES[life]
    token = world.bought()
    for happening in happenings:
        assert world.shop.can(token, happening)
        assert world.shop.happen(token, happening) == token
    assert [name.removeprefix("SUBSCRIPTION_") for name, _ in types(world)] == told

    seen, truth = world.seen(token), world.shop.truth(token)
    assert seen.renewal is not None and seen.term is not None
    assert (seen.renewal.phase, truth.tier, truth.account) == (phase, tier, ACCOUNT)
    assert seen.renewal.will_renew == truth.will_renew
    if truth.until is not None:
        assert (seen.renewal.grace_ends_at or seen.term.ends_at) == truth.until


@pytest.mark.parametrize("happening", sorted(NEVER))
def test_google_knows_no_way_back_from_a_refund_no_open_disputes_and_no_sharing(
    world: PlayWorld, happening: Happening
) -> None:
    token = world.bought()
    assert not world.shop.can(token, happening)
    world.shop.happen(token, H.REFUND)
    assert not world.shop.can(token, happening)
    with pytest.raises(ValueError, match="cannot happen now"):
        world.shop.happen(token, happening)


def test_a_subscription_cannot_be_shared_and_a_plan_must_exist(world: PlayWorld) -> None:
    with pytest.raises(ValueError, match="shares no subscriptions"):
        world.shop.buy(ACCOUNT, "family_monthly", is_shared=True)
    with pytest.raises(ValueError, match="premium_monthly"):
        world.shop.buy(ACCOUNT, "gold_weekly")


def test_terms_end_on_the_anchors_day_through_short_months(world: PlayWorld) -> None:
    world.wait(days=(datetime(2027, 1, 31, 12, tzinfo=world.clock.now().tzinfo) - world.clock.now()).days)
    token = world.bought()
    anchor = purchase(world, token).anchor
    for months in range(2, 6):
        world.shop.happen(token, H.RENEW)
        assert purchase(world, token).expires_at == months_after(anchor, months)
        term = world.seen(token).term
        assert term is not None and term.anchor_at == anchor


def test_after_a_hold_the_day_of_billing_moves(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.happen(token, H.FAIL_INTO_RETRY)
    world.wait(days=9)
    world.shop.happen(token, H.RECOVER)
    seen = world.seen(token)
    started_at = purchase(world, token).started_at
    assert seen.term is not None and started_at is not None
    assert seen.term.anchor_at == seen.term.began_at > started_at + timedelta(days=30)


def test_an_upgrade_replaces_the_purchase_at_once(world: PlayWorld) -> None:
    old = world.bought()
    new = world.shop.happen(old, H.UPGRADE)
    assert types(world) == [("SUBSCRIPTION_PURCHASED", new), ("SUBSCRIPTION_EXPIRED", old)]
    assert world.shop.truth(new).tier is Tier.FAMILY
    assert world.shop.truth(old).tier is Tier.FREE
    assert not any(world.shop.can(old, one) for one in set(Happening) - {H.UNKNOWN_NEWS})


def test_a_downgrade_takes_effect_with_the_next_term(world: PlayWorld) -> None:
    old = world.bought("family_yearly")
    new = world.shop.happen(old, H.DOWNGRADE)
    world.shop.book.acknowledge(new)
    assert world.shop.truth(new).tier is Tier.FAMILY
    assert not world.shop.can(new, H.DOWNGRADE)
    world.shop.happen(new, H.RENEW)
    assert world.shop.truth(new).tier is Tier.PREMIUM
    assert [order.paid.amount for order in purchase(world, new).orders] == [Decimal("199.99"), Decimal("99.99")]


def test_a_pending_purchase_opens_nothing_until_it_is_paid(world: PlayWorld) -> None:
    token = world.shop.buy_slowly(ACCOUNT, "premium_yearly")
    assert world.shop.truth(token).tier is Tier.FREE
    world.shop.complete(token)
    assert world.shop.truth(token).tier is Tier.PREMIUM
    other = world.shop.buy_slowly(ACCOUNT, "premium_yearly")
    world.shop.give_up(other)
    assert not world.shop.truth(other).will_renew


def test_what_nobody_acknowledges_is_refunded_after_three_days(world: PlayWorld) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    world.shop.take_deliveries()
    world.wait(days=2, hours=23)
    assert world.shop.truth(token).tier is Tier.PREMIUM
    world.wait(hours=2)
    assert types(world) == [("SUBSCRIPTION_REVOKED", token), ("VOIDED_PURCHASE", token)]
    assert world.shop.truth(token).tier is Tier.FREE
    refunded_at, started_at = purchase(world, token).orders[-1].refunded_at, purchase(world, token).started_at
    assert refunded_at is not None and started_at is not None and refunded_at - started_at == PATIENCE


def test_what_the_service_acknowledges_in_time_is_kept(world: PlayWorld) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    world.wait(days=2, hours=23)
    world.store.acknowledge(world.seen(token))
    world.wait(days=5)
    assert world.shop.truth(token).tier is Tier.PREMIUM


def test_no_time_passes_over_a_purchase_that_is_going_to_be_refunded(world: PlayWorld) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    assert not world.shop.can(token, H.RENEW) and not world.shop.can(token, H.PAUSE)
    assert world.shop.can(token, H.CANCEL)
    world.shop.book.acknowledge(token)
    assert world.shop.can(token, H.RENEW)


def test_a_patient_shop_refunds_nothing_and_forgets_nothing() -> None:
    with play_world(patience=None, memory=None) as world:
        token = world.shop.buy(ACCOUNT, "premium_monthly")
        world.shop.happen(token, H.RENEW)
        world.shop.happen(token, H.CANCEL)
        world.shop.happen(token, H.EXPIRE)
        world.wait(days=400)
        assert purchase(world, token).state is State.EXPIRED
        assert world.store.look(token) is not None


def test_the_same_seed_draws_the_same_tokens() -> None:
    def tokens(**options: Any) -> list[str]:
        with play_world(**options) as world:
            return [world.shop.buy(None, "premium_monthly") for _ in range(3)]

    assert tokens(seed=7) == tokens(seed=7) != tokens(seed=8)


@pytest.mark.parametrize("path", ["/inApps/v1/x", "/v1/subscriptions", "/control/buy", "/", "/androidpublisher"])
def test_paths_of_others_are_left_to_them(world: PlayWorld, path: str) -> None:
    assert world.shop.answer("GET", path, {}, b"") is None


@pytest.mark.parametrize("authorization", ["", "Bearer invented", "Basic x"])
def test_nobody_is_answered_without_a_token_of_ours(world: PlayWorld, authorization: str) -> None:
    path = f"/androidpublisher/v3/applications/{PACKAGE_NAME}/purchases/voidedpurchases?type=1"
    answer = world.shop.answer("GET", path, {"authorization": authorization}, b"")
    assert answer is not None and answer.status == 401
