"""The fast lane: batches without conditions, for keys that were never copied, where nothing else writes.

That is so before anybody is told to write on both sides, in the phase `legacy`, and for the one worker that holds the
part. A batch holds 25 items and costs half of what a transaction costs. What a crash leaves half done says so
(`pending`), and is made good by the copier, which looks at every item.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from chalicelib import errors, ids
from chalicelib.clock import Clock, iso, parse_iso
from chalicelib.migration import places
from chalicelib.migration.control import KEPT_FOR
from chalicelib.migration.copy_state import CopyState, Pending, written_state
from chalicelib.migration.layout import Layout
from chalicelib.migration.pace import is_throttled
from chalicelib.migration.phases import Phase
from chalicelib.migration.ports import Holding, RawItem
from chalicelib.migration.sizes import LARGEST_ITEM, size_of
from chalicelib.migration.standing import Standing
from chalicelib.migration.table import Delete, Put, Table

LOADS_FOR: Final = timedelta(minutes=5)
"""Longer than the batches of one page take, however busy the table is."""
MOST_PER_BATCH: Final = 25
_MOST_BYTES: Final = 12_000_000
_MOST_ATTEMPTS: Final = 12
_LONGEST_WAIT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Loading:
    """Who writes by batches, in the table, for the gate that waits until nobody does. Whoever is killed at it is gone
    after `LOADS_FOR`: nobody's batch is on its way for so long."""

    table: Table
    clock: Clock

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say that somebody is at it, until they are not.

        Raises:
            Unavailable: the table does not answer.
        """
        now, key = self.clock.now(), places.loading_key(ids.new_id())
        until = now + LOADS_FOR
        values = {"until": {"S": iso(until)}, "ttl": {"N": str(int((until + LOADS_FOR).timestamp()))}}
        self.table.write(Put(places.engine_item(key, now, values)))
        try:
            yield
        finally:
            self.table.write(Delete(key))

    def until(self) -> Sequence[datetime]:
        """Return of each who is at it until when they may be.

        Raises:
            Unavailable: the table does not answer.
        """
        now = self.clock.now()
        return [until for one in self.table.partition(places.BATCHES) if (until := parse_iso(one["until"]["S"])) > now]


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads holdings by batches. Before each of them `standing` is asked, and the owner of the part.

    The way to `dual_write` is closed while anybody is at it (`Loading`). What is left is a batch that was asked for
    between the gate's look and the move, and it alone: the next is not written any more. The copier mends it where the
    person was not changed by then, and the verification finds it where they were.
    """

    name: str
    call: Callable[[str, dict[str, Any]], Any]
    table: Table
    layout: Layout
    standing: Callable[[], Standing]
    clock: Clock
    sleep: Callable[[float], None] = time.sleep

    def load(self, holdings: Sequence[Holding], lasts: Callable[[], bool]) -> Sequence[Holding]:
        """Put all items of these holdings, none of which was ever copied; return those that are for the copier: whom a
        tombstone stands for, who has nothing, or too much.

        Raises:
            Unavailable: the table does not take them.
        """
        if not self._is_alone():
            return holdings
        left = self._left(holdings)
        named = {one.key for one in left}
        with Loading(self.table, self.clock).told():
            is_loaded = self._loaded([one for one in holdings if one.key not in named], lasts)
        return left if is_loaded else holdings

    def _loaded(self, fresh: Sequence[Holding], lasts: Callable[[], bool]) -> bool:
        token = ids.new_id()
        begun = [self._state(one, Pending(token, one.revision)) for one in fresh]
        items = (item for one in fresh for item in one.items.values())
        ended = (self._state(one, None) for one in fresh)
        # In this order: whoever finds `pending` looks at every item, and whoever finds the revision at none.
        return all(self._put(several, lasts) for several in (begun, items, ended))

    def _is_alone(self) -> bool:
        """Whether nobody writes on both sides, and every process has heard so."""
        standing = self.standing()
        if standing.phase is not Phase.LEGACY or standing.moving is not None:
            return False
        return standing.moved_at is None or self.clock.now() - standing.moved_at >= KEPT_FOR * 2

    def _left(self, holdings: Sequence[Holding]) -> list[Holding]:
        tombstones = {key: one for one in holdings for key in self.layout.tombstones_of(one.key)}
        standing_for = {tombstones[key].key for key in self.table.get_many(tombstones)} if tombstones else set()
        seen: dict[tuple[str, str], str] = {}
        left = []
        for one in holdings:
            is_shared = any(seen.setdefault(key, one.key) != one.key for key in one.items)
            is_large = any(size_of(item) > LARGEST_ITEM for item in one.items.values())
            if one.is_empty or is_shared or is_large or one.key in standing_for:
                left.append(one)
        return left

    def _state(self, holding: Holding, pending: Pending | None) -> Mapping[str, Any]:
        revision = None if pending is not None else holding.revision
        return written_state(holding.key, CopyState(revision, pending), self.clock.now())

    def _put(self, items: Iterable[RawItem], lasts: Callable[[], bool]) -> bool:
        """Put items in batches; return whether all were put before our time was over, and while we were alone."""
        batch: list[RawItem] = []
        size = 0
        for item in items:
            weight = size_of(item)
            if batch and (len(batch) == MOST_PER_BATCH or size + weight > _MOST_BYTES):
                if not (lasts() and self._is_alone()):
                    return False
                self._batch(batch)
                batch, size = [], 0
            batch.append(item)
            size += weight
        if batch:
            if not (lasts() and self._is_alone()):
                return False
            self._batch(batch)
        return True

    def _batch(self, items: Sequence[RawItem]) -> None:
        waiting: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
        for attempt in range(_MOST_ATTEMPTS):
            try:
                answer = self.call("BatchWriteItem", {"RequestItems": {self.name: waiting}})
                waiting = answer.get("UnprocessedItems", {}).get(self.name, [])
            except ClientError as failure:
                if not is_throttled(failure):
                    raise
            except (BotoConnectionError, HTTPClientError) as failure:
                raise errors.Unavailable(message="The table does not answer.") from failure
            if not waiting:
                return
            longest = min(_LONGEST_WAIT_SECONDS, 0.02 * 2**attempt)
            self.sleep(random.uniform(0, longest))  # noqa: S311  # spreading load, not keeping a secret
        raise errors.Unavailable(message="The table did not take every item of a batch.")
