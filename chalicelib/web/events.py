"""Events in: what S3, the queues and the schedules hand us, with one correlation id from start to end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from chalice.app import S3Event, SQSEvent

from chalicelib.ids import new_id
from chalicelib.observe import audit
from chalicelib.observe.log import correlate, log


def deliver_records(event: S3Event, act: Callable[[Sequence[dict[str, Any]]], None]) -> None:
    """Hand over all records of an S3 event, not only the first (design, trap 14). What is raised makes Lambda
    deliver again."""
    _begin()
    _act(event.to_dict().get("Records", []), act, "records_failed")


def deliver_messages(event: SQSEvent, act: Callable[[str], None]) -> None:
    """Hand over each message's body. The declared batch size is one: what is raised brings back just that message.

    Chalice ignores a returned `batchItemFailures` (design, trap 18), so a larger batch would have to fail as a whole.
    """
    for record in event:
        _begin()
        _act(record.body, act, "message_failed")


def deliver_tick(act: Callable[[], None]) -> None:
    """Do what a schedule asks for."""
    _begin()
    _act(None, lambda _: act(), "tick_failed")


def _begin() -> None:
    correlate(new_id())
    audit.begin()


def _act(what: Any, act: Callable[[Any], None], failure: str) -> None:
    try:
        act(what)
    except Exception as error:
        log(failure, level=logging.ERROR, error=error)
        raise
