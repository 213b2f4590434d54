"""DynamoDB's expressions on one item: whether a condition holds, what an update makes of it, what a projection shows.

Conditions are those of the Developer Guide; what it leaves open (`<>` of something absent holds, an operand of another
kind makes a comparison false) is as two engines answer, see `tests/migration/relational/test_expressions.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from chalicelib.migration.relational.grammar import (
    Action,
    Clause,
    Condition,
    InvalidExpression,
    Operand,
    Path,
    Reader,
    Term,
)
from chalicelib.migration.relational.values import (
    Value,
    WrongType,
    added,
    comes_before,
    content_of,
    equal,
    kind_of,
    length,
    stored,
    united,
)

Item = Mapping[str, Value]


class Refused(Exception):
    """An update that does not fit the item: DynamoDB's `ValidationException`, whose text it carries."""


NO_SUCH_PATH: Final = "The document path provided in the update expression is invalid for update"
NO_SUCH_VALUE: Final = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE: Final = "An operand in the update expression has an incorrect data type"


def at(item: Item, path: Path) -> Value | None:
    """Return the value that a path leads to; None where there is none."""
    found: Any = {"M": item}
    for step in path:
        if isinstance(step, str):
            found = found["M"].get(step) if "M" in found else None
        else:
            found = found["L"][step] if "L" in found and step < len(found["L"]) else None
        if found is None:
            return None
    value: Value = found
    return value


def holds(condition: Condition, item: Item) -> bool:
    """Whether a condition holds for an item; for one that does not exist, give an empty one."""
    if condition.operator == "AND":
        return all(holds(part, item) for part in condition.parts)
    if condition.operator == "OR":
        return any(holds(part, item) for part in condition.parts)
    if condition.operator == "NOT":
        return not holds(condition.parts[0], item)
    return _TESTS[condition.operator](*(_value_of(operand, item) for operand in condition.operands))


def updated(item: Item, actions: Sequence[Action]) -> dict[str, Value]:
    """Return what an item is after an update. Every value is taken from the item as it was.

    Raises:
        Refused: a path leads nowhere, or a value is of the wrong kind.
        InvalidExpression: two paths overlap.
    """
    _check_paths([action.path for action in actions])
    changes = [(action, _new_value(action, item)) for action in actions]
    result: dict[str, Value] = copy.deepcopy(dict(item))
    # From the end, so that what is taken out of a list moves nothing that is to be taken out as well.
    for action, value in sorted(changes, key=lambda change: _order(change[0]), reverse=True):
        _place(result, action.path, value)
    return result


def projected(item: Item, paths: Sequence[Path]) -> dict[str, Value]:
    """Return the attributes that a projection names.

    Raises:
        InvalidExpression: one of them is a part of an attribute, which nobody asks for here.
    """
    if any(len(path) != 1 for path in paths):
        raise InvalidExpression("projections of parts of attributes are not answered here")
    return {str(path[0]): item[str(path[0])] for path in paths if str(path[0]) in item}


def condition_of(text: str, request: Mapping[str, Any], used: set[str]) -> Condition:
    """Read a condition with the names and values of its request; adds those that it uses to `used`."""
    return _reader(text, request, used).condition()


def actions_of(text: str, request: Mapping[str, Any], used: set[str]) -> list[Action]:
    """Read an update likewise."""
    return _reader(text, request, used).actions()


def paths_of(text: str, request: Mapping[str, Any], used: set[str]) -> list[Path]:
    """Read a projection likewise."""
    return _reader(text, request, used).paths()


def check_all_used(request: Mapping[str, Any], used: set[str]) -> None:
    """Refuse names and values that no expression of a request uses, as DynamoDB does.

    Raises:
        InvalidExpression: there are some.
    """
    given = {*request.get("ExpressionAttributeNames", {}), *request.get("ExpressionAttributeValues", {})}
    if unused := sorted(given - used):
        raise InvalidExpression(f"unused in expressions: {', '.join(unused)}")


def _reader(text: str, request: Mapping[str, Any], used: set[str]) -> Reader:
    names, values = request.get("ExpressionAttributeNames") or {}, request.get("ExpressionAttributeValues") or {}
    return Reader(text, names, values, used)


def _value_of(operand: Operand, item: Item) -> Value | None:
    if operand.path is None:
        return operand.value
    found = at(item, operand.path)
    if not operand.is_size or found is None:
        return found
    size = length(found)
    return None if size is None else {"N": str(size)}


def _is_contained(whole: Value | None, part: Value | None) -> bool:
    if whole is None or part is None:
        return False
    kind, content = kind_of(whole), content_of(whole)
    if kind in {"S", "B"}:
        return kind_of(part) == kind and content_of(part) in content
    if kind == "L":
        return any(equal(one, part) for one in content)
    return kind in {"SS", "NS", "BS"} and any(equal({kind[0]: one}, part) for one in content)


def _begins(whole: Value | None, start: Value | None) -> bool:
    if whole is None or start is None or kind_of(whole) != kind_of(start) or kind_of(whole) not in {"S", "B"}:
        return False
    return bool(content_of(whole).startswith(content_of(start)))


def _is_not_after(left: Value | None, right: Value | None) -> bool:
    return comes_before(left, right) or (_is_ordered(left) and equal(left, right))


def _is_ordered(value: Value | None) -> bool:
    return value is not None and kind_of(value) in {"S", "N", "B"}


_TESTS: Final[Mapping[str, Callable[..., bool]]] = {
    "=": equal,
    "<>": lambda left, right: not equal(left, right),
    "<": comes_before,
    "<=": _is_not_after,
    ">": lambda left, right: comes_before(right, left),
    ">=": lambda left, right: _is_not_after(right, left),
    "BETWEEN": lambda value, low, high: _is_not_after(low, value) and _is_not_after(value, high),
    "IN": lambda value, *choices: any(equal(value, choice) for choice in choices),
    "attribute_exists": lambda value: value is not None,
    "attribute_not_exists": lambda value: value is None,
    "attribute_type": lambda value, kind: value is not None and kind_of(value) == content_of(kind),
    "begins_with": _begins,
    "contains": _is_contained,
}


def _check_paths(paths: Sequence[Path]) -> None:
    for position, one in enumerate(paths):
        for other in paths[position + 1 :]:
            shorter = min(len(one), len(other))
            if one[:shorter] == other[:shorter]:
                raise InvalidExpression("two document paths overlap with each other")


def _new_value(action: Action, item: Item) -> Value | None:
    """Return what is to stand at an action's path; None for nothing.

    Raises:
        Refused: see `updated`.
    """
    if action.clause is Clause.REMOVE:
        return None
    given = [_term(term, item) for term in action.terms]
    try:
        if action.clause is Clause.SET:
            return stored(given[0] if action.sign is None else added(*given, is_less=action.sign == "-"))
        present = at(item, action.path)
        if action.clause is Clause.ADD and kind_of(given[0]) == "N":
            return stored(given[0] if present is None else added(present, given[0]))
        return united(present, given[0], is_less=action.clause is Clause.DELETE)
    except WrongType as failure:
        raise Refused(WRONG_TYPE) from failure


def _term(term: Term, item: Item) -> Value:
    values = [_value_of(operand, item) for operand in term.operands]
    if term.function == "if_not_exists":
        values = [values[0] if values[0] is not None else values[1]]
    if any(value is None for value in values):
        raise Refused(NO_SUCH_VALUE)
    found: list[Value] = [value for value in values if value is not None]
    if term.function != "list_append":
        return found[0]
    if any(kind_of(value) != "L" for value in found):
        raise Refused(WRONG_TYPE)
    return {"L": [*content_of(found[0]), *content_of(found[1])]}


def _order(action: Action) -> tuple[bool, tuple[tuple[int, str], ...]]:
    steps = tuple((step, "") if isinstance(step, int) else (-1, step) for step in action.path)
    return action.clause is not Clause.REMOVE, steps


def _place(item: dict[str, Value], path: Path, value: Value | None) -> None:
    """Put a value at a path, or take away what stands there.

    Raises:
        Refused: what should hold it is not there, or of another kind.
    """
    holder: Any = {"M": item} if len(path) == 1 else at(item, path[:-1])
    last = path[-1]
    if holder is None or ("M" if isinstance(last, str) else "L") not in holder:
        raise Refused(NO_SUCH_PATH)
    if isinstance(last, str):
        if value is None:
            holder["M"].pop(last, None)
        else:
            holder["M"][last] = value
    elif value is None:
        del holder["L"][last : last + 1]
    elif last < len(holder["L"]):
        holder["L"][last] = value
    else:
        holder["L"].append(value)
