"""What the App Store's server answers about one subscription: its payments, and answers that fit nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.models.states import PaymentStatus
from dev.storefront.apple_api import PAGE
from dev.storefront.apple_subscriptions import milliseconds
from dev.storefront.words import Happening, HttpAnswer
from tests.unit.gateways.app_store_world import ACCOUNT, World, payment, renewal, subscription, term, world_over_http


@pytest.fixture
def world() -> Iterator[World]:
    with world_over_http() as running:
        yield running


def answering(world: World, content: Any) -> None:
    world.shop.api.trouble = HttpAnswer(200, json.dumps(content).encode())


def test_a_look_finds_payments_whose_notifications_were_lost(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_yearly")
    for happening in (Happening.RENEW, Happening.UPGRADE, Happening.RENEW):
        world.shop.happen(external_id, happening)
    told = [payment(world.facts(delivery)) for delivery in world.shop.take_deliveries()]
    facts = world.store.look(external_id)
    assert facts is not None
    found = {paid.transaction_id: paid for paid in facts.payments}
    assert list(found) == [one.transaction_id for one in reversed(told)]
    assert [found[one.transaction_id].money for one in told] == [one.money for one in told]
    assert all(found[one.transaction_id].version > one.version for one in told)


def test_a_look_finds_the_refund_of_an_old_payment(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.shop.happen(external_id, Happening.RENEW)
    first, second = world.shop.transaction_ids(external_id)
    world.shop.refund(external_id, first)
    facts = world.store.look(external_id)
    assert facts is not None
    assert {paid.transaction_id: paid.status for paid in facts.payments} == {
        first: PaymentStatus.REFUNDED,
        second: PaymentStatus.COMPLETED,
    }
    assert term(facts).revoked_at is None


def test_a_look_asks_two_questions_however_long_a_subscription_has_run(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    for _ in range(PAGE + 3):
        world.shop.happen(external_id, Happening.RENEW)
    facts = world.store.look(external_id)
    assert facts is not None
    assert world.shop.api.questions == 2
    assert {paid.transaction_id for paid in facts.payments} == set(world.shop.transaction_ids(external_id)[-PAGE:])


def test_other_subscriptions_of_the_customer_are_not_mixed_in(world: World) -> None:
    one, other = (world.shop.buy(ACCOUNT, plan_id) for plan_id in ("premium_monthly", "family_yearly"))
    both = [*(world.shop._statuses_of(other) or []), *(world.shop._statuses_of(one) or [])]
    signed = [world.shop.signed_transaction(one), world.shop.signed_transaction(other)]
    answering(
        world, {"data": [{"lastTransactions": both[:1]}, {"lastTransactions": both[1:]}], "signedTransactions": signed}
    )
    facts = world.store.look(one)
    assert facts is not None
    assert subscription(facts).external_id == payment(facts).subscription_external_id == one


@pytest.mark.parametrize(
    "content",
    [{}, {"data": None}, {"data": [5]}, {"data": [{}]}, {"data": [{"lastTransactions": {"originalTransactionId": 1}}]}],
)
def test_an_answer_without_the_subscription_knows_none(world: World, content: Any) -> None:
    answering(world, content)
    assert world.store.look("2000000000000001") is None


@pytest.mark.parametrize("signed", [None, "a.b.c", 5])
def test_an_answer_that_apple_did_not_sign_is_not_taken(world: World, signed: Any) -> None:
    item = {"originalTransactionId": "2000000000000001", "status": 1, "signedTransactionInfo": signed}
    answering(world, {"data": [{"lastTransactions": [item]}]})
    with pytest.raises(errors.Unavailable):
        world.store.look("2000000000000001")


def test_a_history_that_leads_in_a_circle_is_left(world: World) -> None:
    answering(world, {"notificationHistory": [], "hasMore": True, "paginationToken": "again"})
    now = world.clock.now()
    with pytest.raises(errors.Unavailable):
        list(world.store.missed(now - timedelta(days=1), now))
    assert world.shop.api.questions == 2


def test_a_history_with_more_and_no_token_is_left(world: World) -> None:
    answering(world, {"notificationHistory": [], "hasMore": True})
    now = world.clock.now()
    with pytest.raises(errors.Unavailable):
        list(world.store.missed(now - timedelta(days=1), now))


def test_a_history_that_apple_does_not_know_is_none(world: World) -> None:
    world.shop.api.trouble = HttpAnswer(404, b'{"errorCode": 4040001}')
    now = world.clock.now()
    with pytest.raises(errors.Unavailable):
        list(world.store.missed(now - timedelta(days=1), now))


def test_what_was_replayed_before_apple_fell_silent_holds(world: World) -> None:
    for _ in range(PAGE + 1):
        world.shop.buy(None, "premium_monthly")
    now = world.clock.now()
    replay = world.store.missed(now - timedelta(days=1), now)
    heard = [next(replay) for _ in range(PAGE)]
    world.shop.api.trouble = HttpAnswer(429, b"{}")
    with pytest.raises(errors.Unavailable):
        next(replay)
    assert len({notice.event_id for notice in heard}) == PAGE


def test_a_purchase_that_apples_server_does_not_know_yet_counts_by_its_signature(world: World) -> None:
    elsewhere = World()
    elsewhere.shop.chain = world.shop.chain
    external_id = elsewhere.shop.buy(ACCOUNT, "premium_monthly")
    facts = world.store.claim(elsewhere.shop.signed_transaction(external_id))
    assert (subscription(facts).external_id, subscription(facts).renewal) == (external_id, None)


def test_a_purchase_newer_than_what_apples_server_says_is_the_term(world: World) -> None:
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    bought = world.shop._subscriptions[external_id]
    later = bought.last.ends_at
    posted = world.shop.signed_of(
        bought,
        bought.last,
        transactionId="7",
        purchaseDate=milliseconds(later),
        expiresDate=milliseconds(later + timedelta(days=30)),
    )
    facts = world.store.claim(posted)
    assert (term(facts).transaction_id, term(facts).began_at) == ("7", later)
    assert renewal(facts).will_renew
    assert len(facts.payments) == 2
