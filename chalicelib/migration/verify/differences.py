"""What exactly differs under one key: attribute by attribute of each item, and of each row apart from the mapping."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from chalicelib.migration.ports import ItemKey, Key, RawItem
from chalicelib.migration.verify.sides import Entry, Lane

_SHOWN: Final = 200
"""Characters of a value that is shown at all."""


class Kind(StrEnum):
    """How two sides differ."""

    MISSING = "missing at home"
    EXTRA = "only at home"
    OTHER = "something else at home"


class View(StrEnum):
    """Who says what home should hold: the mapping, or the declarations that verification has of its own."""

    MAPPING = "mapping"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: under which key, of which item or row, in which attribute (empty: the whole). Values are
    as they are; `shown` says what a report may hold of them."""

    key: Key
    place: str
    attribute: str
    kind: Kind
    view: View
    legacy: str | None = None
    home: str | None = None


def of_items(key: Key, legacy: Mapping[ItemKey, RawItem], home: Mapping[ItemKey, RawItem]) -> Iterator[Difference]:
    """Yield how items differ."""
    for place in sorted({*legacy, *home}):
        wanted, found = legacy.get(place), home.get(place)
        name = " ".join(place)
        if found is None:
            yield Difference(key, name, "", Kind.MISSING, View.MAPPING, _written(wanted))
        elif wanted is None:
            yield Difference(key, name, "", Kind.EXTRA, View.MAPPING, None, _written(found))
        else:
            for path, was, now in _paths(wanted, found, ()):
                kind = Kind.MISSING if now is None else Kind.EXTRA if was is None else Kind.OTHER
                yield Difference(key, name, ".".join(path), kind, View.MAPPING, _written(was), _written(now))


def of_rows(
    key: Key, rows: Sequence[Entry], items: Sequence[Entry], lanes: Mapping[str, Lane], beside: Collection[ItemKey]
) -> Iterator[Difference]:
    """Yield how what rows say differs from what items say. Where something is kept beside the rows, of its items and of
    what is not one row's the rows alone cannot judge."""
    told, found = _by_name(rows), _by_name(items)
    for lane, name in sorted({*told, *found}):
        wanted, there = told.get((lane, name)), found.get((lane, name))
        if wanted is not None and there is not None and wanted.values == there.values:
            continue
        if beside and (not lanes[lane].is_of_rows or there is None or there.item in beside):
            continue
        place = f"{lane} {name}".rstrip()
        if wanted is None or there is None:
            kind = Kind.EXTRA if wanted is None else Kind.MISSING
            yield Difference(key, place, "", kind, View.ROWS, _listed(wanted), _listed(there))
            continue
        for field, was, now in zip(lanes[lane].values, wanted.values, there.values, strict=True):
            if was != now:
                yield Difference(key, place, field, Kind.OTHER, View.ROWS, was, now)


def astray(differences: Iterable[Difference]) -> dict[Key, list[ItemKey]]:
    """Return by key where items that differ stand: what is outside the partitions of its key, and named by nothing, is
    found there and nowhere else."""
    found: dict[Key, list[ItemKey]] = defaultdict(list)
    for one in differences:
        place = one.place.split(" ")
        if one.view is View.MAPPING and len(place) == 2:
            found[one.key].append((place[0], place[1]))
    return found


def shown(value: str | None, *, is_open: bool) -> str | None:
    """Return what a report says of a value: itself where that was asked for, else only which of two values it is."""
    if value is None:
        return None
    if is_open:
        return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}… ({len(value)} characters)"
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]} ({len(value)} characters)"


def _paths(wanted: Any, found: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the paths at which two items, or maps in them, differ."""
    for name in sorted({*wanted, *found}):
        was, now = wanted.get(name), found.get(name)
        if was == now:
            continue
        if _is_map(was) and _is_map(now):
            yield from _paths(was["M"], now["M"], (*path, name))
        else:
            yield (*path, name), was, now


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping) and "M" in value


def _by_name(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """Return entries by lane and name; of several with one name each has its number."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in sorted(entries, key=lambda one: (one.lane, one.name, [value or "" for value in one.values])):
        name, number = entry.name, 1
        while (entry.lane, name) in found:
            number += 1
            name = f"{entry.name} ({number})"
        found[entry.lane, name] = entry
    return found


def _written(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def _listed(entry: Entry | None) -> str | None:
    return None if entry is None else json.dumps(list(entry.values), ensure_ascii=False)
