"""Stripe's whole numbers become exact amounts: how many of a currency's digits they stand for is Stripe's own list.

Source: Stripe, "Supported currencies": zero-decimal currencies, three-decimal currencies, special cases.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from chalicelib.money import Money

_WHOLE: Final = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THOUSANDTHS: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
_PADDED: Final = frozenset({"ISK", "UGX"})
"""These have no minor unit, and Stripe writes hundredths of them all the same, "for backwards compatibility"."""


def amount_of(minor_units: int, currency: str) -> Decimal:
    """Return what a number of Stripe's stands for, with the currency's digits: 1999 `usd` is 19.99, 500 `jpy` is 500.

    Hundredths of a currency that has none are kept where they are not zero, so that nothing is lost unseen.
    """
    code = currency.upper()
    if code in _WHOLE or (code in _PADDED and minor_units % 100 == 0):
        return Decimal(minor_units if code in _WHOLE else minor_units // 100)
    return Decimal(minor_units).scaleb(-3 if code in _THOUSANDTHS else -2)


def money_of(minor_units: int, currency: str) -> Money:
    """Return a number of Stripe's as money.

    Raises:
        ValueError: the currency is no currency.
    """
    return Money(amount_of(minor_units, currency), currency.upper())
