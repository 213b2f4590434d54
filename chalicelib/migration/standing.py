"""Where the move stands, as read at one moment: what is primary, what is copied, and where a key is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chalicelib.clock import iso, parse_iso
from chalicelib.migration.phases import PERMITTED, Phase, Side
from chalicelib.migration.ports import Key

_PARTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Moving:
    """A move of the primary that is under way. `epoch` is the one that will hold afterwards; an abandoned move leads
    back to where it began, and one that `is_kill` leaves the kill switch thrown, whoever ends it."""

    target: Phase
    epoch: int
    began_at: datetime
    by: str
    reason: str
    is_abandoned: bool = False
    is_kill: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The phase item. `version` grows with every change of it; `epoch` with every move of the primary that was begun or
    abandoned: writes at home check it against the fence, so that a late one of a past epoch does nothing."""

    phase: Phase = Phase.LEGACY
    version: int = 0
    epoch: int = 0
    percent: int = 0
    is_killed: bool = False
    moving: Moving | None = None
    moved_at: datetime | None = None
    moved_by: str = ""
    reason: str = ""

    @property
    def primary(self) -> Side:
        """Which side answers writes."""
        return PERMITTED[self.phase].primary

    @property
    def copies(self) -> bool:
        """Whether what is written on the primary is brought to the other side at once. Not while the kill switch is
        thrown: notes wait then, and nothing is lost."""
        return PERMITTED[self.phase].is_copied and not (self.is_killed and self.primary is Side.LEGACY)

    @property
    def compares(self) -> bool:
        """Whether reads are compared with the other side."""
        return PERMITTED[self.phase].is_compared and not self.is_killed

    def reads_home(self, key: Key) -> bool:
        """Whether a key is read at home. Sticky: as the percentage grows, nobody who was among them leaves."""
        if self.primary is Side.HOME:
            return True
        if not PERMITTED[self.phase].is_shared or self.is_killed:
            return False
        return part_of(key) < self.percent * _PARTS // 100


def part_of(key: Key) -> int:
    """Return which ten-thousandth of all keys this one belongs to, for ever."""
    return int(hashlib.sha256(f"percent/1:{key}".encode()).hexdigest()[:8], 16) % _PARTS


def written(standing: Standing) -> dict[str, Any]:
    """Return what the phase item says, in DynamoDB's notation."""
    values: dict[str, Any] = {
        "phase": {"S": str(standing.phase)},
        "version": {"N": str(standing.version)},
        "epoch": {"N": str(standing.epoch)},
        "percent": {"N": str(standing.percent)},
        "is_killed": {"BOOL": standing.is_killed},
        "moved_by": {"S": standing.moved_by},
        "reason": {"S": standing.reason},
    }
    if standing.moved_at is not None:
        values["moved_at"] = {"S": iso(standing.moved_at)}
    if (moving := standing.moving) is not None:
        values["moving"] = {
            "M": {
                "target": {"S": str(moving.target)},
                "epoch": {"N": str(moving.epoch)},
                "began_at": {"S": iso(moving.began_at)},
                "by": {"S": moving.by},
                "reason": {"S": moving.reason},
                "is_abandoned": {"BOOL": moving.is_abandoned},
                "is_kill": {"BOOL": moving.is_kill},
            }
        }
    return values


def read(item: Mapping[str, Any] | None) -> Standing:
    """Read a phase item, or an entry of its history; a table without one stands before the beginning."""
    if item is None:
        return Standing()
    moving = item.get("moving", {}).get("M")
    return Standing(
        phase=Phase(item["phase"]["S"]),
        version=int(item["version"]["N"]),
        epoch=int(item["epoch"]["N"]),
        percent=int(item["percent"]["N"]),
        is_killed=item["is_killed"]["BOOL"],
        moving=None if moving is None else _moving(moving),
        moved_at=parse_iso(item["moved_at"]["S"]) if "moved_at" in item else None,
        moved_by=item["moved_by"]["S"],
        reason=item["reason"]["S"],
    )


def _moving(values: Mapping[str, Any]) -> Moving:
    return Moving(
        target=Phase(values["target"]["S"]),
        epoch=int(values["epoch"]["N"]),
        began_at=parse_iso(values["began_at"]["S"]),
        by=values["by"]["S"],
        reason=values["reason"]["S"],
        is_abandoned=values["is_abandoned"]["BOOL"],
        is_kill=values.get("is_kill", {"BOOL": False})["BOOL"],
    )
