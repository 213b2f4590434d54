"""Builds the rooms of billing, and the stores of a stage when they are first asked for: their libraries are heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.models.states import BiometricOperation, SubscriptionProvider
from chalicelib.once import once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.billing.application import Application
    from chalicelib.billing.checkout import Checkout
    from chalicelib.billing.doors import Stores
    from chalicelib.billing.looks import Looks
    from chalicelib.billing.notices import Notices
    from chalicelib.billing.payments import PaymentHistory
    from chalicelib.billing.products import Products
    from chalicelib.billing.purchases import Purchases
    from chalicelib.billing.reconciliation import Reconciliation
    from chalicelib.billing.renewals import Renewals
    from chalicelib.clock import Clock
    from chalicelib.config import Settings
    from chalicelib.gateways.provider_facts import Provider
    from chalicelib.gateways.secrets import Secrets
    from chalicelib.identity.proofs import FreshProof
    from chalicelib.wiring_shared import Shared


class Billing:
    """The rooms of purchases and payments. Building one asks nobody anything, and loads no store."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    @once
    def notices(self) -> Notices:
        """Hears from the stores."""
        from chalicelib.billing.notices import Notices

        return Notices(self._providers, self._application)

    @once
    def purchases(self) -> Purchases:
        """Takes what the app bought."""
        from chalicelib.billing.purchases import Purchases

        rule = self._shared.session_rule
        return Purchases(self._stores, self.notices, self._application, rule, self._proof)

    @once
    def checkout(self) -> Checkout:
        """Sells through Stripe."""
        from chalicelib.billing.checkout import Checkout

        of = self._shared
        return Checkout(
            self._stores, self.notices, of.users.by_id, of.session_rule, self._proof, self.renewals, of.clock
        )

    @once
    def payments(self) -> PaymentHistory:
        """Lists payments."""
        from chalicelib.billing.payments import PaymentHistory
        from chalicelib.stores.payments import Payments

        of = self._shared
        return PaymentHistory(Payments(), of.session_rule, of.users.by_id, of.cursors)

    @once
    def renewals(self) -> Renewals:
        """Knows who is going to be charged."""
        from chalicelib.billing.renewals import Renewals
        from chalicelib.stores.provider_subscriptions import ProviderSubscriptions

        return Renewals(ProviderSubscriptions(), self._products, self._shared.clock)

    @once
    def reconciliation(self) -> Reconciliation:
        """Asks the stores for what was missed."""
        from chalicelib.billing.reconciliation import Reconciliation
        from chalicelib.stores.live_subscriptions import LiveSubscriptions

        of = self._shared
        return Reconciliation(
            self._providers, self.notices, LiveSubscriptions(), of.queues, of.stage.billing_looks_queue, of.clock,
            of.rules,
        )  # fmt: skip

    @once
    def looks(self) -> Looks:
        """Compares subscriptions with what their store says."""
        from chalicelib.billing.looks import Looks
        from chalicelib.stores.live_subscriptions import LiveSubscriptions

        return Looks(self._providers, LiveSubscriptions(), self.notices, self._shared.clock)

    @once
    def _application(self) -> Application:
        from chalicelib.billing.application import Application
        from chalicelib.stores.billing_changes import BillingChanges
        from chalicelib.stores.billing_events import BillingEvents
        from chalicelib.stores.payments import Payments
        from chalicelib.stores.provider_subscriptions import ProviderSubscriptions

        of = self._shared
        return Application(
            BillingEvents(), ProviderSubscriptions(), Payments(), BillingChanges(), of.users.by_id, self._products,
            of.clock, of.rules,
        )  # fmt: skip

    @property
    def _proof(self) -> FreshProof:
        from chalicelib.identity.proofs import FreshProof

        return FreshProof(self._shared.clock, self._shared.rules, BiometricOperation.PURCHASE)

    def _providers(self) -> Mapping[SubscriptionProvider, Provider]:
        return self._stores().providers

    def _stores(self) -> Stores:
        return self._loaded_stores

    @once
    def _loaded_stores(self) -> Stores:
        of = self._shared
        return stores_of(of.stage, of.secrets, of.clock)

    def _products(self) -> Products:
        return self._known_products

    @once
    def _known_products(self) -> Products:
        return products_of(self._shared.stage)


def products_of(stage: Settings) -> Products:
    """Return what a stage sells, by store."""
    from chalicelib.billing.products import Products

    shops = {
        SubscriptionProvider.APPLE: stage.app_store,
        SubscriptionProvider.GOOGLE: stage.play_store,
        SubscriptionProvider.STRIPE: stage.stripe,
    }
    return Products({name: shop.products for name, shop in shops.items() if shop is not None})


def stores_of(stage: Settings, secrets: Secrets, clock: Clock) -> Stores:
    """Build the stores where a stage sells."""
    from chalicelib.billing.doors import Stores
    from chalicelib.gateways.app_store import AppStore
    from chalicelib.gateways.play_store import PlayStore
    from chalicelib.gateways.stripe import Stripe

    rules, apple, google, stripe = stage.rules, stage.app_store, stage.play_store, stage.stripe
    return Stores(
        apple=None if apple is None else AppStore(apple, secrets, stage.app_store_secret, clock, rules),
        google=None if google is None else PlayStore(google, secrets, stage.play_store_secret, clock, rules),
        stripe=None if stripe is None else Stripe(stripe, secrets, stage.stripe_secret, clock, rules),
    )
