"""The legacy world: a real PostgreSQL, started from a package, with the schema that production has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from dev.children import ROOT
from dev.legacy.server import LegacyDatabase, Server, legacy_server
from dev.legacy_data import generate, main

TABLES = {
    "users",
    "consent_records",
    "user_devices",
    "user_sessions",
    "biometric_registrations",
    "subscriptions",
    "subscription_tiers",
    "payments",
    "chat_options",
    "processing_jobs",
    "processing_job_events",
    "schema_versions",
}
USER = """
INSERT INTO users (external_id, auth_provider, email, name) VALUES ('x', 'google', 'a@example.org', 'A') RETURNING id
"""


def test_it_has_the_tables_of_the_legacy_database(legacy_database: LegacyDatabase) -> None:
    with psycopg.connect(legacy_database.dsn) as connection:
        found = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        assert {name for (name,) in found} == TABLES


def test_every_test_has_a_database_of_its_own(legacy_database: LegacyDatabase, legacy_postgres: Server) -> None:
    from dev.legacy.server import legacy_database as another

    with psycopg.connect(legacy_database.dsn) as connection:
        connection.execute(USER)
    with another(legacy_postgres) as fresh, psycopg.connect(fresh.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)


def test_a_trigger_keeps_updated_at(legacy_database: LegacyDatabase) -> None:
    with psycopg.connect(legacy_database.dsn, autocommit=True) as connection:
        connection.execute(USER)
        connection.execute("UPDATE users SET updated_at = '2001-01-01Z', name = 'B'")
        (is_now,) = connection.execute("SELECT updated_at > now() - interval '1 minute' FROM users").fetchone() or (
            None,
        )
        assert is_now


def test_row_level_security_hides_jobs_from_who_does_not_own_them(legacy_database: LegacyDatabase) -> None:
    with psycopg.connect(legacy_database.dsn) as connection:
        (user,) = connection.execute(USER).fetchone() or (None,)
        connection.execute(
            "INSERT INTO processing_jobs (job_id, user_id, original_filename, sanitized_filename, file_type, file_size,"
            " s3_bucket, s3_key, uploaded_at) VALUES ('j', %s, 'f', 'f', 'pdf', 1, 'b', 'k', now())",
            (user,),
        )
    with psycopg.connect(legacy_database.reader_dsn, autocommit=True) as reader:
        with pytest.raises(psycopg.errors.UndefinedObject):
            reader.execute("SELECT count(*) FROM processing_jobs")
        for whom, seen in (("00000000-0000-0000-0000-000000000000", 0), (str(user), 1)):
            reader.execute("SELECT set_config('app.current_user_id', %s, false)", (whom,))
            assert reader.execute("SELECT count(*) FROM processing_jobs").fetchone() == (seen,)


def test_the_same_seed_makes_the_same_people_and_none_is_put_where_others_are(
    legacy_database: LegacyDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert generate(40, 7, now) == generate(40, 7, now)
    assert generate(40, 7, now) != generate(40, 8, now)

    for code in (0, 1):
        assert main(["--users", "40", "--seed", "7", "--dsn", legacy_database.dsn]) == code
    assert "already" in capsys.readouterr().err


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _START_AND_WAIT], cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert starter.stdout is not None
    server = Server(starter.stdout.readline().strip())
    server.connect().close()

    starter.send_signal(signal.SIGKILL)
    starter.wait()

    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            return
        time.sleep(0.05)
    pytest.fail("The server outlived who started it.")


def test_what_a_server_with_a_folder_held_is_there_the_next_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    import tempfile

    # A socket's path is short, and pytest's folders are not.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        with legacy_server(Path(folder)) as server, server.connect() as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        with legacy_server(Path(folder)) as server, server.connect() as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


_START_AND_WAIT = """
import time
from dev.legacy.server import legacy_server
with legacy_server() as server:
    print(server.dsn, flush=True)
    time.sleep(60)
"""
