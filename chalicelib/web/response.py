"""What a route gives back: structs in, the app's JSON out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, TypeVar

import msgspec
from chalice.app import CORSConfig, Response

CORS: Final = CORSConfig(
    allow_origin="*",
    allow_headers=[
        "Content-Type",
        "X-App-Version",
        "X-Platform",
        "X-Device-Platform",
        "X-Device-ID",
        "X-API-Version",
        "X-Session-ID",
        "X-Request-Timestamp",
        "Idempotency-Key",
    ],
    expose_headers=["X-Request-ID", "ETag", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
    max_age=600,
)
"""Chalice itself adds `Authorization` and the headers of signed requests. No cookies exist, so any origin may ask."""

JSON: Final = "application/json"
_NOT_MODIFIED: Final = 304

Headers = dict[str, str | list[str]]
"""What Chalice takes; ours have one value each."""


class Answer(msgspec.Struct, kw_only=True):
    """A successful JSON answer: `success: true` and the fields at the root."""

    success: bool = True


A = TypeVar("A", bound=Answer)


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is not our JSON: a page, an asset, the OpenAPI document, an empty 304. Bytes need a route that
    declares their type in `binary`. A view that answers nothing else returns a kind of its own, whose `MEDIA` are the
    types that it may have."""

    MEDIA: ClassVar[tuple[str, ...]] = ()

    body: str | bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = {}


class WithStatus(msgspec.Struct, Generic[A], frozen=True):
    """An answer with a status or headers of its own."""

    answer: A
    status: int = 200
    headers: Mapping[str, str] = {}


def encode(body: Any) -> str:
    """Write JSON: decimals as numbers with exactly their digits, instants with `Z`, integers as integers."""
    return msgspec.json.Encoder(decimal_format="number").encode(body).decode()


def to_http(answer: Answer | WithStatus[Any] | Raw, correlation_id: str) -> Response:
    """Turn a route's answer into an HTTP response with its correlation id."""
    headers: Headers = {"X-Request-ID": correlation_id, "Cache-Control": "no-store"}
    if isinstance(answer, Raw):
        headers |= {"Content-Type": answer.content_type, **answer.headers}
        return Response(body=answer.body, status_code=answer.status, headers=headers)
    status, body = 200, answer
    if isinstance(answer, WithStatus):
        status, body = answer.status, answer.answer
        headers |= answer.headers
    # Whoever is answered 304 has the body (RFC 9110, section 15.4.5).
    written = "" if status == _NOT_MODIFIED else encode(body)
    return Response(body=written, status_code=status, headers=headers | {"Content-Type": JSON})
