"""The one door between the stores and their table: what moves goes the way that the phase says, what stays goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

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
    """Tells what moves from what stays, in requests for one table. `direct` asks the table itself."""

    table_name: str
    places: Places
    direct: Call

    def routed(self, operation: str, request: dict[str, Any], moved: Call) -> Any:
        """Answer a request: what moves by `moved`, what stays by the table.

        Raises:
            NotAnswered: one transaction holds both.
        """
        if requests.tables_in(operation, request) != {self.table_name}:
            return self.direct(operation, request)
        if operation == "Scan":
            return self._scanned(request, moved)
        if operation not in requests.READS | requests.WRITES:
            return self.direct(operation, request)
        staying = [self.places.stays(partition) for partition, _ in requests.keys_in(operation, request)]
        if operation == "Query":
            staying = [self._stays_queried(request)]
        if not any(staying):
            return moved(operation, request)
        if all(staying):
            return self.direct(operation, request)
        raise NotAnswered(f"{operation} of items that move together with items that stay")

    def _stays_queried(self, request: dict[str, Any]) -> bool:
        """Whether a query asks for a partition that stays; the indexes list only what moves."""
        if "IndexName" in request:
            return False
        return self.places.stays(partition_in(Shown(request).wanted, TABLE_KEYS[0]))

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
