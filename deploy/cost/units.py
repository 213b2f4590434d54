"""DynamoDB's request units from the sizes of items, by AWS's published rules ("DynamoDB read and write operations",
"DynamoDB item sizes and formats"): emulators' own figures are not to be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_READ_BYTES: Final = 4 * 1024
_WRITE_BYTES: Final = 1024

Attribute = Mapping[str, Any]
Item = Mapping[str, Attribute]


def item_bytes(item: Item) -> int:
    """Return the size of an item in DynamoDB's own JSON: names and values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def read_units(size: int, *, is_consistent: bool) -> Decimal:
    """Return what one read of so many bytes takes; of nothing, what one of the smallest item takes."""
    units = Decimal(max(1, -(-size // _READ_BYTES)))
    return units if is_consistent else units / 2


def write_units(before: Item | None, after: Item | None) -> int:
    """Return what writing the table takes: the larger of the item before and after it; of nothing, one."""
    size = max(item_bytes(one) if one else 0 for one in (before, after))
    return max(1, -(-size // _WRITE_BYTES))


def index_units(before: Item | None, after: Item | None, keys: tuple[str, ...]) -> int:
    """Return what the write takes in one index that holds keys alone: one to put an entry in or take it out, two to
    move it, none where its keys stay."""
    old, new = (_entry(one, keys) for one in (before, after))
    if old == new:
        return 0
    return sum(1 for one in (old, new) if one is not None)


def _entry(item: Item | None, keys: tuple[str, ...]) -> tuple[str, ...] | None:
    """An item without the keys of an index does not stand in it."""
    if not item or any(key not in item for key in keys):
        return None
    return tuple(str(item[key]) for key in keys)


def _value_bytes(value: Attribute) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "B":
        return len(content)
    if kind == "N":
        return _number_bytes(content)
    if kind in {"BOOL", "NULL"}:
        return 1
    if kind == "M":
        return 3 + sum(len(name.encode()) + _value_bytes(one) + 1 for name, one in content.items())
    if kind == "L":
        return 3 + sum(_value_bytes(one) + 1 for one in content)
    return sum(_value_bytes({kind[0]: one}) for one in content)


def _number_bytes(text: str) -> int:
    """About a byte for two significant digits, and one more; another for a sign."""
    digits = len(text.strip("-").replace(".", "").strip("0")) or 1
    return (digits + 1) // 2 + 1 + text.startswith("-")
