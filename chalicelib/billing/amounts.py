"""Whether an amount that a store tells can be so: its currency, its sign, its digits, and what went back of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from chalicelib.gateways.provider_facts import AmountRefusedError, Facts, PaymentSeen
from chalicelib.money import minor_digits

_CODES: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL "
    "LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR "
    "PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP "
    "TRY TTD TWD TZS UAH UGX USD UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES: Final = frozenset(_CODES.split())
"""ISO 4217, list one, as of 2025: money that people pay with, so no metals, funds or test codes."""

_MOST_DIGITS_BEFORE_THE_POINT: Final = 12


def require_fitting(facts: Facts) -> None:
    """Let facts pass whose amounts can be so.

    Raises:
        AmountRefusedError: one cannot; its text says in which way.
    """
    for payment in facts.payments:
        reason = _misfit(payment)
        if reason is not None:
            raise AmountRefusedError(reason, facts.subscriptions)


def _misfit(payment: PaymentSeen) -> str | None:
    currency, amount = payment.money.currency, payment.money.amount
    if currency not in CURRENCIES:
        return "not a currency"
    if amount < 0:
        return "a negative amount"
    if amount.adjusted() >= _MOST_DIGITS_BEFORE_THE_POINT:
        return "too large an amount"
    refunded = payment.refunded if payment.refunded is not None else Decimal(0)
    if not refunded.is_finite() or refunded < 0 or refunded > amount:
        return "more paid back than was paid"
    if any(_has_more_digits(one, currency) for one in (amount, refunded)):
        return "more digits than the currency has"
    return None


def _has_more_digits(amount: Decimal, currency: str) -> bool:
    return amount % Decimal(1).scaleb(-minor_digits(currency)) != 0
