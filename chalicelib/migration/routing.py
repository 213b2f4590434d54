"""What moves and what stays, in requests for the one table; and whose the items are that a request names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, overload

from chalicelib.migration.ports import ItemKey, Key
from chalicelib.migration.relational import requests
from chalicelib.migration.relational.locking import Places
from chalicelib.migration.relational.reading import TABLE_KEYS, Shown, partition_in
from chalicelib.migration.relational.refusals import NotAnswered

Call = Callable[[str, dict[str, Any]], Any]
"""Botocore's `(operation, arguments) -> answer`."""

_STAYING: Final = "MIGRATION#SCAN"
"""Where a scan goes on in the table itself, after all that moves."""


@dataclass(frozen=True, slots=True)
class Router:
    """Tells what moves from what stays, in requests for one table. `direct` asks the table itself; `staying`, where it
    is given, answers for what stays."""

    table_name: str
    places: Places
    direct: Call
    staying: Call | None = None

    def routed(self, operation: str, request: dict[str, Any], moved: Call) -> Any:
        """Answer a request: what moves by `moved`, what stays by the table.

        Raises:
            NotAnswered: one request holds both.
        """
        if requests.tables_in(operation, request) != {self.table_name}:
            return self.direct(operation, request)
        if operation == "Scan":
            return self._scanned(request, moved)
        partitions = self.partitions(operation, request)
        staying = {self.places.stays(partition) for partition in partitions}
        if len(staying) > 1:
            raise NotAnswered(f"{operation} of items that move together with items that stay")
        is_known = operation in requests.READS | requests.WRITES
        if is_known and staying == {True}:
            return (self.staying or self.direct)(operation, request)
        return moved(operation, request) if is_known else self.direct(operation, request)

    def partitions(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """Return the partitions that a request names; none for a query over an index, which lists only what moves."""
        if operation == "Query" and "IndexName" not in request:
            return [partition_in(Shown(request).wanted, TABLE_KEYS[0])]
        return list(dict.fromkeys(partition for partition, _ in requests.keys_in(operation, request)))

    def _scanned(self, request: dict[str, Any], moved: Call) -> Any:
        """Answer a page of a scan: first what moves, then what stays, without what the engine keeps for itself."""
        start = request.get("ExclusiveStartKey")
        if start is None or not self.places.stays(start["PK"]["S"]):
            answer = moved("Scan", request)
            return {"LastEvaluatedKey": {"PK": {"S": _STAYING}, "SK": {"S": "-"}}, **answer}
        asked = {name: value for name, value in request.items() if name != "ExclusiveStartKey"}
        answer = self.direct("Scan", asked if start["PK"]["S"] == _STAYING else request)
        items = [item for item in answer["Items"] if self._is_shown(item)]
        return {**answer, "Items": items, "Count": len(items)}

    def _is_shown(self, item: Mapping[str, Any]) -> bool:
        partition = item["PK"]["S"]
        return self.places.stays(partition) and not partition.startswith("MIGRATION#")


@dataclass(slots=True)
class KeysOf(Sequence[Key]):
    """The keys that a write touches, found when somebody asks: on the relational side they are known once it is done
    (`changed`); at home the guards that are not put here have to be read first, to know whose they are."""

    places: Places
    direct: Call
    table_name: str
    operation: str
    request: Mapping[str, Any]
    changed: list[Key] | None = None
    _found: list[Key] = field(default_factory=list)

    def __iter__(self) -> Iterator[Key]:
        """Return each once."""
        if self.changed is not None:
            return iter(self.changed)
        if not self._found:
            self._found = list(dict.fromkeys(self._at_home()))
        return iter(self._found)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(list(iter(self)))

    @overload
    def __getitem__(self, index: int) -> Key: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Key]: ...

    def __getitem__(self, index: int | slice) -> Key | Sequence[Key]:
        """Return one, or some."""
        return list(iter(self))[index]

    def _at_home(self) -> Iterator[Key]:
        guards: list[ItemKey] = []
        for one in requests.keys_in(self.operation, self.request):
            key = self.places.key_in(one[0])
            if key is not None:
                yield key
            else:
                guards.append(one)
        for write in requests.writes_in(self.operation, self.request) if guards else ():
            if write.item is not None:
                yield self.places.key_of(write.item)
            # An owner who is named by the write itself: a guard that is handed over has a new one afterwards.
            yield from _owners(write, self.places.owner_path)
        for first in range(0, len(guards), 100):
            yield from map(self.places.key_of, self._read(guards[first : first + 100]))

    def _read(self, wanted: Sequence[ItemKey]) -> list[Any]:
        keys = [{"PK": {"S": pk}, "SK": {"S": sk}} for pk, sk in wanted]
        asked = {"RequestItems": {self.table_name: {"Keys": keys, "ConsistentRead": True}}}
        found: list[Any] = self.direct("BatchGetItem", asked)["Responses"].get(self.table_name, [])
        return found


def _owners(write: requests.Write, owner_path: tuple[str, ...]) -> Iterator[Key]:
    for action in write.actions:
        if action.path == owner_path and action.terms:
            value = action.terms[0].operands[0].value
            if value is not None and "S" in value:
                yield value["S"]
