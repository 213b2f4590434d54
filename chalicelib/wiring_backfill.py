"""Builds what operators and page jobs use to carry the move out: backfill, preflight, verification, over one stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from chalicelib import errors
from chalicelib.clock import Clock, SystemClock
from chalicelib.config import settings
from chalicelib.gateways.queues import Queues
from chalicelib.gateways.secrets import Secrets, secrets_client
from chalicelib.migration.backfill import Backfill
from chalicelib.migration.checkpoints import LEASE, Checkpoints
from chalicelib.migration.figures import Figure
from chalicelib.migration.loading import Loader
from chalicelib.migration.pace import Pace, eased_by_refusals
from chalicelib.migration.page_jobs import PageJobs
from chalicelib.migration.phases import Phase
from chalicelib.migration.postgres import Connection, connect, require_protected, rows
from chalicelib.migration.serenya import places
from chalicelib.migration.serenya.columns import OF_PEOPLE
from chalicelib.migration.serenya.events import EventPage, event_pages
from chalicelib.migration.serenya.legacy import SerenyaLegacy
from chalicelib.migration.serenya.preflight import PreflightReport, preflight
from chalicelib.migration.serenya.verification import Sides, verifier_of
from chalicelib.migration.verify.quick_scan import QuickScan
from chalicelib.migration.verify.run import Verifier
from chalicelib.migration.verify.settling import Patience
from chalicelib.migration.workers import Workers
from chalicelib.models import base
from chalicelib.wiring_constants import constants
from chalicelib.wiring_migration import Move, dsn_of, move_of, rows_mapping, rulebook

Call = Callable[[str, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Operator:
    """Everything that is done by hand or by page jobs. Building it asks nobody anything. All of it shares one pace:
    whoever is refused by the table slows all down."""

    move: Move
    pace: Pace
    call: Call
    table_name: str
    dsn: Callable[[], str]
    clock: Clock

    def connection(self) -> Connection:
        """Return a connection of one's own to the legacy database."""
        return connect(self.dsn())

    def people(self) -> int:
        """Return how many people the legacy database has."""
        with self.move.pool.transaction(is_read_only=True) as cursor:
            [(number,)] = rows(cursor, "SELECT count(*) FROM users")
        return int(number)

    def checkpoints(self, run: str = "main", lease: timedelta = LEASE) -> Checkpoints:
        """Return the checkpoints of a run. `lease` is how long a worker that says nothing keeps its part."""
        return Checkpoints(self.move.table, self.clock, run, lease)

    def backfill(self, page_size: int = 50) -> Backfill:
        """Return the backfill as the phase allows it: by batches before anybody writes on both sides, else under
        conditions."""
        is_alone = self.move.control.refreshed().phase is Phase.LEGACY
        move = self.move
        loader = Loader(self.table_name, self.call, move.table, places.LAYOUT, move.control.refreshed, self.clock)
        return Backfill(
            move.legacy, move.copier, move.table, move.changes, self.pace, loader if is_alone else None, page_size
        )

    def workers(self, run: str = "main", count: int = 4, lease: timedelta = LEASE) -> Workers:
        """Return the workers of a run."""
        return Workers(self.backfill(), self.checkpoints(run, lease), count)

    def preflight(self) -> PreflightReport:
        """Return what a preflight finds, reading as somebody who has installed nothing."""
        before = SerenyaLegacy(self.move.pool, rows_mapping(is_installed=False))
        connection = self.connection()
        try:
            return preflight(connection, self.clock.now(), before.holdings)
        finally:
            connection.close()

    def event_pages(self, connection: Connection) -> Iterator[EventPage]:
        """Return the trail of old jobs, page by page."""
        return event_pages(connection)

    def keep_object(self, bucket: str, key: str, content: bytes) -> None:
        """Keep an object; again is fine."""
        import boto3

        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/gzip")

    def verifier(self, connection: Connection, patience: Patience | None = None) -> Verifier:
        """Return what verifies everything, once, over a connection of its own."""
        move = self.move
        sides = Sides(self.table_name, self.call, move.table, move.pool, move.legacy, rulebook(), constants())
        return verifier_of(sides, connection, self.clock, patience=patience)


def operator_of(table_name: str, call: Call, dsn: Callable[[], str], clock: Clock | None = None) -> Operator:
    """Build it for a table, asked by `call`, and the database that `dsn` names."""
    told, pace = clock or SystemClock(), Pace()
    eased = eased_by_refusals(call, pace)
    return Operator(move_of(table_name, eased, dsn, told), pace, eased, table_name, dsn, told)


def operator(dsn: str | None = None, *, is_checked: bool = True) -> Operator:
    """Build it for the stage that the environment names, and connect the models to its table. A `dsn` that is given
    stands for the stage's; less than a certificate that is checked does for it where that is given up.

    Raises:
        UnprotectedDsn: others could read what is said to that database, or answer in its place.
    """
    if dsn is not None:
        require_protected(dsn, is_checked=is_checked)
    here = settings()
    client: Any = base.connect(here.table_name, here.region).connection.client
    secrets = Secrets(partial(secrets_client, here.region), SystemClock(), here.secret_life)
    return operator_of(here.table_name, QuickScan(client), lambda: dsn or dsn_of(here, secrets))


def page_jobs() -> PageJobs:
    """Build what the queue of the move works with, for the stage that the environment names, over the connection that
    the models have already.

    Raises:
        InvalidRequest: the stage has no legacy database.
    """
    here = settings()
    if not here.has_legacy_database:
        raise errors.InvalidRequest(message="This stage has no legacy database.")
    client: Any = base.shared_connection().connection.client
    secrets = Secrets(partial(secrets_client, here.region), SystemClock(), here.secret_life)
    whole = operator_of(here.table_name, client._make_api_call, lambda: dsn_of(here, secrets))

    def verify() -> Mapping[str, Any]:
        connection = whole.connection()
        try:
            began_at, epoch = whole.move.figures.clock.now(), whole.move.control.refreshed().epoch
            found = whole.verifier(connection).verify()
        finally:
            connection.close()
        differing = len(found.differences)
        whole.move.figures.tell(
            Figure.VERIFICATION,
            number=differing,
            is_well=found.is_clean,
            note="compare_data",
            began_at=began_at,
            epoch=epoch,
        )
        return {"is_clean": found.is_clean, "differences": differing, "keys": found.keys, "items": found.items}

    return PageJobs(
        whole.backfill,
        whole.checkpoints,
        whole.move.control.refreshed,
        whole.move.figures,
        Queues(here.region),
        here.migration_queue,
        OF_PEOPLE,
        verify,
    )
