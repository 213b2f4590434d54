"""What a change set would do, for a person to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_MARKS: Final = {"Add": "+", "Modify": "~", "Remove": "-", "Import": ">", "Dynamic": "?", "SyncWithActual": "~"}
_HOLDING: Final = {
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
    "AWS::Logs::LogGroup",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that would change. `is_replacement` means that a new one takes its place: what it held is lost."""

    action: str
    name: str
    kind: str
    is_replacement: bool
    properties: tuple[str, ...]

    @property
    def is_loss(self) -> bool:
        """Whether something that holds what nobody can make again would go."""
        return self.kind in _HOLDING and (self.is_replacement or self.action == "Remove")

    def __str__(self) -> str:
        """Return one line for a person."""
        what = f": {', '.join(self.properties)}" if self.properties else ""
        alarm = "  REPLACED, what it holds is lost" if self.is_replacement else ""
        return f"  {_MARKS.get(self.action, self.action)} {self.name} ({self.kind.removeprefix('AWS::')}){what}{alarm}"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that waits to be applied; `name` is None where there is nothing to change."""

    name: str | None
    is_first: bool
    changes: tuple[Change, ...]


def read_change(change: Mapping[str, Any]) -> Change:
    """Read one change as CloudFormation describes it."""
    names = (detail.get("Target", {}) for detail in change.get("Details", []))
    properties = {str(target.get("Name") or target.get("Attribute")) for target in names}
    return Change(
        action=change["Action"],
        name=change["LogicalResourceId"],
        kind=change["ResourceType"],
        is_replacement=change.get("Replacement") == "True",
        properties=tuple(sorted(properties)),
    )
