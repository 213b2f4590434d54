"""How holdings lie in the table, as data: which partitions, what beside them, and what says that somebody is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chalicelib.migration.ports import ItemKey, Key, RawItem


def _none(_: Key) -> Sequence[ItemKey]:
    return ()


@dataclass(frozen=True, slots=True)
class Layout:
    """What the engine must know of the table that data moves to.

    `partitions_of` gives the partitions of a holding; `named_outside` the items elsewhere that its items name (guards),
    which belong to it only if `key_of` says so; `owner_path` is where such an item says whose it is.

    `anchor_of` gives the item that a holding always has, for those keys that are buried when their holding is emptied,
    and None for the others, which may be emptied and filled again. `tombstones_of` gives what stands where the service
    itself has said that a holding is never to come back.
    """

    partitions_of: Callable[[Key], Sequence[str]]
    named_outside: Callable[[Iterable[RawItem]], Sequence[ItemKey]]
    key_of: Callable[[RawItem], Key]
    owner_path: tuple[str, ...]
    anchor_of: Callable[[Key], ItemKey | None]
    tombstones_of: Callable[[Key], Sequence[ItemKey]] = _none
