"""From sums that differ down to the keys that do: halves of halves that are the same are never looked into."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.migration.ports import Key
from chalicelib.migration.verify.digests import NOTHING, Tally, total
from chalicelib.migration.verify.scanning import Sums, range_of
from chalicelib.migration.verify.sides import REST, Range

_HEX: Final = "0123456789abcdef"
ByRange = Mapping[tuple[Range, str], Tally]


@dataclass(frozen=True, slots=True)
class Compared:
    """Ranges whose sums differ, and how many sums were compared to find them."""

    differing: tuple[Range, ...]
    comparisons: int


def digits_for(keys: int) -> int:
    """Return how many hex digits make ranges of some dozens to some hundreds of keys."""
    digits = 1
    while digits < 5 and 16**digits * 64 < keys:
        digits += 1
    return digits


def differing(rows: ByRange, items: ByRange, digits: int) -> Compared:
    """Return the ranges that differ in any lane: the whole first, then sixteenths of what differs, and so on."""
    both = [_tree(rows, digits), _tree(items, digits)]
    comparisons, found = 0, []
    waiting = ["", REST]
    while waiting:
        place = waiting.pop()
        comparisons += 1
        if both[0].get(place) == both[1].get(place):
            continue
        if place == REST or len(place) == digits:
            found.append(place)
        else:
            waiting += [place + digit for digit in _HEX]
    return Compared(tuple(sorted(found)), comparisons)


def keys_that_differ(
    told: Mapping[tuple[Key, str], Tally],
    home: Sums,
    beside: Mapping[Key, Tally],
    ranges: Collection[Range],
    row_lanes: Collection[str],
) -> set[Key]:
    """Return the keys of some ranges whose sums differ. `told` are the sums of rows, by key and lane.

    `beside` gives what those hold of whom something is kept beside the rows, as the legacy side puts it together; for
    them that must be what home holds, and their rows alone must be the same too.
    """
    whole, rows = _summed(told, None), _summed(told, row_lanes)
    wanted = set(ranges)
    keys = {*whole, *beside, *(key for key in home.held_keys() if range_of(key, home.digits) in wanted)}

    def differs(key: Key) -> bool:
        there = home.of(key)
        if key not in beside:
            return whole.get(key, NOTHING) != there.whole
        return beside[key] != there.whole or rows.get(key, NOTHING) != there.rows

    return {key for key in keys if differs(key)}


def _summed(told: Mapping[tuple[Key, str], Tally], lanes: Collection[str] | None) -> dict[Key, Tally]:
    summed: dict[Key, list[Tally]] = defaultdict(list)
    for (key, lane), tally in told.items():
        if lanes is None or lane in lanes:
            summed[key].append(tally)
    return {key: total(tallies) for key, tallies in summed.items()}


def _tree(sums: ByRange, digits: int) -> dict[Range, dict[str, Tally]]:
    """Return the tally of each lane for every beginning of ranges, up to the whole (the empty one)."""
    found: dict[Range, dict[str, Tally]] = defaultdict(dict)
    for (place, lane), tally in sums.items():
        if tally == NOTHING:
            continue
        beginnings = [REST] if place == REST else [place[:length] for length in range(digits + 1)]
        for one in beginnings:
            found[one][lane] = found[one].get(lane, NOTHING).plus(tally)
    return {place: {lane: tally for lane, tally in lanes.items() if tally != NOTHING} for place, lanes in found.items()}
