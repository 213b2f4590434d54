"""Reads items of a key, and where it stands, apart from what makes copies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.migration import places, postgres
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.table import Table, key_of
from chalicelib.migration.verify.settling import Stamp

_STANDING: Final = """
SELECT wanted.key, migration.revision_of(wanted.key),
    EXISTS (SELECT FROM migration.changes AS noted WHERE noted.key = wanted.key)
FROM unnest(%s::text[]) AS wanted (key)
"""


@dataclass(frozen=True, slots=True)
class HomeReader:
    """Reads what stands at home. `partitions_of` gives the partitions of a key, `owner_of` whose an item is."""

    table: Table
    partitions_of: Callable[[Key], Sequence[str]]
    owner_of: Callable[[RawItem], Key | None]

    def items(self, key: Key, expected: Iterable[ItemKey]) -> Mapping[ItemKey, RawItem]:
        """Return what stands in the partitions of a key, and those of the expected items that belong to it."""
        inside = set(self.partitions_of(key))
        found = {key_of(item): item for name in sorted(inside) for item in self.table.partition(name)}
        outside = self.table.get_many(place for place in expected if place[0] not in inside)
        return found | {place: item for place, item in outside.items() if self.owner_of(item) == key}


@dataclass(frozen=True, slots=True)
class MoveStamps:
    """Where keys stand: revisions and notes in PostgreSQL, copies and marks at home. Without the engine's schema there
    are no notes, and nobody may write while it is verified."""

    pool: Pool
    table: Table

    def stamps(self, keys: Sequence[Key]) -> Mapping[Key, Stamp]:
        """Return the stamp of each."""
        if not keys:
            return {}
        noted = self._noted(keys)
        copies = self.table.get_many(places.copy_key(key) for key in keys)
        marked = self._marked(keys)
        found: dict[Key, Stamp] = {}
        for key in keys:
            revision, is_noted = noted.get(key, (0, False))
            copy = copies.get(places.copy_key(key), {})
            is_waiting = is_noted or key in marked or "pending" in copy
            found[key] = Stamp(revision, json.dumps(copy, sort_keys=True, default=str), is_waiting)
        return found

    def _noted(self, keys: Sequence[Key]) -> dict[Key, tuple[int, bool]]:
        with self.pool.lend() as connection:
            [(is_installed,)] = postgres.rows(connection, "SELECT to_regclass('migration.changes') IS NOT NULL")
            if not is_installed:
                return {}
            found: list[Any] = postgres.rows(connection, _STANDING, (list(keys),))
        return {str(key): (int(revision), bool(is_noted)) for key, revision, is_noted in found}

    def _marked(self, keys: Sequence[Key]) -> set[Key]:
        shares = {places.share(key, places.MARK_SHARDS) for key in keys}
        standing = [key_of(item)[1] for share in shares for item in self.table.partition(places.marks_partition(share))]
        names = {sort_key.split("#", 1)[0] for sort_key in standing}
        return {key for key in keys if places.hashed(key) in names}
