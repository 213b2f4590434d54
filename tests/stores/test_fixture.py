"""The two engines themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pynamodb.connection.table import TableConnection
from pynamodb.exceptions import PutError

from chalicelib.models import keys
from chalicelib.models.base import Item
from chalicelib.models.guard import GuardData, GuardItem


def _guard() -> GuardItem:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    key = keys.guard_key(keys.GuardKind.EMAIL, "abc")
    return GuardItem(key.pk, key.sk, created_at=now, updated_at=now, data=GuardData(user_id="u"))


def test_a_guard_can_be_put_once(any_engine: TableConnection) -> None:
    _guard().save(condition=Item.pk.does_not_exist())
    with pytest.raises(PutError) as refused:
        _guard().save(condition=Item.pk.does_not_exist())
    assert refused.value.cause_response_code == "ConditionalCheckFailedException"


def test_all_models_share_one_connection(table: TableConnection) -> None:
    _guard().save()
    assert GuardItem._get_connection() is table
