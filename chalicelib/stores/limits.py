"""Counters of calls, one item per subject and minute."""

from __future__ import annotations

from datetime import timedelta

from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.models import keys
from chalicelib.models.history import LimitItem
from chalicelib.stores.failures import translated

_COUNTERS_LIVE = timedelta(minutes=10)


class LimitStore:
    """Counts where all processes see it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def add(self, limit: str, subject: str, window: int, calls: int) -> int:
        """Add to a window's count and return the new total; one write, no read.

        `calls` is a top-level attribute, because `ADD` is documented for those alone (design, trap 5); the item comes
        into being with its first call, so there is nothing to be conditional on.

        Raises:
            Unavailable: the table does not answer.
        """
        now = self._clock.now()
        key = keys.limit_key(limit, subject, window)
        item = LimitItem(key.pk, key.sk)
        actions: list[Action] = [
            LimitItem.calls.add(calls),
            LimitItem.entity_type.set(LimitItem),
            LimitItem.created_at.set(LimitItem.created_at | now),
            LimitItem.updated_at.set(now),
            LimitItem.ttl.set(int((now + _COUNTERS_LIVE).timestamp())),
        ]
        with translated():
            item.update(actions=actions)
        return int(item.calls)
