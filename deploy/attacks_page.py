"""The page of attacks, made from the record that the suite of attacks keeps of itself (`tests/attack/tried.json`)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

_RECORD: Final = Path(__file__).resolve().parent.parent / "tests" / "attack" / "tried.json"
_HEAD: Final = """# Attacks

What `tests/attack/` tries against the service, and what became of it. Generated from the suite's own record
(`tests/attack/tried.json`): each test holds what it sees against it, so that an answer that changes fails the test.
`python -m tests.attack.record` runs all of it and writes the record anew, `make generate` this page. Routes are taken
from `app.py`: a new one is attacked without anybody thinking of it.

The service runs whole, over HTTP, with real signatures of the simulated stores and providers: in process on moto; for
paths and headers behind the local server, byte by byte over a socket; for presigned forms before an object store that
checks who signed them. Ada has one of everything, Mallory attacks. Where an attack must be refused, table, bucket and
queues are compared byte for byte before and after it. "As for an id that never was" means: the same status, headers,
body but for the id, calls of AWS, and units read and written.

{requests} requests or events in {rows} attacks. `times` counts them; `answered` is every different answer there was.
"""
_COLUMNS: Final = ("attack", "where", "expected", "answered", "times")


def attacks_page() -> str:
    """Return the page as markdown; the same for the same record."""
    entries = json.loads(_RECORD.read_text(encoding="utf-8"))
    rows = [row for entry in entries for row in entry["rows"]]
    head = _HEAD.format(requests=f"{sum(row['times'] for row in rows):,}", rows=f"{len(rows):,}")
    sections = itertools.groupby(entries, key=lambda entry: str(entry["section"]))
    return "\n".join([head, *(line for section, found in sections for line in _section(section, found))])


def _section(section: str, entries: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    yield f"## {section}\n"
    by_test = itertools.groupby(entries, key=lambda entry: str(entry["test"]).partition("[")[0])
    for test, found in by_test:
        yield f"`{test}`\n"
        yield f"| {' | '.join(_COLUMNS)} |"
        yield f"|{'---|' * len(_COLUMNS)}"
        for entry in found:
            yield from (_row(row) for row in entry["rows"])
        yield ""


def _row(row: Mapping[str, Any]) -> str:
    return f"| {' | '.join(_cell(str(row[name])) for name in _COLUMNS)} |"


def _cell(text: str) -> str:
    """Write text that an attacker chose so that it stays in its cell."""
    shown = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return "".join(character if character.isprintable() else "�" for character in shown)
