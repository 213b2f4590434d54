"""What a verification found, as a report in JSON, with digests in it that anyone can compute again."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.clock import iso
from chalicelib.migration.verify.differences import Difference, View, shown
from chalicelib.migration.verify.digests import NOTHING, Tally, total
from chalicelib.migration.verify.run import Verification

FORMAT: Final = "migration-verification/1"
MOST_DIFFERENCES: Final = 10_000
HOW: Final = (
    "The digest of an entry is SHA-256 over the JSON array [lane, key, value, ...]; `high` is its first 15 hex digits, "
    "`low` the next 15. A sum adds up number, high and low over entries; its digest is hex(high) + '.' + hex(low). The "
    "sum of the whole is that of its ranges; a range holds the keys that begin with its hex digits. `statement` asks "
    "PostgreSQL for the sums of rows: lane, range, number, high, low. `seal` is SHA-256 over the report without it, as "
    "JSON with sorted keys and no spaces. python -m chalicelib.migration.verify.recompute does all of this."
)


def report_of(found: Verification, *, is_open: bool = False) -> dict[str, Any]:
    """Return the report as JSON has it. Values of people are hidden unless `is_open` asks for them."""
    told: dict[str, Any] = {
        "format": FORMAT,
        "how_to_recompute": HOW,
        "began_at": iso(found.began_at),
        "ended_at": iso(found.ended_at),
        "verdict": "clean" if found.is_clean else "not clean",
        "counts": {
            "rows": dict(found.row_counts),
            "items": found.items,
            "keys": found.keys,
            "keys_with_something_beside_rows": found.keys_beside,
        },
        "steps": [{"name": one.name, "seconds": round(one.seconds, 3)} for one in found.steps],
        "progress": _thinned(found.pages),
        "sums": _sums(found),
        "statement": found.statement,
        "narrowing": {
            "range_digits": found.digits,
            "comparisons": found.compared.comparisons,
            "differing_ranges": list(found.compared.differing),
            "candidates": found.candidates,
            "the_same_after_all": len(found.settled.same),
            "looks": found.settled.looks,
        },
        "unsettled": sorted(found.settled.unsettled),
        "differences_by_kind": dict(Counter(_kind(one) for one in found.differences)),
        "keys_that_differ": len({one.key for one in found.differences}),
        "differences": [difference_of(one, is_open=is_open) for one in found.differences[:MOST_DIFFERENCES]],
        "differences_left_out": max(0, len(found.differences) - MOST_DIFFERENCES),
        "constants": [difference_of(one, is_open=True) for one in found.constants],
        "is_open": is_open,
    }
    return told | {"seal": seal_of(told)}


def difference_of(one: Difference, *, is_open: bool) -> dict[str, Any]:
    """Return a difference as a report has it."""
    return {
        "key": one.key,
        "place": one.place if is_open else _hidden_place(one),
        "attribute": one.attribute,
        "kind": one.kind.value,
        "seen_by": one.view.value,
        "legacy": shown(one.legacy, is_open=is_open),
        "home": shown(one.home, is_open=is_open),
    }


def _hidden_place(one: Difference) -> str:
    """Return where something differs. What stands outside the key's partitions is named by what it guards, which may be
    what somebody is called elsewhere: of that only a hash is shown."""
    before, hash_mark, name = one.place.rpartition("#")
    if one.key in one.place or not hash_mark:
        return one.place
    name, space, after = name.partition(" ")
    return f"{before}#{hashlib.sha256(name.encode()).hexdigest()[:12]}{space}{after}"


def seal_of(report: Mapping[str, Any]) -> str:
    """Return the seal of a report: anyone can compute it again, and sees whether the report was changed."""
    unsealed = {name: value for name, value in report.items() if name != "seal"}
    written = json.dumps(unsealed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def written(report: Mapping[str, Any]) -> str:
    """Return a report as the text of its file."""
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


def _sums(found: Verification) -> dict[str, Any]:
    """Return the sums of every lane: of both sides whole, and of every range."""
    lanes: dict[str, dict[str, Any]] = {}
    for lane in sorted({lane for _, lane in (*found.rows_by_range, *found.home_by_range)}):
        ranges = sorted({part for part, name in (*found.rows_by_range, *found.home_by_range) if name == lane})
        sides = (found.rows_by_range, found.home_by_range)
        lanes[lane] = {
            "legacy": _sum(total(tally for (_, name), tally in sides[0].items() if name == lane)),
            "home": _sum(total(tally for (_, name), tally in sides[1].items() if name == lane)),
            "ranges": {part: [_sum(side.get((part, lane), NOTHING)) for side in sides] for part in ranges},
        }
    return lanes


def _sum(tally: Tally) -> dict[str, Any]:
    return {"number": tally.number, "digest": tally.digest}


def _kind(one: Difference) -> str:
    if one.view is View.ROWS:
        return f"rows of {one.place.split(' ')[0]}: {one.kind}"
    return f"item {one.place.split(' ')[-1].split('#')[0]}: {one.kind}"


def _thinned(pages: list[tuple[float, int]], most: int = 120) -> list[list[float]]:
    """Return at most so many points of the progress."""
    step = max(1, len(pages) // most)
    picked = pages[::step] + ([pages[-1]] if pages and (len(pages) - 1) % step else [])
    return [[round(seconds, 3), items] for seconds, items in picked]


def by_key(report: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the differences of a report by key."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in report["differences"]:
        found[one["key"]].append(one)
    return dict(found)
