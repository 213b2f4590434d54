"""Computes the digests of a report again.

    python -m chalicelib.migration.verify.recompute REPORT.json [ENTRIES.jsonl [legacy|home]]

Checks the seal, and that every sum of the whole is the sum of its ranges. With a file of entries, one JSON array
[lane, key, value, ...] a line (of PostgreSQL or of the table, however they were read), it sums them up from nothing and
says how they compare with the report. Exits with 0 if all agrees, 1 if something does not, 2 if it cannot be read.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from chalicelib.migration.verify.digests import NOTHING, Tally, tally_of, total
from chalicelib.migration.verify.report import FORMAT, seal_of

AGREES, DIFFERS, UNREADABLE = 0, 1, 2


def faults(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what does not add up within a report."""
    if report.get("seal") != seal_of(report):
        yield "the seal is not that of this report: it was changed after it was written"
    for lane, sums in report["sums"].items():
        for place, side in enumerate(("legacy", "home")):
            added = total(_read(pair[place]) for pair in sums["ranges"].values())
            if added != _read(sums[side]):
                yield f"{lane}: the ranges of {side} do not add up to its whole"
    says_clean = report["verdict"] == "clean"
    if says_clean != (not report["differences"] and not report["unsettled"]):
        yield "the verdict is not what the differences say"


def sums_of(lines: Iterable[str]) -> dict[str, Tally]:
    """Return the sums of entries by lane, each a line of JSON."""
    found: dict[str, Tally] = defaultdict(Tally)
    for line in lines:
        if line.strip():
            lane, key, *values = json.loads(line)
            found[lane] = found[lane].plus(tally_of(lane, key, values))
    return dict(found)


def compared(report: Mapping[str, Any], entries: Mapping[str, Tally], side: str) -> Iterator[str]:
    """Yield how entries that were read anew differ from what the report says of a side."""
    for lane, tally in sorted(entries.items()):
        said = _read(report["sums"][lane][side]) if lane in report["sums"] else NOTHING
        if said != tally:
            yield f"{lane}: {side} had {said.number} entries, {said.digest}; these are {tally.number}, {tally.digest}"


def main(arguments: Sequence[str], out: TextIO = sys.stdout) -> int:
    """Check a report; say what does not add up."""
    if not 1 <= len(arguments) <= 3:
        print((__doc__ or "").split("\n", 1)[0], file=out)  # a command speaks
        return UNREADABLE
    try:
        report = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        if report["format"] != FORMAT:
            raise ValueError(f"not a report of the format {FORMAT}")
        found = list(faults(report))
        if len(arguments) > 1:
            side = arguments[2] if len(arguments) > 2 else "legacy"
            with Path(arguments[1]).open(encoding="utf-8") as lines:
                found += compared(report, sums_of(lines), side)
    except (OSError, ValueError, KeyError, TypeError) as unreadable:
        print(f"The report cannot be read: {unreadable}", file=out)
        return UNREADABLE
    for fault in found:
        print(fault, file=out)
    if not found:
        lanes = ", ".join(f"{lane} {sums['legacy']['number']:,}" for lane, sums in report["sums"].items())
        print(f"All sums agree: {lanes}", file=out)
    return DIFFERS if found else AGREES


def _read(said: Mapping[str, Any]) -> Tally:
    high, low = (int(part, 16) for part in said["digest"].split("."))
    return Tally(said["number"], high, low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
