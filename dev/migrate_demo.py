"""`make migrate-demo`: moves people from PostgreSQL to the table while they use the app, there, back, and there again.

Everything is real but the scale: a PostgreSQL, the embedded cloud, the service over HTTP, and the commands that an
operator types. Only the time for which nothing may have been counted before a gate opens is shorter than in production,
and fewer reads are enough in it.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from dev.migrate_load import Load
from dev.run import start_service
from dev.stage import RUN_FOLDER, SERVICE_LOG, Ports, ports_from, require_free
from dev.supervision import CommandFailedError, Session, supervise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.migration.postgres import Connection
    from chalicelib.wiring_backfill import Operator

QUIET: Final = timedelta(seconds=4)
LEAST_READS: Final = 20
REPORT: Final = RUN_FOLDER / "migration-report"
_SHORTEN: Final = """
UPDATE biometric_registrations SET device_attestation_data = NULL WHERE length(device_attestation_data::text) > 100000
"""
_TICK_SECONDS: Final = 2.0
_MOST_TRIES: Final = 12
_LIVED_SECONDS: Final = 6.0
"""How long people use the app in a phase before the next."""


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration; 0 when nobody lost anything and both sides are the same in the end."""
    parser = argparse.ArgumentParser(prog="python -m dev.migrate_demo", allow_abbrev=False)
    parser.add_argument("--users", type=int, default=5000)
    asked = parser.parse_args(arguments)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    ports = ports_from(os.environ)
    return supervise(lambda session: demonstrate(session, ports, asked.users))


def demonstrate(session: Session, ports: Ports, users: int) -> int:
    """Start both worlds, and move."""
    from dev.cloud import start_surroundings

    session.claim_folder("migrate-demo")
    require_free(ports.service, "the service", "PORT")
    session.say(f"Starting PostgreSQL with {users:,} people, and the embedded cloud …")
    with legacy_world(users) as dsn:
        # Before the surroundings: a stage without a legacy database has no queue of the move.
        os.environ |= {"HAS_LEGACY_DATABASE": "true", "LEGACY_DSN": dsn}
        start_surroundings(session, ports)
        operator = operator_at(ports, dsn)
        demo = Demo(session, operator, Load(ports, dsn))
        demo.run("preflight", "--do")
        demo.mend(dsn)
        demo.run("preflight", "--do")
        demo.run("install", "--do")
        SERVICE_LOG.unlink(missing_ok=True)
        start_service(session, ports)
        with demo.watched():
            demo.move()
        return demo.judge()


@contextmanager
def legacy_world(users: int) -> Iterator[str]:
    """Start a PostgreSQL that is gone afterwards, with people and every defect of legacy data."""
    import psycopg

    from dev.legacy.server import SCHEMA, legacy_server
    from dev.legacy_data import generate, load

    with legacy_server() as server:
        server.make_roles()
        with server.connect() as connection:
            connection.execute("CREATE DATABASE legacy")
        dsn = server.address("legacy")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(SCHEMA.read_bytes())
            load(connection, generate(users))
        yield dsn


def operator_at(ports: Ports, dsn: str) -> Operator:
    """Return what an operator of the stage works with, whose gates wait less long."""
    from chalicelib.migration.verify.run import Verifier
    from chalicelib.migration.verify.settling import Patience
    from chalicelib.wiring_backfill import Operator, operator_of
    from dev.provision import clients_at
    from dev.stage import settings_of

    stage = settings_of(ports)
    client: Any = clients_at(ports.cloud_url, stage.region).dynamodb
    made = operator_of(stage.table_name, client._make_api_call, lambda: dsn)
    gates = replace(made.move.gates, quiet_for=QUIET, least_reads=LEAST_READS)
    move = replace(made.move, gates=gates, mover=replace(made.move.mover, gates=gates))

    class Patient(Operator):
        """Looks again for longer: here everything shares two processors, and people write all the time."""

        def verifier(self, connection: Connection, patience: Patience | None = None) -> Verifier:
            """Return what verifies everything."""
            return Operator.verifier(self, connection, patience or Patience(rounds=100))

    return Patient(move, made.pace, made.call, made.table_name, made.dsn, made.clock)


class Demo:
    """The steps, told as they happen."""

    def __init__(self, session: Session, operator: Operator, load: Load) -> None:
        self._session, self._operator, self._load = session, operator, load
        self._began, self._over = time.monotonic(), threading.Event()

    def run(self, *arguments: str) -> bool:
        """Do what an operator would type, and show what is said; whether it went well."""
        from chalicelib.migration import __main__ as typed
        from chalicelib.migration.commands import COMMANDS
        from chalicelib.migration.gates import MoveRefused

        self._session.say(f"\n$ python -m chalicelib.migration {' '.join(arguments)}")
        given = typed._parser().parse_args([*arguments, "--by", "demo", "--reason", "the demonstration"])
        try:
            shown = StringIO() if given.command == "preflight" else sys.stdout
            is_well = COMMANDS[given.command](self._operator, given, shown) == 0
            if isinstance(shown, StringIO):
                self._session.say("\n".join(line for line in shown.getvalue().splitlines() if line[6:7].isdigit()))
            return is_well
        except MoveRefused as refused:
            for one in refused.refusals:
                self._session.say(f"  refused by {one.gate}: {one.reason}")
            return False

    def mend(self, dsn: str) -> None:
        """Correct what stops the move; the rest is settled by rules."""
        import psycopg

        self._session.say("\nItems above 400 KB stop the move: the operator shortens them.")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(_SHORTEN)

    def must(self, *arguments: str) -> None:
        """The same, tried until gates let it through."""
        for _ in range(_MOST_TRIES):
            if self.run(*arguments):
                return
            time.sleep(QUIET.total_seconds() / 2)
        raise CommandFailedError(f"`{' '.join(arguments)}` was refused {_MOST_TRIES} times.")

    def move(self) -> None:
        """There, back, and there again."""
        with self._operator.move.pool.transaction(is_read_only=True) as cursor:
            cursor.execute("SELECT id::text FROM users ORDER BY id")
            ids = [row[0] for row in cursor.fetchall()]
        self._load.start(ids)
        # The bulk first, by batches, while nobody writes on both sides; then the same again under conditions.
        self.run("backfill", "--do")
        for phase in ("dual_write", "backfill"):
            self.must("move", phase, "--do")
        self.run("backfill", "--do", "--again")
        self.must("move", "verify", "--do")
        self.must("verify", "--do", "--repair")
        self.must("move", "shadow_read", "--do")
        time.sleep(_LIVED_SECONDS)
        self.must("move", "read_fallback", "--do")
        self._cut_over()
        self.must("rollback", "--do")
        time.sleep(_LIVED_SECONDS)
        self._cut_over()

    def judge(self) -> int:
        """Stop the load, compare everything for the last time, and say how it went."""
        self._operator.move.mover.mend("demo")
        self.must("verify", "--do", "--html-to", f"{REPORT}.html", "--json-to", f"{REPORT}.json")
        lost = [one.email for one in self._load.people if one.shown_name() != one.kept_name]
        tally, marks = self._load.tally, self._operator.move.marks.count()
        unavailable = {status: count for status, count in tally.answers.items() if status not in {200, 503}}
        self.run("report")
        self._session.say(
            f"\nIn {time.monotonic() - self._began:.0f} s: {tally.line()}\n"
            f"Told to come again while the primary moved: {tally.answers[503]}; "
            f"failed otherwise: {unavailable or 'none'}.\n"
            f"Acknowledged and not shown: {lost or 'none'}; shown wrongly: {tally.broken or 'none'}; "
            f"marks left: {marks}.\nThe report: {REPORT}.html"
        )
        return 1 if lost or tally.broken or unavailable or marks else 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Show a line of progress every two seconds; the load ends with it."""
        threads = [threading.Thread(target=work, daemon=True) for work in (self._tell, self._drain)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._load.stop()
            self._over.set()
            for thread in threads:
                thread.join(timeout=10)

    def _cut_over(self) -> None:
        for percent in ("10", "100"):
            self.run("move", "read_fallback", "--percent", percent, "--do")
            time.sleep(_LIVED_SECONDS)
        self.must("verify", "--do", "--repair")
        self.must("move", "cut_over", "--do")
        time.sleep(_LIVED_SECONDS)

    def _tell(self) -> None:
        while not self._over.wait(_TICK_SECONDS):
            self._session.say(f"  {time.monotonic() - self._began:4.0f} s  {self._state()} | {self._load.tally.line()}")

    def _drain(self) -> None:
        """Copy what notes speak of, as the schedule does once a minute in AWS."""
        from chalicelib import errors
        from chalicelib.migration.ports import PhaseMoved

        move = self._operator.move
        while not self._over.wait(0.2):
            try:
                if move.control.refreshed().copies and move.control.refreshed().primary == "legacy":
                    move.drainer.until_empty(5.0)
            except (errors.Unavailable, PhaseMoved):
                continue  # The next round comes soon.

    def _state(self) -> str:
        from chalicelib import errors

        move = self._operator.move
        try:
            standing = move.control.refreshed()
            copied = sum(part.done for part in self._operator.checkpoints().parts())
            phase = f"{standing.phase}{f' {standing.percent} %' if standing.percent else ''}"
            return f"{phase} | {copied:,} copied | notes {move.changes.backlog():,}, marks {move.marks.count()}"
        except errors.Unavailable as trouble:
            return str(trouble.message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
