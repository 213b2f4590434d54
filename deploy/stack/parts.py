"""What every part of the template shares: the shape of a resource, and what a stage keeps when it goes."""

from __future__ import annotations

from typing import Any

Part = dict[str, dict[str, Any]]
"""Resources of CloudFormation by their logical id."""


def resource(kind: str, properties: dict[str, Any], *, is_kept: bool = False, **attributes: Any) -> dict[str, Any]:
    """Return one resource. One that `is_kept` outlives its stack, and its own replacement.

    `Retain` and not `RetainExceptOnCreate`: an import of what was kept asks for no more, and the table refuses its
    deletion anyway.
    """
    policy = "Retain" if is_kept else "Delete"
    return {
        "Type": kind,
        **attributes,
        "DeletionPolicy": policy,
        "UpdateReplacePolicy": policy,
        "Properties": properties,
    }


def logical_id(*words: str) -> str:
    """Return a logical id of words that may have hyphens, underscores and slashes: `usage-resets` is `UsageResets`."""
    text = "-".join(words)
    for mark in "_/.":
        text = text.replace(mark, "-")
    return "".join(word[:1].upper() + word[1:] for word in text.split("-") if word)


def without_prefix(name: str, prefix: str) -> str:
    """Return a name without the part that says which stage it is of: ids are the same in every stage."""
    return name.removeprefix(prefix)
