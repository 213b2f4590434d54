"""The rooms of billing over a real table, with stores that say what they are told to say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib import errors
from chalicelib.billing.application import Application
from chalicelib.billing.billing_contract import PurchaseAnswer, PurchaseRequest
from chalicelib.billing.checkout import Checkout
from chalicelib.billing.doors import Stores
from chalicelib.billing.notices import Notices
from chalicelib.billing.payments import PaymentHistory
from chalicelib.billing.products import Products
from chalicelib.billing.purchases import Purchases
from chalicelib.billing.renewals import Renewals
from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import (
    AmountRefusedError,
    Facts,
    Notice,
    PaymentSeen,
    SubscriptionSeen,
    TermSeen,
    Version,
)
from chalicelib.identity.proofs import FreshProof
from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.payment import PaymentItem
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem
from chalicelib.models.states import BiometricOperation, SubscriptionProvider
from chalicelib.stores.billing_changes import BillingChanges
from chalicelib.stores.billing_events import BillingEvents
from chalicelib.stores.payments import Payments
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions
from chalicelib.stores.users import Users
from chalicelib.web.cursor import Cursors
from tests.support import SettableClock, stored_items
from tests.unit.billing import words
from tests.unit.billing.people import LiveSessions, caller_of, person

APPLE, GOOGLE, STRIPE = SubscriptionProvider.APPLE, SubscriptionProvider.GOOGLE, SubscriptionProvider.STRIPE
SIGNED_UP = words.BOUGHT - timedelta(days=20)
NOW = words.BOUGHT + timedelta(days=2)
PRODUCTS = {"price_pm": "premium_monthly", "price_fm": "family_monthly", "price_py": "premium_yearly"}
_PASSING = ("created_at", "updated_at", "last_updated", "ttl", "revision", "billing_revision", "claimed_at")


@dataclass(frozen=True, slots=True)
class Page:
    """A page to pay on."""

    session_id: str
    url: str
    expires_at: datetime


@dataclass
class ScriptedStore:
    """A store that says what it is told to say. It signs by saying so in a header."""

    name: SubscriptionProvider
    notices: dict[str, Notice] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    sold: dict[str, Facts] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    cancelled: list[tuple[str, bool, str | None]] = field(default_factory=list)
    opened: list[tuple[str, str, str]] = field(default_factory=list)
    is_down: bool = False
    refusal: AmountRefusedError | None = None

    def verify(self, raw_body: bytes, headers: Mapping[str, str]) -> Notice:
        if headers.get("signature") != "good":
            raise errors.Unauthenticated("INVALID_SIGNATURE")
        return self.notices[raw_body.decode()]

    def read(self, notice: Notice) -> Facts:
        self._answer()
        self._tell_amounts()
        return self.facts[notice.event_id]

    def missed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        yield from (one for one in self.notices.values() if since <= one.happened_at < until)

    def look(self, external_id: str) -> Facts | None:
        self._answer()
        return self.sold.get(external_id)

    def acknowledge(self, seen: SubscriptionSeen) -> None:
        self._answer()
        self.acknowledged.append(seen.external_id)

    def claim(self, purchase: str, product_id: str = "") -> Facts:
        self._answer()
        if purchase not in self.sold:
            raise errors.InvalidRequest("INVALID_PURCHASE")
        return self.sold[purchase]

    def checkout(self, user_id: str, plan_id: str, idempotency_key: str) -> Page:
        self._answer()
        self.opened.append((user_id, plan_id, idempotency_key))
        return Page("cs_1", "https://pay.example/cs_1", NOW + timedelta(days=1))

    def cancel(self, external_id: str, *, immediately: bool, reason: str | None, idempotency_key: str) -> Facts:
        self._answer()
        self.cancelled.append((external_id, immediately, reason))
        self._tell_amounts()
        return self.sold[external_id]

    def _answer(self) -> None:
        if self.is_down:
            raise errors.Unavailable("PROVIDER_UNAVAILABLE")

    def _tell_amounts(self) -> None:
        if self.refusal is not None:
            raise self.refusal


@dataclass
class BillingWorld:
    """The rooms, the three stores, and whoever settles there."""

    settings: Settings
    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))

    def __post_init__(self) -> None:
        self.apple, self.google, self.stripe = (ScriptedStore(name) for name in (APPLE, GOOGLE, STRIPE))
        stores = Stores(self.apple, self.google, self.stripe)
        rules, read, sessions = self.settings.rules, Users().by_id, LiveSessions()
        products = Products(dict.fromkeys((APPLE, GOOGLE, STRIPE), PRODUCTS))
        self.application = Application(
            BillingEvents(), ProviderSubscriptions(), Payments(), BillingChanges(), read, lambda: products,
            self.clock, rules,
        )  # fmt: skip
        proof = FreshProof(self.clock, rules, BiometricOperation.PURCHASE)
        self.notices = Notices(lambda: stores.providers, self.application)
        self.purchases = Purchases(lambda: stores, self.notices, self.application, sessions, proof)
        self.renewals = Renewals(ProviderSubscriptions(), lambda: products, self.clock)
        self.checkout = Checkout(lambda: stores, self.notices, read, sessions, proof, self.renewals, self.clock)
        self.payments = PaymentHistory(Payments(), sessions, read, Cursors(lambda: [b"k" * 32]))

    def settle(self, *user_ids: str, subscription: Subscription | None = None) -> None:
        """Let people sign up."""
        for user_id in user_ids:
            user = person(user_id, subscription, SIGNED_UP)
            user.data.current_subscription.subscription_id = f"first-of-{user_id}"
            user.save()

    def store(self, name: SubscriptionProvider) -> ScriptedStore:
        """Return one of the three."""
        return {APPLE: self.apple, GOOGLE: self.google, STRIPE: self.stripe}[name]

    def notice(self, event_id: str, facts: Facts, *, hours: int = 0, **changes: Any) -> Notice:
        """Prepare a notice that brings these facts."""
        providers = [one.provider for one in facts.subscriptions] + [one.provider for one in facts.payments]
        provider = providers[0] if providers else STRIPE
        given = {"event_type": f"type of {event_id}", "happened_at": words.BOUGHT + timedelta(hours=hours)}
        made = Notice(provider, event_id, is_known=True, payload={}, **{**given, **changes})
        store = self.store(provider)
        store.notices[event_id], store.facts[event_id] = made, facts
        return made

    def tell(self, event_id: str, *facts: SubscriptionSeen | PaymentSeen, hours: int = 0) -> bool:
        """Let a store tell facts."""
        return self.notices.apply(self.notice(event_id, all_of(*facts), hours=hours))

    def sell(self, purchase: str, *facts: SubscriptionSeen | PaymentSeen, name: SubscriptionProvider = APPLE) -> None:
        """Let a store know a purchase."""
        self.store(name).sold[purchase] = of_store(name, all_of(*facts))

    def claim(self, user_id: str, purchase: str) -> PurchaseAnswer:
        """Hand in a purchase of the App Store."""
        return self.purchases.claim(caller_of(user_id), PurchaseRequest(provider="apple", signed_transaction=purchase))

    # What is there

    def user(self, user_id: str) -> UserItem:
        found = Users().by_id(user_id)
        assert found is not None
        return found

    def plan(self, user_id: str) -> Subscription:
        return self.user(user_id).data.current_subscription

    def subscriptions(self, user_id: str) -> list[ProviderSubscriptionItem]:
        return list(ProviderSubscriptions().of(user_id))

    def paid(self, user_id: str) -> list[PaymentItem]:
        """Payments, newest first."""
        return list(Payments().newest(user_id, 1000))

    def items(self, prefix: str = "") -> list[Any]:
        """Every item whose partition begins so."""
        return [item for item in Item.scan(consistent_read=True) if item.pk.startswith(prefix)]

    def state(self) -> str:
        """Everything in the table but instants of writing and counts of writes: what has to be the same in the end."""
        found = [_lasting(item) for item in stored_items()]
        return json.dumps(sorted(found, key=lambda item: (item["PK"]["S"], item["SK"]["S"])), sort_keys=True, indent=1)


def all_of(*facts: SubscriptionSeen | PaymentSeen) -> Facts:
    """Put facts together."""
    return Facts(
        tuple(one for one in facts if isinstance(one, SubscriptionSeen)),
        tuple(one for one in facts if isinstance(one, PaymentSeen)),
    )


def of_store(name: SubscriptionProvider, facts: Facts) -> Facts:
    """The same, told by another store."""
    return Facts(
        tuple(replace(one, provider=name) for one in facts.subscriptions),
        tuple(replace(one, provider=name) for one in facts.payments),
    )


def later_term(hours: int, **changes: Any) -> TermSeen:
    """A term about a later transaction, as the App Store dates them."""
    at = words.BOUGHT + timedelta(hours=hours)
    return words.term(hours, version=Version(at, at, ""), **changes)


def _lasting(item: Any) -> Any:
    if isinstance(item, dict):
        history = item.get("entity_type", {}).get("S") == "subscription_history" if "PK" in item else False
        kept = {name: _lasting(value) for name, value in item.items() if name not in _PASSING}
        if history:
            kept["SK"] = {"S": "SUBSCRIPTION#" + item["SK"]["S"].rsplit("#", 1)[-1]}
        return kept
    return [_lasting(part) for part in item] if isinstance(item, list) else item


def key_of_payment(item: PaymentItem) -> keys.Key:
    """Where a payment stands."""
    return keys.Key(item.pk, item.sk)
