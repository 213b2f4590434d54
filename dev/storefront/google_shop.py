"""The simulated Google Play: purchases live by Google's rules, with real pushes, real tokens and the publisher API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from chalicelib.config import PlayStore as PlayStoreSettings
from chalicelib.models.states import SubscriptionProvider, Tier
from dev.storefront.google_api import API_PATH, KEYS_PATH, TOKEN_PATH, GoogleApi
from dev.storefront.google_book import PACKAGE_NAME, Book
from dev.storefront.google_happenings import CONDITIONS, DEEDS
from dev.storefront.google_push import PubSub
from dev.storefront.google_words import CHARGEBACK, OPEN, REMORSE, Product, State, products
from dev.storefront.words import Delivery, Happening, HttpAnswer, Truth, VirtualClock

AUDIENCE: Final = "https://serenya.local/webhooks/google"
PUSH_EMAIL: Final = "play-push@serenya-local.iam.gserviceaccount.com"
PATIENCE: Final = timedelta(days=3)
"""Google gives back the money for what nobody acknowledged until then."""
MEMORY: Final = timedelta(days=60)
"""Google answers for a purchase until so long after its end."""


class GoogleShop:
    """A `Shop` and a `Sealer`. Safe under threads.

    `patience` is after how long an unacknowledged purchase is refunded, None for never; `memory` how long an expired
    one is answered for, None for ever. `wall` is the clock by which signatures are made and checked, which is the
    service's; what happens is dated by `clock`. The same seed draws the same tokens.
    """

    def __init__(
        self,
        clock: VirtualClock,
        *,
        wall: Callable[[], datetime] | None = None,
        patience: timedelta | None = PATIENCE,
        memory: timedelta | None = MEMORY,
        seed: int = 0,
    ) -> None:
        self.pub_sub = PubSub(AUDIENCE, PUSH_EMAIL, wall or clock.now)
        self.book = Book(clock, self.pub_sub, patience, memory, seed)
        self.api = GoogleApi(self.book, PACKAGE_NAME, self.pub_sub.published, clock.now, wall or clock.now)
        self._lock = threading.RLock()

    @property
    def name(self) -> SubscriptionProvider:
        """Google."""
        return SubscriptionProvider.GOOGLE

    def settings(self, url: str, **changes: Any) -> PlayStoreSettings:
        """Return what a service must know to deal with this shop at an address; its secret is `api.secret()`."""
        usual: dict[str, Any] = {
            "package_name": PACKAGE_NAME,
            "push_audience": AUDIENCE,
            "push_email": PUSH_EMAIL,
            "products": {product.key: plan_id for plan_id, product in products().items()},
            "jwks_url": url + KEYS_PATH,
            "token_url": url + TOKEN_PATH,
            "api_url": url + API_PATH,
        }
        return PlayStoreSettings(**{**usual, **changes})

    def buy(self, account: str | None, plan_id: str, *, is_shared: bool = False) -> str:
        """Let somebody buy a plan; return the purchase token.

        Raises:
            ValueError: there is no such plan, or it should be shared: Google shares no subscriptions.
        """
        if is_shared:
            raise ValueError("Google Play shares no subscriptions among families")
        with self._lock:
            purchase = self.book.start(account, _product(plan_id))
            self.book.push(purchase.token, 4)
            return purchase.token

    def buy_slowly(self, account: str | None, plan_id: str, *, linked: str | None = None) -> str:
        """Let somebody buy with cash or a slow transfer: pending until `complete` or `give_up`."""
        with self._lock:
            purchase = self.book.enter(account, _product(plan_id), linked=linked)
            self.book.push(purchase.token, 4)
            return purchase.token

    def complete(self, token: str) -> None:
        """Let the money of a pending purchase come."""
        with self._lock:
            purchase = self.book.purchases[token]
            self.book.open(purchase)
            if purchase.linked is not None:
                self.book.replace(self.book.purchases[purchase.linked])
            self.book.push(token, 4)

    def give_up(self, token: str) -> None:
        """Let a pending purchase come to nothing."""
        with self._lock:
            self.book.purchases[token].state = State.PENDING_PURCHASE_CANCELED
            self.book.push(token, 20)

    def test_purchase(self, account: str | None, plan_id: str) -> str:
        """Let a licence tester buy, for no real money."""
        token = self.buy(account, plan_id)
        self.book.purchases[token].is_test = True
        return token

    def refund(self, token: str, *, is_chargeback: bool = False, amount: Decimal | None = None) -> None:
        """Give back the latest payment, and end the purchase; with an amount only that much, and end nothing."""
        with self._lock:
            purchase, now = self.book.purchases[token], self.book.now()
            if amount is None:
                self.book.void(purchase, now, CHARGEBACK if is_chargeback else REMORSE)
                return
            order = purchase.orders[-1]
            order.state, order.refunded, order.refunded_at = "PARTIALLY_REFUNDED", amount, now

    def can(self, external_id: str, happening: Happening) -> bool:
        """Whether that can happen to this purchase as it stands. Time does not pass over one that Google is going to
        refund first, because nobody acknowledged it."""
        with self._lock:
            self.book.settle()
            purchase, condition = self.book.purchases[external_id], CONDITIONS.get(happening)
            return condition is not None and condition(self.book, purchase)

    def happen(self, external_id: str, happening: Happening) -> str:
        """Let it happen; return the purchase token under which the subscription goes on.

        Raises:
            ValueError: it cannot happen as things stand.
        """
        with self._lock:
            if not self.can(external_id, happening):
                raise ValueError(f"{happening} cannot happen now")
            return DEEDS[happening](self.book, self.book.purchases[external_id])

    def truth(self, external_id: str) -> Truth:
        """Return what Google holds to be so now."""
        with self._lock:
            self.book.settle()
            purchase, now = self.book.purchases[external_id], self.book.now()
            is_open = purchase.state in OPEN and now < purchase.expires_at
            return Truth(
                tier=purchase.product.plan.tier if is_open else Tier.FREE,
                will_renew=purchase.auto_renew and purchase.state is not State.PENDING_PURCHASE_CANCELED,
                until=purchase.expires_at if is_open else None,
                account=purchase.account,
            )

    def take_deliveries(self) -> list[Delivery]:
        """Return the notifications since the last time, in the order in which they were made, sealed now."""
        with self._lock:
            self.book.settle()
            taken, self.book.outbox = self.book.outbox, []
            return [self.sealed_anew(delivery) for delivery in taken]

    def sealed_anew(self, delivery: Delivery) -> Delivery:
        """Return the same notification with the token of a new attempt: Pub/Sub signs each."""
        return self.pub_sub.sealed(delivery)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        """Answer a call of Google's APIs; None for a path that is not Google's."""
        with self._lock:
            self.book.settle()
            return self.api.answer(method, path, headers, body)


def _product(plan_id: str) -> Product:
    found = products().get(plan_id)
    if found is None:
        raise ValueError(f"no plan is called {plan_id!r}; there are {', '.join(products())}")
    return found
