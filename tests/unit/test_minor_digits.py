"""Amounts as providers write them, brought to the digits of their currency without losing any."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.money import exact, minor_digits


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3), ("CLF", 4)]
)
def test_a_currency_has_the_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert minor_digits(currency) == digits


@pytest.mark.parametrize(
    ("written", "currency", "kept"),
    [
        ("9.990000000", "USD", "9.99"),
        ("9.9", "USD", "9.90"),
        ("0", "EUR", "0.00"),
        ("1200", "JPY", "1200"),
        ("1200.000", "JPY", "1200"),
        ("1.5", "KWD", "1.500"),
        ("100000", "USD", "100000.00"),
        ("9223372036854775807.99", "USD", "9223372036854775807.99"),
        ("-1.750", "USD", "-1.75"),
    ],
)
def test_an_amount_gets_exactly_the_digits_of_its_currency(written: str, currency: str, kept: str) -> None:
    assert str(exact(Decimal(written), currency).amount) == kept


@pytest.mark.parametrize(("written", "currency"), [("9.995", "USD"), ("0.5", "JPY")])
def test_digits_beyond_the_currency_are_kept_and_never_rounded(written: str, currency: str) -> None:
    assert exact(Decimal(written), currency).amount == Decimal(written)


@pytest.mark.parametrize(("amount", "currency"), [("NaN", "USD"), ("1", "usd"), ("1", "DOLLARS"), ("1", "")])
def test_what_is_no_money_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"amount|currency"):
        exact(Decimal(amount), currency)
