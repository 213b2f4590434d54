"""Money: an exact decimal amount with its currency, never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
USD: Final = "USD"


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


def usd(digits: str) -> Money:
    """Return an amount in US dollars from its digits, `usd("9.99")`."""
    return Money(Decimal(digits), USD)
