"""Questions about subscriptions at stores: whose one is, all of somebody's, and what waits to be claimed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.guard import GuardItem
from chalicelib.models.payment import UnclaimedPaymentItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem, UnclaimedSubscriptionItem
from chalicelib.stores.failures import translated


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """What waits for the person of one subscription."""

    subscription: UnclaimedSubscriptionItem | None
    payments: tuple[UnclaimedPaymentItem, ...] = ()


class ProviderSubscriptions:
    """Subscriptions at stores. Every read is consistent."""

    def owner_of(self, provider: str, external_id: str) -> str | None:
        """Return the id of the person that a subscription is guarded for, or None. One read.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.subscription_guard_key(provider, external_id)
        with translated():
            try:
                return str(GuardItem.get(*key, consistent_read=True).data.user_id)
            except GuardItem.DoesNotExist:
                return None

    def of(self, user_id: str) -> tuple[ProviderSubscriptionItem, ...]:
        """Return all subscriptions of somebody, in key order. One query.

        Raises:
            Unavailable: the table does not answer.
        """
        return tuple(
            item
            for item in _items(keys.user_partition(user_id), keys.PROVIDER_SUBSCRIPTION_PREFIX)
            if isinstance(item, ProviderSubscriptionItem)
        )

    def unclaimed(self, provider: str, external_id: str) -> Unclaimed:
        """Return what waits for the person of a subscription: itself, and what was paid for it. One query.

        Raises:
            Unavailable: the table does not answer.
        """
        found = list(_items(keys.unclaimed_partition(provider, external_id)))
        subscriptions = [item for item in found if isinstance(item, UnclaimedSubscriptionItem)]
        payments = tuple(item for item in found if isinstance(item, UnclaimedPaymentItem))
        return Unclaimed(subscriptions[0] if subscriptions else None, payments)


def _items(partition: str, prefix: str | None = None) -> Iterable[Any]:
    wanted = None if prefix is None else Item.sk.startswith(prefix)
    with translated():
        return list(Item.query(partition, wanted, consistent_read=True))
