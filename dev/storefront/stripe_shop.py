"""The simulated Stripe: subscriptions that live, an API that tells of them, and signed events."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from chalicelib import config
from chalicelib.clock import Clock
from chalicelib.models.states import SubscriptionProvider, Tier
from chalicelib.rules import Rules
from dev.storefront.stripe_deeds import StripeDeeds, is_going_on
from dev.storefront.stripe_desk import StripeDesk
from dev.storefront.stripe_ledger import Price, StripeLedger, Thing, usual_prices
from dev.storefront.stripe_life import StripeLife
from dev.storefront.stripe_money import StripeMoney
from dev.storefront.words import Delivery, Happening, HttpAnswer, Truth, VirtualClock

_PATH: Final = "/webhooks/stripe"


class StripeShop:
    """A `Shop` and a `Sealer`.

    Signatures are dated by `wall`, the clock of whoever is to verify them; by the store's own where none is given.
    """

    def __init__(
        self,
        clock: VirtualClock,
        *,
        wall: Clock | None = None,
        prices: tuple[Price, ...] | None = None,
        grace: timedelta | None = None,
        is_live: bool = False,
        page_url: str = "https://checkout.stripe.example/pay",
    ) -> None:
        self._clock = clock
        self._wall = wall or clock
        self._grace = Rules().stripe_grace if grace is None else grace
        self._lock = threading.RLock()
        self.ledger = StripeLedger(clock, prices or usual_prices(), is_live=is_live)
        self.money = StripeMoney(self.ledger)
        self.life = StripeLife(self.ledger, self.money)
        self.desk = StripeDesk(self.ledger, self.life, f"sk_{'live' if is_live else 'test'}_local", page_url)
        self._signers = [f"whsec_{secrets.token_hex(16)}"]
        self._taken = 0
        self._deeds = StripeDeeds(self.ledger, self.life, self.money)
        self._table = self._deeds.all()

    @property
    def name(self) -> SubscriptionProvider:
        """Which one it is."""
        return SubscriptionProvider.STRIPE

    @property
    def products(self) -> dict[str, str]:
        """What a stage's settings say of it: price ids and our plans."""
        return {price.id: price.plan_id for price in self.ledger.prices.values()}

    def settings(self, api_url: str) -> config.Stripe:
        """Return the settings of a stage that sells in this shop; `api_url` is where its server listens, and
        `/stripe`."""
        return config.Stripe(
            products=self.products,
            success_url="serenya://subscription/paid",
            cancel_url="serenya://subscription/plans",
            is_live=self.ledger.is_live,
            api_url=api_url,
        )

    def environment_variables(self, api_url: str) -> dict[str, str]:
        """Return the same as environment variables."""
        stage = self.settings(api_url)
        return {
            "STRIPE_PRODUCTS": ",".join(f"{product}={plan_id}" for product, plan_id in stage.products.items()),
            "STRIPE_SUCCESS_URL": stage.success_url,
            "STRIPE_CANCEL_URL": stage.cancel_url,
            "STRIPE_IS_LIVE": "true" if stage.is_live else "false",
            "STRIPE_API_URL": stage.api_url,
        }

    def secret(self) -> dict[str, str | None]:
        """Return what belongs into the secret `stripe` of a stage."""
        before = self._signers[1] if len(self._signers) > 1 else None
        return {
            "api_key": self.desk.api_key,
            "webhook_secret": self._signers[0],
            "previous_webhook_secret": before,
        }

    def roll_secret(self, *, is_over: bool = False) -> None:
        """Sign with a new secret beside the present one; or, once that is over, with the new one alone."""
        with self._lock:
            self._signers = self._signers[:1] if is_over else [f"whsec_{secrets.token_hex(16)}", self._signers[0]]

    def buy(self, account: str | None, plan_id: str, *, is_shared: bool = False) -> str:
        """Let somebody buy a plan on Stripe's page.

        Raises:
            ValueError: there is no such plan, or it is to be shared: Stripe knows no families.
        """
        price = next((one for one in self.ledger.prices.values() if one.plan_id == plan_id), None)
        if price is None or is_shared:
            raise ValueError("Stripe shares nothing" if is_shared else f"Stripe sells no {plan_id}")
        with self._lock:
            return self._begun(price, {"user_id": account} if account is not None else {})

    def pay(self, session_id: str) -> str:
        """Let somebody pay on the page of a checkout session; return the id of the subscription.

        Raises:
            KeyError: there is no such session.
            ValueError: it was paid before, or has expired.
        """
        with self._lock:
            session = self.ledger.the("checkout.session", session_id)
            if session["status"] != "open" or session["expires_at"] <= self.ledger.seconds():
                raise ValueError("this session cannot be paid")
            external_id = self._begun(self.ledger.prices[session["_price"]], session["_metadata"])
            session.update(status="complete", payment_status="paid", subscription=external_id)
            self.ledger.tell("checkout.session.completed", session)
            return external_id

    def can(self, external_id: str, happening: Happening) -> bool:
        """Whether that can happen to this subscription as it stands."""
        with self._lock:
            deed = self._table.get(happening)
            return deed is not None and deed.is_possible(self.ledger.the("subscription", external_id))

    def happen(self, external_id: str, happening: Happening) -> str:
        """Let it happen.

        Raises:
            ValueError: it cannot, as the subscription stands.
        """
        with self._lock:
            if not self.can(external_id, happening):
                raise ValueError(f"{happening} cannot happen to {external_id}")
            other = self._table[happening].do(self.ledger.the("subscription", external_id))
            return external_id if other is None else str(other["id"])

    def refund(self, external_id: str, amount: int) -> None:
        """Give a part of the last payment back, in the currency's smallest unit."""
        with self._lock:
            self.money.refund(self._deeds.paid_charge(self.ledger.the("subscription", external_id)), amount)

    def truth(self, external_id: str) -> Truth:
        """Return what the store holds to be so now."""
        with self._lock:
            subscription, now = self.ledger.the("subscription", external_id), self._clock.now()
            until = datetime.fromtimestamp(subscription["_paid_until"], UTC)
            if subscription["status"] == "past_due":
                until += self._grace
            is_open = subscription["status"] in ("active", "past_due") and now < until
            return Truth(
                tier=self.life.price_of(subscription).tier
                if is_open and self._deeds.has_kept_money(subscription)
                else Tier.FREE,
                will_renew=is_going_on(subscription) or subscription["status"] == "past_due",
                until=until,
                account=subscription["metadata"].get("user_id"),
            )

    def take_deliveries(self) -> list[Delivery]:
        """Return the events since the last time, signed, in the order in which they were made."""
        with self._lock:
            events, self._taken = self.ledger.events[self._taken :], len(self.ledger.events)
            return [self.sealed_anew(_unsealed(event)) for event in events]

    def sealed_anew(self, delivery: Delivery) -> Delivery:
        """Return the same event as it goes over the wire now. While the secret is rolled there are two signatures."""
        seconds = int(self._wall.now().timestamp())
        signed = [signature(secret, seconds, delivery.body) for secret in self._signers]
        header = ",".join([f"t={seconds}", *(f"v1={one}" for one in signed)])
        return replace(delivery, headers={"content-type": "application/json", "stripe-signature": header})

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        """Answer a call of the API; None for a path that is not Stripe's."""
        with self._lock:
            return self.desk.answer(method, path, headers, body)

    def _begun(self, price: Price, metadata: dict[str, str]) -> str:
        subscription = self.life.begin(price, self.ledger.draw_id("cus"), metadata)
        return str(subscription["id"])


def signature(secret: str, seconds: int, body: bytes) -> str:
    """Return the `v1` signature that Stripe makes of a body."""
    return hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest()


def _unsealed(event: Thing) -> Delivery:
    body = json.dumps(event, indent=2).encode()
    return Delivery(SubscriptionProvider.STRIPE, event["id"], _PATH, {}, body)
