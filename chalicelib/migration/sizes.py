"""How large an item is and what writing it takes, by DynamoDB's rules, from the item itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.migration.ports import RawItem

LARGEST_ITEM: Final = 400 * 1024
UNIT: Final = 1024
"""Bytes of an item that one write unit pays for; an item of a transaction costs two."""
_INDEX_KEYS: Final = (("GSI1PK", "GSI1SK"), ("GSI2PK", "GSI2SK"), ("GSI3PK", "GSI3SK"))
_TABLE_KEYS: Final = ("PK", "SK")


def size_of(item: RawItem) -> int:
    """Return the size of an item in bytes: names and values, as DynamoDB counts them."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def write_units(item: RawItem, *, in_transaction: bool) -> int:
    """Return the write units that putting a new item takes, its entries in indexes (keys only) included."""
    per_kilobyte = 2 if in_transaction else 1
    units = per_kilobyte * math.ceil(size_of(item) / UNIT)
    for names in _INDEX_KEYS:
        if all(name in item for name in names):
            entry = {name: item[name] for name in (*_TABLE_KEYS, *names)}
            units += math.ceil(size_of(entry) / UNIT)
    return units


def _size_of_value(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return _size_of_number(held)
        case "BOOL" | "NULL":
            return 1
        case "B":
            return len(held)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size_of_value(one) for name, one in held.items())
        case "L":
            return 3 + sum(1 + _size_of_value(one) for one in held)
        case "SS":
            return sum(len(one.encode()) for one in held)
        case "NS":
            return sum(map(_size_of_number, held))
        case _:
            return sum(map(len, held))


def _size_of_number(text: str) -> int:
    """A byte for two significant digits, and one more; one more again below nought."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")
