"""Values in DynamoDB's own notation: when two are equal, which comes first, how large one is, and what it is kept as.

Sources: Developer Guide, "Comparison operator and function reference", "Naming rules and data types", "Item sizes and
formats".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, Final

Value = Mapping[str, Any]
"""One value, such as `{"S": "text"}`."""

MOST_BYTES: Final = 400 * 1024
"""An item may be as large."""
_DIGITS: Final = Context(prec=38, traps=[InvalidOperation, Overflow, Inexact])
_SETS: Final = frozenset({"SS", "NS", "BS"})
_ORDERED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "S": lambda text: text.encode(),
    "N": Decimal,
    "B": bytes,
}
"""What can be compared by more than equality, and by what."""


class WrongType(Exception):
    """A value is of a kind that an operation cannot use."""


def kind_of(value: Value) -> str:
    """Return the letters of a value's kind."""
    ((kind, _),) = value.items()
    return kind


def content_of(value: Value) -> Any:
    """Return what a value holds, without its kind."""
    ((_, content),) = value.items()
    return content


def equal(left: Value | None, right: Value | None) -> bool:
    """Whether two values are the same: of one kind, numbers by what they count, sets in any order. What is absent
    equals nothing."""
    if left is None or right is None or kind_of(left) != kind_of(right):
        return False
    return bool(_comparable(left) == _comparable(right))


def comes_before(left: Value | None, right: Value | None) -> bool:
    """Whether the first is less than the second; false for values of two kinds, or of kinds without an order."""
    if left is None or right is None or kind_of(left) != kind_of(right) or kind_of(left) not in _ORDERED:
        return False
    read = _ORDERED[kind_of(left)]
    return bool(read(content_of(left)) < read(content_of(right)))


def length(value: Value) -> int | None:
    """Return what `size(…)` says of a value; None for kinds that have no size."""
    kind, content = kind_of(value), content_of(value)
    if kind == "S":
        return len(content.encode())
    return len(content) if kind in {"B", "L", "M"} | _SETS else None


def added(left: Value, right: Value, *, is_less: bool = False) -> Value:
    """Return the sum or the difference of two numbers.

    Raises:
        WrongType: one of them is none, or the result has more digits than a number may have.
    """
    if kind_of(left) != "N" or kind_of(right) != "N":
        raise WrongType
    first, second = Decimal(content_of(left)), Decimal(content_of(right))
    try:
        return {"N": number_text(_DIGITS.subtract(first, second) if is_less else _DIGITS.add(first, second))}
    except (Inexact, Overflow) as failure:
        raise WrongType from failure


def united(left: Value | None, right: Value, *, is_less: bool = False) -> Value | None:
    """Return a set with the elements of another, or without them; None where nothing is left.

    Raises:
        WrongType: they are not sets of one kind.
    """
    if kind_of(right) not in _SETS or (left is not None and kind_of(left) != kind_of(right)):
        raise WrongType
    kind = kind_of(right)
    read: Callable[[Any], Any] = Decimal if kind == "NS" else lambda same: same
    have = {read(one): one for one in (content_of(left) if left else ())}
    other = {read(one): one for one in content_of(right)}
    kept = {name: one for name, one in have.items() if name not in other} if is_less else other | have
    return {kind: list(kept.values())} if kept else None


def stored(value: Value) -> Value:
    """Return a value as DynamoDB keeps it: numbers without needless zeros, everything a copy of its own."""
    kind, content = kind_of(value), content_of(value)
    if kind == "N":
        return {kind: number_text(Decimal(content))}
    if kind == "M":
        return {kind: {name: stored(part) for name, part in content.items()}}
    if kind == "L":
        return {kind: [stored(part) for part in content]}
    if kind == "NS":
        return {kind: [number_text(Decimal(one)) for one in content]}
    return {kind: list(content) if kind in _SETS else content}


def number_text(number: Decimal) -> str:
    """Write a number as DynamoDB gives it back."""
    if number == 0:
        return "0"
    return format(number.normalize(_DIGITS), "f")


def item_size(item: Mapping[str, Value]) -> int:
    """Return how many bytes an item counts for: names and values, three more for each list and map, one for each of
    their parts."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Value) -> int:
    kind, content = kind_of(value), content_of(value)
    if kind in {"NULL", "BOOL"}:
        return 1
    if kind == "L":
        return 3 + sum(1 + _size(part) for part in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(part) for name, part in content.items())
    measure = _digits if kind in {"N", "NS"} else _bytes
    return sum(map(measure, content)) if kind in _SETS else measure(content)


def _bytes(content: Any) -> int:
    return len(content.encode() if isinstance(content, str) else content)


def _digits(number: str) -> int:
    """Two digits are a byte, and there is one more."""
    return (len(Decimal(number).normalize(_DIGITS).as_tuple().digits) + 1) // 2 + 1


def _comparable(value: Value) -> Any:
    """Return something that is equal where the values are."""
    kind, content = kind_of(value), content_of(value)
    if kind == "N":
        return Decimal(content)
    if kind == "NS":
        return {Decimal(one) for one in content}
    if kind in _SETS:
        return set(content)
    if kind == "L":
        return [(kind_of(part), _comparable(part)) for part in content]
    if kind == "M":
        return {name: (kind_of(part), _comparable(part)) for name, part in content.items()}
    return content
