"""Figures that gates look at: the last verification, the backfill, drift and fallbacks, and what operators attest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib import errors
from chalicelib.clock import Clock, iso, parse_iso
from chalicelib.migration import places
from chalicelib.migration.ports import RawItem
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
    DRIFT = "drift"
    SNAPSHOT = "snapshot"
    CREDENTIALS = "credentials"
    COST = "cost"


ATTESTED: Final = (Figure.SNAPSHOT, Figure.CREDENTIALS, Figure.COST)
"""What no code can see from here: somebody looks, and puts their name to it."""


_METRICS: Final = {Figure.DRIFT: Metric.MIGRATION_DRIFT, Figure.FALLBACKS: Metric.MIGRATION_FALLBACKS}
"""The figures that are counted, and what operators see of them."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one figure: when it was last told, in which epoch it was true, a number (differences, fallbacks,
    defects), whether all was well, and a word beside it (a digest, a name). What takes long to find out also says when
    that `began_at`: nothing that changed since then is certain to be in it."""

    at: datetime
    epoch: int = 0
    number: int = 0
    is_well: bool = True
    note: str = ""
    began_at: datetime | None = None

    @property
    def true_at(self) -> datetime:
        """The instant as of which the figure may be relied upon."""
        return self.at if self.began_at is None else self.began_at


@dataclass(slots=True)
class _Counted:
    """What this process has counted and not written yet."""

    waiting: int = 0
    written_at: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures in the table, told by whoever knows them. `epoch` gives the present one: what was true before the primary
    moved need not be true after."""

    table: Table
    clock: Clock
    epoch: Callable[[], int]
    monotonic: Callable[[], float] = time.monotonic
    flushed_every_seconds: float = 1.0
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
        told = {"at": {"S": iso(now)}, "epoch": {"N": str(self.epoch() if epoch is None else epoch)}}
        if began_at is not None:
            told["began_at"] = {"S": iso(began_at)}
        self.table.write(Put(places.engine_item(places.figure_key(figure), now, values | told)))

    def count(self, figure: Figure, by: int = 1) -> None:
        """Add to a figure that is counted (fallbacks, drift), for operators and for the gate that waits until it is
        quiet. The first is written at once, further ones once a second; never fails."""
        measure({_METRICS[figure]: by})
        with self._lock:
            counted = self._counted.setdefault(figure, _Counted())
            counted.waiting += by
            now, last = self.monotonic(), counted.written_at
            if last is not None and now - last < self.flushed_every_seconds:
                return
            waiting, counted.waiting, counted.written_at = counted.waiting, 0, now
        try:
            self._add(figure, waiting)
        except errors.Unavailable as trouble:
            log("figure_not_counted", error=trouble, figure=str(figure))
            with self._lock:
                counted.waiting += waiting

    def known(self) -> Mapping[Figure, Known]:
        """Return everything that is known.

        Raises:
            Unavailable: the table does not answer.
        """
        items = self.table.partition(places.FIGURES)
        return {Figure(item["SK"]["S"]): _read(item) for item in items if item["SK"]["S"] in set(Figure)}

    def _add(self, figure: Figure, by: int) -> None:
        now = self.clock.now()
        sets = {**places.engine_values(now), "at": {"S": iso(now)}}
        self.table.write(Change(places.figure_key(figure), sets=sets, adds={"number": by}))


def _read(item: RawItem) -> Known:
    return Known(
        at=parse_iso(item["at"]["S"]),
        epoch=number_in(item, "epoch"),
        number=number_in(item, "number"),
        is_well=item.get("is_well", {"BOOL": True})["BOOL"],
        note=item.get("note", {"S": ""})["S"],
        began_at=parse_iso(item["began_at"]["S"]) if "began_at" in item else None,
    )
