"""Subscriptions at stores that may still change, found through the due index, and how far their reconciliation came."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pynamodb.exceptions import PutError

from chalicelib.clock import iso
from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.history import SweepData, SweepItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem, UnclaimedSubscriptionItem
from chalicelib.models.states import SubscriptionProvider
from chalicelib.stores.due import pages
from chalicelib.stores.failures import is_condition_failure, retried, translated

_PROGRESS: Final[Any] = SweepItem.data


class Stage(StrEnum):
    """What a reconciliation has done with a store up to an instant."""

    ASKED = "ASKED"
    LOOKED = "LOOKED"


class LiveSubscriptions:
    """Questions to the due index about subscriptions, and the progress of the sweep, for each store by itself."""

    def in_shard(self, provider: SubscriptionProvider, shard: int) -> Iterator[tuple[keys.Key, ...]]:
        """Return the keys of all of one shard, page by page.

        Raises:
            Unavailable: the table does not answer.
        """
        return pages(_partition(provider, shard))

    def overdue_in_shard(
        self, provider: SubscriptionProvider, shard: int, since: datetime, now: datetime
    ) -> Iterator[tuple[keys.Key, ...]]:
        """Return the keys of those of one shard of which there should have been news between these two, page by page.

        Raises:
            Unavailable: the table does not answer.
        """
        return pages(_partition(provider, shard), Item.gsi3_sk.between(iso(since), iso(now)))

    def external_id_at(self, key: keys.Key) -> str | None:
        """Return what its store calls a subscription; None where it has been moved or removed in the meantime.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                item = Item.get(key.pk, key.sk, consistent_read=True)
            except Item.DoesNotExist:
                return None
        if not isinstance(item, ProviderSubscriptionItem | UnclaimedSubscriptionItem):
            return None
        external_id: str = item.data.external_id
        return external_id

    def progress(self, provider: SubscriptionProvider, stage: Stage) -> datetime | None:
        """Return until when a store was dealt with; None before the first time.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.sweep_key(_name(provider, stage))
        with translated():
            try:
                found = SweepItem.get(key.pk, key.sk, consistent_read=True)
            except SweepItem.DoesNotExist:
                return None
        until: datetime | None = found.data.swept_until
        return until

    def record_progress(self, provider: SubscriptionProvider, stage: Stage, until: datetime, now: datetime) -> None:
        """Remember until when a store was dealt with. A sweep that was overtaken by another changes nothing.

        Raises:
            Unavailable: the table does not answer.
        """
        name = _name(provider, stage)
        data = SweepData(swept_on=until.date(), swept_until=until, name=name)
        item = SweepItem(*keys.sweep_key(name), created_at=now, updated_at=now, data=data)
        # Progress never goes back: two sweeps at once end at the later instant.
        is_later = SweepItem.pk.does_not_exist() | (_PROGRESS.swept_until < until)
        try:
            retried(lambda: item.save(condition=is_later))
        except PutError as refusal:
            if not is_condition_failure(refusal):
                raise


def _partition(provider: SubscriptionProvider, shard: int) -> str:
    return keys.billing_live_partition(provider, shard)


def _name(provider: SubscriptionProvider, stage: Stage) -> str:
    return f"BILLING_{stage}#{provider}"
