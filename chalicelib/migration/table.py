"""The few things that the engine asks of DynamoDB: consistent reads, and writes that count together or not at all."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from chalicelib import errors
from chalicelib.migration.conditions import Condition, Names, Value, rendered
from chalicelib.migration.ports import ItemKey, RawItem

MOST_ACTIONS: Final = 100
MOST_BYTES: Final = 3_500_000
"""DynamoDB takes a hundred actions and 4 MB in one transaction."""
_MOST_READ: Final = 100
_MOST_ATTEMPTS: Final = 10
_FIRST_WAIT_SECONDS: Final = 0.02
_LONGEST_WAIT_SECONDS: Final = 0.5
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
        "TransactionConflictException",
    }
)
_PASSING_REASONS: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})


@dataclass(frozen=True, slots=True)
class Put:
    """Put an item, whole."""

    item: RawItem
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item; an absent one is fine, unless the condition says otherwise."""

    key: ItemKey
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Let the others count only if this holds."""

    key: ItemKey
    condition: Condition


@dataclass(frozen=True, slots=True)
class Change:
    """Set, remove and add to top-level attributes; makes the item where there is none, unless the condition refuses."""

    key: ItemKey
    sets: Mapping[str, Value] = field(default_factory=dict)
    removes: tuple[str, ...] = ()
    adds: Mapping[str, int] = field(default_factory=dict)
    condition: Condition | None = None


Action = Put | Delete | Check | Change


class Refused(Exception):
    """A condition did not hold, so nothing was written. `failed` are the positions of the actions that refused."""

    def __init__(self, failed: Sequence[int]) -> None:
        self.failed = tuple(failed)
        super().__init__(f"refused by the conditions of actions {list(failed)}")


class Table(Protocol):
    """What the engine asks; all reads are consistent.

    Every method raises `errors.Unavailable` where the table does not answer.
    """

    def get(self, key: ItemKey) -> RawItem | None:
        """Return an item, or None."""

    def get_many(self, keys: Iterable[ItemKey]) -> Mapping[ItemKey, RawItem]:
        """Return those of the items that are there."""

    def partition(self, name: str, limit: int | None = None, *, is_newest_first: bool = False) -> Sequence[RawItem]:
        """Return what stands in a partition, in the order of sort keys; at most `limit`."""

    def write(self, *actions: Action) -> None:
        """Do all of this or nothing: one request for one action, a transaction for more.

        Raises:
            Refused: a condition did not hold.
        """


@dataclass(frozen=True, slots=True)
class DynamoTable:
    """A table in DynamoDB. `call` is botocore's `(operation, arguments) -> answer`: the plain one, past whatever
    routes the service's own calls."""

    name: str
    call: Callable[[str, dict[str, Any]], Any]
    sleep: Callable[[float], None] = time.sleep

    def get(self, key: ItemKey) -> RawItem | None:
        """Return an item, or None."""
        arguments = {"TableName": self.name, "Key": raw_key(key), "ConsistentRead": True}
        found: RawItem | None = self._asked("GetItem", arguments).get("Item")
        return found

    def get_many(self, keys: Iterable[ItemKey]) -> Mapping[ItemKey, RawItem]:
        """Return those of the items that are there."""
        wanted = list(dict.fromkeys(keys))
        found: dict[ItemKey, RawItem] = {}
        for first in range(0, len(wanted), _MOST_READ):
            left: list[Any] = [raw_key(key) for key in wanted[first : first + _MOST_READ]]
            for attempt in range(_MOST_ATTEMPTS):
                answer = self._asked("BatchGetItem", {"RequestItems": {self.name: _reading(left)}})
                found |= {key_of(item): item for item in answer["Responses"].get(self.name, [])}
                left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not left:
                    break
                self._wait(attempt)
            else:
                raise errors.Unavailable(message="The table did not answer every key of a batch.")
        return found

    def partition(self, name: str, limit: int | None = None, *, is_newest_first: bool = False) -> Sequence[RawItem]:
        """Return what stands in a partition, in the order of sort keys; at most `limit`."""
        arguments: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :pk",
            "ExpressionAttributeValues": {":pk": {"S": name}},
            "ConsistentRead": True,
            "ScanIndexForward": not is_newest_first,
        }
        found: list[RawItem] = []
        while True:
            if limit is not None:
                arguments["Limit"] = limit - len(found)
            answer = self._asked("Query", arguments)
            found += answer["Items"]
            if not answer.get("LastEvaluatedKey") or (limit is not None and len(found) >= limit):
                return found
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write(self, *actions: Action) -> None:
        """Do all of this or nothing: one request for one action, a transaction for more.

        Raises:
            Refused: a condition did not hold.
        """
        requests = [_request(self.name, action) for action in actions]
        if len(requests) == 1 and requests[0][0] != "ConditionCheck":
            kind, arguments = requests[0]
            self._asked({"Put": "PutItem", "Delete": "DeleteItem", "Update": "UpdateItem"}[kind], arguments)
        elif requests:
            self._asked("TransactWriteItems", {"TransactItems": [{kind: request} for kind, request in requests]})

    def _asked(self, operation: str, arguments: dict[str, Any]) -> Any:
        """Ask, again while the table is busy; conditions make a repetition of a write safe."""
        for attempt in range(_MOST_ATTEMPTS):
            try:
                return self.call(operation, arguments)
            except ClientError as failure:
                if (refused := _refusal(failure)) is not None:
                    raise refused from failure
                if not _is_passing(failure):
                    raise
                if attempt == _MOST_ATTEMPTS - 1:
                    raise errors.Unavailable(message="The table is too busy.") from failure
            except (BotoConnectionError, HTTPClientError) as failure:
                raise errors.Unavailable(message="The table does not answer.") from failure
            self._wait(attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait(self, attempt: int) -> None:
        longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**attempt)
        self.sleep(random.uniform(0, longest))  # noqa: S311  # spreading load, not keeping a secret


def raw_key(key: ItemKey) -> dict[str, Any]:
    """Write a key in DynamoDB's notation."""
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}}


def key_of(item: RawItem) -> ItemKey:
    """Return an item's key."""
    return item["PK"]["S"], item["SK"]["S"]


def number_in(item: RawItem | None, name: str, default: int = 0) -> int:
    """Return a whole number that an item holds at its top level."""
    return default if item is None or name not in item else int(item[name]["N"])


def _reading(keys: list[Any]) -> dict[str, Any]:
    return {"Keys": keys, "ConsistentRead": True}


def _request(table: str, action: Action) -> tuple[str, dict[str, Any]]:
    """Return an action as DynamoDB spells it, in a transaction or alone."""
    names, request = Names(), {"TableName": table}
    condition = None if action.condition is None else rendered(action.condition, names)
    more: dict[str, Any] = {} if condition is None else {"ConditionExpression": condition}
    if isinstance(action, Put):
        return "Put", request | {"Item": action.item} | more | names.arguments()
    if isinstance(action, Change):
        update = names.update(action.sets, action.removes, action.adds)
        return "Update", request | {"Key": raw_key(action.key), "UpdateExpression": update} | more | names.arguments()
    kind = "Delete" if isinstance(action, Delete) else "ConditionCheck"
    return kind, request | {"Key": raw_key(action.key)} | more | names.arguments()


def _refusal(failure: ClientError) -> Refused | None:
    code = failure.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return Refused([0])
    failed = [number for number, code in enumerate(_reasons(failure)) if code == "ConditionalCheckFailed"]
    return Refused(failed) if failed else None


def _reasons(failure: ClientError) -> list[str]:
    response: Any = failure.response
    if response["Error"]["Code"] != "TransactionCanceledException":
        return []
    return [str(reason.get("Code", "None")) for reason in response.get("CancellationReasons", [])]


def _is_passing(failure: ClientError) -> bool:
    code = failure.response["Error"]["Code"]
    return code in _PASSING or bool(_PASSING_REASONS.intersection(_reasons(failure)))
