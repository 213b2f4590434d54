"""Both sides in memory, with the exact promises of the real ones: what the explorer drives, and what conformance tests
hold against the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chalicelib.migration import conditions as c
from chalicelib.migration.fence import FenceLost
from chalicelib.migration.ports import Change, Holding, ItemKey, Key, Outcome, PhaseMoved, RawItem
from chalicelib.migration.table import Action, Delete, Put, Refused, key_of
from chalicelib.migration.table import Change as Update

BASE = 1_000
NOTED_AT = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryTable:
    """DynamoDB, as far as the engine asks: each call is one moment."""

    def __init__(self) -> None:
        self.items: dict[ItemKey, RawItem] = {}
        self.digest = 0
        """Of all items, whatever the order in which they were written."""

    def get(self, key: ItemKey) -> RawItem | None:
        return self.items.get(key)

    def get_many(self, keys: Iterable[ItemKey]) -> Mapping[ItemKey, RawItem]:
        return {key: self.items[key] for key in keys if key in self.items}

    def partition(self, name: str, limit: int | None = None, *, is_newest_first: bool = False) -> Sequence[RawItem]:
        found = sorted((key for key in self.items if key[0] == name), reverse=is_newest_first)
        return [self.items[key] for key in found[:limit]]

    def write(self, *actions: Action) -> None:
        touched = [key_of(one.item) if isinstance(one, Put) else one.key for one in actions]
        assert len(set(touched)) == len(touched), "an item stands once in a transaction"
        failed = [
            number
            for number, (key, one) in enumerate(zip(touched, actions, strict=True))
            if one.condition is not None and not holds(one.condition, self.items.get(key))
        ]
        if failed:
            raise Refused(failed)
        for key, action in zip(touched, actions, strict=True):
            self._apply(key, action)

    def _apply(self, key: ItemKey, action: Action) -> None:
        if isinstance(action, Put):
            self._replace(key, dict(action.item))
        elif isinstance(action, Delete):
            self._replace(key, None)
        elif isinstance(action, Update):
            changed = dict(self.items.get(key) or {"PK": {"S": key[0]}, "SK": {"S": key[1]}})
            changed |= action.sets
            for name in action.removes:
                changed.pop(name, None)
            for name, by in action.adds.items():
                changed[name] = {"N": str(int(changed.get(name, {"N": "0"})["N"]) + by)}
            self._replace(key, changed)

    def _replace(self, key: ItemKey, item: RawItem | None) -> None:
        before = self.items.pop(key, None)
        if before is not None:
            self.digest ^= digest_of(key, before)
        if item is not None:
            self.items[key] = item
            self.digest ^= digest_of(key, item)


def digest_of(key: ItemKey, item: RawItem) -> int:
    """A number for one item."""
    return hash((key, json.dumps(item, sort_keys=True)))


def holds(condition: c.Condition, item: RawItem | None) -> bool:
    """Whether a condition holds of an item, as DynamoDB sees it."""
    if isinstance(condition, c.Absent):
        return item is None
    if isinstance(condition, c.Present):
        return item is not None
    if isinstance(condition, c.Equals):
        return bool(_at(item, condition.path) == condition.value)
    if isinstance(condition, c.Below):
        found = _at(item, condition.path)
        return found is not None and int(found["N"]) < condition.number
    parts = [holds(one, item) for one in condition.conditions]
    return any(parts) if isinstance(condition, c.AnyOf) else all(parts)


def _at(item: RawItem | None, path: Sequence[str]) -> Any:
    found: Any = {"M": item or {}}
    for name in path:
        found = found.get("M", {}).get(name) if isinstance(found, Mapping) else None
        if found is None:
            return None
    return found


@dataclass(slots=True)
class MemoryPostgres:
    """PostgreSQL, as far as the engine asks: rows (as items), revisions, notes and the fence; each call is one
    transaction."""

    held_items: dict[Key, dict[ItemKey, RawItem]] = field(default_factory=dict)
    revisions: dict[Key, int] = field(default_factory=dict)
    notes: list[Change] = field(default_factory=list)
    claimed: set[int] = field(default_factory=set)
    held_back: set[Key] = field(default_factory=set)
    version: int = 0
    is_open: bool = True
    is_readable: bool = True
    is_installed: bool = True
    numbered: int = 0

    # The relational side.

    def keys(self, after: Key | None, limit: int, until: Key | None = None) -> Sequence[Key]:
        found = sorted(key for key, items in self.held_items.items() if items and key > (after or ""))
        return [key for key in found if until is None or key <= until][:limit]

    def revision(self, key: Key) -> int:
        return self.revisions.get(key, BASE)

    def holding(self, key: Key) -> Holding:
        return Holding(key, self.revision(key), dict(self.held_items.get(key, {})))

    def holdings(self, keys: Sequence[Key]) -> Sequence[Holding]:
        return [self.holding(key) for key in keys]

    def store(self, holding: Holding) -> Outcome:
        if self.revision(holding.key) != holding.revision:
            return Outcome.NEWER_THERE
        self.held_items[holding.key] = dict(holding.items)
        self._bump(holding.key)
        return Outcome.REMOVED if holding.is_empty else Outcome.WRITTEN

    # Writers and readers: the service's, behind the fence, and everybody else's.

    def write(self, key: Key, puts: Mapping[ItemKey, RawItem], needed: ItemKey) -> None:
        """A write of the service, on condition that an item is there.

        Raises:
            Refused: it is not.
        """
        self._enter(key)
        if needed not in self.held_items.get(key, {}):
            raise Refused([0])
        self._write(key, puts, ())

    def erase(self, key: Key) -> None:
        """Remove everything of a key, for the service."""
        self._enter(key)
        self._write(key, {}, list(self.held_items.get(key, {})))

    def _enter(self, key: Key) -> None:
        if not self.is_open or key in self.held_back:
            raise PhaseMoved("PostgreSQL takes no writes of this key")

    def write_foreign(self, key: Key, puts: Mapping[ItemKey, RawItem], deletes: Iterable[ItemKey] = ()) -> None:
        """A write of another program, whose triggers stand behind the fence too; one that touches no row fires none."""
        if not puts and not self.held_items.get(key):
            return
        if not self.is_open or key in self.held_back:
            raise ForeignRefused
        self._write(key, puts, deletes)

    def draw_number(self) -> int:
        """Number a note, as a transaction does that commits later."""
        self.numbered += 1
        return self.numbered

    def write_numbered(self, key: Key, puts: Mapping[ItemKey, RawItem], number: int) -> None:
        """Commit a change of another program whose note was numbered before."""
        if not self.is_open or key in self.held_back:
            raise ForeignRefused
        self._write(key, puts, (), number)

    def read(self, key: Key) -> dict[ItemKey, RawItem]:
        """A read of the service."""
        if not self.is_readable or key in self.held_back:
            raise PhaseMoved("PostgreSQL answers no reads of this key")
        return dict(self.held_items.get(key, {}))

    def _write(
        self, key: Key, puts: Mapping[ItemKey, RawItem], deletes: Iterable[ItemKey], number: int | None = None
    ) -> None:
        items = dict(self.held_items.get(key, {}))
        for gone in deletes:
            items.pop(gone, None)
        items |= puts
        self.held_items[key] = items
        self._bump(key)
        self.notes.append(Change(number or self.draw_number(), key, self.revisions[key], NOTED_AT))
        self.notes.sort(key=lambda note: note.number)

    def _bump(self, key: Key) -> None:
        self.revisions[key] = self.revisions.get(key, BASE) + 1

    # Notes.

    def waiting(self, limit: int) -> Sequence[Change]:
        found = [note for note in self.notes if note.number not in self.claimed][:limit]
        self.claimed |= {note.number for note in found}
        return found

    def settle(self, numbers: Sequence[int]) -> None:
        self.notes = [note for note in self.notes if note.number not in set(numbers)]

    def settle_until(self, key: Key, revision: int) -> None:
        self.notes = [note for note in self.notes if note.key != key or note.revision > revision]

    def backlog(self) -> int:
        return len(self.notes)

    def is_noted(self, key: Key, revision: int) -> bool:
        return any(note.key == key and note.revision <= revision for note in self.notes)

    def failed(self, key: Key, problem: str) -> bool:
        return False

    def unclaim(self, numbers: Sequence[int]) -> None:
        self.claimed -= set(numbers)

    def set_aside(self) -> int:
        return 0

    # The fence.

    def close(self, version: int) -> None:
        self._claim(version)
        self.is_open = False

    def shut(self, version: int) -> None:
        if self.version != version or self.is_open:
            raise FenceLost
        self.is_readable = False

    def claim(self, version: int) -> None:
        self._claim(version)

    def open(self, version: int, held: Sequence[Key] = ()) -> None:
        self._claim(version)
        self.is_open = self.is_readable = True
        self.held_back |= set(held)

    def release(self, keys: Sequence[Key]) -> None:
        self.held_back -= set(keys)

    def held(self) -> Sequence[Key]:
        return sorted(self.held_back)

    def _claim(self, version: int) -> None:
        if version < self.version:
            raise FenceLost
        self.version = version

    def digest(self) -> int:
        """A number for everything that is here."""
        held = tuple(
            (key, tuple(sorted((where, json.dumps(item, sort_keys=True)) for where, item in items.items())))
            for key, items in sorted(self.held_items.items())
        )
        notes = tuple((note.key, note.revision, note.number in self.claimed) for note in self.notes)
        fence = (self.version, self.is_open, self.is_readable, tuple(sorted(self.held_back)))
        return hash((held, tuple(sorted(self.revisions.items())), notes, fence))


class ForeignRefused(Exception):
    """A trigger refused the change of another program: PostgreSQL is not the primary any more."""
