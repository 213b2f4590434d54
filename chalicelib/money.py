"""Money: an exact decimal amount with its currency, never a float."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Final

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
USD: Final = "USD"
_USUAL_DIGITS: Final = 2
_OTHER_DIGITS: Final[Mapping[str, int]] = MappingProxyType(
    dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    )
    | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)
    | dict.fromkeys(["CLF", "UYW"], 4)
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that keeps exactly its digits, in a currency (ISO 4217, upper case).

    Raises:
        TypeError: the amount is not a `Decimal`; a float has lost digits before it gets here.
        ValueError: the amount is no finite number, or the currency no three letters.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"an amount is a Decimal, not a {type(self.amount).__name__}")
        if not self.amount.is_finite():
            raise ValueError("an amount is a finite number")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError("a currency is three upper-case letters")

    def spread_over(self, parts: int) -> Money:
        """Return one of equal parts, rounded half up to the digits that the amount has. For showing, not for
        charging."""
        return Money((self.amount / parts).quantize(self.amount, rounding=ROUND_HALF_UP), self.currency)


def minor_digits(currency: str) -> int:
    """Return how many digits after the point amounts in a currency have (ISO 4217, the "minor unit")."""
    return _OTHER_DIGITS.get(currency, _USUAL_DIGITS)


def exact(amount: Decimal, currency: str) -> Money:
    """Return an amount with the digits of its currency: 9.990000 is 9.99 in dollars, 500.00 is 500 in yen. Digits
    beyond those are kept, never rounded away.

    Raises:
        ValueError: as for `Money`.
    """
    money = Money(amount, currency)
    last = Decimal(1).scaleb(-minor_digits(currency))
    has_more_digits = amount % last != 0
    return Money(amount.normalize() if has_more_digits else amount.quantize(last), money.currency)


def usd(digits: str) -> Money:
    """Return an amount in US dollars from its digits, `usd("9.99")`."""
    return Money(Decimal(digits), USD)
