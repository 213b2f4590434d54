"""The simulated Stripe on loopback, and the real gateway beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.gateways.provider_facts import Facts, Notice, PaymentSeen, RenewalSeen, SubscriptionSeen, TermSeen
from chalicelib.gateways.stripe import Stripe
from chalicelib.rules import Rules
from dev.storefront.post import PostOffice
from dev.storefront.server import Controls, StorefrontServer
from dev.storefront.stripe_ledger import Price, Thing
from dev.storefront.stripe_shop import StripeShop
from dev.storefront.words import Delivery, Happening, VirtualClock

USER = "5b0e7f0e-6c3f-4d83-9f5e-0d6f3c1b2a10"


class Held:
    """The secret as an operator put it in. A stale read gives what was there before, until it is suspected."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = dict(value)
        self.stale: dict[str, Any] | None = None

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        if is_suspected_stale:
            self.stale = None
        return self.value if self.stale is None else self.stale


class StripeWorld:
    """One store, one server, one gateway, one clock for all."""

    def __init__(self, server: StorefrontServer, prices: tuple[Price, ...] | None = None) -> None:
        self.clock = VirtualClock()
        self.shop = StripeShop(self.clock, prices=prices)
        server.open((self.shop,), Controls((self.shop,), self.clock, PostOffice(lambda _: 200, self.clock)))
        self.held = Held(self.shop.secret())
        self.settings = self.shop.settings(f"{server.url}/stripe")
        self.rules = Rules()
        self.gateway = self.gateway_with()

    def gateway_with(self, **changes: Any) -> Stripe:
        """Return a gateway whose settings differ."""
        return Stripe(msgspec.structs.replace(self.settings, **changes), self.held, "stripe", self.clock, self.rules)

    def bought(self, plan_id: str = "premium_monthly", account: str | None = USER) -> str:
        """Let somebody buy; what Stripe sends of it is thrown away."""
        external_id = self.shop.buy(account, plan_id)
        self.shop.take_deliveries()
        return external_id

    def happened(self, external_id: str, *happenings: Happening) -> list[Delivery]:
        """Let things happen one after the other; return what Stripe sends of the last of them."""
        for happening in happenings:
            self.shop.take_deliveries()
            self.shop.happen(external_id, happening)
        return self.shop.take_deliveries()

    def notice(self, delivery: Delivery) -> Notice:
        """Verify an event."""
        return self.gateway.verify(delivery.body, delivery.headers)

    def read(self, delivery: Delivery) -> Facts:
        """Verify an event and read it."""
        return self.gateway.read(self.notice(delivery))

    def seen(self, external_id: str) -> SubscriptionSeen:
        """Look at a subscription."""
        found = self.gateway.look(external_id)
        assert found is not None
        return found.subscriptions[0]

    def term(self, external_id: str) -> TermSeen:
        """Return what is paid."""
        term = self.seen(external_id).term
        assert term is not None
        return term

    def renewal(self, external_id: str) -> RenewalSeen:
        """Return what is to become of it."""
        renewal = self.seen(external_id).renewal
        assert renewal is not None
        return renewal

    def payment(self, external_id: str) -> PaymentSeen:
        """Return the payment behind the term."""
        found = self.gateway.look(external_id)
        assert found is not None
        assert found.subscriptions[0].term is not None
        transaction_id = found.subscriptions[0].term.transaction_id
        (payment,) = [one for one in found.payments if one.transaction_id == transaction_id]
        return payment

    def thing(self, external_id: str) -> Thing:
        """Return the subscription as the store holds it, to be changed behind its back."""
        return self.shop.ledger.the("subscription", external_id)
