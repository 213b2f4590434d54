"""Both drivers give the same values for the same columns, and the mapping says the same over a real database."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.gateways.secrets import Secrets
from chalicelib.migration.__main__ import main
from chalicelib.migration.changes import PostgresChanges
from chalicelib.migration.command_words import UNUSABLE
from chalicelib.migration.ports import Holding, Outcome
from chalicelib.migration.postgres import (
    Isolation,
    UnprotectedDsn,
    _arguments,
    connect,
    is_unreachable,
    require_protected,
    rows,
    sqlstate,
    transaction,
)
from chalicelib.migration.serenya.additions import ADDITIONS, TRACKED
from chalicelib.migration.serenya.raw import jsonb
from chalicelib.migration.serenya.rows import PersonRows
from chalicelib.wiring_migration import dsn_of, legacy
from deploy.generate import stage_settings
from dev.legacy.server import LegacyDatabase
from tests.migration.people_rows import people, write_rows

_TABLE = """
CREATE TYPE mood AS ENUM ('glad'); CREATE TABLE all_of_it (
    whole bigint, name uuid, money numeric(10,2), document jsonb, address inet, at timestamptz, code char(3),
    feels mood, said text, is_so bool)
"""


@pytest.mark.parametrize("driver", ["psycopg", "pg8000"])
def test_both_drivers_give_the_same_values(legacy_database: LegacyDatabase, driver: str) -> None:
    connection = connect(legacy_database.dsn, driver=driver)
    rows(connection, _TABLE)
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    name = "6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11"
    given: list[Any] = [7, name, Decimal("1.10"), '{"b": 1.10}', "10.0.0.1/24", at, "EU", "glad", "50 % 's\"", True]
    with transaction(connection, Isolation.REPEATABLE_READ) as cursor:
        rows(cursor, f"INSERT INTO all_of_it VALUES ({', '.join(['%s'] * 10)})", given)
    assert rows(connection, "SELECT * FROM all_of_it WHERE name = ANY(%s::uuid[])", ([name],)) == [
        (7, name, Decimal("1.10"), '{"b": 1.10}', "10.0.0.1/24", at, "EU ", "glad", "50 % 's\"", True)
    ]
    assert rows(connection, "SELECT 'infinity'::timestamptz, '4000-01-01 BC'::timestamptz") == [
        (datetime.max.replace(tzinfo=UTC), datetime(1000, 1, 1, tzinfo=UTC))
    ]


@pytest.mark.parametrize("driver", ["psycopg", "pg8000"])
def test_the_time_to_connect_is_no_limit_of_a_statement(legacy_database: LegacyDatabase, driver: str) -> None:
    connection = connect(legacy_database.dsn, driver=driver, timeout_seconds=1)
    assert rows(connection, "SELECT 1 FROM pg_sleep(1.3)") == [(1,)]
    connection.close()


@pytest.mark.parametrize("driver", ["psycopg", "pg8000"])
def test_what_fails_in_a_transaction_is_undone_and_told_apart(legacy_database: LegacyDatabase, driver: str) -> None:
    connection = connect(legacy_database.dsn, driver=driver)
    with pytest.raises(Exception, match="zero") as failed, transaction(connection) as cursor:
        rows(cursor, "CREATE TABLE half (done int)")
        rows(cursor, "SELECT 1 / 0")
    assert (sqlstate(failed.value), is_unreachable(failed.value)) == ("22012", False)
    assert rows(connection, "SELECT to_regclass('half')") == [(None,)]
    with pytest.raises(Exception, match=r"refused|connect"):
        connect("host=127.0.0.1 port=1 user=nobody dbname=nothing", driver=driver)


@pytest.mark.parametrize(
    ("dsn", "is_taken"),
    [
        ("postgresql://u:hush@db.example/x?sslmode=verify-full", True),
        ("postgresql://u:hush@db.example/x?sslmode=verify-full&sslrootcert=system", True),
        ("host=db.example user=u password=hush dbname=x sslmode=verify-full", True),
        ("postgresql://u:hush@127.0.0.1:5433/x", True),
        ("postgresql://u:hush@[::1]/x", True),
        ("postgresql:///x?host=/run/postgresql", True),
        ("postgresql://u:hush@db.example/x", False),
        *(
            (f"postgresql://u:hush@db.example/x?sslmode={mode}", False)
            for mode in ("disable", "allow", "prefer", "require", "verify-ca", "VERIFY-FULL")
        ),
        ("postgresql://u:hush@db.example/x?sslmode=verify-full&sslmode=disable", False),
        ("host=db.example user=u password=hush dbname=x", False),
        ("postgresql://u:hush@localhost/x?hostaddr=10.0.0.1", False),
        ("postgresql://u:hush@db.example/x?hostaddr=127.0.0.1", False),
        ("host=localhost,db.example user=u password=hush", False),
        ("postgresql:///x", False),
    ],
)
def test_a_stage_reaches_its_legacy_database_over_verified_tls_or_not_at_all(dsn: str, is_taken: bool) -> None:
    stage = replace(stage_settings("prod"), has_legacy_database=True)
    local = replace(stage, stage="local")
    assert dsn_of(local, _held(local, dsn)) == dsn, "a developer's machine is asked nothing"
    if is_taken:
        assert dsn_of(stage, _held(stage, dsn)) == dsn
        return
    with pytest.raises(UnprotectedDsn, match="sslmode=verify-full") as refused:
        dsn_of(stage, _held(stage, dsn))
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("dsn", "more", "is_taken"),
    [
        ("postgresql://u:hush@db.example/x", {}, False),
        ("postgresql://u:hush@db.example/x?sslmode=require", {}, False),
        ("postgresql://u:hush@db.example/x?sslmode=require", {"is_checked": False}, True),
        ("postgresql://u:hush@db.example/x?sslmode=prefer", {"is_checked": False}, False),
        ("host=db.example user=u password=hush", {"is_checked": False}, False),
        ("postgresql://u:hush@db.example/x?sslmode=verify-full", {}, True),
        ("postgresql://u:hush@127.0.0.1/x", {}, True),
        ("postgresql:///x?host=/run/postgresql", {}, True),
    ],
)
def test_an_operator_reaches_a_database_over_verified_tls_or_says_that_less_is_enough(
    dsn: str, more: dict[str, bool], is_taken: bool
) -> None:
    if is_taken:
        require_protected(dsn, **more)
        return
    with pytest.raises(UnprotectedDsn, match="sslmode=verify-full") as refused:
        require_protected(dsn, **more)
    assert "hush" not in str(refused.value)


def test_the_command_refuses_a_database_that_others_may_answer_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--dsn", "postgresql://u:hush@db.example/x?sslmode=require"]) == UNUSABLE
    said = capsys.readouterr()
    assert "status: The DSN of the legacy database has to say sslmode=verify-full" in said.err
    assert "hush" not in said.out + said.err


def _held(stage: Settings, dsn: str) -> Secrets:
    """The secrets of a stage that has this one alone."""

    class Held:
        def get_secret_value(self, *, SecretId: str) -> Mapping[str, Any]:  # noqa: N803  # the name is AWS's
            return {stage.legacy_secret: {"SecretString": json.dumps({"dsn": dsn})}}[SecretId]

    return Secrets(Held, SystemClock(), timedelta(minutes=1))


def test_the_driver_that_ships_checks_the_name_of_the_server_by_the_roots_of_the_system_or_a_file() -> None:
    root = "postgresql://u:p@db.example/x?sslmode=verify-full&sslrootcert="
    context = _arguments(f"{root}system")["ssl_context"]
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    with pytest.raises(FileNotFoundError):
        _arguments(f"{root}/nowhere/roots.pem")


@pytest.mark.parametrize("driver", ["psycopg", "pg8000"])
def test_a_person_is_read_alike_by_both_drivers(legacy_database: LegacyDatabase, driver: str) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(people())
    def holds(person: PersonRows) -> None:
        assert person.user is not None
        rows(connection, "TRUNCATE users CASCADE; TRUNCATE migration.extras")
        write_rows(connection, person)
        with side.pool.transaction() as cursor:
            found = side.mapping.found(cursor, [person.user.id])[person.user.id]
        assert found.rows == _in_order(person)
        holding = side.holding(person.user.id)
        assert side.store(holding) is Outcome.UNCHANGED
        # Away with all of it, and back from the items alone.
        gone = Holding(holding.key, side.revision(holding.key))
        assert side.store(gone) is Outcome.REMOVED
        assert rows(connection, "SELECT count(*) FROM users") == [(0,)]
        assert side.store(replace(holding, revision=side.revision(holding.key))) is Outcome.WRITTEN
        assert side.holding(holding.key).items == holding.items
        assert side.store(holding) is Outcome.NEWER_THERE

    side = legacy(legacy_database.dsn)
    connection = connect(legacy_database.dsn, driver=driver)
    side.pool._connect = lambda: connect(legacy_database.dsn, driver=driver)
    PostgresChanges(side.pool, TRACKED, ADDITIONS).install()
    holds()


def test_a_reader_who_is_shown_only_some_jobs_is_given_all_of_each_person(legacy_database: LegacyDatabase) -> None:
    from chalicelib.migration.serenya.rows import JobRow, UserRow
    from chalicelib.wiring_migration import rows_mapping
    from tests.migration.people_rows import AS_OF, a_uuid

    connection = connect(legacy_database.dsn)
    for number in (1, 2):
        user = UserRow(
            a_uuid(number), f"x{number}", "google", "", None, None, "", None, None, None, None, None, None, None
        )
        head = (a_uuid(9 + number), user.id, f"j{number}", "pdf")
        job = JobRow(*head, None, None, None, None, 1, "k", None, AS_OF, None, None, None, None, None)
        write_rows(connection, PersonRows(user=user, jobs=(job,)))
    mapping = rows_mapping(is_installed=False)
    with transaction(connect(legacy_database.reader_dsn)) as cursor:
        found = mapping.found(cursor, [a_uuid(1), a_uuid(2)])
    assert [one.job_id for one in found[a_uuid(1)].rows.jobs] == ["j1"]
    assert [one.job_id for one in found[a_uuid(2)].rows.jobs] == ["j2"]


def _in_order(person: PersonRows) -> PersonRows:
    def sort(several: Any) -> Any:
        return tuple(sorted(several, key=lambda row: row.id))

    biometrics = [
        replace(
            one,
            device_attestation_data=jsonb(one.device_attestation_data),
            registration_metadata=jsonb(one.registration_metadata),
        )
        for one in person.biometrics
    ]
    ordered = {name: sort(getattr(person, name)) for name in ("consents", "devices", "sessions", "subscriptions")}
    return replace(
        person,
        **ordered,
        biometrics=sort(biometrics),
        payments=sort(person.payments),
        jobs=sort(person.jobs),
    )
