"""What can happen to a purchase on the simulated Google Play, when, and what Google does then.

Source: Google "Subscription lifecycle", "Change subscription plans" (replacement modes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from chalicelib.billing.periods import months_after
from dev.storefront.google_book import Book
from dev.storefront.google_words import OPEN, REMORSE, Product, Purchase, State, products
from dev.storefront.words import Happening

_GRACE: Final = timedelta(days=7)
_HOLD: Final = timedelta(days=30)
_NEVER_SEEN: Final = 99
"""A type of notification that Google does not have."""

Condition = Callable[[Book, Purchase], bool]
Deed = Callable[[Book, Purchase], str]


def _is_in_term(book: Book, one: Purchase) -> bool:
    return one.is_running and book.now() < one.expires_at


def _reaches_its_end(book: Book, one: Purchase) -> bool:
    return one.is_running and book.endures(one)


def _can_fall_behind(book: Book, one: Purchase) -> bool:
    return _reaches_its_end(book, one) or one.state is State.IN_GRACE_PERIOD


def _can_expire(book: Book, one: Purchase) -> bool:
    return one.state is State.ON_HOLD or (one.state is State.CANCELED and book.endures(one))


def _can_be_refunded(_: Book, one: Purchase) -> bool:
    return one.state in OPEN and one.orders[-1].state == "PROCESSED"


def _can_change(book: Book, one: Purchase, other: Product | None) -> bool:
    return _is_in_term(book, one) and one.next_product is None and other is not None


def _renew(book: Book, one: Purchase) -> str:
    book.wait_until(one.expires_at)
    _charge_next(book, one)
    book.push(one.token, 2)
    return one.token


def _charge_next(book: Book, one: Purchase) -> None:
    """Charge for the next term, which a deferred change makes one of another product."""
    if one.next_product is None:
        book.charge(one)
        return
    one.product, one.next_product = one.next_product, None
    book.charge(one, anchor=one.orders[-1].ends_at)


def _cancel(book: Book, one: Purchase) -> str:
    one.state, one.auto_renew, one.cancelled_at = State.CANCELED, False, book.now()
    book.push(one.token, 3)
    return one.token


def _uncancel(book: Book, one: Purchase) -> str:
    one.state, one.auto_renew, one.cancelled_at = State.ACTIVE, True, None
    book.push(one.token, 7)
    return one.token


def _fail_into_grace(book: Book, one: Purchase) -> str:
    book.wait_until(one.expires_at)
    one.state, one.expires_at = State.IN_GRACE_PERIOD, one.expires_at + _GRACE
    book.push(one.token, 6)
    return one.token


def _fail_into_hold(book: Book, one: Purchase) -> str:
    book.wait_until(one.expires_at)
    one.state = State.ON_HOLD
    book.push(one.token, 5)
    return one.token


def _recover(book: Book, one: Purchase) -> str:
    if one.state is State.IN_GRACE_PERIOD:
        _charge_next(book, one)
    else:
        # The day of billing moves to the day of recovery.
        _charge_anew(book, one)
    book.push(one.token, 1)
    return one.token


def _charge_anew(book: Book, one: Purchase) -> None:
    one.product, one.next_product, one.resumes_at = one.next_product or one.product, None, None
    book.charge(one, anchor=book.now())


def _expire(book: Book, one: Purchase) -> str:
    if one.state is State.ON_HOLD:
        book.wait_until(one.expires_at + _HOLD)
        book.push(one.token, 3)
    else:
        book.wait_until(one.expires_at)
    one.state, one.auto_renew = State.EXPIRED, False
    book.push(one.token, 13)
    return one.token


def _resubscribe(book: Book, one: Purchase) -> str:
    """Sign up again in the Play Store: the app is not there to name the account."""
    new = book.start(one.account, one.product, out_of_app=one.token)
    book.push(new.token, 4)
    return new.token


def _upgrade(book: Book, one: Purchase) -> str:
    product = higher(one.product)
    assert product is not None
    new = book.start(one.account, product, linked=one.token)
    book.push(new.token, 4)
    book.replace(one)
    return new.token


def _downgrade(book: Book, one: Purchase) -> str:
    """Change at the end of the term: a new token holds what is left of the old product, and the promise of the new."""
    product = lower(one.product)
    assert product is not None
    new = book.enter(one.account, one.product, linked=one.token)
    new.state, new.started_at, new.next_product = State.ACTIVE, book.now(), product
    new.anchor, new.months, new.expires_at = one.anchor, one.months, one.expires_at
    new.orders.append(one.orders[-1])
    book.push(new.token, 4)
    book.replace(one)
    return new.token


def _pause(book: Book, one: Purchase) -> str:
    book.push(one.token, 11)
    book.wait_until(one.expires_at)
    one.state, one.resumes_at = State.PAUSED, months_after(one.expires_at, 1)
    book.push(one.token, 10)
    return one.token


def _resume(book: Book, one: Purchase) -> str:
    _charge_anew(book, one)
    book.push(one.token, 1)
    return one.token


def _refund(book: Book, one: Purchase) -> str:
    book.void(one, book.now(), REMORSE)
    return one.token


def _tell_news(book: Book, one: Purchase) -> str:
    book.push(one.token, _NEVER_SEEN)
    return one.token


def higher(product: Product) -> Product | None:
    """Return what a product is upgraded to."""
    return products().get(
        {
            "premium_monthly": "family_monthly",
            "premium_yearly": "family_yearly",
            "family_monthly": "family_yearly",
        }.get(product.plan.plan_id, "")
    )


def lower(product: Product) -> Product | None:
    """Return what a product is downgraded to."""
    return products().get(
        {
            "family_yearly": "premium_yearly",
            "family_monthly": "premium_monthly",
            "premium_yearly": "premium_monthly",
        }.get(product.plan.plan_id, "")
    )


CONDITIONS: Final[Mapping[Happening, Condition]] = {
    Happening.RENEW: _reaches_its_end,
    Happening.CANCEL: _is_in_term,
    Happening.UNCANCEL: lambda book, one: one.state is State.CANCELED and book.now() < one.expires_at,
    Happening.FAIL_INTO_GRACE: _reaches_its_end,
    Happening.FAIL_INTO_RETRY: _can_fall_behind,
    Happening.RECOVER: lambda _, one: one.state in (State.IN_GRACE_PERIOD, State.ON_HOLD),
    Happening.EXPIRE: _can_expire,
    Happening.RESUBSCRIBE: lambda _, one: one.state is State.EXPIRED and not one.is_replaced,
    Happening.UPGRADE: lambda book, one: _can_change(book, one, higher(one.product)),
    Happening.DOWNGRADE: lambda book, one: _can_change(book, one, lower(one.product)),
    Happening.PAUSE: lambda book, one: _reaches_its_end(book, one) and one.next_product is None,
    Happening.RESUME: lambda _, one: one.state is State.PAUSED,
    Happening.REFUND: _can_be_refunded,
    Happening.UNKNOWN_NEWS: lambda _book, _one: True,
}
"""When what can happen. What is not here never does: Google takes no refund back, tells of chargebacks only when they
are over, and shares no subscriptions."""

DEEDS: Final[Mapping[Happening, Deed]] = {
    Happening.RENEW: _renew,
    Happening.CANCEL: _cancel,
    Happening.UNCANCEL: _uncancel,
    Happening.FAIL_INTO_GRACE: _fail_into_grace,
    Happening.FAIL_INTO_RETRY: _fail_into_hold,
    Happening.RECOVER: _recover,
    Happening.EXPIRE: _expire,
    Happening.RESUBSCRIBE: _resubscribe,
    Happening.UPGRADE: _upgrade,
    Happening.DOWNGRADE: _downgrade,
    Happening.PAUSE: _pause,
    Happening.RESUME: _resume,
    Happening.REFUND: _refund,
    Happening.UNKNOWN_NEWS: _tell_news,
}
