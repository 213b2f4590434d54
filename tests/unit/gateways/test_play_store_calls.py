"""Google Play over real HTTP: voided purchases, acknowledgement, and what happens while Google does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib import errors
from chalicelib.gateways.provider_facts import SubscriptionSeen
from chalicelib.models.states import SubscriptionProvider
from dev.storefront.google_book import PACKAGE_NAME
from dev.storefront.words import Happening
from tests.unit.gateways.play_world import ACCOUNT, PlayWorld, play_world


@pytest.fixture(scope="module")
def module_world() -> Iterator[PlayWorld]:
    with play_world() as world:
        yield world


@pytest.fixture
def world(module_world: PlayWorld) -> Iterator[PlayWorld]:
    yield module_world
    module_world.shop.api.is_down = False
    module_world.shop.api.troubles.clear()
    module_world.shop.take_deliveries()


def test_the_voided_purchases_are_read_page_by_page(world: PlayWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.gateways.play_store_api._VOIDED_A_PAGE", 2)
    since = world.clock.now()
    tokens = [world.bought() for _ in range(5)]
    for token in tokens:
        world.shop.happen(token, Happening.REFUND)
    world.shop.api.calls.clear()
    found = list(world.store.missed(since, world.clock.now()))

    assert [one.payload["purchase_token"] for one in found] == tokens
    assert len([call for call in world.shop.api.calls if call.endswith("voidedpurchases")]) == 3
    assert len({one.event_id for one in found}) == 5
    assert [one.event_id for one in world.store.missed(since, world.clock.now())] == [one.event_id for one in found]


def test_voided_purchases_are_asked_for_no_further_back_than_google_remembers(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.happen(token, Happening.REFUND)
    since = world.clock.now() - timedelta(days=400)
    later = world.clock.now() + timedelta(days=1)
    assert token in [one.payload["purchase_token"] for one in world.store.missed(since, later)]
    assert list(world.store.missed(later, later)) == []


def test_a_purchase_is_acknowledged_twice_without_harm(world: PlayWorld) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    seen = world.seen(token)
    world.store.acknowledge(seen)
    world.store.acknowledge(seen)
    assert world.shop.book.purchases[token].is_acknowledged
    assert not world.seen(token).needs_acknowledgement


def test_what_needs_no_acknowledgement_is_not_acknowledged(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.api.calls.clear()
    seen = world.seen(token)
    world.store.acknowledge(seen)
    world.store.acknowledge(SubscriptionSeen(SubscriptionProvider.GOOGLE, token, needs_acknowledgement=True))
    assert not [call for call in world.shop.api.calls if call.endswith(":acknowledge")]


def test_a_purchase_that_cannot_be_acknowledged_any_more_is_no_error(world: PlayWorld) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    seen = world.seen(token)
    world.shop.happen(token, Happening.REFUND)
    world.store.acknowledge(seen)
    assert not world.shop.book.purchases[token].is_acknowledged


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 502, 503, 504])
def test_a_store_that_does_not_answer_is_unavailable(world: PlayWorld, status: int) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    (notice,), seen = world.notices(), world.seen(token)
    for call in (
        lambda: world.store.read(notice),
        lambda: world.store.claim(token, "serenya_premium"),
        lambda: world.store.look(token),
        lambda: list(world.store.missed(world.clock.now() - timedelta(hours=1), world.clock.now())),
        lambda: world.store.acknowledge(seen),
    ):
        world.shop.api.troubles.extend([status] * 2)
        with pytest.raises(errors.Unavailable, match="PROVIDER_UNAVAILABLE"):
            call()
        world.shop.api.troubles.clear()


@pytest.mark.parametrize("status", [401, 503])
def test_one_failure_is_made_good_at_once(world: PlayWorld, status: int) -> None:
    token = world.bought()
    world.shop.api.troubles.append(status)
    assert world.store.look(token) is not None


def test_a_token_that_was_revoked_is_replaced(world: PlayWorld) -> None:
    token = world.bought()
    world.store.look(token)
    world.shop.api.revoke_tokens()
    assert world.store.look(token) is not None


def test_a_wrong_package_name_is_ours_to_mend_and_no_fault_of_the_purchase(world: PlayWorld) -> None:
    token = world.bought()
    with pytest.raises(errors.Unavailable):
        world.gateway(package_name=f"{PACKAGE_NAME}.other").claim(token, "serenya_premium")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://play.example/x"])
def test_nobody_there_and_no_tls_are_unavailable(world: PlayWorld, url: str) -> None:
    for changes in ({"api_url": url}, {"token_url": url}):
        with pytest.raises(errors.Unavailable):
            world.gateway(**changes).look("a.token.that-could-be")
