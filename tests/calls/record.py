"""The committed record of what each function asked of AWS in the whole test suite, and how a new one differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from deploy.permissions import Need
from tests.calls.recorder import Recorded, Recorder

FILE: Final = Path(__file__).with_name("recorded.json")
_PARTS: Final = Path(__file__).parents[2] / "build" / "recorded-calls.json"


def read() -> dict[str, set[Need]]:
    """Return what each function was seen to need."""
    functions = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        function: {Need(action, place) for action, places in actions.items() for place in places}
        for function, actions in functions.items()
    }


def write(recorder: Recorder, *, is_whole: bool) -> None:
    """Write the record anew, in one order whatever was seen first. What a part of the suite saw is added to what the
    parts before it saw, which is kept beside the build."""
    if not is_whole and _PARTS.exists():
        recorder.add(json.loads(_PARTS.read_text(encoding="utf-8")))
    _PARTS.parent.mkdir(exist_ok=True)
    _PARTS.write_text(json.dumps(recorder.raw()), encoding="utf-8")
    functions: dict[str, dict[str, list[str]]] = {}
    for function, need in sorted(recorder.of_functions()):
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
