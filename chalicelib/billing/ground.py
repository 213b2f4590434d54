"""What stood in the table when a word was decided on: where each thing stands, whose it is, what was known of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from chalicelib.billing.known import Claim, ExternalKey, Known, KnownPayment, KnownSubscription
from chalicelib.billing.merge import facts_about, join
from chalicelib.billing.owners import People
from chalicelib.billing.records import known_payment, known_subscription
from chalicelib.gateways.provider_facts import Facts
from chalicelib.models.payment import UnclaimedPaymentItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem
from chalicelib.models.states import SubscriptionProvider
from chalicelib.stores.payments import Payments, RecordedPayment
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions, Unclaimed


@dataclass(frozen=True, slots=True)
class Place:
    """Where a subscription stands. `guard_owner` is whose it is said to be; they may be gone by now."""

    guard_owner: str | None
    owned: ProviderSubscriptionItem | None
    unclaimed: Unclaimed
    known: KnownSubscription | None


@dataclass(slots=True)
class Ground:
    """Reads what one round of deciding needs, each thing once. Profiles are read before what they are decided from, so
    that a profile whose revision holds was decided from the latest."""

    subscriptions: ProviderSubscriptions
    payments: Payments
    people: People
    _places: dict[ExternalKey, Place] = field(default_factory=dict)
    _of: dict[str, tuple[ProviderSubscriptionItem, ...]] = field(default_factory=dict)
    _recorded: dict[ExternalKey, RecordedPayment | None] = field(default_factory=dict)

    def known_about(self, facts: Facts) -> Known:
        """Return what is known of everything that facts speak of.

        Raises:
            PaymentMissingError: a payment is on its way to another partition.
            Unavailable: the table does not answer.
        """
        about_subscriptions, about_payments = facts_about(facts)
        places = {key: self.place_of(key) for key in sorted(about_subscriptions)}
        for seen in facts.payments:
            self.place_of(waiting_place(seen.provider, seen.subscription_external_id, seen.transaction_id))
        payments = {key: self.payment(key) for key in sorted(about_payments)}
        return Known(
            {key: place.known for key, place in places.items() if place.known is not None},
            {key: payment for key, payment in payments.items() if payment is not None},
        )

    def place_of(self, key: ExternalKey) -> Place:
        """Return where a subscription stands."""
        if key not in self._places:
            self._places[key] = self._found(key)
        return self._places[key]

    def known_of(self, key: ExternalKey) -> KnownSubscription | None:
        """Return what is known of a subscription."""
        return self.place_of(key).known

    def owner_of(
        self, known: KnownSubscription, learned: Mapping[ExternalKey, KnownSubscription] = MappingProxyType({})
    ) -> str | None:
        """Return whose a subscription is, where of some more is known by now than stands in the table."""
        return self.people.owner_of(known, lambda key: learned.get(key) or self.known_of(key))

    @property
    def places(self) -> Mapping[ExternalKey, Place]:
        """Every place that was looked at."""
        return self._places

    def of(self, user_id: str) -> tuple[ProviderSubscriptionItem, ...]:
        """Return all subscriptions of somebody."""
        if user_id not in self._of:
            self.people.living(user_id)  # the profile first: see above
            self._of[user_id] = self.subscriptions.of(user_id)
        return self._of[user_id]

    def recorded(self, key: ExternalKey) -> RecordedPayment | None:
        """Return the payment of a transaction where it has an owner, or had one."""
        if key not in self._recorded:
            self._recorded[key] = self.payments.recorded(key.provider, key.external_id)
        return self._recorded[key]

    def waiting(self, key: ExternalKey) -> UnclaimedPaymentItem | None:
        """Return the payment of a transaction where it waits with one of the subscriptions that were looked at."""
        waiting = (item for place in self._places.values() for item in place.unclaimed.payments)
        return next((item for item in waiting if transaction_of(item) == key), None)

    def payment(self, key: ExternalKey) -> KnownPayment | None:
        """Return what is known of a transaction, wherever it stands."""
        recorded = self.recorded(key)
        item = recorded.item if recorded is not None else self.waiting(key)
        return known_payment(item) if item is not None else None

    def _found(self, key: ExternalKey) -> Place:
        provider, external_id = key
        guard_owner = self.subscriptions.owner_of(provider, external_id)
        unclaimed = self.subscriptions.unclaimed(provider, external_id)
        of_owner: Collection[ProviderSubscriptionItem] = self.of(guard_owner) if guard_owner is not None else ()
        owned = next((item for item in of_owner if subscription_of(item) == key), None)
        told = [known_subscription(item) for item in (owned, unclaimed.subscription) if item is not None]
        known = None if not told else told[0] if len(told) == 1 else join(*told)
        return Place(guard_owner, owned, unclaimed, known or self._carried_over(key, guard_owner))

    def _carried_over(self, key: ExternalKey, guard_owner: str | None) -> KnownSubscription | None:
        """Somebody who is guarded as the owner of a subscription that no store told us of yet: it was carried over from
        the old service, and that counts as a claim from before all others."""
        user = self.people.living(guard_owner)
        if user is None:
            return None
        return KnownSubscription(key.provider, key.external_id, claim=Claim(user.created_at, user.data.id))


def subscription_of(item: ProviderSubscriptionItem) -> ExternalKey:
    """Return what names the subscription of an item."""
    return ExternalKey(item.data.provider, item.data.external_id)


def transaction_of(item: UnclaimedPaymentItem) -> ExternalKey:
    """Return what names the transaction of a waiting payment."""
    return ExternalKey(item.data.provider, item.data.provider_transaction_id)


def waiting_place(provider: SubscriptionProvider, subscription_id: str | None, transaction_id: str) -> ExternalKey:
    """Return with which subscription a payment waits for its person; one that names none waits by itself."""
    return ExternalKey(provider, subscription_id or transaction_id)
