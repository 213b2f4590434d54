"""A person's whole partition, whatever kinds of items it holds: read by pages, removed, moved under another key."""

from __future__ import annotations

import random
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pynamodb.exceptions import DeleteError, TransactWriteError, UpdateError
from pynamodb.expressions.operand import Path

from chalicelib import errors
from chalicelib.clock import parse_iso
from chalicelib.models.base import Item, shared_connection
from chalicelib.models.guard import GuardItem
from chalicelib.models.keys import Key
from chalicelib.stores.failures import REASON_CONDITION_FAILED, is_condition_failure, reasons_of, retried, translated

_MOST_PER_BATCH: Final = 25
"""BatchWriteItem takes as many, BatchGetItem a hundred."""
_MOST_READ: Final = 100
_MOST_ATTEMPTS: Final = 8
_LONGEST_WAIT_SECONDS: Final = 1.0
_INDEX_KEYS: Final = ("GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK", "GSI3PK", "GSI3SK")

RawItem = Mapping[str, Mapping[str, Any]]
"""An item in DynamoDB's own notation."""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as it is stored, attributes included that no model declares."""

    raw: RawItem

    @property
    def key(self) -> Key:
        """Where it stands."""
        return Key(self.raw["PK"]["S"], self.raw["SK"]["S"])

    @property
    def entity_type(self) -> str:
        """Which kind of item it says it is."""
        return str(self.raw.get("entity_type", {}).get("S", "unknown"))

    @property
    def values(self) -> dict[str, Any]:
        """Everything in it, as plain values: texts, exact numbers, booleans, lists and maps."""
        return {name: plain(value) for name, value in self.raw.items()}

    @property
    def data(self) -> Mapping[str, Any]:
        """The entity itself, as plain values; empty for an item without."""
        found = plain(self.raw.get("data", {"M": {}}))
        return found if isinstance(found, dict) else {}


def plain(value: Mapping[str, Any]) -> Any:
    """Return a value out of DynamoDB's notation. Numbers keep their digits; binary values are base64."""
    ((kind, content),) = value.items()
    readers: dict[str, Callable[[Any], Any]] = {
        "NULL": lambda _: None,
        "N": _number,
        "NS": lambda numbers: sorted(map(_number, numbers)),
        "SS": sorted,
        "B": _base64,
        "BS": lambda parts: sorted(map(_base64, parts)),
        "L": lambda parts: [plain(part) for part in parts],
        "M": lambda parts: {name: plain(part) for name, part in parts.items()},
    }
    return readers.get(kind, lambda same: same)(content)


class Partitions:
    """Questions about all items of one partition, and about the guards that they hold."""

    def pages(self, partition: str, *, page_size: int | None = None) -> Iterator[tuple[StoredItem, ...]]:
        """Return everything in a partition, page by page in key order, read consistently. One request per page.

        Raises:
            Unavailable: the table does not answer.
        """
        start: Any = None
        while True:
            with translated():
                answer = shared_connection().query(
                    partition, consistent_read=True, exclusive_start_key=start, limit=page_size
                )
            yield tuple(StoredItem(raw) for raw in answer["Items"])
            start = answer.get("LastEvaluatedKey")
            if not start:
                return

    def remove(self, wanted: Sequence[Key]) -> None:
        """Remove items by their keys, 25 to a request, without a condition. Absent ones are fine.

        Raises:
            Unavailable: not all are known to be gone.
        """
        for first in range(0, len(wanted), _MOST_PER_BATCH):
            waiting: list[dict[str, str]] = [
                {"PK": key.pk, "SK": key.sk} for key in wanted[first : first + _MOST_PER_BATCH]
            ]
            for attempt in range(_MOST_ATTEMPTS):
                waiting = _left_of(waiting)
                if not waiting:
                    break
                longest = min(_LONGEST_WAIT_SECONDS, 0.05 * 2**attempt)
                time.sleep(random.uniform(0, longest))  # noqa: S311  # spreading load, not keeping a secret
            else:
                raise errors.Unavailable(message="The table did not take every deletion.")

    def move(self, item: StoredItem, partition: str, renamed: Mapping[str, str]) -> bool:
        """Move an item to another partition, whole or not at all, under the same sort key. False if it is not as it was
        read: somebody else has moved or changed it.

        Texts that hold a key of `renamed` hold its value afterwards. The copy stands in no index.

        Raises:
            Unavailable: the table does not answer.
        """
        copied = {name: _renamed(value, renamed) for name, value in item.raw.items() if name not in _INDEX_KEYS}
        copied |= {"PK": {"S": partition}, "SK": {"S": item.key.sk}}
        connection, name = shared_connection().connection, shared_connection().table_name
        # Protects from a late worker that would put the copy a second time, and a word that came since the item was
        # read (a refund): the copy would not have it. Whoever moves things looks again, and finds it.
        is_as_read = Item.pk.exists() & (Item.updated_at == parse_iso(item.raw["updated_at"]["S"]))
        if "revision" in item.data:
            is_as_read &= Path("data.revision") == item.data["revision"]
        removal = connection.get_operation_kwargs(name, item.key.pk, item.key.sk, condition=is_as_read)
        put = {"TableName": name, "Item": copied}
        try:
            retried(lambda: connection.transact_write_items([], [removal], [put], []))
        except TransactWriteError as failure:
            if REASON_CONDITION_FAILED in reasons_of(failure):
                return False
            raise
        return True

    def guards_held(self, wanted: Sequence[Key], user_id: str) -> list[Key]:
        """Return those of the guards that are there and this person's own, read consistently.

        Raises:
            Unavailable: the table does not answer.
        """
        held: list[Key] = []
        distinct = list(dict.fromkeys(wanted))
        for first in range(0, len(distinct), _MOST_READ):
            with translated():
                found = list(Item.batch_get(distinct[first : first + _MOST_READ], consistent_read=True))
            held += [Key(one.pk, one.sk) for one in found if isinstance(one, GuardItem) and one.data.user_id == user_id]
        return held

    def remove_guard(self, guard: Key, user_id: str) -> None:
        """Remove a guard if it is this person's own.

        Raises:
            Unavailable: the table does not answer.
        """
        self._change_guard(guard, user_id, None)

    def hand_guard_over(self, guard: Key, user_id: str, owner_id: str) -> None:
        """Let a guard of this person's name another owner.

        Raises:
            Unavailable: the table does not answer.
        """
        self._change_guard(guard, user_id, owner_id)

    @staticmethod
    def _change_guard(guard: Key, user_id: str, owner_id: str | None) -> None:
        owner: Any = GuardItem.data
        is_own = owner.user_id == user_id  # protects whoever took the name since
        item = GuardItem(guard.pk, guard.sk)
        try:
            if owner_id is None:
                retried(lambda: item.delete(condition=is_own))
            else:
                retried(lambda: item.update(actions=[owner.user_id.set(owner_id)], condition=is_own))
        except (DeleteError, UpdateError) as failure:
            if not is_condition_failure(failure):
                raise


def _left_of(waiting: list[dict[str, str]]) -> list[dict[str, str]]:
    """Delete a batch and return what the table did not take."""
    with translated():
        answer = shared_connection().batch_write_item(delete_items=waiting)
    unprocessed = answer.get("UnprocessedItems", {}).get(shared_connection().table_name, [])
    keys = [one["DeleteRequest"]["Key"] for one in unprocessed]
    return [{"PK": key["PK"]["S"], "SK": key["SK"]["S"]} for key in keys]


def _renamed(value: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    if kind == "S":
        for old, new in renamed.items():
            content = content.replace(old, new)
    elif kind == "SS":
        content = [_renamed({"S": text}, renamed)["S"] for text in content]
    elif kind == "L":
        content = [_renamed(part, renamed) for part in content]
    elif kind == "M":
        content = {name: _renamed(part, renamed) for name, part in content.items()}
    return {kind: content}


def _number(text: str) -> int | Decimal:
    exact = Decimal(text)
    return int(exact) if exact == exact.to_integral_value() else exact


def _base64(content: Any) -> str:
    return content if isinstance(content, str) else b64encode(content).decode()
