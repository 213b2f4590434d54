"""Counts the questions that a journey asks of the table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.models.base import Item, shared_connection


@contextmanager
def counted() -> Iterator[list[str]]:
    """Yield a list that fills with the names of DynamoDB's operations as they are called."""
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    events = shared_connection().connection.client.meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield asked
    finally:
        events.unregister("before-call.dynamodb", note)


def stored(entity_type: str | None = None) -> list[dict[str, Any]]:
    """Return everything in the table, or all items of one type, as DynamoDB holds it."""
    items = shared_connection().scan()["Items"]
    return [item for item in items if entity_type in (None, item["entity_type"]["S"])]


def everything() -> list[Item]:
    """Return everything in the table in the order of its keys."""
    return sorted(Item.scan(), key=lambda item: (item.pk, item.sk))
