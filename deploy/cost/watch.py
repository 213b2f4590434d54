"""Watches every call that any AWS client of this process makes: when, how many bytes each way, and the units taken."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.exceptions import ClientError

from deploy.cost.capacity import items_at, units_of_read, units_of_refusal, units_of_write, written_by

_now = threading.local()
"""The call that this thread is in, so that what goes over the wire is counted for it."""
_DECODED: Final = "X-Amz-Decoded-Content-Length"


@dataclass(slots=True)
class Asked:
    """One call: `service:operation`; begun and ended in seconds of `time.perf_counter`; HTTP requests, of which each
    after the first is a repetition; bytes of the bodies, without headers; units by AWS's rules."""

    name: str
    begun: float = 0.0
    ended: float = 0.0
    requests: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    read_units: Decimal = Decimal(0)
    write_units: int = 0
    is_refused: bool = False


@dataclass(slots=True)
class Watch:
    """Whether a call is to be counted, and who is told of it; and how long watched calls took with all that watching
    adds, in seconds."""

    tell: Callable[[Asked], None]
    is_wanted: Callable[[], bool] = lambda: True
    seconds: float = field(default=0.0)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Watch every client of this process until the block ends."""
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # the one place all calls go through
    respond: Any = Endpoint._get_response  # type: ignore[attr-defined]  # and the one for each request of theirs

    def watched(client: Any, operation: str, sent: dict[str, Any]) -> Any:
        if getattr(_now, "is_looking", False) or not watch.is_wanted():
            return call(client, operation, sent)
        begun = time.perf_counter()
        asked = Asked(f"{client.meta.service_model.service_name}:{operation}")
        try:
            return _measured(asked, client, operation, sent, call)
        finally:
            watch.seconds += time.perf_counter() - begun
            watch.tell(asked)

    def weighed(endpoint: Any, request: Any, model: Any, context: Any) -> Any:
        answered, failure = respond(endpoint, request, model, context)
        asked: Asked | None = getattr(_now, "asked", None)
        if asked is not None:
            asked.requests += 1
            asked.sent_bytes += _sent_bytes(request)
            is_without_body = answered is None or request.method == "HEAD"
            asked.received_bytes += 0 if is_without_body else _received_bytes(answered[0])
        return answered, failure

    BaseClient._make_api_call = watched  # type: ignore[attr-defined]
    Endpoint._get_response = weighed  # type: ignore[attr-defined]
    try:
        yield
    finally:
        BaseClient._make_api_call = call  # type: ignore[attr-defined]
        Endpoint._get_response = respond  # type: ignore[attr-defined]


def round_trips(calls: Iterable[Asked]) -> int:
    """Return how many calls had to be waited for one after the other: calls that were under way at the same time count
    once. It is the longest row of calls of which each began when the one before it had ended."""
    count, ended = 0, float("-inf")
    for one in sorted(calls, key=lambda asked: asked.ended):
        if one.begun >= ended:
            count, ended = count + 1, one.ended
    return count


def _measured(asked: Asked, client: Any, operation: str, sent: dict[str, Any], call: Callable[..., Any]) -> Any:
    """Make the call, and look beside it at the items that it reads and writes."""

    def ask(name: str, arguments: Mapping[str, Any]) -> Any:
        _now.is_looking = True
        try:
            return call(client, name, dict(arguments))
        finally:
            _now.is_looking = False

    is_table = asked.name.startswith("dynamodb:")
    written = written_by(operation, sent) if is_table else ()
    before = items_at(written, ask)
    try:
        answer = _timed(asked, lambda: call(client, operation, sent))
    except ClientError:
        asked.is_refused, asked.write_units = True, units_of_refusal(written, before)
        raise
    if written:
        asked.write_units = units_of_write(written, before, items_at(written, ask))
    if is_table:
        asked.read_units = units_of_read(operation, sent, answer, ask)
    return answer


def _timed(asked: Asked, call: Callable[[], Any]) -> Any:
    _now.asked, asked.begun = asked, time.perf_counter()
    try:
        return call()
    finally:
        _now.asked, asked.ended = None, time.perf_counter()


def _sent_bytes(request: Any) -> int:
    """The body of a request; of one that is sent in chunks, what it says it is long without their frames."""
    if _DECODED in request.headers:
        return int(request.headers[_DECODED])
    body = request.body
    if body is None:
        return 0
    return len(body) if isinstance(body, str | bytes | bytearray) else int(request.headers.get("Content-Length", 0))


def _received_bytes(response: Any) -> int:
    """The body of an answer: JSON without the blanks that an emulator may put in; of a stream, what it says of itself,
    because whoever asked for it reads it."""
    declared = response.headers.get("Content-Length")
    content = getattr(response, "_content", None)
    if not content:
        return int(declared or 0)
    try:
        return len(json.dumps(json.loads(content), separators=(",", ":"), ensure_ascii=False).encode())
    except ValueError:
        return len(content)
