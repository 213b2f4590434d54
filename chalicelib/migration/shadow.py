"""Shadow reads: what PostgreSQL answered is compared with what home would have, behind the caller's back.

They take place on a few threads of their own, from a short line: a read that finds it full, or that has waited too
long in it, is not compared. A key with a change on its way is no drift.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import errors
from chalicelib.migration import places
from chalicelib.migration.copy_state import CopyState
from chalicelib.migration.figures import Figure
from chalicelib.migration.ports import Key, PhaseMoved
from chalicelib.migration.relational.values import equal
from chalicelib.migration.routing import Call
from chalicelib.observe.log import log

LONGEST_SECONDS: Final = 2.0
"""A comparison that has not begun by then is let go."""
MOST_WAITING: Final = 16
_THREADS: Final = 2


class Revisions(Protocol):
    """The relational side, as far as it says how far it is."""

    def revisions(self, partitions: Sequence[str]) -> Mapping[Key, int] | None:
        """Return the keys that partitions belong to with their revisions; None where one belongs to nobody."""


class Copies(Protocol):
    """The home side, as far as it says how far it is."""

    def state(self, key: Key) -> CopyState:
        """Return what is known of the copy of a holding."""


class Counts(Protocol):
    """Counts what operators watch."""

    def count(self, figure: Figure, by: int = 1) -> None:
        """Add to a figure."""


@dataclass(slots=True)
class _Line:
    """What waits to be compared."""

    pool: ThreadPoolExecutor | None = None
    waiting: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Shadow:
    """Compares. `legacy` and `home` answer the same requests; `figures` count comparisons and drift; `share` of reads
    are compared."""

    revisions: Revisions
    copies: Copies
    legacy: Call
    home: Call
    figures: Counts
    share: float = 1.0
    monotonic: Callable[[], float] = time.monotonic
    _line: _Line = field(default_factory=_Line)

    def compare(self, operation: str, request: dict[str, Any], partitions: Sequence[str]) -> None:
        """Have a read compared, or not; returns at once and never fails."""
        if random.random() >= self.share:  # noqa: S311  # a sample, not a secret
            return
        line = self._line
        with line.lock:
            if line.waiting >= MOST_WAITING:
                return
            line.waiting += 1
            line.pool = line.pool or ThreadPoolExecutor(_THREADS, thread_name_prefix="shadow")
        line.pool.submit(self._ended, self.monotonic() + LONGEST_SECONDS, operation, request, partitions)

    def settle(self) -> None:
        """Wait until everything that was taken is compared."""
        while self._line.waiting:
            time.sleep(0.005)

    def _ended(self, until: float, operation: str, request: dict[str, Any], partitions: Sequence[str]) -> None:
        try:
            if self.monotonic() < until:
                self._compared(operation, request, partitions)
        except (ClientError, BotoCoreError, errors.ServiceError, PhaseMoved) as trouble:
            log("shadow_read_failed", level=logging.INFO, error=trouble)
        except Exception as trouble:  # noqa: BLE001  # nobody waits for this, and nobody else would tell
            log("shadow_read_broke", level=logging.ERROR, error=trouble)
        finally:
            with self._line.lock:
                self._line.waiting -= 1

    def _compared(self, operation: str, request: dict[str, Any], partitions: Sequence[str]) -> None:
        wanted = self.revisions.revisions(partitions)
        if not wanted or not self._are_copied(wanted):
            return
        there, here = self.legacy(operation, request), self.home(operation, request)
        # Only of what stood still on both sides meanwhile can be said that it differs.
        if self.revisions.revisions(partitions) != wanted or not self._are_copied(wanted):
            return
        self.figures.count(Figure.COMPARED)
        if names := differing(there, here):
            self.figures.count(Figure.DRIFT)
            named = [places.hashed(key) for key in wanted]
            log("drift_seen", level=logging.ERROR, operation=operation, holdings=named, attributes=sorted(names))

    def _are_copied(self, wanted: Mapping[Key, int]) -> bool:
        return all(self.copies.state(key).has(revision) for key, revision in wanted.items())


def differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> set[str]:
    """Return the names of what two answers show differently: top-level attributes, and `-` for an item that only one of
    them has."""
    found: set[str] = set()
    ours, theirs = _items(there), _items(here)
    for key in {*ours, *theirs}:
        if key not in ours or key not in theirs:
            found.add("-")
            continue
        one, other = ours[key], theirs[key]
        found |= {name for name in {*one, *other} if not equal(one.get(name), other.get(name))}
    return found


def _items(answer: Mapping[str, Any]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    items = [answer["Item"]] if "Item" in answer else list(answer.get("Items", ()))
    items += [item for found in answer.get("Responses", {}).values() for item in found]
    return {(item.get("PK", {}).get("S"), item.get("SK", {}).get("S")): item for item in items}
