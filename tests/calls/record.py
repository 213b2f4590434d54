"""The committed record of what each function asked of AWS in the whole test suite, and how a new one differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.permissions import Need

__all__ = ["FILE", "Need", "differences", "read", "write"]

FILE: Final = Path(__file__).with_name("recorded.json")

Recorded = Mapping[tuple[str, Need], str]


def read() -> dict[str, set[Need]]:
    """Return what each function was seen to need."""
    functions = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        function: {Need(action, place) for action, places in actions.items() for place in places}
        for function, actions in functions.items()
    }


def write(recorded: Recorded, *, is_whole: bool) -> None:
    """Write the record anew, in one order whatever was seen first; what a part of the suite saw is added."""
    seen = set(recorded)
    if not is_whole:
        seen |= {(function, need) for function, needs in read().items() for need in needs}
    functions: dict[str, dict[str, list[str]]] = {}
    for function, need in sorted(seen):
        functions.setdefault(function, {}).setdefault(need.action, []).append(need.place)
    FILE.write_text(json.dumps(functions, indent=1) + "\n", encoding="utf-8")


def differences(recorded: Recorded) -> list[str]:
    """Say what was seen and is not in the record, with the test that showed it, and what is there and was not seen."""
    known = {(function, need) for function, needs in read().items() for need in needs}
    new = [
        f"new:      {function} {need.action} {need.place} (first in {recorded[function, need]})"
        for function, need in sorted(set(recorded) - known)
    ]
    return new + [
        f"not seen: {function} {need.action} {need.place}" for function, need in sorted(known - set(recorded))
    ]
