"""The one transaction of a store's word: notice, subscriptions, payments, guards, profiles; all or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.billing_event import BillingEventItem
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.models.keys import Key
from chalicelib.models.payment import PaymentItem, UnclaimedPaymentItem
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem, UnclaimedSubscriptionItem
from chalicelib.stores.erasures import Erasures
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.users import user_exists

DECIDED: Final = (
    "subscription_id",
    "subscription_status",
    "tier",
    "subscription_type",
    "provider",
    "external_subscription_id",
    "external_subscription_id_hash",
    "start_date",
    "end_date",
    "next_billing_date",
    "grace_end_date",
    "cancelled_at",
    "auto_renew",
    "decided_by",
    "created_at",
    "updated_at",
)
"""What a decision writes of the subscription in force: everything but the count of units."""
COUNTERS: Final = ("documents_processed", "chat_messages_used")

_DATA: Final[Any] = UserItem.data
_SUBSCRIPTION: Final[Any] = _DATA.current_subscription
_USAGE: Final[Any] = _SUBSCRIPTION.usage_current_period
_GUARD: Final[Any] = GuardItem.data
_REVISED: Final[Any] = ProviderSubscriptionItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""

RevisedItem = ProviderSubscriptionItem | UnclaimedSubscriptionItem | PaymentItem | UnclaimedPaymentItem
"""An item with a revision."""


@dataclass(frozen=True, slots=True)
class Put:
    """An item as it is to be. `seen` is the revision that was read at its place, None where there was none."""

    item: RevisedItem
    seen: int | None


@dataclass(frozen=True, slots=True)
class Removal:
    """A place that is to be empty. `seen` is the revision that was read there, None where there was none."""

    key: Key
    seen: int | None


@dataclass(frozen=True, slots=True)
class GuardChange:
    """Whose something is: from whom was read (None: nobody's) to whom it is to be (None: nobody's)."""

    key: Key
    seen_owner: str | None
    owner: str | None
    sort_key: str | None = None


@dataclass(frozen=True, slots=True)
class PeriodMove:
    """The usage period under another subscription. `seen_start` is the one that was read; a count that runs goes on
    under `carried_from`, one that has ended (`is_ended`) begins anew. `due` is where the person stands in the due index
    then, None where they stand in none."""

    seen_start: datetime
    start: datetime
    end: datetime
    is_ended: bool
    carried_from: datetime | None
    due: Key | None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What changes for a person, on the strength of a profile as it was read. `plan` is the subscription in force from
    now on, its usage left aside; None where it stays as it is. `granted` is the plan granted by us that is kept beside
    it."""

    user_id: str
    seen_revision: int | None
    seen_plan_updated_at: datetime
    plan: Subscription | None
    period: PeriodMove | None
    granted: Subscription | None = None


@dataclass(frozen=True, slots=True)
class BillingChange:
    """Everything that follows from one word of a store. `living` are people who must not be erased meanwhile."""

    at: datetime
    event: BillingEventItem | None
    puts: Sequence[Put] = ()
    removals: Sequence[Removal] = ()
    guards: Sequence[GuardChange] = ()
    profiles: Sequence[ProfileChange] = ()
    history: Sequence[Item] = ()
    living: Sequence[str] = ()


class BillingChanges:
    """Writes what a store's word changes."""

    def apply(self, change: BillingChange) -> bool:
        """Write all of it or nothing. False if anything is not as it was read: read again, and decide anew.

        Raises:
            Unavailable: the items are too contended, or the table does not answer.
        """

        def build(transaction: TransactWrite) -> None:
            for user_id in change.living:
                Erasures.add_not_erased(transaction, user_id)
            _add_event(transaction, change.event)
            for put in change.puts:
                transaction.save(put.item, condition=_is_as_read(put.seen))
            for removal in change.removals:
                _add_removal(transaction, removal)
            for guard in change.guards:
                _add_guard(transaction, guard, change.at)
            for item in change.history:
                transaction.save(item)
            for profile in change.profiles:
                _add_profile(transaction, profile, change.at)

        try:
            commit(build)
        except Cancelled:
            return False
        return True


def _is_as_read(seen: int | None) -> Condition:
    """Protects what somebody else learned meanwhile: every change of an item raises its revision."""
    condition: Condition = Item.pk.does_not_exist() if seen is None else _REVISED.revision == seen
    return condition


def _add_event(transaction: TransactWrite, event: BillingEventItem | None) -> None:
    if event is not None:
        is_first = BillingEventItem.pk.does_not_exist()  # protects from a notice that is delivered twice at once
        transaction.save(event, condition=is_first)


def _add_removal(transaction: TransactWrite, removal: Removal) -> None:
    if removal.seen is None:
        # Protects a word that somebody else put there after we looked: it would be left behind.
        transaction.condition_check(Item, *removal.key, condition=_is_as_read(None))
    else:
        transaction.delete(Item(*removal.key), condition=_is_as_read(removal.seen))


def _add_guard(transaction: TransactWrite, guard: GuardChange, at: datetime) -> None:
    is_free: Condition = GuardItem.pk.does_not_exist()  # protects from two owners of one purchase
    is_as_read: Condition = is_free if guard.seen_owner is None else _GUARD.user_id == guard.seen_owner
    item = GuardItem(*guard.key, created_at=at, updated_at=at)
    if guard.owner is not None:
        item.data = GuardData(user_id=guard.owner, sort_key=guard.sort_key)
        transaction.save(item, condition=is_as_read)
    elif guard.seen_owner is not None:
        transaction.delete(item, condition=is_as_read)
    else:
        transaction.condition_check(GuardItem, *guard.key, condition=is_free)


def _add_profile(transaction: TransactWrite, profile: ProfileChange, at: datetime) -> None:
    revision, seen = _DATA.billing_revision, profile.seen_revision
    # Protects the decision: it was made from all that this person has, and somebody may have learned more of it.
    is_latest = revision.does_not_exist() if seen is None else revision == seen
    condition: Condition = user_exists() & is_latest
    actions: list[Action] = [revision.set((seen or 0) + 1), UserItem.updated_at.set(at)]
    if profile.plan is not None:
        # Protects a plan that was granted, or moved here, meanwhile.
        condition &= _SUBSCRIPTION.updated_at == profile.seen_plan_updated_at
        actions += _plan_actions(profile.plan)
        kept = _DATA.granted_subscription
        actions.append(kept.remove() if profile.granted is None else kept.set(profile.granted))
    if profile.period is not None:
        # Protects a unit that was counted in a period which began meanwhile.
        condition &= _USAGE.period_start == profile.period.seen_start
        actions += _period_actions(profile.period, at)
    transaction.update(UserItem(*keys.user_key(profile.user_id)), actions=actions, condition=condition)


def _plan_actions(plan: Subscription) -> list[Action]:
    values = ((getattr(_SUBSCRIPTION, name), getattr(plan, name)) for name in DECIDED)
    return [path.remove() if value is None else path.set(value) for path, value in values]


def _period_actions(period: PeriodMove, at: datetime) -> list[Action]:
    carried = _USAGE.carried_from
    actions: list[Action] = [
        _USAGE.period_start.set(period.start),
        _USAGE.period_end.set(period.end),
        _USAGE.last_updated.set(at),
        carried.remove() if period.carried_from is None else carried.set(period.carried_from),
    ]
    if period.is_ended:
        actions += [getattr(_USAGE, counter).set(0) for counter in COUNTERS]
    if period.due is not None:
        actions += [UserItem.gsi3_pk.set(period.due.pk), UserItem.gsi3_sk.set(period.due.sk)]
    return actions
