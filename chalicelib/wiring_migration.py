"""Builds the move: the mapping with the rules of other rooms, both sides, what goes between them, and the door."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from chalicelib.billing.periods import period_at
from chalicelib.clock import Clock, SystemClock, parse_iso
from chalicelib.config import Settings
from chalicelib.gateways.secrets import Secrets
from chalicelib.migration.changes import PostgresChanges
from chalicelib.migration.control import KEPT_FOR, Control
from chalicelib.migration.copying import Copier
from chalicelib.migration.door import Door, is_refusal
from chalicelib.migration.drain import Drainer
from chalicelib.migration.fence import PostgresFence
from chalicelib.migration.figures import Figures
from chalicelib.migration.gates import Gates
from chalicelib.migration.guard_rails import GuardRails, Load
from chalicelib.migration.home import DynamoHome
from chalicelib.migration.limited import Limited
from chalicelib.migration.loading import Loading
from chalicelib.migration.marks import LONGEST_LEASE, DynamoMarks, lease_within
from chalicelib.migration.meanwhile import Meanwhile
from chalicelib.migration.moves import Mover
from chalicelib.migration.phases import Side
from chalicelib.migration.pool import Pool
from chalicelib.migration.postgres import connect, require_protected
from chalicelib.migration.reads import Reader
from chalicelib.migration.relational.engine import Relational
from chalicelib.migration.replay import Replayer
from chalicelib.migration.routing import Call, Router
from chalicelib.migration.serenya import places, rails
from chalicelib.migration.serenya.additions import ADDITIONS, TRACKED
from chalicelib.migration.serenya.indexes import INDEX_KEYS
from chalicelib.migration.serenya.legacy import SerenyaLegacy
from chalicelib.migration.serenya.mapped import SerenyaRows
from chalicelib.migration.serenya.rulebook import Rulebook
from chalicelib.migration.shadow import Shadow
from chalicelib.migration.table import DynamoTable
from chalicelib.migration.tending import Tending
from chalicelib.migration.writes import Writer
from chalicelib.models.base import put_door, shared_connection
from chalicelib.models.consent import ConsentEntry
from chalicelib.observe import load as observed
from chalicelib.privacy.consent_ledger import hash_of, seed_of
from chalicelib.web.run_time import time_left

CONNECTED_WITHIN_SECONDS = 1
"""A database that does not answer must not keep callers of the service waiting."""


@dataclass(frozen=True, slots=True)
class Move:
    """Everything that takes part in the move, of one stage. Building it asks nobody anything."""

    table: DynamoTable
    pool: Pool
    legacy: SerenyaLegacy
    changes: PostgresChanges
    control: Control
    home: DynamoHome
    marks: DynamoMarks
    fence: PostgresFence
    figures: Figures
    copier: Copier
    replayer: Replayer
    drainer: Drainer
    gates: Gates
    mover: Mover
    limited: Limited
    door: Door
    load: Load
    tending: Tending


def rulebook() -> Rulebook:
    """Return the rules of other rooms that the mapping asks for."""
    return Rulebook(period_at=period_at, seed_of=seed_of, hash_of=_hash_of)


def rows_mapping(*, is_installed: bool = True) -> SerenyaRows:
    """Return the mapping for whoever has a transaction."""
    return SerenyaRows(rulebook(), is_installed=is_installed)


def legacy(dsn: str) -> SerenyaLegacy:
    """Return the legacy side at a DSN. Nothing is connected before it is asked for something."""
    return SerenyaLegacy(Pool(lambda: connect(dsn)), rows_mapping())


def move_of(
    table_name: str,
    call: Call,
    dsn: Callable[[], str],
    clock: Clock,
    *,
    kept_for: timedelta = KEPT_FOR,
    lease: Callable[[], timedelta] = lambda: LONGEST_LEASE,
) -> Move:
    """Build the move between a table (`call` asks it, past any door) and the database that `dsn` names each time
    somebody connects. `lease` says how long a writer that begins now may be at work."""
    table = DynamoTable(table_name, call)
    pool = Pool(lambda: connect(dsn(), timeout_seconds=CONNECTED_WITHIN_SECONDS))
    mapping = rows_mapping()
    legacy_side, fence = SerenyaLegacy(pool, mapping), PostgresFence(pool)
    changes = PostgresChanges(pool, TRACKED, ADDITIONS)
    control = Control(table, clock, fence.is_open, kept_for)
    figures = Figures(table, clock, control.standing)
    home = DynamoHome(table, places.LAYOUT, control.standing, clock)
    marks = DynamoMarks(table, clock, lease)
    copier, replayer = Copier(legacy_side, home, changes), Replayer(legacy_side, home, marks, fence)
    drainer, gates = (
        Drainer(legacy_side, changes, copier),
        Gates(figures, changes, marks, fence, Loading(table, clock), clock),
    )
    engine, limited = Relational(pool, mapping, places, INDEX_KEYS), Limited()
    staying = Meanwhile(call, places.may_be_lost, lambda: control.standing().primary is Side.LEGACY)
    door = Door(
        Router(table_name, places, call, staying),
        engine,
        control,
        Writer(control, copier, replayer, marks, is_refusal, limited),
        Reader(control, legacy_side, home, copier, changes, figures, limited),
        Shadow(engine, home, lambda *asked: engine.answer(*asked).response, call, figures),
        places.is_person,
    )
    mover, load = Mover(control, gates, fence, drainer, replayer, marks), Load(table, clock)
    tending = Tending(control, mover, drainer, changes, GuardRails(load, control, mover, rails.RULES, clock))
    return Move(
        table, pool, legacy_side, changes, control, home, marks, fence, figures, copier, replayer, drainer, gates,
        mover, limited, door, load, tending,
    )  # fmt: skip


def open_door(stage: Settings, secrets: Secrets, clock: Clock) -> Move:
    """Have everything that models and stores ask of the stage's table go where the phase of the move says."""
    client: Any = shared_connection().connection.client
    move = move_of(stage.table_name, client._make_api_call, lambda: dsn_of(stage, secrets), clock, lease=_lease)
    put_door(move.door)
    observed.listen(lambda *answer: move.load.add(rails.counts_of(*answer)))
    return move


def _lease() -> timedelta:
    """A mark of a call of the API may be finished by others a minute and a half after it began; of a job, later."""
    return lease_within(time_left())


def tending_of(stage: Settings, secrets: Secrets) -> Callable[[], None]:
    """Return what looks after the move of a stage once a minute."""
    client: Any = shared_connection().connection.client
    move = move_of(stage.table_name, client._make_api_call, lambda: dsn_of(stage, secrets), SystemClock())

    def tend() -> None:
        move.tending.tend()

    return tend


def dsn_of(stage: Settings, secrets: Secrets) -> str:
    """Return where the legacy database is, and with which password.

    Raises:
        Unavailable: the secret cannot be read.
        UnprotectedDsn: others could read what is said to that database, or answer in its place.
    """
    if stage.legacy_dsn is not None:
        return stage.legacy_dsn
    dsn = str(secrets.json(stage.legacy_secret)["dsn"])
    if stage.stage != "local":
        require_protected(dsn)
    return dsn


def _hash_of(said: Mapping[str, Any]) -> str:
    """The ledger's own hash, of an entry that is not stored yet."""
    entry = SimpleNamespace(**{**said, "changed_at": parse_iso(said["changed_at"])})
    return hash_of(cast(ConsentEntry, entry))
