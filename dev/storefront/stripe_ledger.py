"""What the simulated Stripe has written down: objects in the shapes of its API, and the events that tell of them."""

from __future__ import annotations

import calendar
import copy
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from chalicelib.billing.tiers import Plan, plans
from chalicelib.models.states import SubscriptionType, Tier
from dev.storefront.words import VirtualClock

API_VERSION: Final = "2026-10-28.endive"
Thing = dict[str, Any]
"""An object of Stripe's. Names that begin with `_` are the ledger's own and are never shown."""


@dataclass(frozen=True, slots=True)
class Price:
    """A price of Stripe's, for one of our plans. `unit_amount` is in the currency's smallest unit."""

    id: str
    plan_id: str
    tier: Tier
    months: int
    unit_amount: int
    currency: str = "usd"

    def shown(self) -> Thing:
        """Return it as Stripe writes it."""
        interval = "year" if self.months == 12 else "month"
        return {
            "id": self.id,
            "object": "price",
            "currency": self.currency,
            "unit_amount": self.unit_amount,
            "recurring": {"interval": interval, "interval_count": 1},
        }


def usual_prices() -> tuple[Price, ...]:
    """Return one price for each plan that is sold."""
    return tuple(_price_of(plan) for plan in plans() if plan.tier is not Tier.FREE)


def _price_of(plan: Plan) -> Price:
    months = 12 if plan.subscription_type is SubscriptionType.YEARLY else 1
    return Price(f"price_{plan.plan_id}", plan.plan_id, plan.tier, months, int(plan.price.amount * Decimal(100)))


def months_after(anchor: int, months: int) -> int:
    """Return the same day and time so many months later, or the last day of a month that has no such day."""
    start = datetime.fromtimestamp(anchor, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


class StripeLedger:
    """Objects by id, in the order in which they were made, and events. Not safe under threads: the shop locks."""

    def __init__(self, clock: VirtualClock, prices: tuple[Price, ...], *, is_live: bool) -> None:
        self.clock = clock
        self.prices = {price.id: price for price in prices}
        self.is_live = is_live
        self._things: dict[str, Thing] = {}
        self.events: list[Thing] = []
        self._drawn = 0

    def seconds(self) -> int:
        """Return the present second."""
        return int(self.clock.now().timestamp())

    def draw_id(self, prefix: str) -> str:
        """Return a fresh id. Later ids of a prefix sort after earlier ones, which Stripe does not promise."""
        self._drawn += 1
        return f"{prefix}_{self._drawn:08d}{secrets.token_hex(6)}"

    def write(self, kind: str, prefix: str, **fields: Any) -> Thing:
        """Write down a new object."""
        thing_id = self.draw_id(prefix)
        usual = {"id": thing_id, "object": kind, "created": self.seconds(), "livemode": self.is_live}
        return self._things.setdefault(thing_id, {**usual, **fields})

    def find(self, kind: str, thing_id: str) -> Thing | None:
        """Return an object; None if there is none of that kind and id."""
        thing = self._things.get(thing_id)
        return thing if thing is not None and thing["object"] == kind else None

    def the(self, kind: str, thing_id: str) -> Thing:
        """Return an object.

        Raises:
            KeyError: there is none of that kind and id.
        """
        thing = self.find(kind, thing_id)
        if thing is None:
            raise KeyError(f"no {kind} {thing_id}")
        return thing

    def all(self, kind: str) -> Iterator[Thing]:
        """Yield the objects of a kind, newest first, as Stripe lists them."""
        return (thing for thing in reversed(list(self._things.values())) if thing["object"] == kind)

    def tell(self, event_type: str, thing: Mapping[str, Any]) -> Thing:
        """Write down an event, with the object as it stands at this instant."""
        event = {
            "id": self.draw_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.seconds(),
            "livemode": self.is_live,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
            "data": {"object": shown(thing)},
        }
        self.events.append(event)
        return event


def shown(thing: Mapping[str, Any]) -> Thing:
    """Return an object as Stripe shows it."""
    return {name: copy.deepcopy(value) for name, value in thing.items() if not name.startswith("_")}
