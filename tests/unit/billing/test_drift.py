"""What counts as drift: another content, and never another time at which it was told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.billing.drift import MISSING, Subject, drift_between
from chalicelib.billing.known import Known
from chalicelib.billing.merge import learn
from chalicelib.gateways.provider_facts import Facts, Phase
from chalicelib.models.states import PaymentStatus
from tests.unit.billing.words import ENDS, cause, payment, renewal, seen, term

BEFORE = learn(Known(), Facts((seen(account="u1"),), (payment(),)), cause())


def drifts(facts: Facts) -> list[tuple[Subject, tuple[str, ...]]]:
    after = learn(BEFORE, facts, cause("look"))
    return [(one.subject, one.fields) for one in drift_between(BEFORE, after)]


def test_the_same_word_told_later_is_none() -> None:
    assert drifts(Facts((seen(5, account="u1"),), (payment(5),))) == []


def test_an_older_word_is_none() -> None:
    assert drifts(Facts((seen(-5, renewal=renewal(-5, will_renew=False)),), ())) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"term": term(5, ends_at=ENDS.replace(month=5))}, ("term.ends_at",)),
        (
            {"renewal": renewal(5, phase=Phase.EXPIRED, phase_given="canceled", will_renew=False)},
            ("renewal.phase", "renewal.phase_given", "renewal.will_renew"),
        ),
        ({"account": "u2"}, ("account",)),
    ],
)
def test_another_content_is_named_by_its_fields(changes: dict[str, Any], fields: tuple[str, ...]) -> None:
    told = {"account": "u1", **changes}
    assert drifts(Facts((seen(5, **told),), ())) == [(Subject.SUBSCRIPTION, fields)]


def test_what_we_did_not_know_at_all_is_missing() -> None:
    found = drifts(Facts((seen(5, "sub_2"),), (payment(5, transaction_id="in_2"),)))
    assert found == [(Subject.SUBSCRIPTION, (MISSING,)), (Subject.PAYMENT, (MISSING,))]


def test_a_refund_that_was_missed_is_named() -> None:
    refund = payment(5, status=PaymentStatus.REFUNDED, refunded=Decimal("9.99"))
    assert drifts(Facts((), (refund,))) == [(Subject.PAYMENT, ("payment.status", "payment.refunded"))]


def test_that_renewal_was_turned_off_counts_and_not_at_which_instant_it_was_told() -> None:
    cancelled = learn(BEFORE, Facts((seen(5, renewal=renewal(5, will_renew=False, cancelled_at=ENDS)),), ()), cause())
    told_again = renewal(6, will_renew=False, cancelled_at=ENDS.replace(day=2))
    again = learn(cancelled, Facts((seen(6, renewal=told_again),), ()), cause("later"))
    assert list(drift_between(cancelled, again)) == []
    assert [one.fields for one in drift_between(BEFORE, cancelled)] == [("renewal.will_renew", "renewal.cancelled_at")]


def test_a_replacement_that_was_missed_is_named_for_both() -> None:
    found = drifts(Facts((seen(5, "sub_2", superseded=("sub_1",)),), ()))
    assert found == [(Subject.SUBSCRIPTION, ("replaced_by",)), (Subject.SUBSCRIPTION, (MISSING,))]
