"""Puts a verification together: both sides of the move as verification reads them, which is not as copies are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from chalicelib.clock import Clock, parse_iso
from chalicelib.migration import postgres
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Legacy
from chalicelib.migration.serenya import places
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.migration.serenya.verified_constants import Constants, drifted
from chalicelib.migration.serenya.verified_items import SerenyaItems
from chalicelib.migration.serenya.verified_rows import SerenyaRows
from chalicelib.migration.table import Table
from chalicelib.migration.verify.reading import HomeReader, MoveStamps
from chalicelib.migration.verify.run import Progress, Verifier
from chalicelib.migration.verify.scanning import SEGMENTS, Call, Scanner
from chalicelib.migration.verify.settling import Patience, Settler


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a move. `call` scans the table, past any door (`QuickScan`); `table` is the same one, as the
    engine asks it. `constants` is what the code says where the legacy database has rows."""

    table_name: str
    call: Call
    table: Table
    pool: Pool
    legacy: Legacy
    rulebook: Rulebook
    constants: Constants = field(default_factory=dict)


def verifier_of(
    sides: Sides,
    connection: postgres.Connection,
    clock: Clock,
    *,
    segments: int = SEGMENTS,
    patience: Patience | None = None,
    progress: Progress = lambda _step, _items: None,
    as_of: Callable[[postgres.Connection], str] | None = None,
) -> Verifier:
    """Return what verifies everything, once. `connection` is used by it alone; it must see every row."""
    at = clock.now().replace(microsecond=0)
    installed = parse_iso((as_of or installed_at)(connection))
    rows = SerenyaRows(connection, sides.rulebook, installed, at)
    items = SerenyaItems(sides.rulebook, at)
    scanner = Scanner(sides.call, sides.table_name, items, segments)
    home = HomeReader(sides.table, places.partitions_of, items.key_of)
    settler = Settler(
        rows, items, sides.legacy.holdings, home, MoveStamps(sides.pool, sides.table), patience or Patience()
    )
    constants = partial(drifted, connection, sides.constants)
    return Verifier(rows, items, scanner, settler, sides.legacy.holdings, clock, progress, constants)


def installed_at(connection: postgres.Connection) -> str:
    """Return when the move was installed, as an instant: what was current then is current on both sides.

    Raises:
        Exception: the engine's schema is not there.
    """
    asked = "SELECT to_char(to_timestamp(base / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS'), base"
    [(second, base)] = postgres.rows(connection, f"{asked} FROM migration.control")
    return f"{second}.{int(base) % 1_000_000:06d}Z"
