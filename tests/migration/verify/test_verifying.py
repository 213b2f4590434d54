"""Verification of people who were copied: what it says, what it hides, what it mends."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.clock import iso
from chalicelib.migration import postgres
from chalicelib.migration.serenya.verified_rows import RowsHidden, SerenyaRows
from chalicelib.migration.verify import recompute
from chalicelib.migration.verify.digests import Tally, total
from chalicelib.migration.verify.page import page_of
from chalicelib.migration.verify.repairing import repair
from chalicelib.migration.verify.report import report_of, written
from chalicelib.migration.verify.settling import Patience
from chalicelib.wiring_migration import rulebook
from dev.legacy.server import LegacyDatabase
from tests.migration.verify import corruption
from tests.migration.verify.corruption import plant
from tests.migration.verify.world import World, moved

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
pytestmark = pytest.mark.second_engine


def test_what_was_copied_is_the_same_whatever_is_wrong_with_it(
    second_engine: TableConnection, legacy_database: LegacyDatabase
) -> None:
    with moved(second_engine, legacy_database, 90, each=2) as world:
        found = world.verify()

        assert found.differences == []
        assert found.is_clean
        assert found.candidates == 0
        assert found.keys >= 90
        assert found.row_counts["users"] == 90
        _anyone_can_ask_postgresql_for_the_same_sums(world, report_of(found))
        planted = [("subscription_tiers", "yearly_price_usd", "89.99", "99.99"), ("chat_options", "option_text")]
        said = [(one.key, one.attribute, one.legacy, one.home) for one in found.constants]
        assert sorted(one[:2] for one in said) == sorted(one[:2] for one in planted)
        assert planted[0] in said


def _anyone_can_ask_postgresql_for_the_same_sums(world: World, report: dict[str, Any]) -> None:
    sums: dict[str, list[Tally]] = {}
    for lane, _, number, high, low in world.sql(report["statement"]):
        sums.setdefault(lane, []).append(Tally(number, int(high), int(low)))
    assert {"users", "consents", "devices", "sessions", "subscriptions", "payments"} <= sums.keys()
    for lane in sums.keys() - {"guards"}:
        said = report["sums"][lane]["legacy"]
        assert total(sums[lane]).digest == said["digest"] == report["sums"][lane]["home"]["digest"], lane


def test_differences_are_named_by_attribute_hidden_unless_asked_for_and_mended(
    second_engine: TableConnection, legacy_database: LegacyDatabase, tmp_path: Path
) -> None:
    with moved(second_engine, legacy_database, 24, seed=2, each=0) as world:
        key = world.people[0]
        profile = corruption._profile(world, key)
        secret = profile["data"]["M"]["email"]["S"]
        profile["data"]["M"]["email"] = {"S": "Other.Person@example.org"}
        world.put(profile)
        external_ids = [name for (name,) in world.sql("SELECT external_id FROM users")]
        planted = {one for _, one in plant(world, world.people[1:12], 8, seed=5)}

        verifier = world.verifier()
        found = verifier.verify()

        mine = {(one.place, one.attribute, one.view.value) for one in found.differences if one.key == key}
        assert (f"USER#{key} PROFILE", "data.email", "mapping") in mine
        assert (f"users {key}", "email", "rows") in mine
        closed, opened = report_of(found), report_of(found, is_open=True)
        for text in (written(closed), page_of(closed)):
            assert secret not in text
            assert "Other.Person" not in text
            assert not [name for name in external_ids if name in text]
        assert secret in written(opened)
        assert "Other.Person" in page_of(opened)
        _says_what_it_found(closed, tmp_path)

        mended = repair(verifier, found, world.move.copier.repair)
        assert mended.failed == {}
        assert planted - set(world.people) == set()
        assert mended.left == []
        assert len(mended.copied) == len({one.key for one in found.differences})
        again = world.verify()
        assert again.differences == mended.left


def _says_what_it_found(report: dict[str, Any], folder: Path) -> None:
    path = folder / "report.json"
    path.write_text(written(report))
    said = io.StringIO()
    assert recompute.main([str(path)], said) == recompute.AGREES, said.getvalue()
    changed = json.loads(path.read_text())
    changed["verdict"] = "clean"
    path.write_text(json.dumps(changed))
    assert recompute.main([str(path)], io.StringIO()) == recompute.DIFFERS


def test_what_is_on_its_way_is_no_difference_and_what_never_arrives_is_reported_as_such(
    second_engine: TableConnection, legacy_database: LegacyDatabase
) -> None:
    with moved(second_engine, legacy_database, 12, seed=3, each=0) as world:
        key = world.people[3]
        world.sql("UPDATE users SET name = 'Changed' WHERE id = %s", key)

        found = world.verify(Patience(rounds=3, wait_seconds=0))

        assert found.differences == []
        assert found.settled.unsettled == {key}
        assert not found.is_clean
        world.drain()
        assert world.verify().is_clean


def test_a_note_that_was_lost_is_a_difference(second_engine: TableConnection, legacy_database: LegacyDatabase) -> None:
    with moved(second_engine, legacy_database, 12, seed=4, each=0) as world:
        key = world.people[5]
        world.sql("UPDATE users SET name = 'Changed' WHERE id = %s", key)
        world.sql("DELETE FROM migration.changes")

        found = world.verify()

        assert {one.key for one in found.differences} == {key}
        assert {one.attribute for one in found.differences} >= {
            "data.name",
            "name",
            "data.updated_at",
            "updated_at",
        } - {"data.updated_at"}


def test_somebody_deleted_on_the_legacy_side_must_be_gone_at_home(
    second_engine: TableConnection, legacy_database: LegacyDatabase
) -> None:
    with moved(second_engine, legacy_database, 12, seed=6, each=0) as world:
        key = world.people[2]
        before = world.items(key)
        for table in ("payments", "subscriptions", "user_sessions", "processing_jobs"):
            world.sql(f"DELETE FROM {table} WHERE user_id = %s", key)
        world.sql(
            "DELETE FROM biometric_registrations USING user_devices d WHERE d.id = biometric_registrations.device_id"
        )
        world.sql("DELETE FROM user_devices WHERE user_id = %s", key)
        world.sql("DELETE FROM users WHERE id = %s", key)
        world.drain()
        assert world.verify().is_clean

        for item in before.values():
            world.put(item)
        assert {one.key for one in world.verify().differences} == {key}


def test_what_is_kept_beside_rows_is_compared_too(
    second_engine: TableConnection, legacy_database: LegacyDatabase
) -> None:
    with moved(second_engine, legacy_database, 12, seed=7, each=0) as world:
        key = world.people[1]
        legacy = world.move.legacy
        holding = legacy.holding(key)
        items = {place: dict(item) for place, item in holding.items.items()}
        profile = items[f"USER#{key}", "PROFILE"]
        data = {**profile["data"]["M"], "billing_revision": {"N": "4"}}
        items[f"USER#{key}", "PROFILE"] = {**profile, "data": {"M": data}}
        unit = {"PK": {"S": f"USER#{key}"}, "SK": {"S": "MESSAGE#m1"}, "entity_type": {"S": "message_unit"}}
        stamps = {"created_at": {"S": iso(NOW)}, "updated_at": {"S": iso(NOW)}}
        items[f"USER#{key}", "MESSAGE#m1"] = {**unit, **stamps, "data": {"M": {}}, "ttl": {"N": "99999999999"}}
        legacy.store(type(holding)(key, holding.revision, items))
        world.copy([key])
        assert world.move.legacy.holding(key).items == items
        found = world.verify()
        assert (found.keys_beside, found.differences) == (1, [])

        copied = corruption._profile(world, key)
        copied["data"]["M"]["billing_revision"] = {"N": "5"}
        world.put(copied)
        assert {one.attribute for one in world.verify().differences} == {"data.billing_revision"}

        world.copy([key])
        world.move.copier.repair(key)
        world.delete((f"USER#{key}", "MESSAGE#m1"))
        assert {one.place for one in world.verify().differences} == {f"USER#{key} MESSAGE#m1"}


def test_rows_that_are_hidden_from_us_are_not_verified(legacy_database: LegacyDatabase) -> None:
    connection = postgres.connect(legacy_database.reader_dsn)
    rows = SerenyaRows(connection, rulebook(), NOW, NOW)

    with pytest.raises(RowsHidden, match="processing_jobs"):
        rows.by_range(1)
    with psycopg.connect(legacy_database.dsn) as owner:
        assert owner.execute("SELECT 1").fetchone() == (1,)
