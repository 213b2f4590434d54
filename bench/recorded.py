"""Calls of the app with what AWS answered to each: recorded once on the embedded cloud, answered at once ever after.

Recorded anew by `python -m bench.recorded`; nobody's data, the people are invented on the way.
"""

from __future__ import annotations

import base64
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    # What measures a start may not load anything that a start loads.
    from urllib3.connectionpool import HTTPConnectionPool
    from urllib3.response import HTTPResponse

AT: Final = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
"""The instant at which everything was recorded, and is answered."""
FILE: Final = Path(__file__).with_name("recorded.json")
ENVIRONMENT: Final[Mapping[str, str]] = {
    "SERENYA_STAGE": "test",
    "SERENYA_ACCOUNT_ID": "000000000000",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "GOOGLE_CLIENT_IDS": "serenya-local-google",
    "GOOGLE_ISSUERS": "https://accounts.google.com",
    "GOOGLE_JWKS_URL": "https://127.0.0.1/google/certs",
    "APPLE_CLIENT_IDS": "serenya.local.apple",
    "ANALYST": "local",
}
"""The stage that the calls were recorded in, and are answered in."""


@dataclass(frozen=True)
class Exchange:
    """One request that left the process, by what it asked, and what came back."""

    asked: str
    status: int
    headers: dict[str, str]
    content: bytes


@dataclass(frozen=True)
class AwsCall:
    """One call of botocore's, as the service made it."""

    service: str
    operation: str
    sent: dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """One call of the app: API Gateway's event, and what was answered from outside to a process that had just begun
    (`cold`) and to one at work (`warm`, with the calls of botocore's that asked for it)."""

    name: str
    event: dict[str, Any]
    cold_event: dict[str, Any]
    cold: list[Exchange]
    warm: list[Exchange]
    calls: list[AwsCall]
    status: int


def read() -> list[Recorded]:
    """Return what was recorded."""
    return [
        Recorded(
            event=one["event"],
            cold_event=one["cold_event"],
            name=one["name"],
            cold=[_exchange(each) for each in one["cold"]],
            warm=[_exchange(each) for each in one["warm"]],
            calls=[AwsCall(each["service"], each["operation"], _bytes_in(each["sent"])) for each in one["calls"]],
            status=one["status"],
        )
        for one in json.loads(FILE.read_text(encoding="utf-8"))
    ]


def named(name: str) -> Recorded:
    """Return one of the calls."""
    return next(one for one in read() if one.name == name)


def write(calls: list[Recorded]) -> None:
    """Write the file; bytes in base64."""
    text = json.dumps([asdict(one) for one in calls], indent=1, default=lambda raw: base64.b64encode(raw).decode())
    FILE.write_text(text + "\n", encoding="utf-8")


def _exchange(one: dict[str, Any]) -> Exchange:
    return Exchange(one["asked"], one["status"], one["headers"], base64.b64decode(one["content"]))


def _bytes_in(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: base64.b64decode(value) if name == "Body" else value for name, value in sent.items()}


def asked_by(method: str, headers: Mapping[str, Any] | None) -> str:
    """Name what a request asks for: the operation, or the verb where S3 or a provider is asked."""
    target = dict(headers or {}).get("X-Amz-Target", "")
    text = target.decode() if isinstance(target, bytes) else str(target)
    return text.rsplit(".", 1)[-1] or method


class NotRecordedError(Exception):
    """The service asked for something that was not asked for when it was recorded: record anew."""


class Outside:
    """Everything outside of this process: answers in the order of the recording, per question, without a wait."""

    def __init__(self) -> None:
        self._answers: dict[str, list[Exchange]] = {}

    def expect(self, exchanges: list[Exchange]) -> None:
        """Be asked for these from now on, and for nothing else."""
        self._answers = defaultdict(list)
        for one in reversed(exchanges):
            self._answers[one.asked].append(one)

    def answer(self, _pool: HTTPConnectionPool, method: str, url: str, *_: Any, **sent: Any) -> HTTPResponse:
        """Stand in for `HTTPConnectionPool.urlopen`.

        Raises:
            NotRecordedError: nobody asked for this when the call was recorded.
        """
        from urllib3.response import HTTPResponse

        asked = asked_by(method, sent.get("headers"))
        if not self._answers.get(asked):
            raise NotRecordedError(f"{asked} of {url} was not recorded: python -m bench.recorded")
        one = self._answers[asked].pop()
        return HTTPResponse(
            body=io.BytesIO(one.content),
            headers=one.headers,
            status=one.status,
            preload_content=sent.get("preload_content", True),
            request_method=method,
        )

    def left(self) -> list[str]:
        """Return what was recorded and has not been asked for."""
        return [asked for asked, left in self._answers.items() for _ in left]


@contextmanager
def answered() -> Iterator[Outside]:
    """Let recorded answers stand for everything outside, beneath botocore's own HTTP session."""
    from urllib3.connectionpool import HTTPConnectionPool

    outside, real = Outside(), HTTPConnectionPool.urlopen

    def urlopen(pool: HTTPConnectionPool, method: str, url: str, *more: Any, **sent: Any) -> HTTPResponse:
        return outside.answer(pool, method, url, *more, **sent)

    HTTPConnectionPool.urlopen = urlopen  # type: ignore[assignment,method-assign]  # put back below
    try:
        yield outside
    finally:
        HTTPConnectionPool.urlopen = real  # type: ignore[method-assign]  # as it was


class Minutes:
    """A clock that shows the minute of the recording and the next in turns: limits count a minute's calls, and no
    token ends."""

    def __init__(self) -> None:
        self._instants = (AT, AT + timedelta(seconds=60))
        self._turn = 0

    def turn(self) -> None:
        """Show the other minute."""
        self._turn = 1 - self._turn

    def now(self, _: Any = None) -> datetime:
        """Return the present instant, in place of `SystemClock.now`."""
        return self._instants[self._turn]


class Context:
    """What Lambda says of an invocation, as far as the service reads it."""

    function_name = "serenya-test-api_handler"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:serenya-test-api_handler"
    aws_request_id = "8a7d7b7e-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """All the time that there is."""
        return 29_000


if __name__ == "__main__":
    import os

    os.environ.update(ENVIRONMENT)
    from bench.recording import record

    record()
