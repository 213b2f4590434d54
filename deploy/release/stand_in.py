"""What of a template an emulated cloud cannot make, with the reason. AWS itself is given all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

_NOT_EMULATED: Final[Mapping[str, Callable[[Mapping[str, Any]], bool]]] = {
    "has no budgets in its CloudFormation": lambda one: one["Type"] == "AWS::Budgets::Budget",
    "has no alarms that add metrics up": lambda one: "Metrics" in one["Properties"],
}


def emulable(template: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Return a template without what the emulated cloud refuses, and say what that is."""
    kept: dict[str, Any] = template["Resources"]
    for reason, is_meant in _NOT_EMULATED.items():
        names = sorted(name for name, one in kept.items() if is_meant(one))
        kept = {name: one for name, one in kept.items() if name not in names}
        if names:
            say(f"Left out, because the emulated cloud {reason}: {', '.join(names)}.")
    return {**template, "Resources": kept}
