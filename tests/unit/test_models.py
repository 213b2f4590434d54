"""Items, keys and the catalogue of kinds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pynamodb.connection.table import TableConnection

from chalicelib.clock import iso, parse_iso
from chalicelib.models import base, catalogue, keys
from chalicelib.models.guard import GuardData, GuardItem
from chalicelib.models.schema import table_definition


def _kinds(model: type[base.Item]) -> set[type[base.Item]]:
    return {kind for child in model.__subclasses__() for kind in {child, *_kinds(child)}}


def test_every_kind_of_item_is_in_the_catalogue() -> None:
    assert {kind.model for kind in catalogue.KINDS.values()} == _kinds(base.Item)


def test_the_catalogue_names_kinds_as_the_items_do() -> None:
    for name, kind in catalogue.KINDS.items():
        assert base.Item.get_attributes()["entity_type"].get_discriminator(kind.model) == name  # type: ignore[attr-defined]  # known at run time only


def test_the_three_indexes_hold_keys_only() -> None:
    indexes = {
        one["IndexName"]: one["Projection"]["ProjectionType"] for one in table_definition("t")["GlobalSecondaryIndexes"]
    }
    assert indexes == {"GSI1-EmailLookup": "KEYS_ONLY", "GSI2-ExternalAuth": "KEYS_ONLY", "GSI3-UsageDue": "KEYS_ONLY"}


def test_every_item_says_what_it_is_and_when_it_was_written(table: TableConnection) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    key = keys.guard_key(keys.GuardKind.EMAIL, "abc")
    GuardItem(key.pk, key.sk, created_at=now, updated_at=now, data=GuardData(user_id="u")).save()
    raw = table.get_item(key.pk, range_key=key.sk)["Item"]
    assert raw["entity_type"] == {"S": "guard"}
    assert raw["created_at"] == raw["updated_at"] == {"S": "2026-01-01T00:00:00.000000Z"}
    assert raw["data"] == {"M": {"user_id": {"S": "u"}}}


def test_text_order_of_instants_is_time_order() -> None:
    start = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    instants = [start + timedelta(microseconds=step * 333_333) for step in range(10)]
    texts = [iso(one) for one in instants]
    assert texts == sorted(texts)
    assert [parse_iso(text) for text in texts] == instants


def test_a_shard_is_stable_and_shards_fill_evenly() -> None:
    counts = [0] * 8
    for number in range(4000):
        counts[keys.shard_of(f"user-{number}", 8)] += 1
    assert keys.shard_of("user-1", 8) == keys.shard_of("user-1", 8)
    assert min(counts) > 400
