"""Turns what Stripe says of a subscription now, with its invoices and what became of their money, into facts.

Pure: the same answers give the same facts. Two decisions are made here.

* A payment's one id is that of its **invoice**. It stays the same through every attempt, refund and dispute, where
  charges and (since invoices can be paid in parts) payment intents come and go.
* A term is what was **paid**. Stripe moves the period on before it has the money; while the renewal is unpaid, the term
  ends where the last paid period ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from chalicelib.gateways import stripe_payments
from chalicelib.gateways.provider_facts import (
    AmountRefusedError,
    Facts,
    PaymentSeen,
    Phase,
    RenewalSeen,
    SubscriptionSeen,
    TermSeen,
    Version,
)
from chalicelib.gateways.stripe_objects import (
    Charge,
    Dispute,
    Invoice,
    Period,
    Schedule,
    Subscription,
    SubscriptionItem,
    instant,
)
from chalicelib.models.states import SubscriptionProvider

USER_ID: Final = "user_id"
"""The key in the metadata of sessions and subscriptions under which our checkout puts whom it is for."""
PHASES: Final[Mapping[str, Phase]] = {
    "incomplete": Phase.PENDING,
    "incomplete_expired": Phase.EXPIRED,
    "trialing": Phase.ACTIVE,
    "active": Phase.ACTIVE,
    "past_due": Phase.GRACE,
    # Stripe keeps writing invoices, and charges none of them.
    "unpaid": Phase.RETRY,
    "canceled": Phase.EXPIRED,
    "paused": Phase.PAUSED,
}
"""A status that is not here opens nothing: it counts as pending, and is logged."""
_COUNTS_AS_PAID: Final = frozenset({"trialing", "active"})
_RENEWING: Final = frozenset({"trialing", "active", "past_due", "paused"})
_STOPS_SERVICE: Final = "void"
"""Of the ways to pause collection the one by which nothing will ever be paid for the time of the pause: a pause as the
other stores know it. With `keep_as_draft` and `mark_uncollectible` the operator gives the service away meanwhile."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What Stripe answered. `asked_at` is just before the first question; `disputes` are by charge."""

    asked_at: datetime
    subscription: Subscription
    invoices: tuple[Invoice, ...] = ()
    charges: tuple[Charge, ...] = ()
    disputes: Mapping[str, tuple[Dispute, ...]] | None = None


def facts_in(answers: Answers, prices: Mapping[str, str], grace: timedelta) -> Facts:
    """Return everything that the answers say. `prices` are those that we sell, `grace` how long a failed renewal is
    forgiven.

    Raises:
        AmountRefusedError: an invoice is in what is no currency.
    """
    seen = _seen(answers, prices, grace)
    try:
        told = [_paid(invoice, answers) for invoice in answers.invoices]
    except AmountRefusedError as refusal:
        raise AmountRefusedError(str(refusal), (seen,)) from refusal
    return Facts((seen,), tuple(replace(one, version=_digested(one.version, one)) for one in told if one is not None))


def _seen(answers: Answers, prices: Mapping[str, str], grace: timedelta) -> SubscriptionSeen:
    subscription = answers.subscription
    unversioned = Version(instant(subscription.start_date), answers.asked_at, "")
    term = _term(answers, _item(subscription, prices), unversioned)
    renewal = _renewal(answers, term, prices, grace, unversioned)
    return SubscriptionSeen(
        provider=SubscriptionProvider.STRIPE,
        external_id=subscription.id,
        term=replace(term, version=_digested(unversioned, term)) if term is not None else None,
        renewal=replace(renewal, version=_digested(unversioned, renewal)),
        account=subscription.metadata.get(USER_ID) or None,
    )


def _paid(invoice: Invoice, answers: Answers) -> PaymentSeen | None:
    version = Version(instant(invoice.created), answers.asked_at, "")
    disputes = answers.disputes or {}
    return stripe_payments.payment_of(invoice, answers.subscription.id, answers.charges, disputes, version)


def _digested(version: Version, content: object) -> Version:
    """Settle what two processes saw at one instant. The content still has its version without a digest in it."""
    return version._replace(digest=hashlib.sha256(repr(content).encode()).hexdigest())


def _item(subscription: Subscription, prices: Mapping[str, str]) -> SubscriptionItem | None:
    """The item that is one of our plans; else the first, so that an unknown product is seen to be one."""
    items = subscription.items.data
    return next((item for item in items if item.price_id in prices), items[0] if items else None)


def _term(answers: Answers, item: SubscriptionItem | None, version: Version) -> TermSeen | None:
    subscription = answers.subscription
    period = _period(subscription, item)
    if item is None or period is None:
        return None
    paid, payer = _paid_period(answers, period)
    cuts = [cut for cut in (subscription.ended_at, subscription.cancel_at) if cut is not None]
    anchor = subscription.billing_cycle_anchor
    return TermSeen(
        transaction_id=payer,
        product=item.price_id,
        began_at=instant(paid.start),
        ends_at=instant(max(min([paid.end, *cuts]), paid.start)),
        # An anchor that lies ahead (a first period that was shortened) has not begun to count.
        anchor_at=instant(anchor if anchor <= paid.start else paid.start),
        version=version,
    )


def _period(subscription: Subscription, item: SubscriptionItem | None) -> Period | None:
    start = (item.current_period_start if item is not None else None) or subscription.current_period_start
    end = (item.current_period_end if item is not None else None) or subscription.current_period_end
    return Period(start=start, end=end) if start is not None and end is not None else None


def _paid_period(answers: Answers, current: Period) -> tuple[Period, str]:
    """Return the last period that was paid (or given for a trial), and the invoice behind it. Of several invoices for
    one period (an upgrade in its middle) the latest stands for it."""
    subscription, invoices = answers.subscription, sorted(answers.invoices, key=lambda one: (one.created, one.id))
    of_current = [one for one in invoices if one.status != "draft" and _end_of(one) == current.end]
    paid_now = [one for one in of_current if one.is_paid]
    is_history = subscription.status == "canceled" and not of_current
    if paid_now or is_history or not _may_be_unpaid(subscription):
        return current, _latest_id(paid_now or of_current, subscription)
    earlier = [one for one in invoices if one.is_paid and (end := _end_of(one)) is not None and end <= current.start]
    if earlier:
        last = max(earlier, key=lambda one: (_end_of(one) or 0, one.created, one.id))
        return _period_of(last) or current, last.id
    began = min(subscription.start_date, current.start)
    return Period(start=began, end=began if of_current else current.start), _latest_id(of_current, subscription)


def _latest_id(invoices: Sequence[Invoice], subscription: Subscription) -> str:
    """Return the id of the last of them; where there is none, something that names no payment."""
    return invoices[-1].id if invoices else subscription.id


def _may_be_unpaid(subscription: Subscription) -> bool:
    return subscription.status not in _COUNTS_AS_PAID or _is_stopped(subscription)


def _is_stopped(subscription: Subscription) -> bool:
    return subscription.pause_collection is not None and subscription.pause_collection.behavior == _STOPS_SERVICE


def _period_of(invoice: Invoice) -> Period | None:
    """What an invoice pays for: of several lines (an upgrade takes back the rest of the old price) the one that reaches
    furthest."""
    periods = [line.period for line in invoice.lines.data]
    return max(periods, key=lambda one: (one.end, -one.start), default=None)


def _end_of(invoice: Invoice) -> int | None:
    period = _period_of(invoice)
    return period.end if period is not None else None


def _renewal(
    answers: Answers, term: TermSeen | None, prices: Mapping[str, str], grace: timedelta, version: Version
) -> RenewalSeen:
    subscription = answers.subscription
    phase = PHASES.get(subscription.status, Phase.PENDING)
    pause = subscription.pause_collection
    is_unpaid = term is not None and term.ends_at < instant(_end_of_period(subscription, prices))
    if phase is Phase.ACTIVE and _is_stopped(subscription) and is_unpaid:
        phase = Phase.PAUSED
    return RenewalSeen(
        phase=phase,
        phase_given=subscription.status if pause is None else f"{subscription.status}/{pause.behavior}",
        will_renew=_will_renew(subscription, prices),
        version=version,
        next_product=_next_product(subscription, prices, version.seen_at),
        grace_ends_at=_grace_end(term, grace, is_unpaid=is_unpaid) if phase is Phase.GRACE else None,
        cancelled_at=instant(subscription.canceled_at) if subscription.canceled_at is not None else None,
        resumes_at=instant(pause.resumes_at) if pause is not None and pause.resumes_at is not None else None,
    )


def _grace_end(term: TermSeen | None, grace: timedelta, *, is_unpaid: bool) -> datetime | None:
    """Counted from where the paid time ended. Where the failed invoice is for an upgrade in the middle of a paid
    period, that period is what is left."""
    if term is None:
        return None
    return term.ends_at + grace if is_unpaid else term.ends_at


def _end_of_period(subscription: Subscription, prices: Mapping[str, str]) -> int:
    period = _period(subscription, _item(subscription, prices))
    return period.end if period is not None else 0


def _will_renew(subscription: Subscription, prices: Mapping[str, str]) -> bool:
    """A cancellation that lies beyond the present period lets it renew once more."""
    ends_first = subscription.cancel_at is not None and subscription.cancel_at <= _end_of_period(subscription, prices)
    is_ending = subscription.cancel_at_period_end or ends_first or _is_stopped(subscription)
    return subscription.status in _RENEWING and not is_ending


def _next_product(subscription: Subscription, prices: Mapping[str, str], now: datetime) -> str | None:
    """What renews where it is something else: the next phase of a schedule, or a change that waits for its payment."""
    item = _item(subscription, prices)
    planned: tuple[SubscriptionItem, ...] = ()
    if isinstance(subscription.schedule, Schedule):
        ahead = [phase for phase in subscription.schedule.phases if instant(phase.start_date) > now]
        planned = min(ahead, key=lambda phase: phase.start_date).items if ahead else ()
    if not planned and subscription.pending_update is not None:
        planned = subscription.pending_update.subscription_items or ()
    product = next(
        (one.price_id for one in planned if one.price_id in prices), planned[0].price_id if planned else None
    )
    return product if item is not None and product != item.price_id else None
