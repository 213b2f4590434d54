"""The backfill: every key there is, page by page, brought home; by several workers, as fast as the table takes it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from chalicelib import errors
from chalicelib.migration import places
from chalicelib.migration.checkpoints import Checkpoints, LostPart, Part
from chalicelib.migration.copy_state import read_state
from chalicelib.migration.pace import Pace
from chalicelib.migration.ports import Holding, Key, Legacy, Outcome, PhaseMoved, RawItem
from chalicelib.observe.log import log

PAGE: Final = 50
FAILED: Final = "failed"
_AT_ONCE: Final = 8


class Brings(Protocol):
    """Brings holdings home under all conditions."""

    def bring(self, holding: Holding, *, is_repair: bool = False) -> Outcome:
        """Bring a holding that was read a moment ago."""


class Loads(Protocol):
    """Brings many holdings home at once, where nothing can race."""

    def load(self, holdings: Sequence[Holding], lasts: Callable[[], bool]) -> Sequence[Holding]:
        """Put those that were never copied, and return the others; `lasts` says whether we still may."""


class States(Protocol):
    """Reads what is known of copies."""

    def get_many(self, keys: Any) -> Mapping[Any, RawItem]:
        """Return those of the items that are there."""


class Troubles(Protocol):
    """Keeps what could not be copied for a reason of its own."""

    def failed(self, key: Key, problem: str) -> bool:
        """Keep it; return whether it was set aside."""


@dataclass(frozen=True, slots=True)
class Page:
    """What became of some keys: how many came to which end, and how many items were brought."""

    counts: Mapping[str, int]
    items: int
    last: Key | None


@dataclass(frozen=True, slots=True)
class Backfill:
    """Copies pages. A page may be copied any number of times, by any number: what has its revision is left alone, and
    nothing older or buried is ever written. `load` is the fast lane, None wherever anything else writes."""

    legacy: Legacy
    copier: Brings
    states: States
    troubles: Troubles
    pace: Pace = field(default_factory=Pace)
    load: Loads | None = None
    page_size: int = PAGE
    at_once: int = _AT_ONCE

    def page(self, after: Key | None, until: Key | None = None, lasts: Callable[[], bool] = lambda: True) -> Page:
        """Copy the next page of keys. A key that fails by itself is counted, kept and passed over.

        Raises:
            PhaseMoved: the side to copy to is primary.
            Unavailable: a side does not answer.
        """
        keys = list(self.legacy.keys(after or None, self.page_size, until))
        if not keys:
            return Page({}, 0, None)
        self.pace.take(len(keys))
        return self.copy(keys, lasts)

    def copy(self, keys: Sequence[Key], lasts: Callable[[], bool] = lambda: True) -> Page:
        """Copy these keys.

        Raises:
            PhaseMoved: the side to copy to is primary.
            Unavailable: a side does not answer.
        """
        holdings = self.legacy.holdings(keys)
        found = self.states.get_many([places.copy_key(key) for key in keys])
        states = {key: read_state(found.get(places.copy_key(key))) for key in keys}
        waiting = [one for one in holdings if not states[one.key].has(one.revision)]
        counts: Counter[str] = Counter({Outcome.UNCHANGED: len(holdings) - len(waiting)})
        items = sum(len(one.items) for one in waiting)
        if self.load is not None and waiting:
            fresh = [one for one in waiting if states[one.key].revision is None and states[one.key].pending is None]
            left = {one.key for one in self.load.load(fresh, lasts)} if fresh else set()
            loaded = {one.key for one in fresh} - left
            counts[Outcome.WRITTEN] += len(loaded)
            waiting = [one for one in waiting if one.key not in loaded]
        if waiting:
            with ThreadPoolExecutor(min(self.at_once, len(waiting))) as pool:
                counts.update(pool.map(self._brought, waiting))
        return Page({str(name): count for name, count in counts.items() if count}, items, keys[-1])

    def _brought(self, holding: Holding) -> str:
        try:
            return self.copier.bring(holding)
        except (errors.Unavailable, PhaseMoved):
            raise
        except Exception as trouble:  # noqa: BLE001  # anything that one holding brings up is its own
            self.troubles.failed(holding.key, f"{type(trouble).__name__}: {trouble}")
            log("backfill_failed", level=logging.ERROR, error=trouble, key_hash=places.hashed(holding.key))
            return FAILED


@dataclass(frozen=True, slots=True)
class PartWork:
    """Works through one part after another. `is_stopped` ends it after the page in hand; `tell` hears of each page."""

    backfill: Backfill
    checkpoints: Checkpoints
    is_stopped: Callable[[], bool] = lambda: False
    tell: Callable[[Page], None] = lambda _: None

    def part(self, part: Part) -> bool:
        """Work through a part from where it stands; return whether it is done, and else leave it to somebody else.

        Raises:
            PhaseMoved: the side to copy to is primary.
            Unavailable: a side does not answer; the part is left where it stands.
        """
        try:
            while not self.is_stopped():
                page = self.backfill.page(part.after, part.until, partial(self._lasts, part))
                self.tell(page)
                if page.last is None:
                    self.checkpoints.finish(part)
                    return True
                part = self.checkpoints.advance(part, page.last, page.counts)
        except LostPart:
            log("backfill_part_lost", level=logging.WARNING, part=part.number)
            return False
        except BaseException:
            self.checkpoints.let_go(part)
            raise
        self.checkpoints.let_go(part)
        return False

    def _lasts(self, part: Part) -> bool:
        """Whether the part is ours long enough for another batch, however long that takes."""
        left = None if part.lease_until is None else part.lease_until - self.checkpoints.clock.now()
        return left is not None and left > self.checkpoints.lease / 3
