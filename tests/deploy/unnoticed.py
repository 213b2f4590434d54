"""Which permissions a main job cannot notice the loss of, and why. Each is exercised by a call of its own all the same.

A test holds both against the deployed service: what stands here goes unnoticed, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.deploy.removals import Permission

_ENTRIES: Final[tuple[tuple[str, Callable[[Permission], bool]], ...]] = (
    (
        "Lambda writes the lines of a function with its role; the emulated cloud does so by itself.",
        lambda one: one.action.startswith("logs:"),
    ),
    (
        "Lambda takes messages with the role of the function; the emulated cloud does so by itself.",
        lambda one: one.action in {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
    ),
    (
        "Without a model the local reader answers in its place: that is what it is for.",
        lambda one: one.action.startswith("bedrock:"),
    ),
)


def reason_for(permission: Permission) -> str | None:
    """Return why nobody notices that a permission is gone; None where a job must fail without it."""
    return next((reason for reason, is_meant in _ENTRIES if is_meant(permission)), None)
