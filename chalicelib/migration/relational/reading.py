"""What reads show of items: one, several, the part of a partition that a query asks for, a page of everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from chalicelib.migration.ports import RawItem
from chalicelib.migration.relational.expressions import check_all_used, condition_of, holds, paths_of, projected
from chalicelib.migration.relational.grammar import Condition, InvalidExpression, Path

TABLE_KEYS: Final = ("PK", "SK")


class Shown:
    """The part of a read request that says which items are shown, and what of them."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        """Read the expressions.

        Raises:
            InvalidExpression: one of them is none.
        """
        used: set[str] = set()
        self.wanted = _condition(request, "KeyConditionExpression", used)
        self._filter = _condition(request, "FilterExpression", used)
        text = request.get("ProjectionExpression")
        self._paths: list[Path] | None = paths_of(text, request, used) if text else None
        check_all_used(request, used)

    def of(self, item: RawItem) -> dict[str, Any]:
        """Return what is shown of an item."""
        return dict(item) if self._paths is None else projected(item, self._paths)

    def all_of(self, items: Iterable[RawItem]) -> list[dict[str, Any]]:
        """Return what is shown of those items that pass the filter."""
        return [self.of(item) for item in items if self._filter is None or holds(self._filter, item)]


def partition_in(wanted: Condition | None, hash_name: str) -> str:
    """Return the partition that a key condition asks for.

    Raises:
        InvalidExpression: it names none.
    """
    parts = wanted.parts if wanted is not None and wanted.operator == "AND" else (wanted,)
    for part in parts:
        if part is not None and part.operator == "=" and part.operands[0].path == (hash_name,):
            value = part.operands[1].value
            if value is not None:
                return str(value["S"])
    raise InvalidExpression("a query names its partition")


def page(
    request: Mapping[str, Any], shown: Shown, items: Iterable[RawItem], keys: Sequence[str], *, is_index: bool
) -> dict[str, Any]:
    """Return a page of a query over the items of one partition. `keys` are the names of the keys that are queried."""
    is_forward = request.get("ScanIndexForward", True)
    ordered = sorted(items, key=lambda item: _position(item, keys[1]), reverse=not is_forward)
    start = request.get("ExclusiveStartKey")
    if start is not None:
        begin = _position(start, keys[1])
        ordered = [one for one in ordered if _is_beyond(_position(one, keys[1]), begin, is_forward=is_forward)]
    found = [one for one in ordered if shown.wanted is None or holds(shown.wanted, one)]
    most = request.get("Limit")
    taken = found if most is None else found[:most]
    visible = shown.all_of(taken)
    answer: dict[str, Any] = {"Items": visible, "Count": len(visible), "ScannedCount": len(taken)}
    if most is not None and len(taken) == most:
        names = dict.fromkeys((*TABLE_KEYS, *keys) if is_index else TABLE_KEYS)
        answer["LastEvaluatedKey"] = {name: taken[-1][name] for name in names}
    return answer


def _condition(request: Mapping[str, Any], name: str, used: set[str]) -> Condition | None:
    text = request.get(name)
    return condition_of(text, request, used) if text else None


def _position(item: Mapping[str, Any], sort_name: str) -> tuple[bytes, ...]:
    return tuple(item[name]["S"].encode() for name in (sort_name, *TABLE_KEYS))


def _is_beyond(position: tuple[bytes, ...], start: tuple[bytes, ...], *, is_forward: bool) -> bool:
    return position > start if is_forward else position < start
