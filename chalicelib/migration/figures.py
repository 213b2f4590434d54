"""Figures that gates look at: the last verification, the backfill, drift and fallbacks, and what operators attest."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib import errors
from chalicelib.clock import Clock, iso, parse_iso
from chalicelib.migration import places
from chalicelib.migration.ports import RawItem
from chalicelib.migration.standing import Standing
from chalicelib.migration.table import Change, Put, Table, number_in
from chalicelib.observe.log import log
from chalicelib.observe.metrics import measure
from chalicelib.observe.registry import Metric


class Figure(StrEnum):
    """What is kept."""

    PREFLIGHT = "preflight"
    BACKFILL = "backfill"
    VERIFICATION = "verification"
    FALLBACKS = "fallbacks"
    BEHIND = "behind"
    READ_AT_HOME = "read_at_home"
    DRIFT = "drift"
    COMPARED = "compared"
    SNAPSHOT = "snapshot"
    CREDENTIALS = "credentials"
    COST = "cost"


ATTESTED: Final = (Figure.SNAPSHOT, Figure.CREDENTIALS, Figure.COST)
"""What no code can see from here: somebody looks, and puts their name to it."""


_METRICS: Final = {
    Figure.DRIFT: Metric.MIGRATION_DRIFT,
    Figure.FALLBACKS: Metric.MIGRATION_FALLBACKS,
    Figure.BEHIND: Metric.MIGRATION_BEHIND,
}
"""The figures that are counted one by one, and what operators see of them."""
EVIDENCE: Final = (Figure.COMPARED, Figure.READ_AT_HOME)
"""How much there was in which something could have been counted: all that went well, so many at a time."""
COUNTED: Final = (*_METRICS, *EVIDENCE)
_OF_VERSION: Final = "counted_"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one figure: when it was last told, in which epoch it was true, a number (differences, fallbacks,
    defects), whether all was well, and a word beside it (a digest, a name). What takes long to find out also says when
    that `began_at`: nothing that changed since then is certain to be in it. What is counted says how much of it was
    counted under each version of the phase item."""

    at: datetime
    epoch: int = 0
    number: int = 0
    is_well: bool = True
    note: str = ""
    began_at: datetime | None = None
    by_version: Mapping[int, int] = field(default_factory=dict)

    @property
    def true_at(self) -> datetime:
        """The instant as of which the figure may be relied upon."""
        return self.at if self.began_at is None else self.began_at


@dataclass(slots=True)
class _Counted:
    """What this process has counted and not written yet."""

    waiting: Counter[int] = field(default_factory=Counter)
    """By the version of the phase item."""
    written_at: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures in the table, told by whoever knows them. `standing` says where the move stands: what was true before the
    primary moved need not be true after, and what was counted before the last move says nothing of what came after.
    `evidence_every_seconds` is how often a process writes how much it has of what goes well."""

    table: Table
    clock: Clock
    standing: Callable[[], Standing]
    monotonic: Callable[[], float] = time.monotonic
    flushed_every_seconds: float = 1.0
    evidence_every_seconds: float = 5.0
    _counted: dict[Figure, _Counted] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(
        self,
        figure: Figure,
        *,
        number: int = 0,
        is_well: bool = True,
        note: str = "",
        began_at: datetime | None = None,
        epoch: int | None = None,
    ) -> None:
        """Replace what is known of a figure: a verification with its differences and digest, a backfill that is
        complete (`is_well`), a preflight with its defects, what somebody attests (`note` says who). What took long says
        when it began, and in which epoch; else both are those of now.

        Raises:
            Unavailable: the table does not answer.
        """
        now = self.clock.now()
        values = {"number": {"N": str(number)}, "is_well": {"BOOL": is_well}, "note": {"S": note}}
        told = {"at": {"S": iso(now)}, "epoch": {"N": str(self.standing().epoch if epoch is None else epoch)}}
        if began_at is not None:
            told["began_at"] = {"S": iso(began_at)}
        self.table.write(Put(places.engine_item(places.figure_key(figure), now, values | told)))

    def count(self, figure: Figure, by: int = 1) -> None:
        """Add to a figure that is counted (fallbacks, drift, and what there was in which these could have been), for
        operators and for the gates. The first is written at once, further ones every few seconds; never fails, and what
        a process has not written when it ends is not counted."""
        if figure in _METRICS:
            measure({_METRICS[figure]: by})
        every = self.evidence_every_seconds if figure in EVIDENCE else self.flushed_every_seconds
        try:
            version = self.standing().version
        except errors.Unavailable:
            version = 0  # Of no move: it adds to the number, and lets no gate through.
        with self._lock:
            counted = self._counted.setdefault(figure, _Counted())
            counted.waiting[version] += by
            now, last = self.monotonic(), counted.written_at
            if last is not None and now - last < every:
                return
            waiting, counted.waiting, counted.written_at = counted.waiting, Counter(), now
        try:
            self._add(figure, waiting)
        except errors.Unavailable as trouble:
            log("figure_not_counted", error=trouble, figure=str(figure))
            with self._lock:
                counted.waiting.update(waiting)

    def known(self) -> Mapping[Figure, Known]:
        """Return everything that is known.

        Raises:
            Unavailable: the table does not answer.
        """
        items = self.table.partition(places.FIGURES)
        return {Figure(item["SK"]["S"]): _read(item) for item in items if item["SK"]["S"] in set(Figure)}

    def _add(self, figure: Figure, waiting: Mapping[int, int]) -> None:
        now = self.clock.now()
        sets = {**places.engine_values(now), "at": {"S": iso(now)}}
        adds = {f"{_OF_VERSION}{version}": by for version, by in waiting.items()}
        self.table.write(Change(places.figure_key(figure), sets=sets, adds=adds | {"number": sum(waiting.values())}))


def _read(item: RawItem) -> Known:
    return Known(
        at=parse_iso(item["at"]["S"]),
        epoch=number_in(item, "epoch"),
        number=number_in(item, "number"),
        is_well=item.get("is_well", {"BOOL": True})["BOOL"],
        note=item.get("note", {"S": ""})["S"],
        began_at=parse_iso(item["began_at"]["S"]) if "began_at" in item else None,
        by_version={
            int(name.removeprefix(_OF_VERSION)): int(value["N"])
            for name, value in item.items()
            if name.startswith(_OF_VERSION)
        },
    )
