"""Counts what the code asks of AWS while it runs: calls, and the units that they take, from the items themselves."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from chalicelib.observe.registry import COUNTED
from deploy.cost.counts import Counts, Run
from deploy.cost.units import index_units, item_bytes, read_units, write_units

_INDEX_KEYS: Final = (("GSI1PK", "GSI1SK"), ("GSI2PK", "GSI2SK"), ("GSI3PK", "GSI3SK"))
_WRITES: Final = {"Put": "Item", "Update": "Key", "Delete": "Key", "ConditionCheck": "Key"}
_IN_TRANSACTION: Final = 2
"""AWS: an operation in a transaction takes two units where the same one outside takes one. What indexes take of it is
not said to double, and is counted once."""


@dataclass
class Recorder:
    """Counts into the journey that is under way; between journeys, nothing."""

    journeys: dict[str, Counts] = field(default_factory=dict)
    _counts: Counts | None = None
    _in_calls: float = 0.0
    _runs_now: int = 0

    @contextmanager
    def journey(self, name: str) -> Iterator[Counts]:
        """Count what happens inside under this name."""
        self._counts = self.journeys[name] = Counts()
        handler = _LineCounter(self._counts)
        logging.getLogger("serenya").addHandler(handler)
        try:
            yield self._counts
        finally:
            logging.getLogger("serenya").removeHandler(handler)
            self._counts = None

    @contextmanager
    def run(self, function: str, *, is_request: bool = False) -> Iterator[Run]:
        """Count one invocation of a function; it sets `sent_bytes` itself."""
        begun, in_calls, one = time.perf_counter(), self._in_calls, Run(function=function, is_request=is_request)
        self._runs_now += 1
        try:
            yield one
        finally:
            self._runs_now -= 1
            if self._counts is not None:
                own = time.perf_counter() - begun - (self._in_calls - in_calls)
                one.own_milliseconds = round(own * 1000)
                self._counts.runs.append(one)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every client of this process until the block ends."""
        original = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls go through

        def watched(client: Any, operation: str, sent: dict[str, Any]) -> Any:
            # What carries events from here to there is Lambda's work and stands on no bill of calls.
            if self._counts is None or not self._runs_now:
                return original(client, operation, sent)
            begun = time.perf_counter()
            try:
                return self._count(client, operation, sent, original)
            finally:
                self._in_calls += time.perf_counter() - begun

        BaseClient._make_api_call = watched  # type: ignore[attr-defined]
        try:
            yield
        finally:
            BaseClient._make_api_call = original  # type: ignore[attr-defined]

    def _count(self, client: Any, operation: str, sent: dict[str, Any], call: Callable[..., Any]) -> Any:
        counts, service = self._counts, client.meta.service_model.service_name
        assert counts is not None, "asked within a journey alone"
        name = f"{service}:{operation}"
        counts.calls[name] = counts.calls.get(name, 0) + 1
        if service == "s3" and operation == "PutObject":
            counts.stored_bytes += len(sent.get("Body", b""))
        if service != "dynamodb":
            return call(client, operation, sent)
        table = _Table(client, call)
        written = list(_written(operation, sent))
        before = [table.item(name, key) for _, name, key in written]
        try:
            answer = call(client, operation, sent)
        except ClientError:
            # AWS: a write whose condition does not hold takes units all the same.
            for (kind, _, _), old in zip(written, before, strict=True):
                counts.write_units += write_units(old, old) * _factor(kind, operation)
            raise
        for (kind, name, key), old in zip(written, before, strict=True):
            new = table.item(name, key)
            counts.write_units += write_units(old, new) * _factor(kind, operation)
            counts.write_units += sum(index_units(old, new, pair) for pair in _INDEX_KEYS)
        counts.read_units += float(_read(operation, sent, answer, table))
        return answer


@dataclass(frozen=True, slots=True)
class _Table:
    """Looks at items beside what is counted."""

    client: Any
    call: Callable[..., Any]

    def item(self, name: str, key: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return an item as it stands."""
        found = self.call(self.client, "GetItem", {"TableName": name, "Key": key, "ConsistentRead": True})
        item: Mapping[str, Any] | None = found.get("Item")
        return item


class _LineCounter(logging.Handler):
    """Counts lines of the log, and those that are followed by one of a metric."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "ran_near_limit":
            return  # It speaks of this machine.
        self._counts.log_lines += 1
        self._counts.metric_lines += record.getMessage() in COUNTED


def _key(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("PK", "SK")}


def _written(operation: str, sent: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Say what an operation writes: how, where, and the key."""
    if operation in {"PutItem", "UpdateItem", "DeleteItem"}:
        yield operation, sent["TableName"], _key(sent.get("Item") or sent["Key"])
    for entry in sent.get("TransactItems", []):
        for kind, part in entry.items():
            if kind in _WRITES:
                yield kind, part["TableName"], _key(part[_WRITES[kind]])
    for name, entries in sent.get("RequestItems", {}).items() if operation == "BatchWriteItem" else ():
        for entry in entries:
            for kind, part in entry.items():
                yield kind, name, _key(part.get("Item") or part["Key"])


def _factor(kind: str, operation: str) -> int:
    return _IN_TRANSACTION if operation == "TransactWriteItems" and kind in _WRITES else 1


def _read(operation: str, sent: Mapping[str, Any], answer: Mapping[str, Any], table: _Table) -> Any:
    """Return the read units of an operation. What a projection leaves out is read all the same."""
    is_consistent = bool(sent.get("ConsistentRead"))
    if operation == "GetItem":
        item = table.item(sent["TableName"], sent["Key"])
        return read_units(item_bytes(item) if item else 0, is_consistent=is_consistent)
    if operation in {"Query", "Scan"}:
        items = answer.get("Items", [])
        if "ProjectionExpression" in sent and "IndexName" not in sent:
            items = [table.item(sent["TableName"], _key(one)) or one for one in items]
        return read_units(sum(item_bytes(one) for one in items), is_consistent=is_consistent)
    if operation == "BatchGetItem":
        return sum(
            read_units(item_bytes(table.item(name, key) or {}), is_consistent=bool(asked.get("ConsistentRead")))
            for name, asked in sent["RequestItems"].items()
            for key in asked["Keys"]
        )
    if operation == "TransactGetItems":
        parts = [entry["Get"] for entry in sent["TransactItems"]]
        return sum(
            _IN_TRANSACTION * read_units(item_bytes(table.item(one["TableName"], one["Key"]) or {}), is_consistent=True)
            for one in parts
        )
    return 0
