"""What a subscription is worth: each rule, their order, and which of several subscriptions counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.decision import Decision, choose, decide, granted, payment_behind, subscription_id_of
from chalicelib.billing.known import Cause, Known, KnownSubscription
from chalicelib.billing.merge import learn
from chalicelib.billing.products import Products
from chalicelib.billing.rule_names import RuleName
from chalicelib.billing.rules_of_standing import RULES
from chalicelib.gateways.provider_facts import Facts, Phase
from chalicelib.models.states import PaymentStatus, SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier
from deploy.billing_page import PRODUCTS
from deploy.billing_words import APPLE, APRIL, GOOGLE, MARCH, MAY, STORES, STRIPE, Word, on
from tests.unit.billing.people import free, paid

ACTIVE, CANCELLED = SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED
EXPIRED, PENDING = SubscriptionStatus.EXPIRED, SubscriptionStatus.PENDING
REFUND: dict[str, Any] = {"paid": PaymentStatus.REFUNDED, "refunded": "9.99", "changed": on(3, 9)}
OFF: dict[str, Any] = {"will_renew": False}

EACH_RULE: Sequence[tuple[RuleName, dict[str, Any], SubscriptionStatus, datetime | None, datetime | None]] = (
    # rule, what the store said, status, end, charged next
    (RuleName.SHARING_STOPPED, {"is_shared": True, "revoked": on(3, 9)}, EXPIRED, on(3, 9), None),
    (RuleName.REVOKED, {"revoked": on(3, 9)}, EXPIRED, on(3, 9), APRIL),
    (RuleName.REVOKED, {"revoked": on(3, 9), **OFF}, EXPIRED, on(3, 9), None),
    (RuleName.REVOKED, {"revoked": on(4, 9)}, EXPIRED, APRIL, APRIL),
    (RuleName.REFUNDED, REFUND, EXPIRED, on(3, 9), APRIL),
    (RuleName.REFUNDED, {"paid": PaymentStatus.REFUNDED}, EXPIRED, MARCH, APRIL),
    (RuleName.DISPUTED, {"paid": PaymentStatus.DISPUTED, "changed": on(3, 9)}, EXPIRED, on(3, 9), APRIL),
    (RuleName.PENDING, {"phase": Phase.PENDING, "paid": PaymentStatus.PENDING}, PENDING, APRIL, None),
    (RuleName.EXPIRED, {"phase": Phase.EXPIRED}, EXPIRED, APRIL, None),
    (RuleName.NOTHING_PAID, {"began": None}, PENDING, None, None),
    (RuleName.UNKNOWN_PRODUCT, {"product": "gold_weekly"}, PENDING, APRIL, APRIL),
    (RuleName.UNKNOWN_PRODUCT, {"product": "gold_weekly", **OFF}, PENDING, APRIL, None),
    (RuleName.PAUSED, {"phase": Phase.PAUSED, "resumes": MAY}, EXPIRED, APRIL, MAY),
    (RuleName.PAUSED, {"phase": Phase.PAUSED, "resumes": MAY, **OFF}, EXPIRED, APRIL, None),
    (RuleName.BILLING_RETRY, {"phase": Phase.RETRY}, EXPIRED, APRIL, None),
    (RuleName.GRACE, {"phase": Phase.GRACE, "grace_until": on(4, 8)}, ACTIVE, APRIL, APRIL),
    (RuleName.GRACE, {"phase": Phase.GRACE}, ACTIVE, APRIL, APRIL),
    (RuleName.GRACE, {"phase": Phase.GRACE, "grace_until": on(3, 8)}, ACTIVE, on(3, 8), APRIL),
    (RuleName.RENEWAL_OFF, OFF, CANCELLED, APRIL, None),
    (RuleName.RENEWAL_OFF, {"is_shared": True, **OFF}, CANCELLED, APRIL, None),
    (RuleName.SHARED, {"is_shared": True}, ACTIVE, APRIL, None),
    (RuleName.RENEWING, {}, ACTIVE, APRIL, APRIL),
    (RuleName.RENEWING, {"phase": None}, ACTIVE, APRIL, APRIL),
    (RuleName.RENEWING, {"next_product": "family_monthly"}, ACTIVE, APRIL, APRIL),
    (RuleName.RENEWING, {"refunded": "4.00"}, ACTIVE, APRIL, APRIL),
)


def known_from(*words: Word, store: SubscriptionProvider = APPLE) -> Known:
    known = Known()
    for day, word in enumerate(words, 1):
        at = on(3, day)
        known = learn(known, word(store, at), Cause(at, f"event {day}", "TOLD"))
    return known


def decided(*words: Word, store: SubscriptionProvider = APPLE, external_id: str = "first") -> Decision:
    known = known_from(*words, store=store)
    (subscription,) = [one for one in known.subscriptions.values() if one.external_id == external_id]
    return decide(subscription, tuple(known.payments.values()), PRODUCTS)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(("rule", "said", "status", "end", "charged"), EACH_RULE)
def test_each_rule_gives_its_status_and_dates(
    store: SubscriptionProvider,
    rule: RuleName,
    said: dict[str, Any],
    status: SubscriptionStatus,
    end: datetime | None,
    charged: datetime | None,
) -> None:
    decision = decided(Word(**said), store=store)
    assert (decision.rule, decision.status) == (rule, status)
    assert (decision.end_date, decision.next_billing_date) == (end, charged)


def test_every_rule_has_a_row_here_and_its_own_name() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert {row[0] for row in EACH_RULE} | {RuleName.REPLACED} == set(names)


def test_the_last_rule_applies_to_everything() -> None:
    assert RULES[-1].name is RuleName.RENEWING
    assert decided(Word(began=None, phase=None)).rule is RuleName.NOTHING_PAID


@pytest.mark.parametrize("phase", Phase)
def test_what_was_taken_back_is_gone_in_every_phase(phase: Phase) -> None:
    assert decided(Word(revoked=on(3, 9), phase=phase)).rule is RuleName.REVOKED
    assert not decided(Word(phase=phase, **REFUND)).opens


def test_a_plan_is_what_was_bought() -> None:
    decision = decided(Word(product="family_yearly"), store=STRIPE)
    assert (decision.tier, decision.subscription_type) == (Tier.FAMILY, SubscriptionType.YEARLY)
    assert (decision.provider, decision.external_id) == (STRIPE, "first")
    assert decision.subscription_id == subscription_id_of(STRIPE, "first")
    assert decision.start_date == MARCH
    assert decision.unknown_product is None


def test_an_unknown_product_opens_nothing_and_is_named() -> None:
    decision = decided(Word(product="gold_weekly"))
    assert (decision.tier, decision.opens, decision.unknown_product) == (Tier.FREE, False, "gold_weekly")


def test_products_are_known_per_store() -> None:
    known = known_from(Word(), store=GOOGLE)
    (subscription,) = known.subscriptions.values()
    apple_only = Products({APPLE: {"premium_monthly": "premium_monthly"}})
    assert decide(subscription, (), apple_only).rule is RuleName.UNKNOWN_PRODUCT


@pytest.mark.parametrize("plan_id", ["free", "gold", ""])
def test_a_stage_cannot_sell_what_is_no_plan_for_sale(plan_id: str) -> None:
    with pytest.raises(ValueError, match="no plan for sale"):
        Products({STRIPE: {"price_1": plan_id}})


def test_a_grace_ends_when_it_ends_even_where_the_store_dates_the_unpaid_term_as_paid() -> None:
    decision = decided(Word(ends=MAY, phase=Phase.GRACE, grace_until=on(4, 8)), store=STRIPE)
    assert decision.lasts_until == decision.grace_end_date == on(4, 8)


def test_a_renewal_that_failed_after_it_was_turned_off_shows_when_that_was() -> None:
    assert decided(Word(will_renew=False)).cancelled_at == on(3, 1)
    assert decided(Word()).cancelled_at is None


@pytest.mark.parametrize("phase", [Phase.EXPIRED, Phase.RETRY, Phase.GRACE, Phase.PAUSED])
def test_the_end_of_an_old_term_says_nothing_of_one_that_began_afterwards(phase: Phase) -> None:
    posted_by_the_app = Word(began=on(3, 2), ends=on(4, 2), phase=None)
    over = Word(phase=phase, ends=on(3, 1))
    for words in ((over, posted_by_the_app), (over, posted_by_the_app, posted_by_the_app)):
        decision = decided(*words)
        assert (decision.rule, decision.end_date, decision.auto_renew) == (RuleName.RENEWING, on(4, 2), True)
        assert decision.cause == Cause(on(3, len(words)), f"event {len(words)}", "TOLD")


@pytest.mark.parametrize("phase", [one for one in Phase if one not in (Phase.ACTIVE, Phase.GRACE)])
@pytest.mark.parametrize("store", STORES)
def test_a_term_that_is_promised_for_later_opens_nothing_that_the_store_says_is_shut(
    store: SubscriptionProvider, phase: Phase
) -> None:
    promised = Word(began=APRIL, ends=MAY, phase=phase)
    assert not decided(promised, store=store).opens
    assert not decided(Word(phase=phase), promised, store=store).opens


def test_a_first_payment_that_is_pending_is_pending_whatever_the_dates_say() -> None:
    assert decided(Word(phase=Phase.PENDING), Word(began=on(3, 2), phase=None)).rule is RuleName.PENDING


def test_what_replaces_another_ends_it_and_a_late_word_of_the_old_one_does_not_bring_it_back() -> None:
    upgrade = Word(external_id="second", product="family_monthly", replaces=("first",))
    for words in ((Word(), upgrade), (upgrade, Word()), (Word(), upgrade, Word())):
        assert decided(*words, store=GOOGLE).rule is RuleName.REPLACED
        assert decided(*words, store=GOOGLE, external_id="second").tier is Tier.FAMILY


def test_only_the_payment_of_the_term_in_force_counts() -> None:
    old_refunded = Word(phase=None, **REFUND)
    renewed = Word(began=APRIL, ends=MAY)
    assert decided(old_refunded, renewed).rule is RuleName.RENEWING
    assert decided(renewed, old_refunded).rule is RuleName.RENEWING


def test_a_refund_taken_back_and_a_dispute_won_restore_the_tier() -> None:
    for lost in (PaymentStatus.REFUNDED, PaymentStatus.DISPUTED):
        assert decided(Word(paid=lost, revoked=on(3, 1))).opens is False
        assert decided(Word(paid=lost, revoked=on(3, 1)), Word()).rule is RuleName.RENEWING


def test_the_payment_behind_a_term_is_asked_for_unless_somebody_else_paid() -> None:
    (bought,) = known_from(Word()).subscriptions.values()
    (shared,) = known_from(Word(is_shared=True)).subscriptions.values()
    assert payment_behind(bought) == (APPLE, "first/03-01")
    assert payment_behind(shared) is None
    assert payment_behind(KnownSubscription(APPLE, "first")) is None


@pytest.mark.parametrize(
    ("words", "event"),
    [
        ((Word(), Word(will_renew=False)), "event 2"),
        ((Word(phase=None), Word(began=None)), "event 2"),
        ((Word(), replace(Word(), **REFUND)), "event 2"),
        ((Word(began=APRIL, ends=MAY), Word(phase=None)), "event 1"),
    ],
)
def test_a_decision_names_the_event_that_its_rule_looked_at(words: tuple[Word, ...], event: str) -> None:
    cause = decided(*words).cause
    assert cause is not None
    assert cause.event_id == event


def test_a_decision_knows_nothing_of_the_present_instant() -> None:
    long_over = decided(Word())
    assert (long_over.status, long_over.opens, long_over.lasts_until) == (ACTIVE, True, APRIL)


def test_the_one_that_lasts_longest_counts() -> None:
    short_family = decided(Word(product="family_monthly"))
    long_premium = decided(Word(external_id="first", product="premium_yearly", ends=on(12, 31)), store=GOOGLE)
    assert choose((short_family, long_premium)) == choose((long_premium, short_family)) == long_premium


def test_of_two_that_last_equally_long_the_higher_tier_counts() -> None:
    premium, family = decided(Word()), decided(Word(product="family_monthly"), store=GOOGLE)
    assert choose((premium, family)) == choose((family, premium)) == family


def test_a_grace_counts_into_how_long_one_lasts() -> None:
    forgiven = decided(Word(phase=Phase.GRACE, grace_until=on(4, 8)))
    other = decided(Word(ends=on(4, 5)), store=GOOGLE)
    assert choose((forgiven, other)) == forgiven


@pytest.mark.parametrize("said", [{"phase": Phase.EXPIRED}, {"phase": Phase.PENDING}, {"product": "gold"}, REFUND])
def test_what_opens_nothing_never_counts_before_what_opens_something(said: dict[str, Any]) -> None:
    nothing = decided(Word(ends=on(12, 31), **said))
    assert choose((nothing, decided(Word(), store=GOOGLE))) == decided(Word(), store=GOOGLE)


def test_the_one_that_ended_last_stays_where_none_opens_anything() -> None:
    first, last = (
        decided(Word(ends=end, phase=Phase.EXPIRED), store=store) for end, store in ((APRIL, APPLE), (MAY, GOOGLE))
    )
    assert choose((first, last)) == choose((last, first)) == last


def test_somebody_without_any_is_back_on_the_free_plan() -> None:
    assert choose(()) is None
    assert granted(free()) is None


def test_a_plan_that_we_granted_without_an_end_lasts_longest() -> None:
    by_us = granted(paid(provider=SubscriptionProvider.INTERNAL, end_date=None))
    assert by_us is not None
    assert (by_us.rule, by_us.cause, by_us.auto_renew) == (RuleName.GRANTED, None, False)
    assert choose((decided(Word(ends=on(12, 31))), by_us)) == by_us


def test_a_plan_moved_from_the_old_service_counts_until_it_ends() -> None:
    moved = granted(paid(end_date=on(3, 20), provider=STRIPE, external_subscription_id="sub_old"))
    assert moved is not None
    assert (moved.external_id, moved.auto_renew, moved.opens) == ("sub_old", True, True)
    assert choose((decided(Word()), moved)) == decided(Word())


@given(st.permutations([(store, end) for store in STORES for end in (APRIL, MAY)]))
def test_everybody_chooses_alike(order: list[tuple[SubscriptionProvider, datetime]]) -> None:
    chosen = choose(decided(Word(ends=end), store=store) for store, end in order)
    assert chosen == decided(Word(ends=MAY), store=STRIPE)


def test_facts_about_nothing_change_no_decision() -> None:
    known = known_from(Word())
    assert learn(known, Facts(), Cause(MAY, "empty", "TEST")) == known
