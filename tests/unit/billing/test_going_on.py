"""What goes on by itself and what does not, for how long it is charged at once, and what is told of its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.billing.decision import decide
from chalicelib.billing.drift import MISSING
from chalicelib.billing.merge import payment_in, subscriptions_in
from chalicelib.billing.rules_of_standing import RULES
from chalicelib.billing.standing import billing_months, standing_of
from chalicelib.billing.tiers import TIERS
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.states import PaymentStatus, SubscriptionStatus, SubscriptionType
from deploy.billing_page import PRODUCTS
from tests.unit.billing.people import SIGNED_UP, paid
from tests.unit.billing.words import BOUGHT, ENDS, cause, known, payment, renewal, seen, term

OFF: dict[str, Any] = {"will_renew": False}


@pytest.mark.parametrize(
    ("said", "goes_on"),
    [
        ({}, True),
        ({"phase": Phase.GRACE}, True),
        ({"phase": Phase.GRACE, **OFF}, False),
        ({"phase": Phase.RETRY}, True),
        ({"phase": Phase.RETRY, **OFF}, False),
        ({"phase": Phase.PAUSED, "resumes_at": ENDS}, True),
        ({"phase": Phase.PAUSED, "resumes_at": ENDS, **OFF}, False),
        (OFF, False),
        ({"phase": Phase.PENDING}, False),
        ({"phase": Phase.EXPIRED, **OFF}, False),
    ],
)
def test_it_goes_on_by_itself_unless_it_is_over_not_begun_or_turned_off(said: dict[str, Any], goes_on: bool) -> None:
    one = known(term=term(product="premium_monthly"), renewal=renewal(**said))
    assert decide(one, (), PRODUCTS).auto_renew is goes_on


def test_every_rule_says_why_in_words_of_its_own() -> None:
    texts = [
        (rule.name, getattr(rule, name))
        for rule in RULES
        for name in rule.__slots__
        if isinstance(getattr(rule, name), str)
    ]
    assert all(text for _, text in texts)
    for rule in RULES:
        missing = [name for name in rule.__slots__ if getattr(rule, name) is None]
        assert not missing, rule.name


def test_a_year_is_charged_at_once_and_else_a_month() -> None:
    assert [billing_months(kind) for kind in (SubscriptionType.YEARLY, SubscriptionType.MONTHLY, None)] == [12, 1, 1]


def test_an_end_is_told_of_what_was_cancelled_alone() -> None:
    now = SIGNED_UP + timedelta(days=3)
    assert standing_of(paid(updated_at=now), now).cancelled_at is None
    cancelled = paid(updated_at=now, subscription_status=SubscriptionStatus.CANCELLED)
    assert standing_of(cancelled, now).cancelled_at == now
    told = paid(updated_at=now, cancelled_at=SIGNED_UP)
    assert standing_of(told, now).cancelled_at == SIGNED_UP


def test_terms_name_their_own_tier() -> None:
    assert all(terms.tier is tier for tier, terms in TIERS.items())


def test_what_was_not_known_at_all_is_called_missing() -> None:
    assert MISSING == "missing"


def test_what_takes_the_place_of_another_is_told_with_its_cause() -> None:
    itself, before = subscriptions_in(seen(external_id="new", superseded=("old",)), cause("evt_9"))
    assert (itself.external_id, before.external_id) == ("new", "old")
    assert before.replaced_by is not None
    assert (before.replaced_by.content, before.replaced_by.cause) == ("new", cause("evt_9"))
    assert before.replaced_by.version is not None


@pytest.mark.parametrize(
    ("status", "came"),
    [
        (PaymentStatus.COMPLETED, True),
        (PaymentStatus.REFUNDED, True),
        (PaymentStatus.DISPUTED, True),
        (PaymentStatus.PENDING, False),
        (PaymentStatus.FAILED, False),
    ],
)
def test_when_money_came_is_told_of_money_that_came(status: PaymentStatus, came: bool) -> None:
    assert payment_in(payment(status=status), cause()).came_at == (BOUGHT if came else None)
