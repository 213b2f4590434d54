"""The phases of a move, what each permits, and the gates that stand between them: data, and nothing that acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """How far the move has come, in order."""

    LEGACY = "legacy"
    DUAL_WRITE = "dual_write"
    BACKFILL = "backfill"
    VERIFY = "verify"
    SHADOW_READ = "shadow_read"
    READ_FALLBACK = "read_fallback"
    CUT_OVER = "cut_over"
    RETIRED = "retired"


class Side(StrEnum):
    """One of the two sides."""

    LEGACY = "legacy"
    HOME = "home"


class Gate(StrEnum):
    """What has to hold before a move. `gates.py` checks each by code."""

    CHANGES_INSTALLED = "changes_installed"
    PREFLIGHT_CLEAN = "preflight_clean"
    NOTHING_LOADS = "nothing_loads"
    PHASE_KNOWN_EVERYWHERE = "phase_known_everywhere"
    BACKFILL_COMPLETE = "backfill_complete"
    VERIFICATION_CLEAN = "verification_clean"
    VERIFICATION_FRESH = "verification_fresh"
    BACKLOG_ZERO = "backlog_zero"
    BACKLOG_SMALL = "backlog_small"
    NOTHING_SET_ASIDE = "nothing_set_aside"
    DRIFT_QUIET = "drift_quiet"
    FALLBACKS_QUIET = "fallbacks_quiet"
    READS_ALL_FROM_HOME = "reads_all_from_home"
    NOT_KILLED = "not_killed"
    MARKS_ZERO = "marks_zero"
    NOTHING_HELD = "nothing_held"
    LEGACY_REACHABLE = "legacy_reachable"
    SNAPSHOT_TAKEN = "snapshot_taken"
    CREDENTIALS_LISTED = "credentials_listed"
    COST_CHECKED = "cost_checked"


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a phase permits.

    `primary` answers writes, and says what is true. `is_copied`: what is written on the primary is brought to the other
    side at once. `is_compared`: reads are compared with the other side, for nobody to wait for. `is_shared`: so many
    per cent of the keys are read at home, while PostgreSQL is still primary.
    """

    primary: Side
    is_copied: bool = False
    is_compared: bool = False
    is_shared: bool = False


PERMITTED: Final[Mapping[Phase, Permitted]] = {
    Phase.LEGACY: Permitted(Side.LEGACY),
    Phase.DUAL_WRITE: Permitted(Side.LEGACY, is_copied=True),
    Phase.BACKFILL: Permitted(Side.LEGACY, is_copied=True),
    Phase.VERIFY: Permitted(Side.LEGACY, is_copied=True),
    Phase.SHADOW_READ: Permitted(Side.LEGACY, is_copied=True, is_compared=True),
    Phase.READ_FALLBACK: Permitted(Side.LEGACY, is_copied=True, is_shared=True),
    Phase.CUT_OVER: Permitted(Side.HOME, is_copied=True),
    Phase.RETIRED: Permitted(Side.HOME),
}


@dataclass(frozen=True, slots=True)
class Move:
    """A step from a phase to a neighbour, and the gates before it."""

    origin: Phase
    target: Phase
    gates: tuple[Gate, ...] = ()

    @property
    def is_forward(self) -> bool:
        """Whether it leads on."""
        return ORDER[self.target] > ORDER[self.origin]

    @property
    def changes_primary(self) -> bool:
        """Whether another side is primary afterwards: such a move is fenced."""
        return PERMITTED[self.origin].primary is not PERMITTED[self.target].primary


ORDER: Final[Mapping[Phase, int]] = {phase: number for number, phase in enumerate(Phase)}

_VERIFIED: Final = (Gate.VERIFICATION_CLEAN, Gate.VERIFICATION_FRESH)

MOVES: Final[tuple[Move, ...]] = (
    Move(Phase.LEGACY, Phase.DUAL_WRITE, (Gate.PREFLIGHT_CLEAN, Gate.CHANGES_INSTALLED, Gate.NOTHING_LOADS)),
    Move(Phase.DUAL_WRITE, Phase.BACKFILL, (Gate.CHANGES_INSTALLED, Gate.PHASE_KNOWN_EVERYWHERE)),
    Move(Phase.BACKFILL, Phase.VERIFY, (Gate.CHANGES_INSTALLED, Gate.BACKFILL_COMPLETE, Gate.BACKLOG_SMALL)),
    Move(
        Phase.VERIFY,
        Phase.SHADOW_READ,
        (Gate.NOT_KILLED, Gate.CHANGES_INSTALLED, *_VERIFIED, Gate.BACKLOG_SMALL, Gate.NOTHING_SET_ASIDE),
    ),
    Move(
        Phase.SHADOW_READ,
        Phase.READ_FALLBACK,
        (Gate.NOT_KILLED, *_VERIFIED, Gate.BACKLOG_SMALL, Gate.NOTHING_SET_ASIDE, Gate.DRIFT_QUIET),
    ),
    Move(
        Phase.READ_FALLBACK,
        Phase.CUT_OVER,
        (
            Gate.NOT_KILLED,
            Gate.CHANGES_INSTALLED,
            *_VERIFIED,
            Gate.READS_ALL_FROM_HOME,
            Gate.FALLBACKS_QUIET,
            Gate.NOTHING_SET_ASIDE,
            Gate.NOTHING_HELD,
            Gate.BACKLOG_ZERO,
        ),
    ),
    Move(
        Phase.CUT_OVER,
        Phase.RETIRED,
        (
            *_VERIFIED,
            Gate.MARKS_ZERO,
            Gate.NOTHING_HELD,
            Gate.SNAPSHOT_TAKEN,
            Gate.CREDENTIALS_LISTED,
            Gate.COST_CHECKED,
        ),
    ),
    # The ways back. None asks for more than that the side to go back to is there.
    Move(Phase.CUT_OVER, Phase.READ_FALLBACK, (Gate.LEGACY_REACHABLE,)),
    Move(Phase.READ_FALLBACK, Phase.SHADOW_READ),
    Move(Phase.SHADOW_READ, Phase.VERIFY),
    Move(Phase.VERIFY, Phase.BACKFILL),
    Move(Phase.BACKFILL, Phase.DUAL_WRITE),
    Move(Phase.DUAL_WRITE, Phase.LEGACY),
)
"""Every move that there is. `retired` has no way back: PostgreSQL is let go of."""


def move_between(origin: Phase, target: Phase) -> Move | None:
    """Return the move from one phase to another, or None where there is none."""
    return next((move for move in MOVES if move.origin is origin and move.target is target), None)


def moves_from(origin: Phase) -> list[Move]:
    """Return the moves that lead away from a phase."""
    return [move for move in MOVES if move.origin is origin]
