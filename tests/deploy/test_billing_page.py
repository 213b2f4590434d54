"""The page about billing: what its cases come to, written down by hand."""

from __future__ import annotations

import pytest

from chalicelib.billing.known import Cause, Known
from chalicelib.billing.merge import learn
from chalicelib.billing.rule_names import RuleName
from chalicelib.billing.standing import effective_tier
from chalicelib.gateways.app_store_words import NOTIFICATION_TYPES
from chalicelib.gateways.play_store_push import SUBSCRIPTION_TYPES
from chalicelib.gateways.provider_facts import Facts
from chalicelib.gateways.stripe_events import KNOWN as STRIPE_TYPES
from chalicelib.models.states import SubscriptionProvider
from deploy.billing_cases import CASES, Case
from deploy.billing_page import billing_page, known_after, outcomes_of, told_by
from deploy.billing_words import APPLE, APRIL, GOOGLE, MARCH, STORES, STRIPE, Event, Word

EXPECTED = {
    # case: rule and the tiers at the instants at which somebody looks
    "bought": ("renewing", "premium free"),
    "bought, not paid yet": ("pending", "free"),
    "the first payment never came": ("expired", "free"),
    "bought with a free trial (a zero is no payment)": ("renewing", "premium"),
    "renewed": ("renewing", "premium free"),
    "renewal turned off": ("renewal_off", "premium free"),
    "renewal turned on again": ("renewing", "premium"),
    "expired": ("expired", "free"),
    "resubscribed after it expired": ("renewing", "premium"),
    "upgrade, at once": ("renewing", "family"),
    "upgrade, and the store names no account for it": ("renewing", "family"),
    "downgrade ordered: the dearer plan stays to its end": ("renewing", "family"),
    "downgrade in force": ("renewing", "premium"),
    "renewal failed, grace period": ("grace", "premium free"),
    "paid within the grace period": ("renewing", "premium"),
    "grace period over, unpaid": ("billing_retry", "free"),
    "renewal failed, billing retry without grace": ("billing_retry", "free"),
    "paid by billing retry": ("renewing", "premium"),
    "billing retry given up": ("expired", "free"),
    "paused": ("paused", "free"),
    "resumed after a pause": ("renewing", "premium"),
    "shared by a family member": ("shared", "family"),
    "no longer shared": ("sharing_stopped", "free"),
    "refund reversed": ("renewing", "premium"),
    "refund in part": ("renewing", "premium"),
    "refund of an earlier term": ("renewing", "premium"),
    "payment disputed": ("disputed", "free"),
    "dispute won": ("renewing", "premium"),
    "dispute lost": ("disputed", "free"),
    "transfer to another account": ("renewing", "premium"),
    "bought, and the store names no account": ("renewing", "premium"),
    "a higher price announced": ("renewing", "premium"),
    "a higher price not agreed to": ("expired", "free"),
    "the store lengthened the term": ("renewing", "premium free"),
    "a product that no plan is known for": ("unknown_product", "free"),
    "another one bought in another store: it lasts longer": ("renewing", "family"),
    "no word came after the end": ("renewing", "free"),
    "an old word comes late (so does every word of this table)": ("renewing", "premium"),
}
REFUND = {APPLE: "revoked", GOOGLE: "revoked", STRIPE: "refunded"}


def _tiers(case: Case, store: SubscriptionProvider) -> str:
    one = outcomes_of(case)[store].decision
    return " ".join(effective_tier(one.tier, one.status, one.end_date, at, one.grace_end_date) for at in case.looks_at)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_case_comes_to_what_was_agreed_in_every_store(case: Case) -> None:
    outcomes = outcomes_of(case)
    assert outcomes
    for store, outcome in outcomes.items():
        expected = (REFUND[store], "free") if case.title == "refund" else EXPECTED[case.title]
        assert (outcome.decision.rule, _tiers(case, store)) == expected


def test_each_expectation_belongs_to_a_case() -> None:
    assert {case.title for case in CASES} == {*EXPECTED, "refund"}


def test_every_case_is_told_by_at_least_the_stores_that_have_words_for_it() -> None:
    for case in CASES:
        if case.before_at is None:
            assert set(outcomes_of(case)) == set(case.event.tells) & set(STORES), case.title


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_notifications_are_called_as_the_stores_call_them(case: Case) -> None:
    for told in case.event.tells.get(APPLE, "").split(", "):
        kind, _, subtype = told.partition(" ")[0].partition("/")
        assert not kind or (subtype or None) in NOTIFICATION_TYPES[kind]
    for told in case.event.tells.get(GOOGLE, "").split(", "):
        assert not told or told == "voidedPurchaseNotification" or told.split(" ")[0] in SUBSCRIPTION_TYPES.values()
    for told in case.event.tells.get(STRIPE, "").split(", "):
        assert not told or told.split(" ")[0] in STRIPE_TYPES


def test_the_page_has_a_row_for_every_case_and_every_rule_of_a_store() -> None:
    page = billing_page()
    assert all(f"| {case.title} |" in page for case in CASES)
    assert all(f"`{rule}`" in page for rule in RuleName)


def test_a_transfer_moves_the_subscription_and_leaves_what_was_paid() -> None:
    (transfer,) = [case for case in CASES if case.title == "transfer to another account"]
    assert {one.account for one in outcomes_of(transfer).values()} == {"bert"}
    assert {one.payments for one in outcomes_of(transfer).values()} == {"9.99 completed, 9.99 completed"}


def test_a_trial_and_a_shared_plan_are_no_payments() -> None:
    for title in ("bought with a free trial (a zero is no payment)", "shared by a family member"):
        (case,) = [one for one in CASES if one.title == title]
        assert {one.payments for one in outcomes_of(case).values()} == {""}


def test_a_page_is_refused_where_the_order_of_events_makes_a_difference() -> None:
    def the_last_one_wins(_: Known, facts: Facts, cause: Cause) -> Known:
        return learn(Known(), facts, cause)

    bought = Event(MARCH, {APPLE: "SUBSCRIBED/INITIAL_BUY"}, Word())
    ended = Event(APRIL, {APPLE: "EXPIRED/VOLUNTARY"}, Word(external_id="second"))
    told = [told_by(APPLE, bought), told_by(APPLE, ended)]
    assert len(known_after(told).subscriptions) == 2
    with pytest.raises(ArithmeticError):
        known_after(told, the_last_one_wins)


def test_an_event_without_a_word_of_a_store_is_not_told_there() -> None:
    (dispute,) = [case for case in CASES if case.title == "payment disputed"]
    assert set(outcomes_of(dispute)) == {STRIPE}
    with pytest.raises(KeyError):
        told_by(APPLE, dispute.event)
    assert known_after([]).subscriptions == {}
