"""What all commands of operators have in common: exit codes, and how they say things."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

DONE, WRONG, UNUSABLE = 0, 1, 2
BY_HAND: Final = "by hand"
"""The reason that is given where nobody gives one."""
_DRY: Final = "dry: nothing was changed; --do does it"

Command = Callable[[Any, Namespace, TextIO], int]
"""Takes an operator (`wiring_backfill.Operator`), the arguments, and where to write; returns the exit code."""


def say(out: TextIO, given: Namespace, told: Mapping[str, Any], text: str) -> None:
    """Say it as JSON, where that is asked for, or as text."""
    out.write(json.dumps(told, default=str) + "\n" if given.json else text if text.endswith("\n") else text + "\n")


def dry(out: TextIO, what: str) -> int:
    """Say what would be done, and that it was not."""
    out.write(f"{what}\n{_DRY}\n")
    return DONE
