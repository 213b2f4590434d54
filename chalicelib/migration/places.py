"""Where the engine keeps its own items in the table: all under `MIGRATION#`, and none of them names a holding's key in
the clear longer than a change is under way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.clock import iso
from chalicelib.migration.ports import ItemKey, Key

PHASE: Final[ItemKey] = ("MIGRATION#PHASE", "PHASE")
HISTORY: Final = "MIGRATION#HISTORY"
FIGURES: Final = "MIGRATION#FIGURES"
LOAD: Final = "MIGRATION#LOAD"
BATCHES: Final = "MIGRATION#BATCHES"
FENCES: Final = 256
"""So many items share the work of keeping writers of a past epoch out: each write of the engine checks one of them, and
DynamoDB lets transactions on one item wait for each other."""
MARK_SHARDS: Final = 16
ENTITY_TYPE: Final = "migration"


def hashed(key: Key) -> str:
    """Return the name that the engine's items use for a key: whoever has the key finds them, and nobody else."""
    return hashlib.sha256(f"migration/1:{key}".encode()).hexdigest()


def share(key: Key, places: int) -> int:
    """Spread keys evenly, and for ever in the same way, over so many places."""
    return int(hashed(key)[:8], 16) % places


def copy_key(key: Key) -> ItemKey:
    """What is known of the copy of a holding: the revision that was copied last, a copy under way, or that it is
    buried."""
    return f"MIGRATION#COPY#{hashed(key)}", "COPY"


def fence_key(number: int) -> ItemKey:
    """One share of the fence."""
    return f"MIGRATION#FENCE#{number}", "FENCE"


def fence_of(key: Key) -> ItemKey:
    """The share of the fence that writes of this key check."""
    return fence_key(share(key, FENCES))


def marks_partition(number: int) -> str:
    """One share of the marks."""
    return f"MIGRATION#MARKS#{number}"


def mark_key(key: Key, version: str) -> ItemKey:
    """A mark: the marks of one key stand together."""
    return marks_partition(share(key, MARK_SHARDS)), f"{hashed(key)}#{version}"


def history_key(version: int) -> ItemKey:
    """What the phase was changed to by its n-th change."""
    return HISTORY, f"{version:010d}"


def figure_key(name: str) -> ItemKey:
    """A figure that gates look at."""
    return FIGURES, name


def load_key(minute: datetime) -> ItemKey:
    """How much the service did in one minute, and how it went."""
    return LOAD, iso(minute)


def loading_key(token: str) -> ItemKey:
    """Somebody writes by batches without conditions."""
    return BATCHES, token


def engine_values(at: datetime) -> dict[str, Any]:
    """Return what every item of the table has beside its key."""
    instant = {"S": iso(at)}
    return {"entity_type": {"S": ENTITY_TYPE}, "created_at": instant, "updated_at": instant}


def engine_item(key: ItemKey, at: datetime, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item of the engine, with what every item of the table has."""
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}, **engine_values(at), **values}
