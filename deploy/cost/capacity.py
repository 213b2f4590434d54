"""The request units of one call of DynamoDB, from what it says and from the items that it finds and leaves behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

from deploy.cost.units import Item, index_units, item_bytes, read_units, write_units

_INDEX_KEYS: Final = (("GSI1PK", "GSI1SK"), ("GSI2PK", "GSI2SK"), ("GSI3PK", "GSI3SK"))
_WRITES: Final = {"Put": "Item", "Update": "Key", "Delete": "Key", "ConditionCheck": "Key"}
_IN_TRANSACTION: Final = 2
"""AWS: an operation in a transaction takes two units where the same one outside takes one. What indexes take of it is
not said to double, and is counted once."""
_NARROWS: Final = ("FilterExpression", "ProjectionExpression", "Select", "AttributesToGet")
_WORDS: Final = re.compile(r"[#:][A-Za-z0-9_]+")


class Ask(Protocol):
    """Asks a table without being counted."""

    def __call__(self, operation: str, sent: Mapping[str, Any], /) -> Mapping[str, Any]:
        """Return the answer to an operation."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """One item that a call writes: how, in which table, under which key; in a transaction at twice the price."""

    table: str
    key: Mapping[str, Any]
    is_in_transaction: bool

    @property
    def factor(self) -> int:
        """What a unit outside of a transaction takes here."""
        return _IN_TRANSACTION if self.is_in_transaction else 1


def written_by(operation: str, sent: Mapping[str, Any]) -> tuple[Written, ...]:
    """Return what an operation writes."""
    return tuple(_written(operation, sent))


def items_at(places: tuple[Written, ...], ask: Ask) -> list[Item | None]:
    """Return the items as they stand."""
    return [_item(one.table, one.key, ask) for one in places]


def units_of_write(places: tuple[Written, ...], before: list[Item | None], after: list[Item | None]) -> int:
    """Return what the writes took, of the table and of the indexes whose keys they changed."""
    return sum(
        write_units(old, new) * one.factor + sum(index_units(old, new, pair) for pair in _INDEX_KEYS)
        for one, old, new in zip(places, before, after, strict=True)
    )


def units_of_refusal(places: tuple[Written, ...], before: list[Item | None]) -> int:
    """Return what the writes took although a condition did not hold: AWS charges for the item that was looked at."""
    return sum(write_units(old, old) * one.factor for one, old in zip(places, before, strict=True))


def units_of_read(operation: str, sent: Mapping[str, Any], answer: Mapping[str, Any], ask: Ask) -> Decimal:
    """Return what a call read. What a filter or a projection leaves out is read all the same."""
    is_consistent = bool(sent.get("ConsistentRead"))
    if operation == "GetItem":
        return read_units(_size(sent["TableName"], sent["Key"], ask), is_consistent=is_consistent)
    if operation in {"Query", "Scan"}:
        looked_at = ask(operation, _whole(sent)) if any(name in sent for name in _NARROWS) else answer
        return read_units(sum(item_bytes(one) for one in looked_at.get("Items", [])), is_consistent=is_consistent)
    if operation == "BatchGetItem":
        units = [
            read_units(_size(name, key, ask), is_consistent=bool(asked.get("ConsistentRead")))
            for name, asked in sent["RequestItems"].items()
            for key in asked["Keys"]
        ]
        return sum(units, Decimal(0))
    if operation == "TransactGetItems":
        parts = [entry["Get"] for entry in sent["TransactItems"]]
        sizes = [_size(one["TableName"], one["Key"], ask) for one in parts]
        return sum((_IN_TRANSACTION * read_units(size, is_consistent=True) for size in sizes), Decimal(0))
    return Decimal(0)


def _whole(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The same question without what narrows its answer, and without the words that only that used. A limit counts what
    is looked at, not what is left of it, so it stays."""
    whole = {name: value for name, value in sent.items() if name not in _NARROWS}
    used = set(_WORDS.findall(whole.get("KeyConditionExpression", "")))
    for words in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        left = {name: value for name, value in whole.pop(words, {}).items() if name in used}
        if left:
            whole[words] = left
    return whole


def _item(table: str, key: Mapping[str, Any], ask: Ask) -> Item | None:
    found = ask("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
    item: Item | None = found.get("Item")
    return item


def _size(table: str, key: Mapping[str, Any], ask: Ask) -> int:
    item = _item(table, key, ask)
    return item_bytes(item) if item else 0


def _key(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("PK", "SK")}


def _written(operation: str, sent: Mapping[str, Any]) -> Iterator[Written]:
    if operation in {"PutItem", "UpdateItem", "DeleteItem"}:
        yield Written(sent["TableName"], _key(sent.get("Item") or sent["Key"]), is_in_transaction=False)
    for entry in sent.get("TransactItems", []):
        for kind, part in entry.items():
            if kind in _WRITES:
                yield Written(part["TableName"], _key(part[_WRITES[kind]]), is_in_transaction=True)
    for table, entries in sent.get("RequestItems", {}).items() if operation == "BatchWriteItem" else ():
        for entry in entries:
            for part in entry.values():
                yield Written(table, _key(part.get("Item") or part["Key"]), is_in_transaction=False)
