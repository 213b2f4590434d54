"""Google Play over real HTTP: what notifications lead to, claims, looks, test purchases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from chalicelib import errors
from chalicelib.gateways.provider_facts import Facts, Phase
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
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


def test_a_purchase_is_read_with_its_payment(world: PlayWorld) -> None:
    token = world.shop.buy(ACCOUNT, "premium_monthly")
    (notice,) = world.notices()
    facts = world.store.read(notice)

    assert (notice.event_type, notice.is_known) == ("SUBSCRIPTION_PURCHASED", True)
    (seen,) = facts.subscriptions
    assert (seen.provider, seen.external_id, seen.account) == (SubscriptionProvider.GOOGLE, token, ACCOUNT)
    assert seen.term is not None and seen.renewal is not None
    assert seen.term.product == "serenya_premium:monthly"
    assert seen.term.began_at == seen.term.anchor_at
    assert seen.term.ends_at.month == seen.term.began_at.month + 1 and seen.term.ends_at.day == seen.term.began_at.day
    assert (seen.renewal.phase, seen.renewal.phase_given, seen.renewal.will_renew) == (Phase.ACTIVE, "ACTIVE", True)
    assert seen.needs_acknowledgement
    (payment,) = facts.payments
    assert (str(payment.money.amount), payment.money.currency) == ("9.99", "USD")
    assert (payment.status, payment.subscription_external_id) == (PaymentStatus.COMPLETED, token)
    assert payment.transaction_id == seen.term.transaction_id
    assert payment.processed_at is not None


def test_whoever_asked_later_has_the_greater_version(world: PlayWorld) -> None:
    token = world.bought()
    first, second = world.seen(token), world.seen(token)
    assert first.term is not None and second.term is not None
    assert first.term.version < second.term.version
    assert first.term.version.about == second.term.version.about


def test_a_renewal_whose_notices_were_lost_brings_all_its_payments(world: PlayWorld) -> None:
    token = world.bought()
    for _ in range(4):
        world.shop.happen(token, Happening.RENEW)
    world.shop.take_deliveries()
    world.shop.happen(token, Happening.RENEW)
    payments = world.facts().payments

    first = payments[-1].transaction_id
    assert [one.transaction_id for one in payments] == [*(f"{first}..{number}" for number in (4, 3, 2, 1, 0)), first]
    assert len({one.purchased_at for one in payments}) == 6


def test_orders_are_asked_for_together(world: PlayWorld) -> None:
    token = world.bought()
    for _ in range(3):
        world.shop.happen(token, Happening.RENEW)
    world.shop.api.calls.clear()
    world.store.look(token)
    asked = [call.rsplit("/", 1)[1] for call in world.shop.api.calls if "/google/" not in call]
    assert asked == [token, "orders:batchGet"]


def test_an_order_that_google_does_not_have_hides_no_other(world: PlayWorld) -> None:
    token = world.bought()
    for _ in range(2):
        world.shop.happen(token, Happening.RENEW)
    orders = world.shop.book.purchases[token].orders
    orders[1].order_id = "GPA.gone"
    facts = world.store.look(token)
    assert facts is not None
    assert [one.transaction_id for one in facts.payments] == [orders[2].order_id, orders[0].order_id]


def test_an_upgrade_supersedes_the_purchase_before_and_reads_it_too(world: PlayWorld) -> None:
    old = world.bought()
    new = world.shop.happen(old, Happening.UPGRADE)
    purchased = world.notices()[0]
    facts = world.store.read(purchased)

    assert [one.external_id for one in facts.subscriptions] == [new, old]
    assert facts.subscriptions[0].superseded == (old,)
    before = facts.subscriptions[1]
    assert before.renewal is not None and before.renewal.phase is Phase.EXPIRED
    assert {one.money.amount for one in facts.payments} == {Decimal("19.99"), Decimal("9.99")}


def test_a_purchase_without_an_account_belongs_to_whom_the_one_before_belonged(world: PlayWorld) -> None:
    old = world.bought()
    new = world.shop.happen(old, Happening.UPGRADE)
    world.shop.book.purchases[new].account = None
    assert world.seen(new).account == ACCOUNT


def test_google_is_told_whose_a_new_sign_up_in_the_play_store_is(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.happen(token, Happening.CANCEL)
    world.shop.happen(token, Happening.EXPIRE)
    new = world.shop.happen(token, Happening.RESUBSCRIBE)
    seen = world.seen(new)
    assert (seen.account, seen.superseded) == (ACCOUNT, ())

    world.store.acknowledge(seen)
    assert world.shop.book.purchases[new].is_acknowledged
    assert world.shop.book.purchases[new].out_of_app is None
    assert world.seen(new).account == ACCOUNT


def test_without_being_told_google_forgets_whose_it_is(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.happen(token, Happening.CANCEL)
    world.shop.happen(token, Happening.EXPIRE)
    new = world.shop.happen(token, Happening.RESUBSCRIBE)
    world.shop.book.acknowledge(new)
    assert world.seen(new).account is None


def test_a_downgrade_waits_for_the_end_of_the_term(world: PlayWorld) -> None:
    old = world.bought("family_monthly")
    new = world.shop.happen(old, Happening.DOWNGRADE)
    seen = world.seen(new)
    assert seen.term is not None and seen.renewal is not None
    assert (seen.term.product, seen.renewal.next_product) == ("serenya_family:monthly", "serenya_premium:monthly")
    assert seen.renewal.will_renew
    ends_at = seen.term.ends_at

    world.shop.book.acknowledge(new)
    world.shop.happen(new, Happening.RENEW)
    seen = world.seen(new)
    assert seen.term is not None and seen.renewal is not None
    assert (seen.term.product, seen.renewal.next_product) == ("serenya_premium:monthly", None)
    assert seen.term.began_at == ends_at


def test_a_pending_upgrade_leaves_the_purchase_before_in_force(world: PlayWorld) -> None:
    old = world.bought()
    new = world.shop.buy_slowly(ACCOUNT, "family_monthly", linked=old)
    (pending, before) = world.facts().subscriptions
    assert pending.renewal is not None and pending.renewal.phase is Phase.PENDING
    assert (pending.term, pending.superseded, pending.needs_acknowledgement) == (None, (), False)
    assert before.renewal is not None and before.renewal.phase is Phase.ACTIVE

    world.shop.give_up(new)
    (cancelled, before) = world.facts().subscriptions
    assert cancelled.renewal is not None
    assert (cancelled.renewal.phase, cancelled.renewal.will_renew) == (Phase.EXPIRED, False)
    assert cancelled.superseded == ()
    assert before.renewal is not None and before.renewal.phase is Phase.ACTIVE


def test_a_refund_ends_the_term_and_is_told_as_voided(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.happen(token, Happening.REFUND)
    revoked, voided = world.notices()
    assert [revoked.event_type, voided.event_type] == ["SUBSCRIPTION_REVOKED", "VOIDED_PURCHASE"]
    facts = world.store.read(voided)
    (seen,), (payment,) = facts.subscriptions, facts.payments
    assert seen.term is not None and seen.term.revoked_at is not None
    assert (payment.status, payment.refunded) == (PaymentStatus.REFUNDED, Decimal("9.99"))
    assert payment.changed_at == seen.term.revoked_at


def test_a_chargeback_says_so(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.refund(token, is_chargeback=True)
    seen = world.seen(token)
    assert seen.term is not None and seen.term.revocation == "CHARGEBACK"


def test_a_partial_refund_ends_nothing(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.refund(token, amount=Decimal("2.50"))
    facts = world.store.look(token)
    assert facts is not None
    (seen,), (payment,) = facts.subscriptions, facts.payments
    assert seen.term is not None and seen.term.revoked_at is None
    assert (payment.status, str(payment.refunded)) == (PaymentStatus.COMPLETED, "2.50")


def test_a_refund_of_an_older_order_leaves_the_term_alone(world: PlayWorld) -> None:
    token = world.bought()
    for _ in range(13):
        world.shop.happen(token, Happening.RENEW)
    first = world.shop.book.purchases[token].orders[0]
    first.state, first.refunded, first.refunded_at = "REFUNDED", first.paid.amount, world.clock.now()
    (voided,) = world.store.missed(world.clock.now() - timedelta(hours=1), world.clock.now())
    facts = world.store.read(voided)

    refunded = {one.transaction_id: one.status for one in facts.payments}
    assert refunded[first.order_id] is PaymentStatus.REFUNDED
    assert facts.subscriptions[0].term is not None and facts.subscriptions[0].term.revoked_at is None


def test_a_refund_is_still_read_when_google_has_forgotten_the_purchase(world: PlayWorld) -> None:
    token = world.bought()
    world.shop.happen(token, Happening.CANCEL)
    world.shop.happen(token, Happening.EXPIRE)
    world.wait(days=61)
    assert world.store.look(token) is None
    world.shop.refund(token, is_chargeback=True)
    facts = world.facts()
    assert facts.subscriptions == ()
    assert [one.status for one in facts.payments] == [PaymentStatus.REFUNDED]


def test_a_test_purchase_unlocks_nothing_unless_the_stage_admits_it(world: PlayWorld) -> None:
    token = world.shop.test_purchase(ACCOUNT, "premium_monthly")
    assert world.facts() == Facts()
    with pytest.raises(errors.InvalidRequest, match="INVALID_PURCHASE"):
        world.store.claim(token, "serenya_premium")
    assert world.store.look(token) == Facts()

    admitting = world.gateway(admits_test_purchases=True)
    assert admitting.claim(token, "serenya_premium").subscriptions[0].external_id == token


@pytest.mark.parametrize("product_id", ["serenya_premium", "serenya_premium:monthly"])
def test_a_claim_gives_the_facts_of_the_purchase(world: PlayWorld, product_id: str) -> None:
    token = world.bought()
    facts = world.store.claim(token, product_id)
    assert facts.subscriptions[0].external_id == token
    assert len(facts.payments) == 1


@pytest.mark.parametrize("product_id", ["serenya_family", "serenya_premium:yearly", "", "x" * 300, "../x"])
def test_a_claim_of_another_product_is_refused(world: PlayWorld, product_id: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="INVALID_PURCHASE"):
        world.store.claim(world.bought(), product_id)


@pytest.mark.parametrize(
    "token",
    ["", "..", "../../orders/x", "never.given.out.by-google", "a b", "x" * 2000, "ü" * 20, "token?x=1", "a/b/c/d/e/f"],
)
def test_a_claim_of_a_token_that_google_does_not_know_is_refused(world: PlayWorld, token: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="INVALID_PURCHASE"):
        world.store.claim(token, "serenya_premium")
    assert world.store.look(token) is None
