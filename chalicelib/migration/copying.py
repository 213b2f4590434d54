"""Copies: a holding as it is on the relational side, brought home, by whoever notices that it is needed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib import errors
from chalicelib.migration.home import Overtaken, OwnedElsewhere
from chalicelib.migration.ports import Changes, Holding, Home, ItemKey, Key, Legacy, Outcome
from chalicelib.observe.log import log

_MOST_ROUNDS: Final = 6
_DEEPEST: Final = 3


class Disputed(Exception):
    """Two holdings claim the same item for good: the mapping must give it to one of them."""


@dataclass(frozen=True, slots=True)
class Copier:
    """Brings holdings home. Safe to run at any time, by any number, for the same keys: a copy of a revision that was
    copied does nothing, and an older one loses to a newer."""

    legacy: Legacy
    home: Home
    changes: Changes

    def copy(self, key: Key) -> Outcome:
        """Bring what is held now, and forget the notes that this settles.

        Raises:
            PhaseMoved: the side to copy to is primary.
            Disputed: an item of it belongs to another holding, on both sides.
            Unavailable: one of the sides does not answer.
        """
        return self.bring(self.legacy.holding(key))

    def repair(self, key: Key, strays: Sequence[ItemKey] = ()) -> Outcome:
        """Bring what is held now even where its revision was copied: for items that were changed by something else, and
        for what was found astray and says that it belongs here.

        Raises:
            As `copy`.
        """
        return self._brought(self.legacy.holding(key), True, 0, strays)

    def bring(self, holding: Holding, *, is_repair: bool = False) -> Outcome:
        """Bring a holding that was read a moment ago.

        Raises:
            As `copy`.
        """
        return self._brought(holding, is_repair, 0)

    def _brought(self, holding: Holding, is_repair: bool, depth: int, strays: Sequence[ItemKey] = ()) -> Outcome:
        for _ in range(_MOST_ROUNDS):
            try:
                outcome = self.home.store(holding, is_repair=is_repair, strays=strays)
            except Overtaken:
                pass
            except OwnedElsewhere as elsewhere:
                # It has changed hands on the relational side, and its former owner was not copied since.
                if depth == _DEEPEST:
                    raise Disputed("an item belongs to two holdings") from elsewhere
                self._brought(self.legacy.holding(elsewhere.owner), True, depth + 1)
            else:
                self._settle(holding, outcome)
                return outcome
            holding = self.legacy.holding(holding.key)
        raise Disputed("an item belongs to two holdings, or its copy is never done")

    def _settle(self, holding: Holding, outcome: Outcome) -> None:
        if outcome is Outcome.BURIED:
            log("copy_of_buried_refused", level=logging.WARNING, revision=holding.revision)
        try:
            self.changes.settle_until(holding.key, holding.revision)
        except errors.Unavailable as trouble:
            # The copy is made. Notes that stay lead to another look, which finds it.
            log("notes_not_settled", level=logging.WARNING, error=trouble)
