"""What stores tell reaches the right person once, whatever came before; what cannot be so changes nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.standing import standing_of
from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import AmountRefusedError, Facts, Phase
from chalicelib.models import keys
from chalicelib.models.billing_event import BillingEventItem, EventOutcome
from chalicelib.models.guard import GuardItem
from chalicelib.models.history import SubscriptionHistoryItem
from chalicelib.models.profile import UsagePeriod
from chalicelib.models.states import PaymentStatus, SubscriptionProvider, SubscriptionStatus, Tier
from chalicelib.money import Money
from tests.rooms.billing_world import NOW, SIGNED_UP, BillingWorld, later_term
from tests.unit.billing import words
from tests.unit.billing.people import paid
from tests.unit.billing.words import BOUGHT, ENDS, EXTERNAL_ID, payment, renewal, seen, term

STRIPE = SubscriptionProvider.STRIPE


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings) -> BillingWorld:
    found = BillingWorld(settings)
    found.settle("ada", "bob")
    return found


def event(world: BillingWorld, event_id: str) -> BillingEventItem:
    found = world.application.events.find(STRIPE, event_id)
    assert found is not None
    return found


def test_a_notice_makes_its_person_premium(world: BillingWorld) -> None:
    assert world.tell("e1", seen(account="ada"), payment())

    plan = world.plan("ada")
    assert (plan.tier, plan.subscription_status, plan.provider) == (Tier.PREMIUM, SubscriptionStatus.ACTIVE, STRIPE)
    assert (plan.start_date, plan.end_date, plan.next_billing_date) == (BOUGHT, ENDS, ENDS)
    assert plan.external_subscription_id == EXTERNAL_ID
    assert (plan.decided_by.rule, plan.decided_by.event_id) == ("renewing", "e1")
    assert standing_of(plan, NOW).tier is Tier.PREMIUM
    assert world.plan("bob").tier is Tier.FREE


def test_what_is_replaced_goes_into_history(world: BillingWorld) -> None:
    free = world.plan("ada")
    world.tell("e1", seen(account="ada"))

    [old] = SubscriptionHistoryItem.query("USER#ada", SubscriptionHistoryItem.sk.startswith("SUBSCRIPTION#"))
    assert (old.data.subscription_id, old.data.tier) == (free.subscription_id, Tier.FREE)
    assert old.ttl is not None
    world.tell("e2", seen(5, account="ada"), hours=5)
    assert len(world.items("USER#ada")) == 3  # profile, history, subscription: the same one replaces nothing


def test_a_payment_is_recorded_with_exactly_its_digits(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment(money=Money(Decimal("9.90"), "EUR"), method="card"))

    [item] = world.paid("ada")
    assert (str(item.data.amount), item.data.currency, item.data.payment_method) == ("9.90", "EUR", "card")
    assert (item.data.payment_status, item.data.processed_at) == (PaymentStatus.COMPLETED, BOUGHT)
    assert item.data.subscription_id == world.plan("ada").subscription_id
    guard = GuardItem.get(*keys.transaction_guard_key(STRIPE, "in_1"))
    assert (guard.data.user_id, guard.data.sort_key) == ("ada", item.sk)
    assert "in_1" not in item.sk + item.pk + guard.pk


def test_a_repeated_notice_changes_nothing(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment())
    before, revision = world.state(), world.user("ada").data.billing_revision
    world.clock.advance(timedelta(hours=1))

    assert not world.tell("e1", seen(account="ada"), payment())
    assert (world.state(), world.user("ada").data.billing_revision) == (before, revision)


def test_an_older_notice_after_a_newer_one_changes_nothing_but_is_kept(world: BillingWorld) -> None:
    ended = renewal(9, phase=Phase.EXPIRED, phase_given="canceled", will_renew=False)
    world.tell("e2", seen(9, renewal=ended, account="ada"), hours=9)
    plan = world.plan("ada")
    world.tell("e1", seen(1, account="ada"), hours=1)

    assert world.plan("ada").subscription_status is SubscriptionStatus.EXPIRED
    assert world.plan("ada").updated_at == plan.updated_at
    assert event(world, "e1").data.outcome is EventOutcome.NOTHING_NEW


def test_any_order_of_notices_ends_in_the_same_state(world: BillingWorld) -> None:
    off = renewal(2, will_renew=False, phase_given="canceled", cancelled_at=BOUGHT + timedelta(hours=2))
    told = {
        "e1": (seen(1, account="ada"), payment(1, status=PaymentStatus.PENDING, processed_at=None)),
        "e2": (seen(2, renewal=off, account="ada"), payment(2)),
        "e3": (payment(3, status=PaymentStatus.REFUNDED, refunded=Decimal("9.99"), changed_at=NOW),),
    }
    ends = set()
    for order in itertools.permutations(told):
        for item in world.items():
            item.delete()
        world.settle("ada")
        for number, event_id in enumerate((*order, *order)):
            world.clock.advance(timedelta(minutes=number))
            world.tell(event_id, *told[event_id], hours=int(event_id[1]))
        ends.add(_without_the_unordered(world))

    assert len(ends) == 1


def _without_the_unordered(world: BillingWorld) -> str:
    """All but what the order of arrival says: what became of each event, and what was in force in between."""
    plan = world.plan("ada")
    usage = plan.usage_current_period
    return f"{plan.subscription_id} {plan.end_date} {plan.decided_by.event_id} {usage.period_start} " + str(
        [(item.data.payment_status, item.data.processed_at) for item in world.paid("ada")]
    )


def test_a_refund_ends_the_tier_and_a_reversed_one_restores_it(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment())
    world.tell("e2", payment(2, status=PaymentStatus.REFUNDED, refunded=Decimal("9.99")), hours=2)
    assert standing_of(world.plan("ada"), NOW).tier is Tier.FREE
    assert world.plan("ada").decided_by.rule == "refunded"

    world.tell("e3", payment(3), hours=3)
    assert standing_of(world.plan("ada"), NOW).tier is Tier.PREMIUM
    [item] = world.paid("ada")
    assert (item.data.payment_status, item.data.processed_at) == (PaymentStatus.COMPLETED, BOUGHT)


def test_a_partial_refund_leaves_the_tier(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment())
    world.tell("e2", payment(2, refunded=Decimal("3.00")), hours=2)

    assert standing_of(world.plan("ada"), NOW).tier is Tier.PREMIUM
    assert [item.data.refunded for item in world.paid("ada")] == [Decimal("3.00")]


def test_a_dispute_ends_the_tier_and_a_won_one_restores_it(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment())
    world.tell("e2", payment(2, status=PaymentStatus.DISPUTED), hours=2)
    assert standing_of(world.plan("ada"), NOW).tier is Tier.FREE
    world.tell("e3", payment(3), hours=3)
    assert standing_of(world.plan("ada"), NOW).tier is Tier.PREMIUM


@pytest.mark.parametrize(
    ("stands", "told", "ends"),
    [
        (PaymentStatus.COMPLETED, PaymentStatus.PENDING, PaymentStatus.COMPLETED),
        (PaymentStatus.COMPLETED, PaymentStatus.FAILED, PaymentStatus.COMPLETED),
        (PaymentStatus.FAILED, PaymentStatus.PENDING, PaymentStatus.FAILED),
        (PaymentStatus.FAILED, PaymentStatus.COMPLETED, PaymentStatus.COMPLETED),
        (PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.FAILED),
        (PaymentStatus.REFUNDED, PaymentStatus.FAILED, PaymentStatus.REFUNDED),
    ],
)
def test_a_payment_becomes_only_what_it_can(
    world: BillingWorld, stands: PaymentStatus, told: PaymentStatus, ends: PaymentStatus
) -> None:
    def word(hours: int, status: PaymentStatus) -> object:
        has_come = status in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED)
        return payment(hours, status=status, processed_at=BOUGHT if has_come else None)

    world.tell("e1", seen(account="ada"), word(1, stands))  # type: ignore[arg-type]  # narrower than its declared type
    world.tell("e2", word(2, told))  # type: ignore[arg-type]  # narrower than its declared type

    [item] = world.paid("ada")
    assert item.data.payment_status is ends
    assert (item.data.processed_at is None) == (ends in (PaymentStatus.PENDING, PaymentStatus.FAILED))


def test_a_trial_and_what_a_family_member_paid_are_no_payments(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment(money=Money(Decimal("0.00"), "USD")))
    shared = term(2, is_family_shared=True, transaction_id="in_2")
    world.tell("e2", seen(2, "sub_2", term=shared, account="bob"), payment(2, transaction_id="in_2"), hours=2)

    assert world.paid("ada") == world.paid("bob") == []
    assert world.plan("bob").decided_by.rule == "shared"


def test_what_was_decided_is_written_down_without_anybodys_name(
    world: BillingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.tell("e1", seen(account="ada"))
    [line] = [vars(record) for record in caplog.records if record.message == "subscription_decided"]
    assert (line["provider"], line["tier"], line["status"], line["rule"]) == ("stripe", "premium", "active", "renewing")


def test_an_unknown_product_unlocks_nothing_and_is_reported(
    world: BillingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.tell("e1", seen(term=term(product="price_unheard_of"), account="ada"))

    assert standing_of(world.plan("ada"), NOW).tier is Tier.FREE
    assert world.plan("ada").decided_by.rule == "unknown_product"
    assert "unknown_product_bought" in caplog.text


def test_an_unknown_type_is_kept_with_its_text_and_does_nothing(world: BillingWorld) -> None:
    notice = replace(world.notice("e1", Facts()), is_known=False, raw="the text as it came")
    assert world.notices.apply(notice)
    assert not world.notices.apply(notice)

    kept = event(world, "e1")
    assert (kept.data.outcome, kept.data.raw, kept.ttl is None) == (EventOutcome.UNKNOWN, "the text as it came", False)


@pytest.mark.parametrize(
    "changes",
    [
        {"money": Money(Decimal("-9.99"), "USD")},
        {"money": Money(Decimal("9.999"), "USD")},
        {"money": Money(Decimal("100.5"), "JPY")},
        {"money": Money(Decimal("9.99"), "ZZZ")},
        {"money": Money(Decimal("9.99"), "XAU")},
        {"money": Money(Decimal("1000000000000"), "USD")},
        {"refunded": Decimal("10.00")},
        {"refunded": Decimal("-1.00")},
        {"refunded": Decimal("0.001")},
        {"refunded": Decimal("NaN")},
    ],
)
def test_an_amount_that_cannot_be_so_changes_nothing_and_is_seen(
    world: BillingWorld, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    before = world.state()
    world.tell("e1", seen(account="ada"), payment(**changes))
    refused = event(world, "e1")

    assert refused.data.outcome is EventOutcome.REFUSED
    refused.delete()
    assert world.state() == before
    assert [record.levelname for record in caplog.records if "received" in record.message] == ["ERROR"]


def test_an_amount_that_cannot_even_be_read_is_kept_as_refused(world: BillingWorld) -> None:
    before = world.state()
    world.stripe.refusal = AmountRefusedError("not a currency")
    world.tell("e1", seen(account="ada"), payment())
    refused = event(world, "e1")

    assert refused.data.outcome is EventOutcome.REFUSED
    refused.delete()
    assert world.state() == before


def test_of_two_subscriptions_the_one_that_lasts_longer_counts(world: BillingWorld) -> None:
    longer = term(1, transaction_id="in_2", product="price_fm", ends_at=ENDS + timedelta(days=9))
    world.tell("e1", seen(account="ada"))
    world.tell("e2", seen(1, "sub_2", term=longer, account="ada"), hours=1)
    assert world.plan("ada").tier is Tier.FAMILY

    over = renewal(2, phase=Phase.EXPIRED, phase_given="canceled", will_renew=False)
    world.tell("e3", seen(2, "sub_2", term=longer, renewal=over, account="ada"), hours=2)
    assert (world.plan("ada").tier, world.plan("ada").external_subscription_id) == (Tier.PREMIUM, EXTERNAL_ID)


def test_a_plan_granted_by_us_without_end_stays(world: BillingWorld) -> None:
    granted = paid(SIGNED_UP, provider=SubscriptionProvider.INTERNAL, end_date=None, tier=Tier.FAMILY)
    world.settle("eve", subscription=granted)
    world.tell("e1", seen(account="eve"))

    assert (world.plan("eve").tier, world.plan("eve").provider) == (Tier.FAMILY, SubscriptionProvider.INTERNAL)
    assert len(world.subscriptions("eve")) == 1


def test_a_plan_carried_over_from_the_old_service_is_taken_up_by_its_store(world: BillingWorld) -> None:
    carried = paid(SIGNED_UP, provider=STRIPE, external_subscription_id=EXTERNAL_ID)
    world.settle("eve", subscription=carried)
    key = keys.subscription_guard_key(STRIPE, EXTERNAL_ID)
    GuardItem(*key, data={"user_id": "eve"}, created_at=SIGNED_UP, updated_at=SIGNED_UP).save()
    world.tell("e1", seen())

    assert (world.plan("eve").end_date, world.plan("eve").decided_by.rule) == (ENDS, "renewing")
    assert [item.data.external_id for item in world.subscriptions("eve")] == [EXTERNAL_ID]


def test_the_count_of_units_goes_on_under_another_subscription(world: BillingWorld) -> None:
    user = world.user("ada")
    stored = user.data.current_subscription.usage_current_period
    stored.documents_processed = 4
    user.gsi3_pk, user.gsi3_sk = keys.usage_due_key(stored.period_end.date(), 1, "ada")
    user.save()
    world.tell("e1", seen(account="ada"))

    usage: UsagePeriod = world.plan("ada").usage_current_period
    assert (usage.documents_processed, usage.period_start, usage.period_end) == (4, BOUGHT, ENDS)
    assert usage.carried_from == stored.period_start
    assert str(world.user("ada").gsi3_pk).startswith("USAGE_DUE#2026-04-02#")


def test_a_count_that_has_ended_does_not_go_on(world: BillingWorld) -> None:
    user = world.user("ada")
    user.data.current_subscription.usage_current_period.documents_processed = 4
    user.save()
    world.clock.advance(timedelta(days=40))
    world.tell("e1", seen(account="ada"))

    usage: UsagePeriod = world.plan("ada").usage_current_period
    assert (usage.documents_processed, usage.chat_messages_used) == (0, 0)
    assert usage.carried_from is None


def test_a_transfer_by_the_store_moves_the_subscription_and_leaves_the_payments(world: BillingWorld) -> None:
    world.tell("e1", seen(term=later_term(1), account="ada"), payment(), hours=1)
    moved = later_term(9, transaction_id="in_2", ends_at=ENDS + timedelta(days=30))
    world.tell("e2", seen(term=moved, account="bob"), payment(9, transaction_id="in_2", purchased_at=ENDS), hours=9)

    assert (world.plan("ada").tier, world.plan("bob").tier) == (Tier.FREE, Tier.PREMIUM)
    assert (world.subscriptions("ada"), len(world.subscriptions("bob"))) == ([], 1)
    assert [item.data.provider_transaction_id for item in world.paid("ada")] == ["in_1"]
    assert [item.data.provider_transaction_id for item in world.paid("bob")] == ["in_2"]
    world.tell("e0", seen(term=later_term(0), account="ada"))
    assert world.plan("ada").tier is Tier.FREE


def test_a_replaced_purchase_gives_way_to_its_successor(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment())
    upgrade = term(4, transaction_id="in_2", product="price_fm")
    world.tell("e2", seen(4, "sub_2", term=upgrade, account="ada", superseded=(EXTERNAL_ID,)), hours=4)

    assert (world.plan("ada").tier, world.plan("ada").external_subscription_id) == (Tier.FAMILY, "sub_2")
    [old] = [item for item in world.subscriptions("ada") if item.data.external_id == EXTERNAL_ID]
    assert old.data.replaced_by.name == "sub_2"
    assert old.gsi3_pk is None


def test_a_live_subscription_stands_in_the_due_index(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"))
    assert str(world.subscriptions("ada")[0].gsi3_pk).startswith("BILLING_LIVE#stripe#")

    over = renewal(2, phase=Phase.EXPIRED, phase_given="canceled", will_renew=False)
    world.tell("e2", seen(2, renewal=over, account="ada"), hours=2)
    assert world.subscriptions("ada")[0].gsi3_pk is None


def test_a_purchase_is_acknowledged_once_it_is_somebodys(world: BillingWorld) -> None:
    world.tell("e1", seen(needs_acknowledgement=True))
    assert world.stripe.acknowledged == []
    world.tell("e2", seen(1, account="ada", needs_acknowledgement=True), hours=1)
    assert world.stripe.acknowledged == [EXTERNAL_ID]


def test_a_purchase_counts_although_it_could_not_be_acknowledged(
    world: BillingWorld, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silence(_: object) -> None:
        raise errors.Unavailable

    monkeypatch.setattr(world.stripe, "acknowledge", silence)
    world.tell("e1", seen(account="ada", needs_acknowledgement=True))

    assert world.plan("ada").tier is Tier.PREMIUM
    assert "purchase_acknowledgement_failed" in caplog.text


def test_a_store_that_does_not_answer_is_asked_again_by_its_own_repetition(world: BillingWorld) -> None:
    world.stripe.is_down = True
    with pytest.raises(errors.Unavailable):
        world.tell("e1", seen(account="ada"))
    assert world.application.events.find(STRIPE, "e1") is None
    world.stripe.is_down = False
    assert world.tell("e1", seen(account="ada"))
    assert world.plan("ada").tier is Tier.PREMIUM


def test_a_forged_notice_leaves_nothing(world: BillingWorld) -> None:
    world.notice("e1", Facts((words.seen(account="ada"),)))
    before = world.state()
    with pytest.raises(errors.Unauthenticated):
        world.notices.receive(STRIPE, b"e1", {"signature": "forged"})
    assert world.state() == before
    world.notices.receive(STRIPE, b"e1", {"signature": "good"})
    assert world.plan("ada").tier is Tier.PREMIUM
