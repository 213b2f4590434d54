"""Reads at home while PostgreSQL is still primary: only what is known to be up to date there, else PostgreSQL answers.

A read asks PostgreSQL for the revisions of the keys, which costs little; then home, between two looks at the state of
the copies: an answer counts only if both looks see a copy of that revision, or a later one, that is complete.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import errors
from chalicelib.migration.copy_state import CopyState
from chalicelib.migration.limited import Limited
from chalicelib.migration.ports import Key, Outcome
from chalicelib.migration.routing import Call
from chalicelib.migration.standing import Standing
from chalicelib.observe.log import log


class Revisions(Protocol):
    """The relational side, as far as it says how far it is."""

    def revisions(self, partitions: Sequence[str]) -> Mapping[Key, int] | None:
        """Return the keys that partitions belong to with their revisions; None where one belongs to nobody."""


class Copies(Protocol):
    """The home side, as far as it says how far it is."""

    def state(self, key: Key) -> CopyState:
        """Return what is known of the copy of a holding."""


class Repairs(Protocol):
    """Copies what was found missing."""

    def copy(self, key: Key) -> Outcome:
        """Bring what is held now."""


@dataclass(frozen=True, slots=True)
class HomeReads:
    """Answers reads of those keys whose turn it is. `count` is told of each fallback."""

    revisions: Revisions
    copies: Copies
    direct: Call
    repairs: Repairs
    count: Callable[[], None]
    limited: Limited

    def answer(
        self, standing: Standing, operation: str, request: dict[str, Any], partitions: Sequence[str]
    ) -> Any | None:
        """Return home's answer; None where it is not these keys' turn, or home is not known to be up to date, which is
        counted and repaired.

        Raises:
            PhaseMoved: PostgreSQL is not the primary any more.
            Unavailable: PostgreSQL does not answer.
        """
        wanted = self.revisions.revisions(partitions)
        if not wanted or not all(standing.reads_home(key) for key in wanted):
            return None
        try:
            before = {key: self.copies.state(key) for key in wanted}
            if all(before[key].has(wanted[key]) for key in wanted):
                answer = self.direct(operation, request)
                if all(self.copies.state(key) == before[key] for key in wanted):
                    return answer
        except (ClientError, BotoCoreError, errors.Unavailable) as trouble:
            log("read_at_home_failed", level=logging.WARNING, error=trouble)
            self.count()
            return None
        self._fell_back([key for key in wanted if not before[key].has(wanted[key])])
        return None

    def _fell_back(self, behind: Sequence[Key]) -> None:
        """Count, and repair aside; what changed while it was read needs no repair."""
        self.count()
        for key in behind:
            self.limited.attempt(lambda key=key: self.repairs.copy(key))  # type: ignore[misc]  # a default binds it now
