"""The book that the simulated Google Play keeps: its purchases and orders, and what is done to them.

Nothing here takes a lock: the shop holds one around each call.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from chalicelib.billing.periods import months_after
from dev.storefront.google_push import PubSub
from dev.storefront.google_words import OPEN, UNACKNOWLEDGED, Order, Product, Purchase, State, milliseconds, rfc3339
from dev.storefront.words import Delivery, VirtualClock

PACKAGE_NAME: Final = "app.serenya.local"


class Book:
    """Purchases by their tokens. `outbox` holds the notifications that nobody took yet."""

    def __init__(
        self,
        clock: VirtualClock,
        pub_sub: PubSub,
        patience: timedelta | None,
        memory: timedelta | None,
        seed: int,
    ) -> None:
        self._clock = clock
        self._pub_sub = pub_sub
        self._patience = patience
        self._memory = memory
        self._chance = random.Random(seed)
        self.purchases: dict[str, Purchase] = {}
        self.outbox: list[Delivery] = []

    def now(self) -> datetime:
        """Return the next instant, in whole milliseconds, as Google writes them."""
        instant = self._clock.now()
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    def wait_until(self, instant: datetime) -> datetime:
        """Let time pass until then, if it has not; return the instant after."""
        self._clock.advance(max(instant - self.now(), timedelta(0)))
        return self.now()

    def endures(self, purchase: Purchase) -> bool:
        """Whether the purchase is still there at its end: one that nobody acknowledges is refunded before."""
        is_at_risk = self._patience is not None and not purchase.is_acknowledged and purchase.started_at is not None
        return not is_at_risk or purchase.expires_at < self._refunded_at(purchase)

    def enter(
        self, account: str | None, product: Product, *, linked: str | None = None, out_of_app: str | None = None
    ) -> Purchase:
        """Make a purchase that is not paid yet."""
        now, token = self.now(), self._draw_token()
        purchase = Purchase(token, account, product, State.PENDING, now, now, linked=linked, out_of_app=out_of_app)
        purchase.is_named = out_of_app is None
        self.purchases[token] = purchase
        return purchase

    def start(
        self, account: str | None, product: Product, *, linked: str | None = None, out_of_app: str | None = None
    ) -> Purchase:
        """Make a purchase that is paid at once."""
        purchase = self.enter(account, product, linked=linked, out_of_app=out_of_app)
        self.open(purchase)
        return purchase

    def open(self, purchase: Purchase) -> None:
        """Let a purchase begin, with its first term."""
        now = self.now()
        purchase.state, purchase.started_at, purchase.anchor, purchase.expires_at = State.ACTIVE, now, now, now
        self.charge(purchase)

    def charge(self, purchase: Purchase, *, anchor: datetime | None = None) -> None:
        """Let a term be paid: the next one, or the first of months that are counted from an anchor."""
        if anchor is not None:
            purchase.anchor, purchase.months = anchor, 0
        began_at = months_after(purchase.anchor, purchase.months)
        purchase.months += purchase.product.months
        ends_at = months_after(purchase.anchor, purchase.months)
        order_id, paid = self._next_order_id(purchase), purchase.product.plan.price
        order = Order(order_id, purchase.token, purchase.product, paid, self.now(), began_at, ends_at)
        purchase.orders.append(order)
        purchase.state, purchase.expires_at = State.ACTIVE, ends_at

    def replace(self, purchase: Purchase) -> None:
        """End a purchase because another took its place."""
        purchase.state, purchase.auto_renew, purchase.is_replaced = State.EXPIRED, False, True
        purchase.expires_at, purchase.next_product = min(self.now(), purchase.expires_at), None
        self.push(purchase.token, 13)

    def void(self, purchase: Purchase, at: datetime, reason: int) -> None:
        """Give back the latest payment and end the purchase."""
        order = purchase.orders[-1]
        order.state, order.refunded, order.refunded_at, order.void_reason = "REFUNDED", order.paid.amount, at, reason
        purchase.state, purchase.auto_renew, purchase.next_product = State.EXPIRED, False, None
        purchase.expires_at = min(at, purchase.expires_at)
        self.push(purchase.token, 12)
        voided = {"purchaseToken": purchase.token, "orderId": order.order_id, "productType": 1, "refundType": 1}
        self._send({"voidedPurchaseNotification": voided})

    def push(self, token: str, notification_type: int) -> None:
        """Send a notification about a subscription."""
        told = {"version": "1.0", "notificationType": notification_type, "purchaseToken": token}
        self._send({"subscriptionNotification": told})

    def _send(self, told: Mapping[str, Any]) -> None:
        now = self.now()
        notification = {
            "version": "1.0",
            "packageName": PACKAGE_NAME,
            "eventTimeMillis": str(milliseconds(now)),
            **told,
        }
        self.outbox.append(self._pub_sub.message(notification, str(rfc3339(now))))

    def settle(self) -> None:
        """Refund what nobody acknowledged in time."""
        if self._patience is None:
            return
        now = self._clock.now()
        for purchase in list(self.purchases.values()):
            is_open = purchase.state in OPEN and not purchase.is_acknowledged
            if is_open and now >= self._refunded_at(purchase):
                self.void(purchase, self._refunded_at(purchase), UNACKNOWLEDGED)

    def _refunded_at(self, purchase: Purchase) -> datetime:
        assert purchase.started_at is not None and self._patience is not None
        return purchase.started_at + self._patience

    def _next_order_id(self, purchase: Purchase) -> str:
        own = [order for order in purchase.orders if order.token == purchase.token]
        if own:
            return f"{own[0].order_id}..{len(own) - 1}"
        digits = f"{self._chance.randrange(10**17):017d}"
        return f"GPA.{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}"

    def _draw_token(self) -> str:
        letters = "abcdefghijklmnop"
        return "".join(self._chance.choices(letters, k=24)) + ".AO-J1O" + "".join(self._chance.choices(letters, k=60))

    # What the API sees.

    def purchase(self, token: str) -> Mapping[str, Any] | None:
        """Return a purchase as JSON; None for one that is unknown or forgotten."""
        found = self.purchases.get(token)
        if found is None:
            return None
        is_over = found.state in (State.EXPIRED, State.PENDING_PURCHASE_CANCELED)
        is_forgotten = self._memory is not None and is_over and self.now() > found.expires_at + self._memory
        return None if is_forgotten else found.as_json()

    def acknowledge(self, token: str, account: str | None = None) -> bool:
        """Note that a purchase was delivered; False for one that is not paid, or over, or whose account is named though
        it is no new sign-up in the Play Store."""
        found = self.purchases.get(token)
        if found is None or found.state in (State.PENDING, State.EXPIRED, State.PENDING_PURCHASE_CANCELED):
            return False
        if account is not None and (found.out_of_app is None or account != (found.account or account)):
            return False
        found.account, found.is_named = found.account or account, found.is_named or account is not None
        found.is_acknowledged, found.out_of_app = True, None
        return True

    def order(self, order_id: str) -> Mapping[str, Any] | None:
        """Return an order as JSON."""
        return next((order.as_json() for order in self._orders() if order.order_id == order_id), None)

    def voided(self) -> Sequence[Mapping[str, Any]]:
        """Return what was voided, oldest first."""
        found = [order for order in self._orders() if order.state == "REFUNDED"]
        return [order.as_voided() for order in sorted(found, key=lambda order: str(rfc3339(order.refunded_at)))]

    def _orders(self) -> list[Order]:
        everyone = self.purchases.values()
        return [order for one in everyone for order in one.orders if order.token == one.token]
