"""What becomes of a subscription at the simulated Stripe, step by step, with the events that Stripe sends of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chalicelib.models.states import Tier
from dev.storefront.stripe_ledger import Price, StripeLedger, Thing, months_after
from dev.storefront.stripe_money import StripeMoney

_UPDATED: Final = "customer.subscription.updated"
_DUNNING: Final = timedelta(days=8)
"""For so long the simulated Stripe tries again before it leaves a subscription unpaid."""


class StripeLife:
    """Moves subscriptions on, and the clock where time has to pass. Not safe under threads: the shop locks.

    A subscription's `_paid_by` is the invoice behind the last paid time, `_paid_until` its end.
    """

    def __init__(self, ledger: StripeLedger, money: StripeMoney) -> None:
        self._ledger = ledger
        self._money = money

    def begin(self, price: Price, customer: str, metadata: dict[str, str], *, is_paid: bool = True) -> Thing:
        """Start a subscription and bill it; without payment it is incomplete."""
        now = self._ledger.seconds()
        subscription = self._ledger.write(
            "subscription",
            "sub",
            status="active" if is_paid else "incomplete",
            customer=customer,
            metadata=metadata,
            start_date=now,
            billing_cycle_anchor=now,
            items={"object": "list", "has_more": False, "data": [{"id": self._ledger.draw_id("si")}]},
            cancel_at_period_end=False,
            cancel_at=None,
            canceled_at=None,
            ended_at=None,
            pause_collection=None,
            pending_update=None,
            schedule=None,
            latest_invoice=None,
            _periods=0,
            _paid_by=None,
            _paid_until=now,
        )
        self._set_price(subscription, price)
        self._set_period(subscription, now)
        self._ledger.tell("customer.subscription.created", subscription)
        self._bill_period(subscription, "subscription_create", is_paid=is_paid)
        return subscription

    def renew(self, subscription: Thing, *, is_paid: bool = True) -> None:
        """Let the period end and the next one be billed."""
        self._next_period(subscription)
        subscription["status"] = "active" if is_paid else "past_due"
        self._bill_period(subscription, "subscription_cycle", is_paid=is_paid)
        self._ledger.tell(_UPDATED, subscription)

    def give_up(self, subscription: Thing) -> None:
        """Let Stripe stop trying: the subscription is left unpaid."""
        if subscription["status"] == "active":
            self.renew(subscription, is_paid=False)
        self.wait_until(subscription["_paid_until"] + int(_DUNNING.total_seconds()))
        subscription["status"] = "unpaid"
        self._ledger.tell(_UPDATED, subscription)

    def recover(self, subscription: Thing) -> None:
        """Let what is owed be paid."""
        subscription["status"] = "active"
        self._settle(subscription, self._ledger.the("invoice", subscription["latest_invoice"]))
        self._ledger.tell(_UPDATED, subscription)

    def cancel_at_end(self, subscription: Thing, *, is_ending: bool = True) -> None:
        """Turn the renewal off, or on again."""
        if is_ending and subscription["schedule"] is not None:
            self.release(self._ledger.the("subscription_schedule", subscription["schedule"]))
        subscription["cancel_at_period_end"] = is_ending
        subscription["cancel_at"] = period_of(subscription)[1] if is_ending else None
        subscription["canceled_at"] = self._ledger.seconds() if is_ending else None
        self._ledger.tell(_UPDATED, subscription)

    def end(self, subscription: Thing) -> None:
        """End it: with its period where that was planned, else now."""
        if subscription["cancel_at_period_end"]:
            self.wait_until(period_of(subscription)[1])
        now = period_of(subscription)[1] if subscription["cancel_at_period_end"] else self._ledger.seconds()
        subscription["status"], subscription["ended_at"], subscription["schedule"] = "canceled", now, None
        subscription["canceled_at"] = subscription["canceled_at"] or now
        subscription["_paid_until"] = min(subscription["_paid_until"], now)
        self._ledger.tell("customer.subscription.deleted", subscription)

    def upgrade(self, subscription: Thing, price: Price) -> None:
        """Change the price now, and bill what the rest of the period costs more."""
        now, (start, end) = self._ledger.seconds(), period_of(subscription)
        dearer = price.unit_amount - self.price_of(subscription).unit_amount
        amount = max(1, dearer * max(0, end - now) // (end - start))
        self._set_price(subscription, price)
        self._settle(
            subscription, self._money.bill(subscription, "subscription_update", amount, [(now, end), (now, end)])
        )
        self._ledger.tell(_UPDATED, subscription)

    def plan_downgrade(self, subscription: Thing, price: Price) -> None:
        """Let a schedule change the price with the next period."""
        start, end = period_of(subscription)
        schedule = self._ledger.write(
            "subscription_schedule",
            "sub_sched",
            status="active",
            subscription=subscription["id"],
            phases=[
                {"start_date": start, "end_date": end, "items": [{"price": self.price_of(subscription).id}]},
                {"start_date": end, "end_date": None, "items": [{"price": price.id}]},
            ],
            _next=price.id,
        )
        subscription["schedule"] = schedule["id"]
        self._ledger.tell("subscription_schedule.created", schedule)
        self._ledger.tell(_UPDATED, subscription)

    def release(self, schedule: Thing) -> None:
        """Take a subscription off its schedule."""
        subscription = self._ledger.the("subscription", schedule["subscription"])
        schedule["status"], schedule["subscription"] = "released", None
        schedule["released_subscription"], subscription["schedule"] = subscription["id"], None
        self._ledger.tell("subscription_schedule.released", schedule)

    def pause(self, subscription: Thing) -> None:
        """Stop collecting, and let the paid period end: what is billed then is void, and Stripe tells nothing of it."""
        subscription["pause_collection"] = {"behavior": "void", "resumes_at": None}
        self._ledger.tell(_UPDATED, subscription)
        self._next_period(subscription)
        told = len(self._ledger.events)
        start, end = period_of(subscription)
        amount = self.price_of(subscription).unit_amount
        self._money.bill(subscription, "subscription_cycle", amount, [(start, end)])["status"] = "void"
        del self._ledger.events[told:]
        self._ledger.tell(_UPDATED, subscription)

    def resume(self, subscription: Thing) -> None:
        """Collect again, from today: the cycle begins anew."""
        now = self._ledger.seconds()
        subscription["pause_collection"], subscription["billing_cycle_anchor"] = None, now
        subscription["_periods"] = 0
        self._set_period(subscription, now)
        self._bill_period(subscription, "subscription_update", is_paid=True)
        self._ledger.tell(_UPDATED, subscription)

    def price_of(self, subscription: Thing) -> Price:
        """Return what a subscription costs."""
        return self._ledger.prices[subscription["items"]["data"][0]["price"]["id"]]

    def price_for(self, tier: Tier, months: int) -> Price | None:
        """Return the price of a tier."""
        return next((one for one in self._ledger.prices.values() if (one.tier, one.months) == (tier, months)), None)

    def wait_until(self, seconds: int) -> None:
        """Let time pass, if it has not."""
        self._ledger.clock.advance(
            max(timedelta(0), datetime.fromtimestamp(seconds, UTC) - self._ledger.clock.now() + timedelta(seconds=1))
        )

    def _next_period(self, subscription: Thing) -> None:
        self.wait_until(period_of(subscription)[1])
        if subscription["schedule"] is not None:
            schedule = self._ledger.the("subscription_schedule", subscription["schedule"])
            self._set_price(subscription, self._ledger.prices[schedule["_next"]])
            self.release(schedule)
        self._set_period(subscription, period_of(subscription)[1])

    def _bill_period(self, subscription: Thing, reason: str, *, is_paid: bool) -> None:
        amount = self.price_of(subscription).unit_amount
        invoice = self._money.bill(subscription, reason, amount, [period_of(subscription)])
        if is_paid:
            self._settle(subscription, invoice)
        else:
            self._money.fail(invoice)

    def _settle(self, subscription: Thing, invoice: Thing) -> None:
        self._money.pay(invoice)
        subscription["_paid_by"], subscription["_paid_until"] = invoice["id"], period_of(subscription)[1]

    def _set_price(self, subscription: Thing, price: Price) -> None:
        subscription["items"]["data"][0]["price"] = price.shown()

    def _set_period(self, subscription: Thing, start: int) -> None:
        item: dict[str, Any] = subscription["items"]["data"][0]
        subscription["_periods"] += self.price_of(subscription).months
        item["current_period_start"] = start
        item["current_period_end"] = months_after(subscription["billing_cycle_anchor"], subscription["_periods"])


def period_of(subscription: Thing) -> tuple[int, int]:
    """Return begin and end of the present period."""
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]
