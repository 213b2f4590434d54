"""Whose an item is: which partitions move, and under which key of a holding; a table as data.

| partition | holding | why |
|---|---|---|
| `USER#<id>` | `<id>` | a person |
| `RETAINED#<id>` | `<id>` | what is kept of somebody erased; the random id is a key of its own |
| `GUARD#EMAIL`, `EXTERNAL`, `TRANSACTION`, `SUBSCRIPTION` | whoever `data.user_id` names | goes where its owner goes |
| `GUARD#EVENT`, `GUARD#OBJECT`, `ERASURE#…`, `UNCLAIMED#…`, and whatever comes | the partition itself | written in one
  transaction with somebody's items, and nobody's |
| `LIMIT#`, `SWITCH#`, `SWEEP#`, `SPENDING#`, `MIGRATION#` | none: in DynamoDB always | never in a transaction with
  anybody's items, and lost without harm |
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from chalicelib.migration.layout import Layout
from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.models import keys
from chalicelib.models.catalogue import KINDS
from chalicelib.models.keys import GuardKind
from chalicelib.observe.log import log
from chalicelib.stores.partitions import StoredItem

STAYING: Final = ("LIMIT#", "SWITCH#", "SWEEP#", "SPENDING#", "MIGRATION#")
"""Beginnings of partitions that do not move."""
LOSABLE: Final = ("LIMIT#",)
"""Beginnings of those that each process may count for itself for a while, before the table is the primary."""
OWNED_GUARDS: Final = tuple(
    f"GUARD#{kind}#"
    for kind in (
        GuardKind.EMAIL,
        GuardKind.EXTERNAL_IDENTITY,
        GuardKind.PROVIDER_TRANSACTION,
        GuardKind.PROVIDER_SUBSCRIPTION,
    )
)
"""Beginnings of the partitions of guards that belong to whom they name."""
_NAMING: Final = (keys.user_partition(""), keys.retained_partition(""))


def stays(partition: str) -> bool:
    """Whether a partition is no part of the move."""
    return partition.startswith(STAYING)


def may_be_lost(partition: str) -> bool:
    """Whether what a partition counts may be lost."""
    return partition.startswith(LOSABLE)


def key_in(partition: str) -> Key | None:
    """Return the key of the holding that a partition belongs to; None where only the item says it: an owned guard."""
    if partition.startswith(OWNED_GUARDS):
        return None
    for prefix in _NAMING:
        if partition.startswith(prefix):
            return partition.removeprefix(prefix)
    return partition


def is_person(key: Key) -> bool:
    """Whether a key is somebody's, living or erased, and not a partition's."""
    return "#" not in key


def key_of(item: RawItem) -> Key:
    """Return the key of the holding that an item belongs to.

    Raises:
        KeyError: a guard that must name its owner does not.
    """
    found = key_in(item["PK"]["S"])
    return str(item["data"]["M"]["user_id"]["S"]) if found is None else found


def partitions_of(key: Key) -> tuple[str, ...]:
    """Return the partitions in which a holding stands, the likeliest first; it is never in more than one of them.
    Guards that it owns stand elsewhere: `guards_named`."""
    return tuple(f"{prefix}{key}" for prefix in _NAMING) if is_person(key) else (key,)


def guards_named(items: Iterable[RawItem]) -> list[ItemKey]:
    """Return the guards that items name, each once. Whether a guard is there, and belongs to the same holding
    (`key_of`), is for the reader to check; a guard whose item is gone already is found from what was copied last. An
    item that was damaged names none, so that it can be mended."""
    found: dict[ItemKey, None] = {}
    for item in map(StoredItem, items):
        if item.entity_type in KINDS:
            try:
                found |= dict.fromkeys((guard.pk, guard.sk) for guard in KINDS[item.entity_type].guards(item.data))
            except (KeyError, TypeError, AttributeError):
                log("damaged_item_names_no_guards", level=logging.WARNING, entity_type=item.entity_type)
    return [key for key in found if key[0].startswith(OWNED_GUARDS)]


def anchor_of(key: Key) -> ItemKey | None:
    """Return the item that somebody's holding always has; None for what may be emptied and filled again."""
    return keys.user_key(key) if is_person(key) else None


def tombstones_of(key: Key) -> list[ItemKey]:
    """Return where the service says that somebody was erased."""
    return [keys.tombstone_key(key)] if is_person(key) else []


owner_path: Final = ("data", "user_id")
"""Where an owned guard says whose it is."""
LAYOUT: Final = Layout(
    partitions_of=partitions_of,
    named_outside=guards_named,
    key_of=key_of,
    owner_path=owner_path,
    anchor_of=anchor_of,
    tombstones_of=tombstones_of,
)
"""How holdings lie in the table."""
