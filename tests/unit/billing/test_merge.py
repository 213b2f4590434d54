"""Merging words: whatever the order and however often, the same is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.decision import choose, decide
from chalicelib.billing.known import Cause, Claim, ExternalKey, Known, KnownPayment, KnownSubscription
from chalicelib.billing.lineage import owners_named
from chalicelib.billing.merge import (
    TRANSITIONS,
    claimed,
    facts_about,
    join,
    join_payments,
    payment_in,
    payments_worth_recording,
    released,
    subscriptions_in,
)
from chalicelib.billing.products import Products
from chalicelib.gateways.provider_facts import Facts, PaymentSeen, Phase, SubscriptionSeen, Version
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.money import usd
from deploy.billing_words import APPLE, APRIL, GOOGLE, MARCH, MAY, STORES, Word, on
from tests.unit.billing import words_drawn as drawn

PRODUCTS = Products({one: {"premium_monthly": "premium_monthly", "family_yearly": "family_yearly"} for one in STORES})
MONEY_CAME = (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED, PaymentStatus.DISPUTED)


def cause_at(day: int) -> Cause:
    return Cause(on(3, day), f"event of day {day}", "TOLD")


def known(word: Word, store: SubscriptionProvider = APPLE, day: int = 1) -> KnownSubscription:
    (seen,) = word(store, on(3, day)).subscriptions
    return subscriptions_in(seen, cause_at(day))[0]


def paid(status: PaymentStatus, day: int, processed_day: int | None = None) -> KnownPayment:
    seen = PaymentSeen(
        provider=APPLE,
        transaction_id="transaction",
        subscription_external_id="first",
        money=usd("9.99"),
        status=status,
        purchased_at=MARCH,
        processed_at=on(3, processed_day) if processed_day is not None else None,
        version=Version(MARCH, on(3, day), status.value),
    )
    return payment_in(seen, cause_at(day))


@st.composite
def known_subscriptions(draw: st.DrawFn) -> KnownSubscription:
    """What one to three words about the same subscription come to, with or without a claim."""
    words = draw(st.lists(st.tuples(drawn.subscriptions, drawn.causes), min_size=1, max_size=3))
    merged = KnownSubscription(APPLE, "one")
    for seen, cause in words:
        merged = join(merged, subscriptions_in(replace(seen, provider=APPLE, external_id="one"), cause)[0])
    claim = draw(st.none() | drawn.claims)
    followers = tuple(sorted(draw(st.sets(drawn.ids))))
    merged = replace(merged, followed_by=followers)
    return merged if claim is None else claimed(merged, claim)


def named(known: KnownSubscription) -> tuple[str, ...]:
    """Who may own it, each once."""
    return tuple(dict.fromkeys(owners_named(known, lambda _: None)))


known_payments = st.builds(
    lambda seen, cause: payment_in(replace(seen, provider=APPLE, transaction_id="one"), cause),
    drawn.payments,
    drawn.causes,
)


@given(known_subscriptions(), known_subscriptions(), known_subscriptions())
def test_joining_subscriptions_is_a_semilattice(
    one: KnownSubscription, two: KnownSubscription, three: KnownSubscription
) -> None:
    assert join(one, one) == one
    assert join(one, two) == join(two, one)
    assert join(join(one, two), three) == join(one, join(two, three))


@given(known_payments, known_payments, known_payments)
def test_joining_payments_is_a_semilattice(one: KnownPayment, two: KnownPayment, three: KnownPayment) -> None:
    assert join_payments(one, one) == one
    assert join_payments(one, two) == join_payments(two, one)
    assert join_payments(join_payments(one, two), three) == join_payments(one, join_payments(two, three))


@given(st.lists(drawn.told, max_size=5), st.data())
def test_any_order_and_any_repetition_come_to_the_same(events: list[drawn.Told], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
    shuffled = data.draw(st.permutations([*events, *again]))
    in_order, otherwise = drawn.known_after(events), drawn.known_after(shuffled)
    assert otherwise == in_order
    assert _decisions(otherwise) == _decisions(in_order)


def _decisions(state: Known) -> tuple[object, ...]:
    payments = tuple(state.payments.values())
    each = [decide(state.subscriptions[key], payments, PRODUCTS) for key in sorted(state.subscriptions)]
    return (*each, choose(each), choose(reversed(each)))


@pytest.mark.parametrize("later", PaymentStatus)
@pytest.mark.parametrize("earlier", PaymentStatus)
def test_a_payment_becomes_what_the_table_allows_and_nothing_else(earlier: PaymentStatus, later: PaymentStatus) -> None:
    after = join_payments(paid(earlier, day=1), paid(later, day=2)).status
    assert after is (later if later in TRANSITIONS[earlier] else earlier)


@pytest.mark.parametrize("later", MONEY_CAME)
@pytest.mark.parametrize("earlier", MONEY_CAME)
def test_an_old_word_about_money_that_came_changes_nothing(earlier: PaymentStatus, later: PaymentStatus) -> None:
    assert join_payments(paid(later, day=2), paid(earlier, day=1)).status is later


@pytest.mark.parametrize("status", PaymentStatus)
def test_a_payment_is_processed_only_once_its_money_came(status: PaymentStatus) -> None:
    told = paid(status, day=2, processed_day=2)
    assert told.processed_at == (on(3, 2) if status in MONEY_CAME else None)


def test_a_refund_that_does_not_say_when_the_money_came_does_not_unsay_it() -> None:
    merged = join_payments(paid(PaymentStatus.COMPLETED, 2, processed_day=2), paid(PaymentStatus.REFUNDED, 9))
    assert (merged.status, merged.processed_at) == (PaymentStatus.REFUNDED, on(3, 2))


def test_money_that_came_at_an_instant_that_nobody_told_came_with_the_purchase() -> None:
    assert paid(PaymentStatus.COMPLETED, 9).processed_at == MARCH


def test_an_old_transaction_of_apples_that_is_told_late_does_not_become_the_term_in_force() -> None:
    renewed = known(Word(began=APRIL, ends=MAY), day=5)
    told_later_of_march = known(Word(began=MARCH, ends=APRIL, revoked=on(3, 9)), day=9)
    assert join(renewed, told_later_of_march).term == renewed.term


def test_google_is_believed_by_when_it_was_asked() -> None:
    asked_first = known(Word(), GOOGLE, day=5)
    asked_later = known(Word(phase=Phase.EXPIRED), GOOGLE, day=6)
    assert join(asked_later, asked_first) == asked_later


def test_the_account_is_the_one_that_the_newest_term_names_if_it_names_one() -> None:
    anna, bert = known(Word(account="anna"), day=1), known(Word(began=APRIL, ends=MAY, account="bert"), day=2)
    nobody = known(Word(began=MAY, account=None), day=3)
    for words in ((anna, bert, nobody), (nobody, bert, anna)):
        assert named(join(join(words[0], words[1]), words[2])) == ("bert",)


def test_the_first_claim_stands_and_whom_the_store_names_beats_it() -> None:
    of_nobody = known(Word(account=None))
    first, second = Claim(on(3, 2), "anna"), Claim(on(3, 3), "bert")
    both = claimed(claimed(of_nobody, second), first)
    assert named(both) == ("anna",)
    assert named(join(both, known(Word(account="carla"), day=9))) == ("carla", "anna")


def test_somebody_named_by_the_store_who_also_claims_it_is_one_owner() -> None:
    assert named(claimed(known(Word()), Claim(on(3, 2), "anna"))) == ("anna",)


def test_the_claim_of_somebody_who_was_erased_makes_room() -> None:
    claimed_by_anna = claimed(known(Word(account=None)), Claim(on(3, 2), "anna"))
    assert released(claimed_by_anna, "bert") == claimed_by_anna
    assert named(claimed(released(claimed_by_anna, "anna"), Claim(on(3, 9), "bert"))) == ("bert",)


def test_a_subscription_that_replaces_others_says_so_of_them() -> None:
    (seen,) = Word(external_id="second", replaces=("first", "second", "first"))(GOOGLE, MARCH).subscriptions
    itself, replaced = subscriptions_in(seen, cause_at(1))
    assert itself.replaced_by is None
    assert (replaced.external_id, replaced.term) == ("first", None)
    assert replaced.replaced_by is not None
    assert replaced.replaced_by.content == "second"


def test_a_change_of_plan_that_is_not_paid_yet_replaces_nothing() -> None:
    (seen,) = Word(external_id="second", replaces=("first",), phase=Phase.PENDING)(GOOGLE, MARCH).subscriptions
    _, first = subscriptions_in(seen, cause_at(1))
    assert (first.external_id, first.replaced_by, first.followed_by) == ("first", None, ("second",))


def test_however_many_follow_one_purchase_everybody_remembers_the_same_of_them() -> None:
    ones = [KnownSubscription(GOOGLE, "first", followed_by=(f"token-{number:03}",)) for number in range(100)]
    together = reduce(join, ones)
    assert together == reduce(join, reversed(ones)) == join(reduce(join, ones[:50]), reduce(join, ones[30:]))
    assert len(together.followed_by) == 32


def test_trials_and_what_the_family_paid_are_no_payments_of_ours() -> None:
    trial, shared = Word(amount="0.00")(APPLE, MARCH), Word(is_shared=True)(APPLE, MARCH)
    assert payments_worth_recording(trial) == payments_worth_recording(shared) == ()
    negative = Word(amount="-9.99")(APPLE, MARCH)
    assert [one.money.amount for one in payments_worth_recording(negative)] == [Decimal("-9.99")]


def test_facts_name_what_must_be_known_before_they_are_learned() -> None:
    facts = Word(external_id="second", replaces=("first",))(GOOGLE, MARCH)
    assert facts_about(facts) == (
        frozenset({ExternalKey(GOOGLE, "second"), ExternalKey(GOOGLE, "first")}),
        frozenset({ExternalKey(GOOGLE, "second/03-01")}),
    )


def test_words_about_different_things_are_not_joined() -> None:
    with pytest.raises(ValueError, match="one subscription"):
        join(known(Word()), known(Word(), GOOGLE))
    with pytest.raises(ValueError, match="one transaction"):
        join_payments(paid(PaymentStatus.PENDING, 1), replace(paid(PaymentStatus.PENDING, 1), transaction_id="other"))


def test_an_account_named_without_any_date_gives_way_to_every_dated_word() -> None:
    undated = subscriptions_in(SubscriptionSeen(APPLE, "first", account="bert"), cause_at(30))[0]
    assert named(join(undated, known(Word(account="anna")))) == ("anna",)


@given(known_subscriptions(), known_payments)
def test_what_is_known_survives_being_written_down(subscription: KnownSubscription, payment: KnownPayment) -> None:
    written = msgspec.json.encode((subscription, payment))
    assert msgspec.json.decode(written, type=tuple[KnownSubscription, KnownPayment]) == (subscription, payment)


def test_a_repeated_word_of_another_event_keeps_one_cause_whichever_came_first() -> None:
    first, again = known(Word(), day=1), known(Word(), day=1)
    later = replace(again, term=replace(again.term, cause=cause_at(7)) if again.term else None)
    assert join(first, later) == join(later, first)
    assert later.term is not None
    assert later.term.cause.happened_at - MARCH == timedelta(days=6)


def test_nothing_follows_from_nothing() -> None:
    assert drawn.known_after([drawn.Told(Facts(), cause_at(1))]) == Known()
