"""Mistakes planted at the wire: writes that lose their conditions on their way, as if a store had none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from dev.faults import Attempt

Spoil = Callable[[Attempt], None]
_NAMED = re.compile(r"#\w+")
_VALUED = re.compile(r":\w+")


def careless(*places: str) -> Spoil:
    """Return what takes the conditions off every write of an item whose keys, written `PK SK`, match one of these
    patterns."""
    patterns = [re.compile(place) for place in places]

    def spoil(attempt: Attempt) -> None:
        if attempt.operation.partition(":")[2] not in {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}:
            return
        body = json.loads(attempt.request.body)
        parts = [part for entry in body.get("TransactItems", []) for part in entry.values()] or [body]
        for part in parts:
            if any(pattern.search(_place(part)) for pattern in patterns):
                _without_condition(part)
        attempt.request.body = json.dumps(body).encode()
        attempt.request.headers["Content-Length"] = str(len(attempt.request.body))

    return spoil


def _place(part: dict[str, Any]) -> str:
    keys = part.get("Item") or part["Key"]
    return f"{keys['PK']['S']} {keys['SK']['S']}"


def _without_condition(part: dict[str, Any]) -> None:
    """Take the condition away, and the names and values that only it used, which DynamoDB would refuse."""
    part.pop("ConditionExpression", None)
    kept = part.get("UpdateExpression", "")
    for field, pattern in (("ExpressionAttributeNames", _NAMED), ("ExpressionAttributeValues", _VALUED)):
        used = set(pattern.findall(kept))
        left = {name: value for name, value in part.pop(field, {}).items() if name in used}
        if left:
            part[field] = left
