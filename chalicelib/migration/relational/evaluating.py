"""What writes make of items: conditions first, all against what is there; then all changes, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.migration.ports import ItemKey, RawItem
from chalicelib.migration.relational.expressions import Refused, holds, updated
from chalicelib.migration.relational.grammar import Clause, InvalidExpression
from chalicelib.migration.relational.refusals import CONDITION_FAILED, cancelled, condition_failed, invalid
from chalicelib.migration.relational.requests import SINGLE, Write
from chalicelib.migration.relational.values import MOST_BYTES, item_size, stored

_KEYS: Final = ("PK", "SK")
_TOO_LARGE: Final = "Item size has exceeded the maximum allowed size"
_FINE: Final = {"Code": "None"}


def after(operation: str, writes: Sequence[Write], held: Mapping[ItemKey, RawItem]) -> dict[ItemKey, RawItem | None]:
    """Return what stands at the keys of the writes afterwards: an item, or None for nothing.

    Raises:
        ClientError: DynamoDB's refusal: a condition failed, an update does not fit, or a transaction was cancelled.
    """
    if len({write.key for write in writes}) < len(writes):
        raise invalid(operation, "The request cannot include multiple operations on one item")
    if operation != "TransactWriteItems":
        return {write.key: _after_single(operation, write, held.get(write.key)) for write in writes}
    results: dict[ItemKey, RawItem | None] = {}
    reasons: list[Mapping[str, Any]] = []
    for write in writes:
        present = held.get(write.key)
        if not _holds(write, present):
            more = {"Item": present} if write.gives_item and present is not None else {}
            reasons.append({"Code": "ConditionalCheckFailed", "Message": CONDITION_FAILED, **more})
            continue
        try:
            results[write.key] = _result(operation, write, present)
            reasons.append(_FINE)
        except Refused as refused:
            reasons.append({"Code": "ValidationError", "Message": str(refused)})
    if any(reason is not _FINE for reason in reasons):
        raise cancelled(reasons)
    return results


def returned(
    operation: str, request: Mapping[str, Any], before: RawItem | None, now: RawItem | None
) -> Mapping[str, Any]:
    """Return the answer to a write that worked."""
    if operation == "BatchWriteItem":
        return {"UnprocessedItems": {}}
    wanted = {"ALL_OLD": before, "ALL_NEW": now}.get(request.get("ReturnValues", "NONE"))
    return {"Attributes": wanted} if operation in SINGLE and wanted is not None else {}


def _after_single(operation: str, write: Write, present: RawItem | None) -> RawItem | None:
    if not _holds(write, present):
        raise condition_failed(operation, present if write.gives_item else None)
    try:
        return _result(operation, write, present)
    except Refused as refused:
        raise invalid(operation, str(refused)) from refused


def _holds(write: Write, present: RawItem | None) -> bool:
    return write.condition is None or holds(write.condition, present or {})


def _result(operation: str, write: Write, present: RawItem | None) -> RawItem | None:
    """Return what one write leaves.

    Raises:
        Refused: the update does not fit the item, or makes it too large.
    """
    if write.kind == "Delete":
        return None
    if write.kind == "ConditionCheck":
        return present
    if write.item is not None:
        result: dict[str, Any] = {name: stored(value) for name, value in write.item.items()}
    else:
        if any(action.path[0] in _KEYS for action in write.actions):
            raise invalid(operation, "Cannot update attribute PK or SK. This attribute is part of the key")
        pk, sk = write.key
        keys = {"PK": {"S": pk}, "SK": {"S": sk}}
        try:
            # To remove something of an item that is not there is no mistake, however deep it would lie.
            is_there = present is not None
            actions = [action for action in write.actions if is_there or action.clause is not Clause.REMOVE]
            result = updated(present or keys, actions)
        except InvalidExpression as failure:
            raise invalid(operation, str(failure)) from failure
    if item_size(result) > MOST_BYTES:
        raise Refused(_TOO_LARGE)
    return result
