"""People go to pay and end what they pay for, over real HTTP against the simulated Stripe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib import errors
from chalicelib.gateways.provider_facts import Phase
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


def test_a_checkout_is_paid_for_the_user_who_opened_it(world: StripeWorld) -> None:
    session = world.gateway.checkout(USER, "premium_yearly", "key-1")
    external_id = world.shop.pay(session.session_id)

    assert session.url.endswith(session.session_id)
    assert timedelta(hours=23) < session.expires_at - world.clock.now() <= timedelta(hours=24)
    assert world.seen(external_id).account == USER
    assert world.term(external_id).product == "price_premium_yearly"


def test_stripe_learns_nothing_of_a_person_but_the_id(world: StripeWorld) -> None:
    session = world.shop.ledger.the("checkout.session", world.gateway.checkout(USER, "premium_monthly", "k").session_id)

    assert session["client_reference_id"] == USER
    assert session["metadata"] == session["_metadata"] == {"user_id": USER}
    assert "customer_email" not in session


def test_the_same_key_opens_the_same_page_and_another_key_another(world: StripeWorld) -> None:
    first, again, other = (world.gateway.checkout(USER, "premium_monthly", key) for key in ("a", "a", "b"))
    somebody_else = world.gateway.checkout("another", "premium_monthly", "a")

    assert first == again
    assert len({first.session_id, other.session_id, somebody_else.session_id}) == 3


def test_a_key_stands_for_one_plan(world: StripeWorld) -> None:
    world.gateway.checkout(USER, "premium_monthly", "key")
    with pytest.raises(errors.Conflict, match="IDEMPOTENCY_KEY_REUSED"):
        world.gateway.checkout(USER, "family_monthly", "key")


@pytest.mark.parametrize("plan_id", ["free", "gold", ""])
def test_a_plan_that_is_not_sold_opens_no_page(world: StripeWorld, plan_id: str) -> None:
    with pytest.raises(errors.InvalidRequest, match="UNKNOWN_PLAN"):
        world.gateway.checkout(USER, plan_id, "key")
    assert not list(world.shop.ledger.all("checkout.session"))


@pytest.mark.parametrize(
    ("immediately", "phase", "status"), [(False, Phase.ACTIVE, "active"), (True, Phase.EXPIRED, "canceled")]
)
def test_a_cancellation_ends_it_now_or_with_its_period(
    world: StripeWorld, immediately: bool, phase: Phase, status: str
) -> None:
    external_id = world.bought()
    ends_at = world.term(external_id).ends_at
    world.clock.advance(timedelta(days=3))
    for _ in range(2):
        facts = world.gateway.cancel(
            external_id, immediately=immediately, reason="too_expensive", idempotency_key="key"
        )
        renewal, term = facts.subscriptions[0].renewal, facts.subscriptions[0].term
        assert renewal is not None
        assert term is not None
        assert (renewal.phase, renewal.will_renew, renewal.phase_given) == (phase, False, status)
        assert renewal.cancelled_at is not None
        assert (term.ends_at < ends_at) is immediately

    events = [one["type"] for one in world.shop.ledger.events[3:]]
    assert events == ["customer.subscription.deleted" if immediately else "customer.subscription.updated"]


@pytest.mark.parametrize(
    ("reason", "feedback"),
    [(None, None), ("", None), ("unused", "unused"), ("My doctor Jane Roe said so", "other")],
)
def test_of_a_reason_stripe_is_told_its_own_words_alone(
    world: StripeWorld, reason: str | None, feedback: str | None
) -> None:
    external_id = world.bought()
    world.gateway.cancel(external_id, immediately=False, reason=reason, idempotency_key="key")

    assert world.thing(external_id)["cancellation_details"] == {"feedback": feedback, "comment": None}


def test_a_cancellation_takes_a_planned_downgrade_back(world: StripeWorld) -> None:
    external_id = world.bought("family_monthly")
    world.happened(external_id, Happening.DOWNGRADE)
    assert world.renewal(external_id).next_product == "price_premium_monthly"
    world.gateway.cancel(external_id, immediately=False, reason=None, idempotency_key="key")

    renewal = world.renewal(external_id)
    assert (renewal.will_renew, renewal.next_product) == (False, None)


def test_a_cancellation_can_be_asked_for_again_after_it_was_taken_back(world: StripeWorld) -> None:
    external_id = world.bought()
    world.gateway.cancel(external_id, immediately=False, reason=None, idempotency_key="first")
    world.happened(external_id, Happening.UNCANCEL)
    world.gateway.cancel(external_id, immediately=False, reason=None, idempotency_key="second")

    assert not world.renewal(external_id).will_renew


def test_what_stripe_does_not_know_cannot_be_cancelled(world: StripeWorld) -> None:
    with pytest.raises(errors.NotFound):
        world.gateway.cancel("sub_none", immediately=True, reason=None, idempotency_key="key")
