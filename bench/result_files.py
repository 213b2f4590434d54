"""The figures that benches leave for docs/performance.md: one file each in `bench/results/`."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = Path(__file__).parent / "results"


class Result(msgspec.Struct, kw_only=True):
    """One section: its title, the command that measures it anew, sentences, a table, pictures below `docs/`; and when
    it was measured, with which Python."""

    title: str
    command: str
    said: list[str] = msgspec.field(default_factory=list)
    columns: list[str] = msgspec.field(default_factory=list)
    rows: list[list[str | int | float | bool | None]] = msgspec.field(default_factory=list)
    plots: list[str] = msgspec.field(default_factory=list)
    date: str = ""
    python: str = ""


def write_result(name: str, result: Result) -> None:
    """Write the figures of a bench, dated today."""
    dated = msgspec.structs.replace(result, date=datetime.now(UTC).date().isoformat(), python=platform.python_version())
    FOLDER.mkdir(exist_ok=True)
    written = msgspec.json.format(msgspec.json.encode(dated), indent=1)
    (FOLDER / f"{name}.json").write_bytes(written + b"\n")


def read_results() -> dict[str, Result]:
    """Return what benches left, by the names of their files."""
    return {path.stem: msgspec.json.decode(path.read_bytes(), type=Result) for path in sorted(FOLDER.glob("*.json"))}
