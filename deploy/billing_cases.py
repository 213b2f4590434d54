"""The rows of the page about billing: what went before, what happens, and when somebody looks.

What becomes of them stands nowhere here: `billing_page.py` lets the real reducer and the real rules say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib.models.states import SubscriptionProvider
from deploy import billing_events as so
from deploy.billing_words import APPLE, APRIL, JUNE, MAY, Event, on


@dataclass(frozen=True, slots=True)
class Case:
    """One row. `before_at` is set where what went before was told by another store."""

    title: str
    event: Event
    looks_at: tuple[datetime, ...]
    before: tuple[Event, ...] = ()
    before_at: SubscriptionProvider | None = None


CASES: Final = (
    Case("bought", so.BOUGHT, (on(3, 2), APRIL)),
    Case("bought, not paid yet", so.PENDING, (on(3, 2),)),
    Case("the first payment never came", so.NEVER_PAID, (on(3, 4),), (so.PENDING,)),
    Case("bought with a free trial (a zero is no payment)", so.TRIED, (on(3, 2),)),
    Case("renewed", so.RENEWED, (on(4, 2), MAY), (so.BOUGHT,)),
    Case("renewal turned off", so.TURNED_OFF, (on(3, 21), APRIL), (so.BOUGHT,)),
    Case("renewal turned on again", so.TURNED_ON, (on(3, 26),), (so.BOUGHT, so.TURNED_OFF)),
    Case("expired", so.OVER, (on(4, 2),), (so.BOUGHT, so.TURNED_OFF)),
    Case("resubscribed after it expired", so.BOUGHT_AGAIN, (on(4, 21),), (so.BOUGHT, so.TURNED_OFF, so.OVER)),
    Case("upgrade, at once", so.UPGRADED, (on(3, 16),), (so.BOUGHT,)),
    Case("upgrade, and the store names no account for it", so.UPGRADED_BY_NOBODY, (on(3, 16),), (so.BOUGHT,)),
    Case("downgrade ordered: the dearer plan stays to its end", so.WILL_DOWNGRADE, (on(3, 16),), (so.BOUGHT_FAMILY,)),
    Case("downgrade in force", so.DOWNGRADED, (on(4, 2),), (so.BOUGHT_FAMILY, so.WILL_DOWNGRADE)),
    Case("renewal failed, grace period", so.FORGIVEN, (on(4, 2), on(4, 8)), (so.BOUGHT,)),
    Case("paid within the grace period", so.RECOVERED, (on(4, 6),), (so.BOUGHT, so.FORGIVEN)),
    Case("grace period over, unpaid", so.GRACE_OVER, (on(4, 8),), (so.BOUGHT, so.FORGIVEN)),
    Case("renewal failed, billing retry without grace", so.RETRIED, (on(4, 2),), (so.BOUGHT,)),
    Case("paid by billing retry", so.RECOVERED, (on(4, 6),), (so.BOUGHT, so.RETRIED)),
    Case("billing retry given up", so.GIVEN_UP, (JUNE,), (so.BOUGHT, so.RETRIED)),
    Case("paused", so.PAUSED, (on(4, 2),), (so.BOUGHT,)),
    Case("resumed after a pause", so.RESUMED, (on(5, 2),), (so.BOUGHT, so.PAUSED)),
    Case("shared by a family member", so.SHARED, (on(3, 2),)),
    Case("no longer shared", so.UNSHARED, (on(3, 21),), (so.SHARED,)),
    Case("refund", so.REFUNDED, (on(3, 11),), (so.BOUGHT,)),
    Case("refund reversed", so.REFUND_REVERSED, (on(3, 13),), (so.BOUGHT, so.REFUNDED)),
    Case("refund in part", so.REFUNDED_IN_PART, (on(3, 11),), (so.BOUGHT,)),
    Case("refund of an earlier term", so.REFUNDED_LATE, (on(4, 11),), (so.BOUGHT, so.RENEWED)),
    Case("payment disputed", so.DISPUTED, (on(3, 11),), (so.BOUGHT,)),
    Case("dispute won", so.DISPUTE_WON, (on(3, 25),), (so.BOUGHT, so.DISPUTED)),
    Case("dispute lost", so.DISPUTE_LOST, (on(3, 25),), (so.BOUGHT, so.DISPUTED)),
    Case("transfer to another account", so.MOVED, (on(4, 2),), (so.BOUGHT,)),
    Case("bought, and the store names no account", so.BOUGHT_BY_NOBODY, (on(3, 2),)),
    Case("a higher price announced", so.DEARER, (on(3, 21),), (so.BOUGHT,)),
    Case("a higher price not agreed to", so.TOO_DEAR, (on(4, 2),), (so.BOUGHT, so.DEARER)),
    Case("the store lengthened the term", so.LENGTHENED, (on(4, 2), on(4, 15)), (so.BOUGHT,)),
    Case("a product that no plan is known for", so.UNKNOWN, (on(3, 2),)),
    Case(
        "another one bought in another store: it lasts longer", so.BOUGHT_ELSEWHERE, (on(3, 11),), (so.BOUGHT,), APPLE
    ),
    Case("no word came after the end", so.BOUGHT, (MAY,)),
    Case("an old word comes late (so does every word of this table)", so.BOUGHT, (on(4, 2),), (so.RENEWED,)),
)
"""In the order in which they are read; all of them in 2026."""
