"""DynamoDB's requests as what they ask for: writes with their conditions, and which partitions are touched.

Whatever a request says that is not known here is refused loudly: an answer that leaves something out would be a lie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.migration.ports import ItemKey, RawItem
from chalicelib.migration.relational.expressions import actions_of, check_all_used, condition_of
from chalicelib.migration.relational.grammar import Action, Condition
from chalicelib.migration.relational.refusals import NotAnswered

SINGLE: Final[Mapping[str, str]] = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}
"""Operations that write one item, and what a transaction calls the same."""
READS: Final = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
WRITES: Final = frozenset({*SINGLE, "BatchWriteItem", "TransactWriteItems"})
_BATCHED: Final[Mapping[str, str]] = {"PutRequest": "Put", "DeleteRequest": "Delete"}

_IGNORED: Final = frozenset({"ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "ConsistentRead"})
"""What may be said and changes no answer: everything here is consistent, and capacity is nobody's."""
_EXPRESSIONS: Final = frozenset({"ExpressionAttributeNames", "ExpressionAttributeValues"})
_OF_WRITES: Final[Mapping[str, frozenset[str]]] = {
    "Put": frozenset({"Item", "ConditionExpression"}),
    "Update": frozenset({"Key", "ConditionExpression", "UpdateExpression"}),
    "Delete": frozenset({"Key", "ConditionExpression"}),
    "ConditionCheck": frozenset({"Key", "ConditionExpression"}),
}
_OF_READS: Final[Mapping[str, frozenset[str]]] = {
    "GetItem": frozenset({"Key", "ProjectionExpression"}),
    "Query": frozenset(
        {
            "KeyConditionExpression", "FilterExpression", "ProjectionExpression", "IndexName", "ScanIndexForward",
            "Limit", "ExclusiveStartKey",
        }
    ),
    "Scan": frozenset({"FilterExpression", "ProjectionExpression", "Limit", "ExclusiveStartKey"}),
}  # fmt: skip
_RETURNED: Final[Mapping[str, frozenset[str]]] = {
    "PutItem": frozenset({"NONE", "ALL_OLD"}),
    "DeleteItem": frozenset({"NONE", "ALL_OLD"}),
    "UpdateItem": frozenset({"NONE", "ALL_OLD", "ALL_NEW"}),
}


@dataclass(frozen=True, slots=True)
class Write:
    """One write or check of one item. `gives_item` asks for the item where the condition fails."""

    kind: str
    key: ItemKey
    condition: Condition | None = None
    item: RawItem | None = None
    actions: tuple[Action, ...] = ()
    gives_item: bool = False


def key_in(raw: Mapping[str, Any]) -> ItemKey:
    """Return an item's key, out of the item or of a `Key`."""
    return raw["PK"]["S"], raw["SK"]["S"]


def writes_in(operation: str, request: Mapping[str, Any]) -> list[Write]:
    """Return the writes of a request, in their order.

    Raises:
        NotAnswered: it says something that is not known here.
        InvalidExpression: an expression is not one.
    """
    if operation in SINGLE:
        allowed = _OF_WRITES[SINGLE[operation]] | {"ReturnValues"}
        _check_known(request, allowed, operation)
        returned = request.get("ReturnValues", "NONE")
        if returned not in _RETURNED[operation]:
            raise NotAnswered(f"{operation} that returns {returned}")
        return [_write(SINGLE[operation], request)]
    if operation == "TransactWriteItems":
        _check_known(request, frozenset({"TransactItems"}), operation)
        return [_write(kind, asked) for one in request["TransactItems"] for kind, asked in one.items()]
    _check_known(request, frozenset({"RequestItems"}), operation)
    found = [one for asked in request["RequestItems"].values() for one in asked]
    return [_write(_BATCHED[kind], asked) for one in found for kind, asked in one.items()]


def check_read(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse a read of one kind of request that says what is not known here.

    Raises:
        NotAnswered: it does.
    """
    _check_known(request, _OF_READS[operation], operation)


def keys_in(operation: str, request: Mapping[str, Any]) -> Iterator[ItemKey]:
    """Return the keys of all items that a request names, none for queries and scans."""
    if operation in {"GetItem", "UpdateItem", "DeleteItem"}:
        yield key_in(request["Key"])
    elif operation == "PutItem":
        yield key_in(request["Item"])
    elif operation == "BatchGetItem":
        yield from (key_in(key) for asked in request["RequestItems"].values() for key in asked["Keys"])
    elif operation in {"TransactWriteItems", "BatchWriteItem"}:
        batches = [request["TransactItems"]] if operation == "TransactWriteItems" else request["RequestItems"].values()
        for asked in (asked for batch in batches for one in batch for asked in one.values()):
            yield key_in(asked["Item"] if "Item" in asked else asked["Key"])


def tables_in(operation: str, request: Mapping[str, Any]) -> set[str]:
    """Return the tables that a request names."""
    if "RequestItems" in request:
        return set(request["RequestItems"])
    if operation == "TransactWriteItems":
        return {asked["TableName"] for one in request["TransactItems"] for asked in one.values()}
    return {request["TableName"]} if "TableName" in request else set()


def _write(kind: str, asked: Mapping[str, Any]) -> Write:
    if kind not in _OF_WRITES:
        raise NotAnswered(f"{kind} in a transaction")
    _check_known(asked, _OF_WRITES[kind] | {"ReturnValues"}, kind)
    used: set[str] = set()
    text = asked.get("ConditionExpression")
    condition = condition_of(text, asked, used) if text else None
    update = asked.get("UpdateExpression")
    actions = actions_of(update, asked, used) if update else []
    check_all_used(asked, used)
    item = asked.get("Item")
    gives_item = asked.get("ReturnValuesOnConditionCheckFailure", "NONE") == "ALL_OLD"
    return Write(kind, key_in(item or asked["Key"]), condition, item, tuple(actions), gives_item)


def _check_known(asked: Mapping[str, Any], allowed: frozenset[str], what: str) -> None:
    known = {*allowed, *_IGNORED, *_EXPRESSIONS, "TableName", "ReturnValuesOnConditionCheckFailure"}
    if unknown := sorted(set(asked) - known):
        raise NotAnswered(f"{what} with {', '.join(unknown)}")
