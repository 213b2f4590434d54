"""What the move adds to what functions ask of the table: what its door asks by itself, and what its own functions do.

Every request of the service goes through the door (`chalicelib/migration/door.py`), which reads the phase, copies whom
the request changed to the other side, or marks them. So what is added to a function follows from what it asks itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chalicelib.migration.serenya.places import OWNED_GUARDS, STAYING

PEOPLE: Final = ("USER#", "RETAINED#", *OWNED_GUARDS)
"""Beginnings of the partitions in which somebody's holding lies; each moves as a whole."""

Actions = Mapping[str, tuple[str, ...]]
"""DynamoDB's actions by the beginning of a partition key."""

_PHASE: Final[Actions] = {"MIGRATION#PHASE": ("GetItem",)}
_COUNTED: Final[Actions] = {"MIGRATION#FIGURES": ("UpdateItem",)}
_COMPARED: Final[Actions] = {**_PHASE, **_COUNTED, "MIGRATION#COPY#": ("GetItem",)}
_MARKED: Final[Actions] = {
    "MIGRATION#FENCE#": ("ConditionCheckItem",),
    "MIGRATION#MARKS#": ("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
}
_COPY: Final[Actions] = {
    **_PHASE,
    "MIGRATION#FENCE#": ("ConditionCheckItem",),
    "MIGRATION#COPY#": ("GetItem", "PutItem"),
}
"""The fence keeps out whoever still acts as in a phase that is over."""


def joined(*parts: Actions) -> Actions:
    """Return everything that stands in any of these."""
    prefixes = sorted({prefix for part in parts for prefix in part})
    return {prefix: tuple(sorted({action for part in parts for action in part.get(prefix, ())})) for prefix in prefixes}


COPIES: Final[Mapping[str, Actions]] = {
    # Whoever is copied is copied whole, with what others changed meanwhile; unless a tombstone says that they are gone.
    "people": {
        **_COPY,
        "USER#": ("Query", "PutItem", "DeleteItem"),
        "RETAINED#": ("Query", "PutItem", "DeleteItem"),
        **dict.fromkeys(OWNED_GUARDS, ("BatchGetItem", "PutItem", "DeleteItem")),
        "ERASURE#": ("BatchGetItem", "ConditionCheckItem"),
    },
    # What is nobody's is copied partition by partition.
    **{one: {**_COPY, one: ("Query", "PutItem", "DeleteItem")} for one in ("ERASURE#", "UNCLAIMED#", "GUARD#EVENT#")},
}
"""What making a copy asks, by whose it is."""

_BURIED: Final[Actions] = {"USER#": ("ConditionCheckItem",)}
"""Whoever is gone on both sides is never brought back."""


def _checks(prefix: str) -> Actions:
    """What a write only checks is marked and looked at, too."""
    return joined(_PHASE, _MARKED, {"MIGRATION#COPY#": ("GetItem",), prefix: ("Query",)})


DOOR: Final[Mapping[str, Actions]] = {
    "asks an index": _PHASE,
    "reads people": joined(_COMPARED, COPIES["people"]),
    "writes people": joined(_MARKED, _BURIED, COPIES["people"]),
    "reads ERASURE#": _COMPARED,
    "checks ERASURE#": _checks("ERASURE#"),
    "writes ERASURE#": joined(_MARKED, COPIES["ERASURE#"]),
    "reads UNCLAIMED#": _COMPARED,
    "checks UNCLAIMED#": _checks("UNCLAIMED#"),
    "writes UNCLAIMED#": joined(_MARKED, COPIES["UNCLAIMED#"]),
    "reads GUARD#EVENT#": _COMPARED,
    "writes GUARD#EVENT#": joined(_MARKED, COPIES["GUARD#EVENT#"]),
}
"""By what is asked through the door (`way`), what it asks of the table besides. A read that finds an old copy mends
it."""

GATHERED: Final[Mapping[str, Actions]] = {"api_handler": {"MIGRATION#LOAD": ("UpdateItem",)}}
"""What else a function does while people move: guard rails go by how calls went."""

_READS: Final = frozenset({"GetItem", "BatchGetItem", "Query"})


def way(action: str, place: str) -> str | None:
    """Return what a need is to the door, as `writes people`; None where it stays in the table: that goes past it."""
    kind, _, where = place.partition(" ")
    if kind == "index":
        return "asks an index"
    if kind != "table" or where.startswith(STAYING):
        return None
    verb = "reads" if action in _READS else "checks" if action == "ConditionCheckItem" else "writes"
    # A check of what is somebody's is to the door as a write: it marks them.
    verb = "writes" if verb == "checks" and where in PEOPLE else verb
    return f"{verb} {'people' if where in PEOPLE else where}"


def ways(table: Actions, indexes: Iterable[str]) -> set[str]:
    """Return what asking this of the table, and these indexes, is to the door."""
    found = {way(action, f"table {prefix}") for prefix, actions in table.items() for action in actions}
    found |= {way("Query", f"index {index}") for index in indexes}
    return {one for one in found if one is not None}


_BACKFILLED: Final = ("USER#", "RETAINED#", *OWNED_GUARDS, "ERASURE#", "UNCLAIMED#", "GUARD#EVENT#")

MOVE_PEOPLE: Final[Actions] = joined(
    *COPIES.values(),
    dict.fromkeys(_BACKFILLED, ("BatchWriteItem",)),
    {
        "MIGRATION#BATCHES": ("DeleteItem", "PutItem"),
        "MIGRATION#CHECKPOINT#": ("GetItem", "PutItem", "Query"),
        "MIGRATION#COPY#": ("BatchGetItem", "BatchWriteItem"),
        "MIGRATION#FIGURES": ("PutItem",),
        "MIGRATION#MARKS#": ("Query",),
    },
)
"""The backfill, and the verification: that one reads the whole table."""

TEND_MOVE: Final[Actions] = joined(
    *COPIES.values(),
    _BURIED,
    {
        "MIGRATION#FENCE#": ("UpdateItem",),
        "MIGRATION#HISTORY": ("PutItem",),
        "MIGRATION#LOAD": ("BatchGetItem",),
        "MIGRATION#MARKS#": ("DeleteItem", "GetItem", "Query"),
        "MIGRATION#PHASE": ("PutItem",),
    },
)
"""What is looked after once a minute: notes, marks, guard rails, and moves whose mover was lost."""
