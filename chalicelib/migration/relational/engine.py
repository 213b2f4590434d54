"""The operations, each in one transaction of PostgreSQL, tried again while it collides with others."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from chalicelib import errors
from chalicelib.migration import fence
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import ItemKey, Key, PhaseMoved, RawItem, Rows
from chalicelib.migration.postgres import Cursor, Isolation, is_unreachable, sqlstate, transaction
from chalicelib.migration.relational import evaluating, locking, reading, requests
from chalicelib.migration.relational.grammar import InvalidExpression
from chalicelib.migration.relational.locking import OthersToo, Places
from chalicelib.migration.relational.reading import TABLE_KEYS, Shown
from chalicelib.migration.relational.refusals import NotAnswered, invalid, throttled
from chalicelib.migration.schema import CLOSED

T = TypeVar("T")

_COLLISIONS: Final = frozenset({"40001", "40P01", "55P03", "23505"})
"""Serialisation, deadlock, a lock that was waited for too long, and a name that somebody took at the same moment."""
_FIRST_WAIT_SECONDS: Final = 0.01
_LONGEST_WAIT_SECONDS: Final = 0.25
_MOST_BROKEN: Final = 10
"""More than a pool keeps; all of them may have broken while the process was frozen."""
_MOST_SCANNED: Final = 100
"""Holdings on one page of a scan."""
_LAST: Final = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Answer:
    """What DynamoDB would answer, and what was changed for it: the revision that each changed key has now."""

    response: dict[str, Any]
    changed: Mapping[Key, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relational:
    """Answers DynamoDB's operations on what moves. `index_keys` names the two keys of each index.

    A request takes `deadline_seconds` at the most: what still collides then is throttled, as DynamoDB would.
    """

    pool: Pool
    rows: Rows
    places: Places
    index_keys: Mapping[str, tuple[str, str]]
    deadline_seconds: float = 4.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def answer(self, operation: str, request: Mapping[str, Any]) -> Answer:
        """Answer a request as DynamoDB would.

        Raises:
            ClientError: DynamoDB's refusal.
            PhaseMoved: PostgreSQL is not the primary any more; nothing was done.
            Unavailable: PostgreSQL does not answer. Whether the request was carried out is not known.
            NotAnswered: the request is of a kind that the stores do not make.
        """
        try:
            if operation in requests.WRITES:
                return self._written(operation, request)
            if operation in requests.READS:
                return Answer(self._collided(operation, lambda _: self._read(operation, request)))
        except InvalidExpression as failure:
            raise invalid(operation, str(failure)) from failure
        raise NotAnswered(operation)

    def revisions(self, partitions: Sequence[str]) -> Mapping[Key, int] | None:
        """Return the keys that partitions belong to with their revisions, in one snapshot; None where one belongs to
        nobody.

        Raises:
            PhaseMoved: PostgreSQL is not the primary any more.
            Unavailable: PostgreSQL does not answer.
        """

        def look(cursor: Cursor) -> Mapping[Key, int] | None:
            owners = locking.holders(cursor, self.rows, self.places, partitions)
            keys = sorted(set(owners.values()))
            fence.enter_to_read(cursor, keys)
            return locking.revisions(cursor, keys) if len(owners) == len(set(partitions)) else None

        return self._in_transaction(look, Isolation.REPEATABLE_READ, is_read_only=True)

    def _written(self, operation: str, request: Mapping[str, Any]) -> Answer:
        writes = requests.writes_in(operation, request)
        keys = {self.places.key_of(write.item) for write in writes if write.item is not None}

        def attempt(left: float) -> Answer:
            try:
                return self._in_transaction(
                    lambda cursor: self._attempt(cursor, operation, request, writes, keys, left)
                )
            except OthersToo as further:
                keys.update(further.keys)
                raise

        return self._collided(operation, attempt)

    def _attempt(
        self,
        cursor: Cursor,
        operation: str,
        request: Mapping[str, Any],
        writes: Sequence[requests.Write],
        keys: set[Key],
        left: float,
    ) -> Answer:
        locking.wait_at_most(cursor, round(left * 1000))
        fence.enter(cursor, [])  # before guards and keys: who waits for the fence must hold nothing
        partitions = {write.key[0] for write in writes}
        wanted = keys | set(locking.holders(cursor, self.rows, self.places, partitions).values())
        locking.lock(cursor, self.places, partitions, wanted)
        locking.wait_at_most(cursor, locking.WAIT_FOR_ROWS_MS)
        # A guard may have changed hands before it was locked.
        if further := set(locking.holders(cursor, self.rows, self.places, partitions).values()) - wanted:
            raise OthersToo(further)
        held = self.rows.items(cursor, sorted(wanted))
        items = {one: item for key in held for one, item in held[key].items()}
        results = evaluating.after(operation, writes, items)
        changed = self._saved(cursor, held, items, results)
        first = writes[0].key if len(writes) == 1 else None
        before, now = (items.get(first), results[first]) if first is not None else (None, None)
        return Answer(dict(evaluating.returned(operation, request, before, now)), changed)

    def _saved(
        self,
        cursor: Cursor,
        held: Mapping[Key, Mapping[ItemKey, RawItem]],
        items: Mapping[ItemKey, RawItem],
        results: Mapping[ItemKey, RawItem | None],
    ) -> Mapping[Key, int]:
        """Store what the writes made of the items, and return the revisions of the keys that changed.

        Raises:
            OthersToo: an item belongs to a key now that is not locked.
        """
        now = {key: dict(held[key]) for key in held}
        for one, item in results.items():
            if item == items.get(one):
                continue
            for holding in now.values():
                holding.pop(one, None)
            if item is not None:
                owner = self.places.key_of(item)
                if owner not in now:
                    raise OthersToo([owner])
                now[owner][one] = item
        changed = [key for key in sorted(held) if now[key] != held[key]]
        # What leaves a holding goes before it comes to another.
        for key in sorted(changed, key=lambda one: len(now[one]) - len(held[one])):
            self.rows.save(cursor, key, held[key], now[key])
        return locking.revisions(cursor, changed) if changed else {}

    def _read(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        reader = _READERS[operation]
        return self._in_transaction(
            lambda cursor: reader(self, cursor, request), Isolation.REPEATABLE_READ, is_read_only=True
        )

    def _get(self, cursor: Cursor, request: Mapping[str, Any]) -> dict[str, Any]:
        requests.check_read("GetItem", request)
        one = requests.key_in(request["Key"])
        found = self._items(cursor, [one]).get(one)
        return {} if found is None else {"Item": Shown(request).of(found)}

    def _get_many(self, cursor: Cursor, request: Mapping[str, Any]) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        for table, asked in request["RequestItems"].items():
            shown, wanted = Shown(asked), [requests.key_in(key) for key in asked["Keys"]]
            found = self._items(cursor, wanted)
            responses[table] = [shown.of(found[one]) for one in wanted if one in found]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def _query(self, cursor: Cursor, request: Mapping[str, Any]) -> dict[str, Any]:
        requests.check_read("Query", request)
        shown, index = Shown(request), request.get("IndexName")
        keys = TABLE_KEYS if index is None else self.index_keys[index]
        partition = reading.partition_in(shown.wanted, keys[0])
        if index is None:
            found: Sequence[RawItem] = self._partition(cursor, partition)
        else:
            fence.enter_to_read(cursor, [])
            found = self.rows.indexed(cursor, index, partition)
        return reading.page(request, shown, found, keys, is_index=index is not None)

    def _scan(self, cursor: Cursor, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a page of holdings holds: it goes on after a key, which it names by an item that none is."""
        requests.check_read("Scan", request)
        shown, start = Shown(request), request.get("ExclusiveStartKey")
        most = min(request.get("Limit") or _MOST_SCANNED, _MOST_SCANNED)
        keys = self.rows.keys(cursor, self.places.key_in(start["PK"]["S"]) if start else None, most)
        held = self._held(cursor, keys)
        items = [held[key][one] for key in keys for one in sorted(held[key])]
        visible = shown.all_of(items)
        answer: dict[str, Any] = {"Items": visible, "Count": len(visible), "ScannedCount": len(items)}
        if len(keys) == most:
            last = {"PK": {"S": self.places.partitions_of(keys[-1])[0]}, "SK": {"S": _LAST}}
            answer["LastEvaluatedKey"] = last
        return answer

    def _items(self, cursor: Cursor, wanted: Sequence[ItemKey]) -> dict[ItemKey, RawItem]:
        owners = locking.holders(cursor, self.rows, self.places, {pk for pk, _ in wanted})
        held = self._held(cursor, sorted(set(owners.values())))
        return {one: held[key][one] for key in held for one in wanted if one in held[key]}

    def _partition(self, cursor: Cursor, partition: str) -> list[RawItem]:
        owner = locking.holders(cursor, self.rows, self.places, [partition]).get(partition)
        held = self._held(cursor, [] if owner is None else [owner])
        return [item for key in held for (pk, _), item in held[key].items() if pk == partition]

    def _held(self, cursor: Cursor, keys: Sequence[Key]) -> Mapping[Key, Mapping[ItemKey, RawItem]]:
        """Return what is held, for a read.

        Raises:
            PhaseMoved: PostgreSQL may not be what is true any more.
        """
        fence.enter_to_read(cursor, keys)
        return self.rows.items(cursor, keys) if keys else {}

    def _in_transaction(
        self,
        work: Callable[[Cursor], T],
        isolation: Isolation = Isolation.READ_COMMITTED,
        *,
        is_read_only: bool = False,
    ) -> T:
        """Work in a transaction; a refusal undoes it and costs no connection. One that broke while nobody used it is
        let go, and another is taken: nothing was done yet."""
        for tried in range(_MOST_BROKEN):
            is_lent = is_begun = False
            try:
                with self.pool.lend() as connection:
                    is_lent = True
                    try:
                        with transaction(connection, isolation, is_read_only=is_read_only) as cursor:
                            is_begun = True
                            return work(cursor)
                    except Exception as failure:
                        if is_unreachable(failure):
                            raise
                        refused = failure
                raise refused
            except errors.Unavailable:
                if not is_lent or is_begun or tried == _MOST_BROKEN - 1:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _collided(self, operation: str, attempt: Callable[[float], T]) -> T:
        """Try until nobody is in the way, or the time is over."""
        end, wait = self.monotonic() + self.deadline_seconds, _FIRST_WAIT_SECONDS
        while True:
            try:
                return attempt(max(0.0, end - self.monotonic()))
            except (ClientError, PhaseMoved):
                raise
            except OthersToo:
                if self.monotonic() >= end:
                    raise throttled(operation) from None
            except Exception as failure:
                state = sqlstate(failure)
                if state == CLOSED:
                    raise PhaseMoved from failure
                if state not in _COLLISIONS:
                    raise
                if self.monotonic() >= end:
                    raise throttled(operation) from failure
                self.sleep(random.uniform(0, wait))  # noqa: S311  # spreading load, not keeping a secret
                wait = min(_LONGEST_WAIT_SECONDS, wait * 2)


_READERS: Final[Mapping[str, Callable[[Relational, Cursor, Mapping[str, Any]], dict[str, Any]]]] = {
    "GetItem": Relational._get,
    "BatchGetItem": Relational._get_many,
    "Query": Relational._query,
    "Scan": Relational._scan,
}
