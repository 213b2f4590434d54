"""What billing asks of the table: counted request by request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from bench.usage_reset import empty_table, measure
from chalicelib.billing.subscriptions import Subscriptions
from chalicelib.billing.usage import Reservations
from chalicelib.config import Settings
from chalicelib.models.base import shared_connection
from chalicelib.privacy.consents import require_processing
from chalicelib.rules import Rules
from chalicelib.stores.due import DueUsers
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, job, person


@contextmanager
def _requests() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    seen: list[tuple[str, dict[str, Any]]] = []
    events = shared_connection().connection.client.meta.events

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        seen.append((model.name, params))

    events.register("provide-client-params.dynamodb", note, unique_id="test")
    try:
        yield seen
    finally:
        events.unregister("provide-client-params.dynamodb", unique_id="test")


def test_a_reservation_is_one_transaction(table: TableConnection) -> None:
    person("u1").save()
    user = Users().by_id("u1")
    clock = SettableClock(SIGNED_UP)
    room = Reservations(UsageStore(), LiveSessions(), require_processing, Users().by_id, clock, shards=8)
    with _requests() as seen:
        room.reserve(user, caller_of("u1"), job("u1", "a", SIGNED_UP))
    assert [name for name, _ in seen] == ["TransactWriteItems"]


def test_showing_a_subscription_is_one_consistent_read(table: TableConnection) -> None:
    person("u1").save()
    room = Subscriptions(sessions=LiveSessions(), read_profile=Users().by_id, clock=SettableClock(SIGNED_UP))
    with _requests() as seen:
        room.current(caller_of("u1"))
    assert [name for name, _ in seen] == ["GetItem"]
    assert seen[0][1]["ConsistentRead"] is True


def test_the_due_index_is_not_filtered_by_what_it_does_not_hold(table: TableConnection) -> None:
    """A KEYS_ONLY index has no `entity_type`: DynamoDB would find nothing (the second engine finds it all the same)."""
    with _requests() as seen:
        list(DueUsers().on(SIGNED_UP.date(), 0))
    assert [name for name, _ in seen] == ["Query"]
    assert "FilterExpression" not in seen[0][1]


@pytest.mark.parametrize("others", [0, 60])
def test_the_cost_of_a_reset_follows_the_users_who_are_due(
    table: TableConnection, settings: Settings, others: int
) -> None:
    empty_table(settings.table_name, settings.region)
    cost = measure(30, others, rules=Rules(usage_due_shards=2))
    days, shards = 2, 2
    assert cost.requests == {
        "GetItem": 1,  # how far the last sweep came
        "Query": days * shards,
        "UpdateItem": 30,
        "PutItem": days,  # progress
    }
    assert cost.items_read == 30 + 1
    assert cost.items_written == 30 + 1, "of the two days one was recorded before: that write is refused"
