"""Builds the rooms of billing, and the stores of a stage when they are first asked for: their libraries are heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial

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
from chalicelib.gateways.queues import Queues
from chalicelib.gateways.secrets import Secrets
from chalicelib.identity.keys import Purpose, TokenKeys
from chalicelib.identity.proofs import FreshProof
from chalicelib.identity.sessions import SessionRule
from chalicelib.models.states import BiometricOperation, SubscriptionProvider
from chalicelib.stores.billing_changes import BillingChanges
from chalicelib.stores.billing_events import BillingEvents
from chalicelib.stores.live_subscriptions import LiveSubscriptions
from chalicelib.stores.payments import Payments
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions
from chalicelib.stores.users import Users
from chalicelib.web.cursor import Cursors


@dataclass(frozen=True, slots=True)
class Billing:
    """The rooms of purchases and payments."""

    notices: Notices
    purchases: Purchases
    checkout: Checkout
    payments: PaymentHistory
    renewals: Renewals
    reconciliation: Reconciliation
    looks: Looks


def build_billing(
    stage: Settings, users: Users, sessions: SessionRule, secrets: Secrets, token_keys: TokenKeys, clock: Clock
) -> Billing:
    """Build the rooms of a stage. Asks nobody anything, and loads no store."""
    rules, payments = stage.rules, Payments()
    stores = cache(partial(stores_of, stage, secrets, clock))
    application = Application(
        BillingEvents(),
        ProviderSubscriptions(),
        payments,
        BillingChanges(),
        users.by_id,
        cache(partial(products_of, stage)),
        clock,
        rules,
    )
    proof = FreshProof(clock, rules, BiometricOperation.PURCHASE)
    live, queue = LiveSubscriptions(), stage.billing_looks_queue

    def providers() -> Mapping[SubscriptionProvider, Provider]:
        return stores().providers

    notices = Notices(providers, application)
    renewals = Renewals(application.subscriptions, application.products, clock)
    cursors = Cursors(partial(token_keys.derived, Purpose.CURSOR))
    return Billing(
        notices=notices,
        purchases=Purchases(stores, notices, application, sessions, proof),
        checkout=Checkout(stores, notices, users.by_id, sessions, proof, renewals, clock),
        payments=PaymentHistory(payments, sessions, users.by_id, cursors),
        renewals=renewals,
        reconciliation=Reconciliation(providers, notices, live, Queues(stage.region), queue, clock, rules),
        looks=Looks(providers, live, notices, clock),
    )


def products_of(stage: Settings) -> Products:
    """Return what a stage sells, by store."""
    shops = {
        SubscriptionProvider.APPLE: stage.app_store,
        SubscriptionProvider.GOOGLE: stage.play_store,
        SubscriptionProvider.STRIPE: stage.stripe,
    }
    return Products({name: shop.products for name, shop in shops.items() if shop is not None})


def stores_of(stage: Settings, secrets: Secrets, clock: Clock) -> Stores:
    """Build the stores where a stage sells."""
    from chalicelib.gateways.app_store import AppStore
    from chalicelib.gateways.play_store import PlayStore
    from chalicelib.gateways.stripe import Stripe

    rules, apple, google, stripe = stage.rules, stage.app_store, stage.play_store, stage.stripe
    return Stores(
        apple=None if apple is None else AppStore(apple, secrets, stage.app_store_secret, clock, rules),
        google=None if google is None else PlayStore(google, secrets, stage.play_store_secret, clock, rules),
        stripe=None if stripe is None else Stripe(stripe, secrets, stage.stripe_secret, clock, rules),
    )
