"""Where subscriptions and payments are to stand once a word is known: with their owner, or waiting for one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.billing.ground import Ground, Place, transaction_of, waiting_place
from chalicelib.billing.known import ExternalKey, KnownPayment, KnownSubscription
from chalicelib.billing.merge import join_payments
from chalicelib.billing.records import (
    known_payment,
    known_subscription,
    owned_subscription,
    payment_data,
    payment_id_of,
    payment_sort_key,
    unclaimed_key,
    unclaimed_subscription,
)
from chalicelib.gateways.provider_facts import Facts
from chalicelib.models import keys
from chalicelib.models.base import key_of
from chalicelib.models.keys import Key
from chalicelib.models.payment import PaymentItem, UnclaimedPaymentItem
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.rules import Rules
from chalicelib.stores.billing_changes import GuardChange, Put, Removal
from chalicelib.stores.payments import RecordedPayment

_MOST_BROUGHT_HOME: Final = 4
"""So many payments that waited move in one transaction, beside what the word itself changes."""
_MOST_MOVED_ALONG: Final = 2
"""So many purchases move in one transaction that the word does not speak of, because they go on from one of its."""
_PAID_BACK: Final = (PaymentStatus.REFUNDED, PaymentStatus.DISPUTED)


@dataclass(slots=True)
class _Moves:
    ground: Ground
    puts: list[Put] = field(default_factory=list, init=False)
    removals: list[Removal] = field(default_factory=list, init=False)
    guards: list[GuardChange] = field(default_factory=list, init=False)
    living: set[str] = field(default_factory=set, init=False)
    affected: set[str] = field(default_factory=set, init=False)

    def _affect(self, *user_ids: str | None) -> None:
        """Those whose plan is to be decided anew: of everybody named who lives."""
        self.affected |= {one for one in user_ids if one is not None and self.ground.people.living(one) is not None}


@dataclass(slots=True)
class SubscriptionMoves(_Moves):
    """Puts each subscription where its owner is. `transfers` are who lost one, who has it then, and where.

    With those in `waited_with` something new begins to wait: their items are written although nothing is new of them.
    Whoever claims one at the same moment is refused then, and looks again; else they would leave something behind.
    """

    known: Mapping[ExternalKey, KnownSubscription]
    owners: Mapping[ExternalKey, str | None]
    waited_with: Collection[ExternalKey]
    spoken_of: Collection[ExternalKey]
    now: datetime
    rules: Rules
    is_whole: bool = field(default=True, init=False)
    transfers: list[tuple[str, str | None, str]] = field(default_factory=list, init=False)

    def plan(self) -> None:
        """Collect what is to be written."""
        moved_along = 0
        for key in sorted({*self.known, *self.waited_with}):
            place, owner = self.ground.place_of(key), self.owners.get(key)
            known = self.known.get(key) or self._kept(key, place)
            if _stands(place, known, owner) and key not in self.waited_with:
                continue
            moved_along += key not in self.spoken_of
            if moved_along > _MOST_MOVED_ALONG:
                self.is_whole = False
                continue
            if owner is not None:
                self._bring_home(key, known, place, owner)
            else:
                self._let_wait(key, known, place)
            self._affect(owner, place.guard_owner)
            if place.guard_owner not in (None, owner) and self.ground.people.living(place.guard_owner) is not None:
                self.transfers.append((str(place.guard_owner), owner, key.provider.value))

    def _kept(self, key: ExternalKey, place: Place) -> KnownSubscription:
        return self.ground.people.without_the_gone(place.known or KnownSubscription(*key))

    def _bring_home(self, key: ExternalKey, known: KnownSubscription, place: Place, owner: str) -> None:
        is_here = place.guard_owner == owner and place.owned is not None
        seen = _revision(place.owned) if is_here else None
        item = owned_subscription(known, owner, (seen or 0) + 1, self._created_at(place), self.now)
        self.puts.append(Put(item, seen))
        self.living.add(owner)
        if place.guard_owner == owner:
            if place.unclaimed.subscription is not None:
                self._remove(unclaimed_key(known), _revision(place.unclaimed.subscription))
            return
        self._remove(unclaimed_key(known), _revision(place.unclaimed.subscription))
        self._leave(key, place, owner)

    def _let_wait(self, key: ExternalKey, known: KnownSubscription, place: Place) -> None:
        seen = _revision(place.unclaimed.subscription)
        ttl = int((self.now + self.rules.unclaimed_purchase_life).timestamp())
        item = unclaimed_subscription(known, (seen or 0) + 1, ttl, self._created_at(place), self.now)
        self.puts.append(Put(item, seen))
        self._leave(key, place, None)

    def _leave(self, key: ExternalKey, place: Place, owner: str | None) -> None:
        """Take a subscription from where it was, its guard with it. Who is erased at the moment loses it here."""
        if place.owned is not None:
            self._remove(key_of(place.owned), _revision(place.owned))
        self.guards.append(GuardChange(keys.subscription_guard_key(*key), place.guard_owner, owner))

    def _remove(self, key: Key, seen: int | None) -> None:
        self.removals.append(Removal(key, seen))

    def _created_at(self, place: Place) -> datetime:
        earlier = place.owned or place.unclaimed.subscription
        return earlier.created_at if earlier is not None else self.now


@dataclass(slots=True)
class PaymentMoves(_Moves):
    """Puts each payment where who paid it is; one that has an owner stays there for ever. `is_whole` is false where
    more payments wait for their person than one transaction should move."""

    facts: Facts
    known: Mapping[ExternalKey, KnownPayment]
    subscriptions: Mapping[ExternalKey, KnownSubscription]
    owners: Mapping[ExternalKey, str | None]
    now: datetime
    rules: Rules
    is_whole: bool = field(default=True, init=False)
    paid_back: list[tuple[KnownPayment, str]] = field(default_factory=list, init=False)
    waited_with: set[ExternalKey] = field(default_factory=set, init=False)

    def plan(self) -> None:
        """Collect what is to be written."""
        for key, known in self.known.items():
            recorded = self.ground.recorded(key)
            if recorded is not None:
                self._change_recorded(known, recorded)
            else:
                self._record(key, known)
        self._bring_home()

    def _change_recorded(self, known: KnownPayment, recorded: RecordedPayment) -> None:
        item, earlier = recorded.item, known_payment(recorded.item)
        if known == earlier:
            return
        revision = int(item.data.revision)
        data = payment_data(known, item.data.user_id, revision + 1, item.data.payment_id)
        changed = PaymentItem(*key_of(item), created_at=item.created_at, updated_at=self.now, data=data)
        self.puts.append(Put(changed, revision))
        self._affect(recorded.owner_id, self._subscriber(known))
        if known.status in _PAID_BACK and earlier.status is not known.status:
            self.paid_back.append((known, recorded.owner_id))

    def _record(self, key: ExternalKey, known: KnownPayment) -> None:
        waiting = self.ground.waiting(key)
        payer = self._payer(known)
        if payer is not None:
            self._affect(payer, self._subscriber(known))
            self._put_home(known, payer, waiting)
        elif waiting is None or known_payment(waiting) != known:
            self._put_waiting(known, waiting)

    def _put_home(self, known: KnownPayment, payer: str, waiting: UnclaimedPaymentItem | None) -> None:
        sort_key = waiting.sk if waiting is not None else payment_sort_key(known)
        payment_id = waiting.data.payment_id if waiting is not None else payment_id_of(known)
        item = PaymentItem(
            keys.user_partition(payer),
            sort_key,
            created_at=waiting.created_at if waiting is not None else self.now,
            updated_at=self.now,
            data=payment_data(known, payer, 1, payment_id),
        )
        self.puts.append(Put(item, None))
        self.guards.append(
            GuardChange(keys.transaction_guard_key(known.provider, known.transaction_id), None, payer, sort_key)
        )
        if waiting is not None:
            self.removals.append(Removal(key_of(waiting), _revision(waiting)))
        self.living.add(payer)
        if known.status in _PAID_BACK:
            self.paid_back.append((known, payer))

    def _put_waiting(self, known: KnownPayment, waiting: UnclaimedPaymentItem | None) -> None:
        seen = _revision(waiting)
        place = waiting_place(known.provider, known.seen.subscription_external_id, known.transaction_id)
        item = UnclaimedPaymentItem(
            keys.unclaimed_partition(*place),
            waiting.sk if waiting is not None else payment_sort_key(known),
            created_at=waiting.created_at if waiting is not None else self.now,
            updated_at=self.now,
            ttl=int((self.now + self.rules.unclaimed_purchase_life).timestamp()),
            data=payment_data(
                known, None, (seen or 0) + 1, waiting.data.payment_id if waiting is not None else payment_id_of(known)
            ),
        )
        self.puts.append(Put(item, seen))
        if seen is None and known.seen.subscription_external_id is not None:
            self.waited_with.add(place)
        # Nobody may have recorded it since we looked.
        self.guards.append(GuardChange(keys.transaction_guard_key(known.provider, known.transaction_id), None, None))

    def _bring_home(self) -> None:
        """Move what waited for the person of a subscription that has an owner now."""
        waiting = [
            (item, owner)
            for key, place in list(self.ground.places.items())
            if (owner := self._owner(key)) is not None
            for item in place.unclaimed.payments
            if transaction_of(item) not in self.known
        ]
        # One that waits with two purchases comes home by one of them, and is joined by the next transaction's.
        each_once = list({transaction_of(item): (item, owner) for item, owner in waiting}.values())
        moved = each_once[:_MOST_BROUGHT_HOME]
        for item, owner in moved:
            recorded = self.ground.recorded(transaction_of(item))
            if recorded is not None:
                self._change_recorded(join_payments(known_payment(recorded.item), known_payment(item)), recorded)
                self.removals.append(Removal(key_of(item), _revision(item)))
            else:
                self._put_home(known_payment(item), owner, item)
            self._affect(owner)
        self.is_whole = len(waiting) == len(moved)

    def _payer(self, known: KnownPayment) -> str | None:
        """Whoever the word names as the account that bought; else who claimed the subscription, which they did before
        the store named anybody for a later term; else whose it is."""
        named = [one.account for one in self.facts.payments if (one.provider, one.transaction_id) == _key(known)]
        external_id = known.seen.subscription_external_id
        for seen in self.facts.subscriptions:
            # The App Store names the account of each transaction: of another one than the term's it has said all above.
            is_its = seen.term is None or seen.term.transaction_id == known.transaction_id
            if (seen.provider, seen.external_id) == (known.provider, external_id) and is_its:
                named.append(seen.account)
        key = ExternalKey(known.provider, external_id) if external_id is not None else None
        subscription = self.subscriptions.get(key) if key is not None else None
        if subscription is not None and subscription.claim is not None:
            named.append(subscription.claim.user_id)
        return next((one for one in named if self.ground.people.living(one) is not None), self._subscriber(known))

    def _subscriber(self, known: KnownPayment) -> str | None:
        """Whose the subscription is that was paid."""
        external_id = known.seen.subscription_external_id
        return self._owner(ExternalKey(known.provider, external_id)) if external_id is not None else None

    def _owner(self, key: ExternalKey) -> str | None:
        if key in self.owners:
            return self.owners[key]
        known = self.ground.known_of(key)
        return self.ground.owner_of(known, self.subscriptions) if known is not None else None


def _key(known: KnownPayment) -> tuple[SubscriptionProvider, str]:
    return known.provider, known.transaction_id


def _stands(place: Place, known: KnownSubscription, owner: str | None) -> bool:
    """Whether a subscription stands where it belongs, with all that is known of it."""
    if owner is None:
        is_there = place.guard_owner is None and place.unclaimed.subscription is not None
        return is_there and known_subscription(place.unclaimed.subscription) == known  # type: ignore[arg-type]  # narrower than its declared type
    is_home = place.guard_owner == owner and place.owned is not None and place.unclaimed.subscription is None
    return is_home and known_subscription(place.owned) == known  # type: ignore[arg-type]  # narrower than its declared type


def _revision(item: object) -> int | None:
    return None if item is None else int(item.data.revision)  # type: ignore[attr-defined]  # known at run time only
