"""What can happen to a subscription at the simulated Stripe, as it stands, and what does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.models.states import Tier
from dev.storefront.stripe_ledger import Price, StripeLedger, Thing
from dev.storefront.stripe_life import StripeLife, period_of
from dev.storefront.stripe_money import StripeMoney
from dev.storefront.words import Happening

_DEARER: Final = {Tier.PREMIUM: Tier.FAMILY}
_CHEAPER: Final = {Tier.FAMILY: Tier.PREMIUM}


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that can happen: when it can, and what it does."""

    is_possible: Callable[[Thing], bool]
    do: Callable[[Thing], Thing | None]


class StripeDeeds:
    """The table of what can happen. Not safe under threads: the shop locks."""

    def __init__(self, ledger: StripeLedger, life: StripeLife, money: StripeMoney) -> None:
        self._ledger = ledger
        self._life = life
        self._money = money

    def all(self) -> Mapping[Happening, Deed]:
        """Return what can happen."""
        life, money = self._life, self._money
        return {
            Happening.RENEW: Deed(is_going_on, life.renew),
            Happening.CANCEL: Deed(is_going_on, life.cancel_at_end),
            Happening.UNCANCEL: Deed(
                lambda one: _is_ending(one) and period_of(one)[1] > self._ledger.seconds(),
                lambda one: life.cancel_at_end(one, is_ending=False),
            ),
            Happening.FAIL_INTO_GRACE: Deed(is_going_on, lambda one: life.renew(one, is_paid=False)),
            Happening.FAIL_INTO_RETRY: Deed(lambda one: is_going_on(one) or one["status"] == "past_due", life.give_up),
            Happening.RECOVER: Deed(lambda one: one["status"] in ("past_due", "unpaid"), life.recover),
            Happening.EXPIRE: Deed(
                lambda one: one["status"] in ("past_due", "unpaid") or _is_ending(one) or _is_paused(one), life.end
            ),
            Happening.RESUBSCRIBE: Deed(lambda one: one["status"] == "canceled", self._again),
            Happening.UPGRADE: Deed(
                lambda one: self._may_change(one) and self._other_price(one, _DEARER) is not None,
                lambda one: life.upgrade(one, self._must(self._other_price(one, _DEARER))),
            ),
            Happening.DOWNGRADE: Deed(
                lambda one: self._may_change(one) and self._other_price(one, _CHEAPER) is not None,
                lambda one: life.plan_downgrade(one, self._must(self._other_price(one, _CHEAPER))),
            ),
            Happening.PAUSE: Deed(is_going_on, life.pause),
            Happening.RESUME: Deed(_is_paused, life.resume),
            Happening.REFUND: Deed(self.has_kept_money, lambda one: _nothing(money.refund(self.paid_charge(one)))),
            Happening.REVERSE_REFUND: Deed(self._can_reverse, self._reverse),
            Happening.DISPUTE: Deed(
                lambda one: self.has_kept_money(one) and money.dispute_of(self.paid_charge(one)) is None,
                lambda one: _nothing(money.dispute(self.paid_charge(one))),
            ),
            Happening.WIN_DISPUTE: Deed(lambda one: self._open_dispute(one) is not None, self._decide(is_won=True)),
            Happening.LOSE_DISPUTE: Deed(lambda one: self._open_dispute(one) is not None, self._decide(is_won=False)),
            Happening.UNKNOWN_NEWS: Deed(
                lambda _: True, lambda one: _nothing(self._ledger.tell("subscription_mood.brightened", one))
            ),
        }

    def _again(self, subscription: Thing) -> Thing:
        return self._life.begin(
            self._life.price_of(subscription), subscription["customer"], dict(subscription["metadata"])
        )

    def paid_charge(self, subscription: Thing) -> Thing:
        """Return the charge behind the last paid time.

        Raises:
            ValueError: nothing was paid.
        """
        charge = self._money.charge_of(subscription["_paid_by"])
        if charge is None:
            raise ValueError("nothing was paid")
        return charge

    def _open_dispute(self, subscription: Thing) -> Thing | None:
        charge = self._money.charge_of(subscription["_paid_by"])
        dispute = self._money.dispute_of(charge) if charge is not None else None
        return dispute if dispute is not None and dispute["status"] == "needs_response" else None

    def has_kept_money(self, subscription: Thing) -> bool:
        """Whether what was paid last is still ours: neither refunded in full nor taken by a bank."""
        charge = self._money.charge_of(subscription["_paid_by"])
        if charge is None:
            return False
        dispute = self._money.dispute_of(charge)
        return charge["amount_refunded"] < charge["amount"] and (dispute is None or dispute["status"] == "won")

    def _other_price(self, subscription: Thing, tiers: Mapping[Tier, Tier]) -> Price | None:
        price = self._life.price_of(subscription)
        return self._life.price_for(tiers[price.tier], price.months) if price.tier in tiers else None

    def _may_change(self, subscription: Thing) -> bool:
        is_calm = is_going_on(subscription) and subscription["schedule"] is None
        return is_calm and self.has_kept_money(subscription)

    def _can_reverse(self, subscription: Thing) -> bool:
        charge = self._money.charge_of(subscription["_paid_by"])
        return charge is not None and self._money.live_refund(charge) is not None

    def _reverse(self, subscription: Thing) -> None:
        charge = self.paid_charge(subscription)
        self._money.fail_refund(charge, self._must(self._money.live_refund(charge)))

    def _decide(self, *, is_won: bool) -> Callable[[Thing], None]:
        def decide(subscription: Thing) -> None:
            self._money.close_dispute(self._must(self._open_dispute(subscription)), is_won=is_won)

        return decide

    @staticmethod
    def _must(found: Any) -> Any:
        if found is None:
            raise ValueError("there is nothing of that kind")
        return found


def _nothing(_: object) -> None:
    """Forget what something returned."""


def _is_paused(subscription: Thing) -> bool:
    return subscription["status"] == "active" and subscription["pause_collection"] is not None


def _is_ending(subscription: Thing) -> bool:
    return subscription["status"] == "active" and bool(subscription["cancel_at_period_end"])


def is_going_on(subscription: Thing) -> bool:
    """Whether a subscription is active and will renew."""
    return subscription["status"] == "active" and not _is_ending(subscription) and not _is_paused(subscription)
