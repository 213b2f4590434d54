"""Counters that may be lost, kept in this process while the table does not answer and is not the primary either: the
side that the data moves to must not be missed by anybody before the data is there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError

from chalicelib.migration.ports import ItemKey, RawItem
from chalicelib.migration.relational import evaluating, requests
from chalicelib.migration.routing import Call
from chalicelib.observe.log import log

REST_SECONDS: Final = 5.0
"""So long the table is not asked again for such a counter: its caller would wait for nothing."""
MOST_KEPT: Final = 10_000


@dataclass(slots=True)
class _Kept:
    """What was counted here."""

    items: dict[ItemKey, RawItem] = field(default_factory=dict)
    rests_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """Asks the table; where it does not answer, writes of partitions that `may_be_lost` are answered from memory, as
    long as `is_secondary` says that the table is not the primary. Each process counts for itself then."""

    direct: Call
    may_be_lost: Callable[[str], bool]
    is_secondary: Callable[[], bool]
    monotonic: Callable[[], float] = time.monotonic
    _kept: _Kept = field(default_factory=_Kept)

    def __call__(self, operation: str, request: dict[str, Any]) -> Any:
        """Answer as botocore's `_make_api_call` does.

        Raises:
            Exception: what the table said, or that it said nothing.
        """
        if not self._is_for_us(operation, request):
            return self.direct(operation, request)
        if self.monotonic() < self._kept.rests_until and self.is_secondary():
            return self._counted(operation, request)
        try:
            return self.direct(operation, request)
        except (BotoConnectionError, HTTPClientError) as trouble:
            if not self.is_secondary():
                raise
            log("counted_alone", level=logging.WARNING, error=trouble)
            self._kept.rests_until = self.monotonic() + REST_SECONDS
            return self._counted(operation, request)

    def _is_for_us(self, operation: str, request: dict[str, Any]) -> bool:
        if operation not in requests.SINGLE:
            return False
        return all(self.may_be_lost(partition) for partition, _ in requests.keys_in(operation, request))

    def _counted(self, operation: str, request: dict[str, Any]) -> Any:
        with self._kept.lock:
            items = self._kept.items
            if len(items) >= MOST_KEPT:
                items.clear()
            writes = requests.writes_in(operation, request)
            before = items.get(writes[0].key)
            after = evaluating.after(operation, writes, items)[writes[0].key]
            if after is None:
                items.pop(writes[0].key, None)
            else:
                items[writes[0].key] = after
        return evaluating.returned(operation, request, before, after)
