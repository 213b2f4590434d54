"""Conditions on items, as data, and how DynamoDB's expressions spell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = Mapping[str, Any]
"""A value in DynamoDB's own notation."""


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such item."""


@dataclass(frozen=True, slots=True)
class Present:
    """There is such an item."""


@dataclass(frozen=True, slots=True)
class Equals:
    """An attribute has this value; with None, it is not there (and the item may not be either)."""

    path: tuple[str, ...]
    value: Value | None


@dataclass(frozen=True, slots=True)
class Below:
    """A number is there and below this one."""

    path: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these holds."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these hold."""

    conditions: tuple[Condition, ...]


Condition = Absent | Present | Equals | Below | AnyOf | AllOf


class Names:
    """Placeholders of one expression: every name and value that it uses gets one, so that no word is reserved."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def path(self, path: Sequence[str]) -> str:
        """Return a path with placeholders for its names."""
        return ".".join(self._names.setdefault(name, f"#n{len(self._names)}") for name in path)

    def value(self, value: Mapping[str, Any]) -> str:
        """Return a placeholder for a value."""
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = value
        return placeholder

    def update(self, sets: Mapping[str, Any], removes: Sequence[str], adds: Mapping[str, int]) -> str:
        """Return an update expression of top-level attributes."""
        clauses = {
            "SET": [f"{self.path((name,))} = {self.value(value)}" for name, value in sets.items()],
            "REMOVE": [self.path((name,)) for name in removes],
            "ADD": [f"{self.path((name,))} {self.value({'N': str(number)})}" for name, number in adds.items()],
        }
        return " ".join(f"{word} {', '.join(parts)}" for word, parts in clauses.items() if parts)

    def arguments(self) -> dict[str, Any]:
        """Return the placeholders as DynamoDB wants them: absent where there are none."""
        found: dict[str, Any] = {}
        if self._names:
            found["ExpressionAttributeNames"] = {short: name for name, short in self._names.items()}
        if self._values:
            found["ExpressionAttributeValues"] = self._values
        return found


def rendered(condition: Condition, names: Names) -> str:
    """Return a condition as DynamoDB spells it."""
    if isinstance(condition, Absent):
        return f"attribute_not_exists({names.path(('PK',))})"
    if isinstance(condition, Present):
        return f"attribute_exists({names.path(('PK',))})"
    if isinstance(condition, Equals):
        if condition.value is None:
            return f"attribute_not_exists({names.path(condition.path)})"
        return f"{names.path(condition.path)} = {names.value(condition.value)}"
    if isinstance(condition, Below):
        return f"{names.path(condition.path)} < {names.value({'N': str(condition.number)})}"
    word = " OR " if isinstance(condition, AnyOf) else " AND "
    return f"({word.join(rendered(part, names) for part in condition.conditions)})"
