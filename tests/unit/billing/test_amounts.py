"""Amounts that cannot be so are refused, each for its reason; those at the edge of what can be pass."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.billing.amounts import require_fitting
from chalicelib.gateways.provider_facts import AmountRefusedError, Facts
from chalicelib.money import Money
from tests.unit.billing.words import payment, seen


def told(amount: str, currency: str = "USD", refunded: str | None = None) -> Facts:
    paid = payment(money=Money(Decimal(amount), currency), refunded=None if refunded is None else Decimal(refunded))
    return Facts(subscriptions=(seen(),), payments=(paid,))


@pytest.mark.parametrize(
    ("amount", "currency", "refunded"),
    [
        ("0.00", "USD", None),
        ("0.01", "USD", "0.00"),
        ("999999999999.99", "USD", None),
        ("9.99", "USD", "9.99"),
        ("9.99", "USD", "0.01"),
        ("1500", "JPY", "1500"),
        ("1.234", "KWD", None),
    ],
)
def test_an_amount_that_can_be_so_passes(amount: str, currency: str, refunded: str | None) -> None:
    require_fitting(told(amount, currency, refunded))


@pytest.mark.parametrize(
    ("amount", "currency", "refunded", "reason"),
    [
        ("9.99", "XXX", None, "not a currency"),
        ("-0.01", "USD", None, "a negative amount"),
        ("1000000000000.00", "USD", None, "too large an amount"),
        ("9.99", "USD", "10.00", "more paid back than was paid"),
        ("9.99", "USD", "-0.01", "more paid back than was paid"),
        ("9.99", "USD", "NaN", "more paid back than was paid"),
        ("9.99", "USD", "Infinity", "more paid back than was paid"),
        ("9.999", "USD", None, "more digits than the currency has"),
        ("9.99", "USD", "0.001", "more digits than the currency has"),
        ("1500.5", "JPY", None, "more digits than the currency has"),
    ],
)
def test_an_amount_that_cannot_be_so_is_refused(amount: str, currency: str, refunded: str | None, reason: str) -> None:
    facts = told(amount, currency, refunded)
    with pytest.raises(AmountRefusedError) as refused:
        require_fitting(facts)
    assert str(refused.value) == reason
    assert refused.value.subscriptions == facts.subscriptions


def test_every_payment_is_looked_at() -> None:
    good, bad = told("9.99").payments[0], told("-1.00").payments[0]
    with pytest.raises(AmountRefusedError):
        require_fitting(Facts(subscriptions=(), payments=(good, bad)))
