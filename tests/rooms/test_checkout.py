"""Paying through Stripe: nobody pays twice, and what was bought in a store is cancelled there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.billing_contract import CancelRequest, CheckoutRequest
from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import AmountRefusedError, Facts, Phase
from chalicelib.models.states import Tier
from chalicelib.money import Money
from tests.rooms.billing_world import APPLE, GOOGLE, STRIPE, BillingWorld, of_store
from tests.unit.billing.people import caller_of
from tests.unit.billing.words import BOUGHT, ENDS, EXTERNAL_ID, payment, renewal, seen, term

ADA = caller_of("ada")
OFF = renewal(9, will_renew=False, phase_given="canceled", cancelled_at=BOUGHT + timedelta(hours=9))


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings) -> BillingWorld:
    found = BillingWorld(settings)
    found.settle("ada")
    return found


def code_of(world: BillingWorld, act: str, request: object, *more: object) -> tuple[str, dict[str, object]]:
    with pytest.raises(errors.ServiceError) as refusal:
        getattr(world.checkout, act)(ADA, request, *more)
    return refusal.value.code, refusal.value.details


def test_a_page_to_pay_on_is_opened(world: BillingWorld) -> None:
    answer = world.checkout.open(ADA, CheckoutRequest(plan_id="premium_monthly"), "key-1")
    assert (answer.session_id, answer.checkout_url) == ("cs_1", "https://pay.example/cs_1")
    assert world.stripe.opened == [("ada", "premium_monthly", "key-1")]


def test_without_a_key_every_request_is_another(world: BillingWorld) -> None:
    for _ in range(2):
        world.checkout.open(ADA, CheckoutRequest(plan_id="premium_monthly"), None)
    assert len({key for _, _, key in world.stripe.opened}) == 2


@pytest.mark.parametrize("plan_id", ["free", "", "gold", "premium", "PREMIUM_MONTHLY"])
def test_a_plan_that_is_not_sold_is_refused(world: BillingWorld, plan_id: str) -> None:
    assert code_of(world, "open", CheckoutRequest(plan_id=plan_id), None)[0] == "UNKNOWN_PLAN"
    assert world.stripe.opened == []


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "k" * 256, "a\n"])
def test_a_key_that_cannot_be_one_is_refused(world: BillingWorld, key: str) -> None:
    assert code_of(world, "open", CheckoutRequest(plan_id="premium_monthly"), key)[0] == "INVALID_IDEMPOTENCY_KEY"


def test_who_pays_already_does_not_pay_twice(world: BillingWorld) -> None:
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(account="ada"),)))))
    refusal = code_of(world, "open", CheckoutRequest(plan_id="family_monthly"), None)
    assert refusal == ("ALREADY_SUBSCRIBED", {"provider": "apple"})


def test_who_turned_the_renewal_off_may_buy_again(world: BillingWorld) -> None:
    world.tell("e1", seen(9, renewal=OFF, account="ada"))
    world.checkout.open(ADA, CheckoutRequest(plan_id="premium_monthly"), None)
    assert len(world.stripe.opened) == 1


def test_a_cancelled_subscription_counts_until_it_is_used_up(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"))
    world.sell(EXTERNAL_ID, seen(9, renewal=OFF, account="ada"), name=STRIPE)
    shown = world.checkout.cancel(ADA, CancelRequest(cancellation_reason="too_expensive")).subscription

    assert (shown.tier, shown.auto_renew, shown.cancelled_at) == (Tier.PREMIUM, False, OFF.cancelled_at)
    assert world.stripe.cancelled == [(EXTERNAL_ID, False, "too_expensive")]
    again = world.checkout.cancel(ADA, CancelRequest()).subscription
    assert again.auto_renew is False


@pytest.mark.parametrize("is_read", [True, False])
def test_what_was_cancelled_is_shown_so_though_an_amount_cannot_be(world: BillingWorld, is_read: bool) -> None:
    world.tell("e1", seen(account="ada"), payment())
    cancelled = seen(9, renewal=OFF, account="ada")
    world.sell(EXTERNAL_ID, cancelled, payment(9, money=Money(Decimal("9.99"), "XYZ")), name=STRIPE)
    if not is_read:
        world.stripe.refusal = AmountRefusedError("not a currency", (cancelled,))
    shown = world.checkout.cancel(ADA, CancelRequest()).subscription

    assert (shown.tier, shown.auto_renew, shown.cancelled_at) == (Tier.PREMIUM, False, OFF.cancelled_at)
    assert [str(item.data.currency) for item in world.paid("ada")] == ["USD"]


def test_a_subscription_that_ends_at_once_ends_at_once(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"))
    over = renewal(9, phase=Phase.EXPIRED, phase_given="canceled", will_renew=False)
    world.sell(EXTERNAL_ID, seen(9, renewal=over, account="ada"), name=STRIPE)
    assert world.checkout.cancel(ADA, CancelRequest(cancel_immediately=True)).subscription.tier is Tier.FREE
    assert code_of(world, "cancel", CancelRequest())[0] == "NO_PAID_SUBSCRIPTION"


@pytest.mark.parametrize(("name", "site"), [(APPLE, "apps.apple.com"), (GOOGLE, "play.google.com")])
def test_what_was_bought_in_a_store_is_cancelled_there(world: BillingWorld, name: object, site: str) -> None:
    world.notices.apply(world.notice("e1", of_store(name, Facts((seen(account="ada"),)))))  # type: ignore[arg-type]  # narrower than its declared type
    before = world.state()
    code, details = code_of(world, "cancel", CancelRequest())
    assert code == "MANAGED_BY_STORE"
    assert site in str(details["manage_url"])
    assert world.state() == before


def test_the_free_plan_cannot_be_cancelled(world: BillingWorld) -> None:
    assert code_of(world, "cancel", CancelRequest())[0] == "NO_PAID_SUBSCRIPTION"


def test_a_cancellation_that_stripe_does_not_answer_changes_nothing(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"))
    world.stripe.is_down = True
    before = world.state()
    assert code_of(world, "cancel", CancelRequest())[0] == "PROVIDER_UNAVAILABLE"
    assert world.state() == before


# Several at once


def buy_twice(world: BillingWorld) -> None:
    """A yearly plan in the App Store in force, and a monthly one at Stripe behind it."""
    year = term(ends_at=BOUGHT + timedelta(days=365), product="price_py")
    world.notices.apply(world.notice("e1", of_store(APPLE, Facts((seen(external_id="a", term=year, account="ada"),)))))
    world.tell("e2", seen(account="ada"))
    assert world.plan("ada").provider is APPLE


def stop_at_stripe(world: BillingWorld, external_id: str = EXTERNAL_ID) -> None:
    world.sell(external_id, seen(9, external_id, renewal=OFF, account="ada"), name=STRIPE)


def test_what_is_paid_at_stripe_behind_a_longer_plan_of_a_store_can_be_ended(world: BillingWorld) -> None:
    buy_twice(world)
    stop_at_stripe(world)
    shown = world.checkout.cancel(ADA, CancelRequest()).subscription
    assert (shown.provider, shown.auto_renew) == (APPLE, True)
    assert world.stripe.cancelled == [(EXTERNAL_ID, False, None)]
    code, details = code_of(world, "cancel", CancelRequest())
    assert (code, details["provider"]) == ("MANAGED_BY_STORE", "apple")


def test_two_that_were_paid_at_stripe_end_together(world: BillingWorld) -> None:
    for number in (1, 2):
        world.tell(f"e{number}", seen(external_id=f"sub_{number}", account="ada"))
        stop_at_stripe(world, f"sub_{number}")
    assert world.checkout.cancel(ADA, CancelRequest()).subscription.auto_renew is False
    assert sorted(one for one, _, _ in world.stripe.cancelled) == ["sub_1", "sub_2"]
    assert world.renewals.charged_by(world.user("ada")) is None


def test_what_stripe_keeps_trying_to_charge_can_be_ended(world: BillingWorld) -> None:
    world.tell("e1", seen(renewal=renewal(phase=Phase.RETRY, phase_given="unpaid"), account="ada"))
    over = renewal(9, phase=Phase.EXPIRED, phase_given="canceled", will_renew=False)
    world.sell(EXTERNAL_ID, seen(9, renewal=over, account="ada"), name=STRIPE)
    assert world.checkout.cancel(ADA, CancelRequest()).subscription.tier is Tier.FREE
    assert code_of(world, "cancel", CancelRequest())[0] == "NO_PAID_SUBSCRIPTION"


def test_who_pays_behind_a_cancelled_plan_does_not_pay_a_third_time(world: BillingWorld) -> None:
    buy_twice(world)
    year = term(9, ends_at=BOUGHT + timedelta(days=365), product="price_py")
    world.notices.apply(
        world.notice("e3", of_store(APPLE, Facts((seen(9, "a", term=year, renewal=OFF, account="ada"),))))
    )
    assert world.plan("ada").auto_renew is False
    refusal = code_of(world, "open", CheckoutRequest(plan_id="family_monthly"), None)
    assert refusal == ("ALREADY_SUBSCRIBED", {"provider": "stripe"})


def test_what_is_charged_for_a_product_that_nobody_knows_can_be_ended(world: BillingWorld) -> None:
    unheard = term(product="price_unheard_of")
    world.tell("e1", seen(term=unheard, account="ada"))
    assert world.plan("ada").tier is Tier.FREE
    refusal = code_of(world, "open", CheckoutRequest(plan_id="premium_monthly"), None)
    assert refusal == ("ALREADY_SUBSCRIBED", {"provider": "stripe"})
    stop_at_stripe(world)
    world.checkout.cancel(ADA, CancelRequest())
    assert world.renewals.charged_by(world.user("ada")) is None


def test_what_is_over_is_charged_by_nobody(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"))
    assert world.renewals.charged_by(world.user("ada")) is STRIPE
    world.clock.instant = ENDS
    assert world.renewals.charged_by(world.user("ada")) is None
