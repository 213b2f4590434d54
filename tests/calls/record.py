"""The committed records of what each function asked of AWS in the whole test suite, and how a new one differs: one of
the service as it is, and one of what is added while people move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from deploy.permissions import Need
from tests.calls.recorder import MOVING, Recorded, Recorder

FILE: Final = Path(__file__).with_name("recorded.json")
OF_THE_MOVE: Final = Path(__file__).with_name("recorded_move.json")
_PARTS: Final = Path(__file__).parents[2] / "build" / "recorded-calls.json"


def read(file: Path = FILE) -> dict[str, set[Need]]:
    """Return what each function was seen to need; of the move also by what is asked through its door."""
    functions = json.loads(file.read_text(encoding="utf-8"))
    return {
        function: {Need(action, place) for action, places in actions.items() for place in places}
        for function, actions in functions.items()
    }


def write(recorder: Recorder, *, is_whole: bool) -> None:
    """Write the records anew, in one order whatever was seen first. What a part of the suite saw is added to what
    stands there, and to what the parts before it saw of shared methods, which is kept beside the build."""
    if not is_whole:
        recorder.add((committed(), []))
        if _PARTS.exists():
            recorder.add(json.loads(_PARTS.read_text(encoding="utf-8")))
        _PARTS.parent.mkdir(exist_ok=True)
        _PARTS.write_text(json.dumps(recorder.raw()), encoding="utf-8")
    _write(FILE, recorder.of_functions())
    _write(OF_THE_MOVE, recorder.of_the_move())


def committed() -> list[tuple[str, str, str, str]]:
    """Return what the records say, as a recorder would have seen it, in no test."""
    return [
        (f"{beginning}{name}", need.action, need.place, "")
        for file, beginning in ((FILE, ""), (OF_THE_MOVE, MOVING))
        for name, needs in read(file).items()
        for need in needs
    ]


def differences(recorder: Recorder) -> list[str]:
    """Say what was seen and is not in the records, with the test that showed it, and what is there and was not seen. Of
    the move the latter is not said: a writer gives the other side a second, so that by luck it was left to others."""
    of_service, of_the_move = recorder.of_functions(), recorder.of_the_move()
    return [*_new(of_service, FILE), *_not_seen(of_service, FILE), *_new(of_the_move, OF_THE_MOVE)]


def _write(file: Path, recorded: Recorded) -> None:
    functions: dict[str, dict[str, list[str]]] = {}
    for function, need in sorted(recorded):
        functions.setdefault(function, {}).setdefault(need.action, []).append(need.place)
    file.write_text(json.dumps(functions, indent=1) + "\n", encoding="utf-8")


def _new(recorded: Recorded, file: Path) -> list[str]:
    return [
        f"new:      {function} {need.action} {need.place} (first in {recorded[function, need]})"
        for function, need in sorted(set(recorded) - _known(file))
    ]


def _not_seen(recorded: Recorded, file: Path) -> list[str]:
    return [
        f"not seen: {function} {need.action} {need.place}" for function, need in sorted(_known(file) - set(recorded))
    ]


def _known(file: Path) -> set[tuple[str, Need]]:
    return {(function, need) for function, needs in read(file).items() for need in needs}
