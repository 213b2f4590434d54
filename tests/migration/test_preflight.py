"""The preflight finds every defect that was planted, by row id, and none that was not; and writes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from chalicelib.migration import postgres
from chalicelib.migration.pool import Pool
from chalicelib.migration.ports import Holding
from chalicelib.migration.serenya.legacy import SerenyaLegacy
from chalicelib.migration.serenya.preflight import CLEAN, DEFECTS, STOPPED, PreflightReport, preflight, write_json
from chalicelib.migration.serenya.preflight_kinds import DefectKind
from chalicelib.migration.sizes import write_units
from chalicelib.wiring_migration import rows_mapping
from dev.legacy.references import REFERENCE_DRIFT
from dev.legacy.server import LegacyDatabase
from dev.legacy.tables import Planted, World
from dev.legacy_data import generate, load

UNMEASURED = {DefectKind.TOO_LARGE}


def _filled(database: LegacyDatabase, world: World) -> World:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        load(connection, world)
    return world


def _planted(world: World) -> Counter[Planted]:
    return Counter(one for one in world.planted if one.kind != REFERENCE_DRIFT)


def _found(report: PreflightReport) -> Counter[Planted]:
    return Counter(Planted(one.kind, one.table, one.row_ids, one.column) for one in report.defects)


@pytest.mark.parametrize(("seed", "driver"), [(1, "psycopg"), (2, "psycopg"), (3, "pg8000")])
def test_it_finds_exactly_what_was_planted(legacy_database: LegacyDatabase, seed: int, driver: str) -> None:
    world = _filled(legacy_database, generate(500, seed))

    report = preflight(postgres.connect(legacy_database.dsn, driver=driver), datetime.now(UTC))

    wanted = Counter({one: count for one, count in _planted(world).items() if one.kind not in UNMEASURED})
    assert _found(report) == wanted
    assert {one.kind for one in wanted} >= set(DefectKind) - UNMEASURED - {DefectKind.HIDDEN_ROWS}
    assert report.exit_code == DEFECTS


def test_it_finds_nothing_where_nothing_is_wrong(legacy_database: LegacyDatabase) -> None:
    _filled(legacy_database, generate(300, seed=4, each=0))

    report = preflight(postgres.connect(legacy_database.dsn), datetime.now(UTC))

    assert report.defects == ()
    assert report.exit_code == CLEAN
    assert report.tables["users"] == 300


def test_it_writes_nothing(legacy_database: LegacyDatabase) -> None:
    _filled(legacy_database, generate(60, seed=5))
    with psycopg.connect(legacy_database.dsn, autocommit=True) as connection:
        before = connection.execute(
            "SELECT pg_current_xact_id_if_assigned(), txid_snapshot_xmax(txid_current_snapshot())"
        )
        seen = before.fetchone()
        preflight(postgres.connect(legacy_database.dsn), datetime.now(UTC))
        after = connection.execute(
            "SELECT pg_current_xact_id_if_assigned(), txid_snapshot_xmax(txid_current_snapshot())"
        )
        # Whoever writes is given a number of their own, and the next one grows.
        assert after.fetchone() == seen


def test_rows_that_are_hidden_from_the_reader_stop_it(legacy_database: LegacyDatabase) -> None:
    world = _filled(legacy_database, generate(300, seed=6, each=1))

    report = preflight(postgres.connect(legacy_database.reader_dsn), datetime.now(UTC))

    hidden = {one.table: one.detail for one in report.defects if one.kind is DefectKind.HIDDEN_ROWS}
    assert set(hidden) == {"processing_jobs", "processing_job_events"}
    assert f"about {len(world.tables['processing_jobs'])} there" in hidden["processing_jobs"]
    assert report.tables["processing_jobs"] == 0
    assert report.exit_code == STOPPED


def test_tables_that_may_not_be_read_stop_it_too(legacy_database: LegacyDatabase) -> None:
    _filled(legacy_database, generate(60, seed=7, each=1))
    with psycopg.connect(legacy_database.dsn, autocommit=True) as connection:
        connection.execute("REVOKE SELECT ON payments, user_devices FROM legacy_reader")

    report = preflight(postgres.connect(legacy_database.reader_dsn), datetime.now(UTC))

    closed = {one.table for one in report.defects if one.detail == "we may not read this table"}
    assert closed == {"payments", "user_devices"}
    assert "payments" not in report.tables


def test_a_report_names_rows_and_nothing_that_they_say(legacy_database: LegacyDatabase) -> None:
    world = _filled(legacy_database, generate(200, seed=8))

    report = preflight(postgres.connect(legacy_database.dsn), datetime.now(UTC))

    told = write_json(report) + report.as_text()
    emails = {user["email"] for user in world.tables["users"] if "@" in user["email"]}
    assert len(emails) > 100
    assert not [email for email in emails if email in told]
    parsed = json.loads(write_json(report))
    assert parsed["counts"] == dict(Counter(one.kind.value for one in report.defects))
    assert len(parsed["defects"]) == len(report.defects)
    assert all(one["row_ids"] for one in parsed["defects"])


def test_people_too_large_for_one_item_are_found_and_the_move_is_estimated(legacy_database: LegacyDatabase) -> None:
    world = _filled(legacy_database, generate(150, seed=9, each=2))
    holdings = _Counting(legacy_database.dsn)

    report = preflight(postgres.connect(legacy_database.dsn), datetime.now(UTC), holdings)

    assert _found(report) == _planted(world)
    large = [one for one in report.defects if one.kind is DefectKind.TOO_LARGE]
    assert len(large) == 2
    assert report.exit_code == STOPPED
    estimate = report.estimate
    assert estimate is not None
    whole = [write_units(item, in_transaction=True) for one in holdings.everybody(world) for item in one.items.values()]
    assert estimate.people == estimate.sampled == 150
    assert estimate.items == len(whole)
    assert estimate.write_units == sum(whole) + 2 * 150
    assert estimate.dollars == (Decimal("0.7625") * estimate.write_units / 10**6).quantize(Decimal("0.01"))
    assert f"{estimate.write_units:,} write units" in report.as_text()
    assert json.loads(write_json(report))["estimate"]["items"] == estimate.items


def test_an_estimate_from_a_sample_is_near_the_whole(legacy_database: LegacyDatabase) -> None:
    world = _filled(legacy_database, generate(900, seed=10, each=0))
    holdings = _Counting(legacy_database.dsn)

    estimate = preflight(postgres.connect(legacy_database.dsn), datetime.now(UTC), holdings).estimate

    assert estimate is not None
    assert 250 <= estimate.sampled <= 350
    whole = sum(
        write_units(item, in_transaction=True) for one in holdings.everybody(world) for item in one.items.values()
    )
    assert abs(estimate.write_units - 2 * 900 - whole) < 3 * max(estimate.spread, 0.01) * whole


class _Counting:
    """The items of people whose move was not installed yet."""

    def __init__(self, dsn: str) -> None:
        self._legacy = SerenyaLegacy(Pool(lambda: postgres.connect(dsn)), rows_mapping(is_installed=False))

    def __call__(self, keys: Sequence[str]) -> Sequence[Holding]:
        return self._legacy.holdings(keys)

    def everybody(self, world: World) -> Sequence[Holding]:
        people = [one["id"] for one in world.tables["users"]]
        return [one for start in range(0, len(people), 50) for one in self(people[start : start + 50])]
