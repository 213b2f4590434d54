"""The grammar of DynamoDB's expressions: text in, conditions and updates out. Nothing is evaluated here.

Source: Developer Guide, "Condition and filter expressions, operators, and functions", "Using update expressions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from chalicelib.migration.relational.values import Value

T = TypeVar("T")

Path = tuple[str | int, ...]
"""Names and positions that lead to a value in an item."""

_TOKEN: Final = re.compile(r"\s*(<>|<=|>=|[=<>(),.\[\]+-]|[#:]?[A-Za-z0-9_]+)")
_COMPARATORS: Final = frozenset({"=", "<>", "<", "<=", ">", ">="})
_FUNCTIONS: Final = frozenset({"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"})


class InvalidExpression(Exception):
    """An expression that DynamoDB would refuse before it looks at any item, or that is not understood here."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A value, the one at a path, or (`is_size`) its size."""

    path: Path | None = None
    value: Value | None = None
    is_size: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold: an operator or function, and what it is applied to. `parts` are those of AND, OR and NOT."""

    operator: str
    operands: tuple[Operand, ...] = ()
    parts: tuple[Condition, ...] = ()


class Clause(StrEnum):
    """What an update does at a path."""

    SET = "SET"
    REMOVE = "REMOVE"
    ADD = "ADD"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Term:
    """One side of what SET assigns: an operand, `if_not_exists(path, other)` or `list_append(first, second)`."""

    operands: tuple[Operand, ...]
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One change. `terms` are one, or two with `sign` between them; REMOVE has none."""

    clause: Clause
    path: Path
    terms: tuple[Term, ...] = ()
    sign: str | None = None


@dataclass
class Reader:
    """Reads one text; which names and values it used is known afterwards."""

    text: str
    names: Mapping[str, str]
    values: Mapping[str, Value]
    used: set[str]
    tokens: list[str] = field(default_factory=list)
    position: int = 0
    group: tuple[int, int] = (0, 0)
    """Where what was in parentheses last began and ended: DynamoDB refuses parentheses around nothing but those."""

    def __post_init__(self) -> None:
        """Cut the text into tokens."""
        end = 0
        while self.text[end:].strip():
            found = _TOKEN.match(self.text, end)
            if found is None:
                raise InvalidExpression(f"not understood from {end} on: {self.text}")
            self.tokens.append(found[1])
            end = found.end()

    def condition(self) -> Condition:
        """Read a whole condition."""
        return self._whole(self._either)

    def paths(self) -> list[Path]:
        """Read a whole projection."""
        return self._whole(lambda: self._list(self._path))

    def actions(self) -> list[Action]:
        """Read a whole update."""
        return self._whole(self._clauses)

    def _whole(self, read: Callable[[], T]) -> T:
        found = read()
        if self.position < len(self.tokens):
            raise InvalidExpression(f"unexpected {self.tokens[self.position]}: {self.text}")
        return found

    def _next(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _take(self, wanted: str | None = None) -> str:
        token = self._next()
        if not token or (wanted is not None and token.upper() != wanted):
            raise InvalidExpression(f"{wanted or 'more'} expected: {self.text}")
        self.position += 1
        return token

    def _is_next(self, wanted: str) -> bool:
        if self._next().upper() != wanted:
            return False
        self.position += 1
        return True

    def _list(self, read: Callable[[], T]) -> list[T]:
        found = [read()]
        while self._is_next(","):
            found.append(read())
        return found

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._is_next("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Condition("OR", parts=tuple(parts))

    def _both(self) -> Condition:
        parts = [self._not()]
        while self._is_next("AND"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Condition("AND", parts=tuple(parts))

    def _not(self) -> Condition:
        if self._is_next("NOT"):
            return Condition("NOT", parts=(self._not(),))
        if self._is_next("("):
            return self._group()
        if self._next() in _FUNCTIONS:
            return self._function()
        return self._comparison()

    def _group(self) -> Condition:
        begin = self.position
        found = self._either()
        if self.group == (begin, self.position):
            raise InvalidExpression(f"redundant parentheses: {self.text}")
        self._take(")")
        self.group = (begin - 1, self.position)
        return found

    def _function(self) -> Condition:
        name = self._take()
        self._take("(")
        operands = tuple(self._list(self._operand))
        self._take(")")
        if len(operands) != (1 if name.endswith("exists") else 2) or operands[0].path is None:
            raise InvalidExpression(f"operands of {name}: {self.text}")
        return Condition(name, operands)

    def _comparison(self) -> Condition:
        left = self._operand()
        operator = self._take().upper()
        if operator in _COMPARATORS:
            return Condition(operator, (left, self._operand()))
        if operator == "BETWEEN":
            low = self._operand()
            self._take("AND")
            return Condition(operator, (left, low, self._operand()))
        if operator == "IN":
            self._take("(")
            choices = self._list(self._operand)
            self._take(")")
            return Condition(operator, (left, *choices))
        raise InvalidExpression(f"operator {operator}: {self.text}")

    def _operand(self) -> Operand:
        if self._next() == "size":
            self._take()
            self._take("(")
            found = Operand(path=self._path(), is_size=True)
            self._take(")")
            return found
        if self._next().startswith(":"):
            return Operand(value=self._value())
        return Operand(path=self._path())

    def _value(self) -> Value:
        name = self._take()
        if name not in self.values:
            raise InvalidExpression(f"value {name} is not given: {self.text}")
        self.used.add(name)
        return self.values[name]

    def _path(self) -> Path:
        steps: list[str | int] = [self._name()]
        while self._next() in {".", "["}:
            if self._take() == ".":
                steps.append(self._name())
            else:
                steps.append(int(self._take()))
                self._take("]")
        return tuple(steps)

    def _name(self) -> str:
        name = self._take()
        if not name.startswith("#"):
            if not (name[0].isalpha() or name[0] == "_"):
                raise InvalidExpression(f"{name} is no name: {self.text}")
            return name
        if name not in self.names:
            raise InvalidExpression(f"name {name} is not given: {self.text}")
        self.used.add(name)
        return self.names[name]

    def _clauses(self) -> list[Action]:
        found: list[Action] = []
        seen: set[Clause] = set()
        while self._next():
            try:
                clause = Clause(self._take().upper())
            except ValueError as failure:
                raise InvalidExpression(f"no clause: {self.text}") from failure
            if clause in seen:
                raise InvalidExpression(f"{clause} stands twice: {self.text}")
            seen.add(clause)
            readers = {Clause.SET: self._assignment, Clause.REMOVE: lambda: Action(Clause.REMOVE, self._path())}
            found += self._list(readers.get(clause, lambda kind=clause: self._element(kind)))  # type: ignore[misc]  # a default binds it now
        return found

    def _element(self, clause: Clause) -> Action:
        path = self._path()
        return Action(clause, path, (Term((Operand(value=self._value()),)),))

    def _assignment(self) -> Action:
        path = self._path()
        self._take("=")
        first = self._term()
        if self._next() not in {"+", "-"}:
            return Action(Clause.SET, path, (first,))
        sign = self._take()
        return Action(Clause.SET, path, (first, self._term()), sign)

    def _term(self) -> Term:
        if self._is_next("("):
            found = self._term()
            self._take(")")
            return found
        function = self._next()
        if function not in {"if_not_exists", "list_append"}:
            return Term((self._operand(),))
        self._take()
        self._take("(")
        operands: list[Any] = self._list(self._operand)
        self._take(")")
        if len(operands) != 2:
            raise InvalidExpression(f"operands of {function}: {self.text}")
        return Term(tuple(operands), function)
