"""The record of the attacks: what was tried where, what was expected, and what was answered. `docs/attacks.md` is made
from it.

Each test holds what it saw against the committed record. `python -m tests.attack.record` runs the suite and writes it
anew; then `python -m deploy.generate` writes the page.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

FILE: Final = Path(__file__).with_name("tried.json")
_WRITES: Final = "RECORDS_ATTACKS"


@dataclass(frozen=True, slots=True)
class Row:
    """One attack, as a reader is told of it."""

    attack: str
    where: str
    expected: str
    answered: str
    times: int


@dataclass
class Tried:
    """What one test tries. `section` is the heading that it stands under."""

    section: str
    test: str
    rows: list[Row] = field(default_factory=list)

    def answered(
        self, attack: str, where: str, expected: str | tuple[str, ...], answers: Iterable[str], times: int | None = None
    ) -> None:
        """Check that every answer is one of those expected, and put the attack into the record."""
        found = list(answers)
        allowed = (expected,) if isinstance(expected, str) else expected
        strange = sorted(set(found) - set(allowed))
        assert found, f"{attack}: nothing was tried"
        assert not strange, f"{attack} ({where}): answered {strange}, expected {allowed}"
        given = ", ".join(sorted(set(found)))
        self.rows.append(Row(attack, where, " or ".join(allowed), given, times or len(found)))

    def held(self, attack: str, where: str, expected: str, answered: str, times: int = 1) -> None:
        """Put an attack into the record whose answer the test has checked by itself."""
        self.rows.append(Row(attack, where, expected, answered, times))

    def close(self) -> None:
        """Hold what was tried against the committed record, or write it where that was asked for."""
        rows = [asdict(row) for row in self.rows]
        assert rows, f"{self.test} put nothing into the record"
        if os.environ.get(_WRITES):
            _write({"section": self.section, "test": self.test, "rows": rows})
            return
        (kept,) = [one["rows"] for one in read() if one["test"] == self.test] or [[]]
        # A route or a field more is tried more often; that alone makes no record stale.
        assert [_without_times(row) for row in rows] == [_without_times(row) for row in kept], (
            f"{self.test} differs from {FILE.name}; is it right? `python -m tests.attack.record`"
        )


def _without_times(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "times"}


def read() -> list[dict[str, Any]]:
    """Return the committed record: per test its section and rows."""
    found: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    return found


def _write(entry: dict[str, Any]) -> None:
    others = [one for one in read() if one["test"] != entry["test"]]
    ordered = sorted([*others, entry], key=lambda one: (one["section"], one["test"]))
    FILE.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run the suite, or the files that are named, and write what they try."""
    os.environ[_WRITES] = "1"
    return int(pytest.main(["-p", "no:xdist", "-q", "-m", "", *(arguments or [str(Path(__file__).parent)])]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
