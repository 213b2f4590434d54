"""Events in: what S3, the queues and the schedules hand us, with one correlation id from start to end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from chalice.app import Chalice, CloudWatchEvent, Cron, Rate, SQSEvent

from chalicelib.errors import ServiceError
from chalicelib.observe import audit
from chalicelib.observe.log import CORRELATION, correlate, log
from chalicelib.web.request import harmless_or_new
from chalicelib.web.run_time import watched
from chalicelib.web.s3_events import UploadEvent

OnRecords = Callable[[Sequence[dict[str, Any]]], None]
OnMessage = Callable[[str], None]
OnTick = Callable[[], None]


class Jobs(Protocol):
    """Works on messages, and answers calls."""

    def work(self, message: str) -> None:
        """Act on a message."""

    def call(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an operator."""


class Events:
    """Declares on a Chalice application what happens without being asked.

    Each method returns the handler, which has to stand on the page under the `name` given: that is where Lambda looks
    for it. What is to be done is asked for when the event comes, so that declaring it builds nothing. `at_once` says of
    some queues how many functions may work on them at a time (AWS: at least two).
    """

    def __init__(self, app: Chalice, at_once: Mapping[str, int]) -> None:
        self._app, self._at_once = app, at_once

    def upload(self, name: str, bucket: str, act: Callable[[], OnRecords]) -> Callable[..., Any]:
        """Act on objects that were created under `uploads/`: on all records of an event, not only the first (design,
        trap 14). What is raised makes Lambda deliver again."""

        def run(event: UploadEvent) -> None:
            _begin()
            with watched(event.context, name):
                _act(event.records, act(), "records_failed")

        declare = self._app.on_s3_event(bucket=bucket, events=["s3:ObjectCreated:*"], prefix="uploads/")
        handler = _declared(declare, name, run)
        handler.event_class = UploadEvent  # type: ignore[attr-defined]
        return handler

    def message(self, name: str, queue: str, act: Callable[[], OnMessage]) -> Callable[..., Any]:
        """Act on each message of a queue. They come one by one: what is raised brings back just that message.

        Chalice ignores a returned `batchItemFailures` (design, trap 18), so a larger batch would have to fail as a
        whole.
        """

        def run(event: SQSEvent) -> None:
            for record in event:
                _begin(_correlation_of(record.to_dict()))
                with watched(event.context, name):
                    _act(record.body, act(), "message_failed")

        declare = self._app.on_sqs_message(queue=queue, batch_size=1, maximum_concurrency=self._at_once.get(queue))
        return _declared(declare, name, run)

    def job(self, name: str, queue: str | None, act: Callable[[], Jobs]) -> Callable[..., Any]:
        """Act on each message of a queue, if there is one, and answer an operator who invokes the function with an
        `action`. A queue that is never used would cost what polling it costs."""

        def run(event: SQSEvent | Mapping[str, Any], context: Any = None) -> Any:
            given, context = (event.to_dict(), event.context) if isinstance(event, SQSEvent) else (event, context)
            _begin()
            with watched(context, name):
                if "action" in given:
                    answers: list[Any] = []
                    _act(given, lambda asked: answers.append(act().call(asked)), "call_failed")
                    return answers[0]
                for record in given["Records"]:
                    _act(record["body"], act().work, "message_failed")
            return None

        if queue is None:
            return _declared(self._app.lambda_function(name=name), name, run)
        declare = self._app.on_sqs_message(queue=queue, batch_size=1, maximum_concurrency=self._at_once.get(queue))
        return _declared(declare, name, run)

    def tick(self, name: str, schedule: Cron | Rate, act: Callable[[], OnTick]) -> Callable[..., Any]:
        """Act whenever a schedule says so, or an operator, who invokes the function with `{}`."""

        def run(event: _Tick) -> None:
            _begin()
            with watched(event.context, name):
                _act(None, lambda _: act()(), "tick_failed")

        handler = _declared(self._app.schedule(schedule), name, run)
        handler.event_class = _Tick  # type: ignore[attr-defined]
        return handler


class EventFailed(Exception):
    """What Lambda is told of an error that is not ours. It writes the text of whatever is raised into the log, and that
    of a foreign error may quote a document or a row; what is known of it stands in the line before."""


class _Tick(CloudWatchEvent):
    """An event of which nothing is read: Chalice's own refuses whatever lacks one of nine fields."""

    def _extract_attributes(self, event_dict: dict[str, Any]) -> None:
        """Take it as it is."""


def every(*, hours: int = 0, minutes: int = 0) -> Rate:
    """Return a schedule of whole hours or of whole minutes."""
    return Rate(hours, unit=Rate.HOURS) if hours else Rate(minutes, unit=Rate.MINUTES)


def _declared(declare: Callable[..., Any], name: str, run: Callable[..., Any]) -> Callable[..., Any]:
    run.__name__ = name
    handler: Callable[..., Any] = declare(run)
    return handler


def _begin(given: str = "") -> None:
    """Start the lines of an event: under the id of the request that it comes from, where it says one."""
    correlate(harmless_or_new(given))
    audit.begin()


def _correlation_of(record: Mapping[str, Any]) -> str:
    """Return the id that whoever sent a message put beside it."""
    return str(record.get("messageAttributes", {}).get(CORRELATION, {}).get("stringValue", ""))


def _act(what: Any, act: Callable[[Any], None], failure: str) -> None:
    try:
        act(what)
    except Exception as error:
        log(failure, level=logging.ERROR, error=error)
        if isinstance(error, ServiceError):
            raise
        raise EventFailed(f"{failure}: {type(error).__name__}") from None
