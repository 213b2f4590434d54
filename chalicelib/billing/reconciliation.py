"""The reconciliation: asks stores for the notices that did not come, and looks at the subscriptions that still live.

Stores lose notifications for good when we are down for long, and Google keeps no list of what it sent. So each hour
every store is asked for what it sent since the last time, and what is new goes through the room of notices as if it had
come; and subscriptions are looked at where they were bought, each at least once a day. Both end in the same reducer,
where order and repetition do not matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, Protocol

import msgspec

from chalicelib import errors
from chalicelib.billing.liveness import SHARDS
from chalicelib.clock import Clock, iso
from chalicelib.gateways.provider_facts import Notice, Provider
from chalicelib.models import keys
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.live_subscriptions import LiveSubscriptions, Stage

_HOUR: Final = timedelta(hours=1)
_MOST_UNANSWERED: Final = 5
"""So many notices in a row that fail because something does not answer: it is down, and asking on would only wait. One
alone may be the one thing that it never answers, and must not hide those after it."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Part = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Receiver(Protocol):
    """Applies verified notices, each once."""

    def apply(self, notice: Notice) -> bool:
        """Apply a notice unless it has been before; return whether it was new. Safe to repeat.

        Raises:
            Unavailable: not now.
        """
        ...


class Outbox(Protocol):
    """Sends messages to a queue."""

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        """Send all of them, or raise `Unavailable`; any may arrive twice."""
        ...


class LookBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message: where subscriptions at one store stand in our table. A later shape gets a later `version`."""

    version: Literal[1] = 1
    provider: SubscriptionProvider
    places: Annotated[tuple[tuple[_Part, _Part], ...], msgspec.Meta(min_length=1, max_length=100)]


@dataclass(slots=True)
class _Count:
    """What one sweep did with one store; `unanswered` is how many notices in a row found somebody silent."""

    told: int = 0
    replayed: int = 0
    failed: int = 0
    unanswered: int = 0
    handed_over: int = 0


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Finds out what was missed. Nobody depends on it being in time, but who lost a notice waits for it.

    Cost follows what was sent and who is subscribed: a read for each notice of the last hours, a question to a store
    for each live subscription and day. `providers` makes the stores of the stage, which load heavy libraries.
    """

    providers: Callable[[], Mapping[SubscriptionProvider, Provider]]
    receiver: Receiver
    live: LiveSubscriptions
    outbox: Outbox
    queue_name: str
    clock: Clock
    rules: Rules

    def sweep(self) -> None:
        """Ask every store. Safe to run twice, also at once. A store that does not answer does not hold up the others.

        Raises:
            ExceptionGroup: something of some stores is left; the next sweep begins where this one got to.
        """
        troubles: list[Exception] = []
        for name, provider in self.providers().items():
            count = _Count()
            for step in (self._replay_missed, self._hand_over_looks):
                try:
                    step(provider, count)
                except Exception as trouble:  # noqa: BLE001  # whatever it is, the others go on; raised below
                    log("billing_sweep_failed", level=logging.ERROR, error=trouble, provider=name.value)
                    troubles.append(trouble)
            log(
                "billing_swept",
                provider=name.value,
                notices_told=count.told,
                notices_replayed=count.replayed,
                notices_failed=count.failed,
                subscriptions_handed_over=count.handed_over,
            )
        if troubles:
            raise ExceptionGroup("some stores could not be reconciled", troubles)

    def _replay_missed(self, provider: Provider, count: _Count) -> None:
        now = self.clock.now()
        asked = self.live.progress(provider.name, Stage.ASKED)
        since = (
            max(asked - self.rules.billing_sweep_overlap, now - self.rules.billing_sweep_look_back)
            if asked is not None
            else now - self.rules.billing_sweep_look_back
        )
        while since < now:
            until = min(since + self.rules.billing_sweep_stretch, now)
            for notice in provider.missed(since, until):
                self._replay(notice, count)
            if not count.failed:
                # What failed is asked for again: it must not fall out of the stretches that are asked about.
                self.live.record_progress(provider.name, Stage.ASKED, until, now)
            since = until
        if count.failed:
            raise ReplayIncompleteError(f"{count.failed} notices of {provider.name} could not be applied")

    def _replay(self, notice: Notice, count: _Count) -> None:
        count.told += 1
        try:
            is_new = self.receiver.apply(notice)
        except Exception as trouble:  # one that cannot be read must not hide the others; raised above
            count.failed += 1
            count.unanswered = count.unanswered + 1 if isinstance(trouble, errors.Unavailable) else 0
            _log_notice("billing_replay_failed", notice, level=logging.ERROR, error=trouble)
            if count.unanswered >= _MOST_UNANSWERED:
                raise
            return
        count.unanswered = 0
        if is_new:
            count.replayed += 1
            _log_notice("missed_notice_replayed", notice)

    def _hand_over_looks(self, provider: Provider, count: _Count) -> None:
        now = self.clock.now()
        this_hour = _EPOCH + (now - _EPOCH) // _HOUR * _HOUR
        looked = self.live.progress(provider.name, Stage.LOOKED)
        whole = set(_shards_between(looked, this_hour))
        for shard in range(SHARDS):
            found = (
                self.live.in_shard(provider.name, shard)
                if shard in whole
                else self.live.overdue_in_shard(provider.name, shard, now - self.rules.billing_overdue_hurry, now)
            )
            for page in found:
                if page:
                    self.outbox.send_batch(self.queue_name, self._messages(provider.name, page))
                    count.handed_over += len(page)
        self.live.record_progress(provider.name, Stage.LOOKED, this_hour, now)

    def _messages(self, provider: SubscriptionProvider, page: Sequence[keys.Key]) -> list[str]:
        size = self.rules.billing_look_batch
        batches = (page[first : first + size] for first in range(0, len(page), size))
        return [
            msgspec.json.encode(LookBatch(provider=provider, places=tuple((key.pk, key.sk) for key in batch))).decode()
            for batch in batches
        ]


class ReplayIncompleteError(Exception):
    """Some notices could not be applied. The next sweep asks for them again."""


def _shards_between(looked: datetime | None, this_hour: datetime) -> Iterator[int]:
    """Return the shard of each hour since the last one that was handed over, this one included."""
    hour = (this_hour - _EPOCH) // _HOUR
    hours = SHARDS if looked is None else min(SHARDS, (this_hour - looked) // _HOUR)
    return (one % SHARDS for one in range(hour - hours + 1, hour + 1))


def _log_notice(event: str, notice: Notice, *, level: int = logging.INFO, error: Exception | None = None) -> None:
    log(
        event,
        level=level,
        error=error,
        provider=notice.provider.value,
        event_id=notice.event_id,
        event_type=notice.event_type,
        happened_at=iso(notice.happened_at),
    )
