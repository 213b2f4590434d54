"""What a route is given: the call, and who makes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from chalicelib import errors
from chalicelib.ids import new_id

B = TypeVar("B")

PAGE: Final = ("limit", "cursor")
"""The query of a list that comes in pages."""
_USUAL_PAGE: Final = 20
_LONGEST_PAGE: Final = 100
_SAFE_CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a verified access token speaks of. Whether the session still lives is for the room's read or write to
    check."""

    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Call(Generic[B]):
    """One request: verified, limited and decoded. `body` is the route's struct, or None where the route has none;
    `route` is the declared path by which it came, the route's name or an alias."""

    body: B
    caller_or_none: Caller | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    client_address: str
    correlation_id: str
    route: str = ""

    @property
    def caller(self) -> Caller:
        """The signed-in caller. Only routes with a guard may ask; a public route that does is a defect."""
        if self.caller_or_none is None:
            raise errors.Unauthenticated(message="this route is public and knows no caller")
        return self.caller_or_none

    def header(self, name: str) -> str | None:
        """Return a header whatever its case."""
        return self.headers.get(name.lower())


def correlation_id_from(headers: Mapping[str, str]) -> str:
    """Take the caller's `X-Request-ID` if it is harmless, else draw one."""
    return harmless_or_new(headers.get("x-request-id", ""))


def harmless_or_new(given: str) -> str:
    """Return a given correlation id if it is harmless, else a new one."""
    return given if _SAFE_CORRELATION_ID.fullmatch(given) else new_id()


def page_size(limit: str | None) -> int:
    """Return how many entries a page is to have: what the query's `limit` says, and 20 where it says nothing.

    Raises:
        InvalidRequest: INVALID_LIMIT; it is no number from 1 to 100.
    """
    if limit is None:
        return _USUAL_PAGE
    is_short = len(limit) <= len(str(_LONGEST_PAGE))
    if not (limit.isascii() and limit.isdigit() and is_short and 1 <= int(limit) <= _LONGEST_PAGE):
        raise errors.InvalidRequest("INVALID_LIMIT", f"The limit is a number from 1 to {_LONGEST_PAGE}.")
    return int(limit)


def decode_body(raw: bytes, shape: type[B]) -> B:
    """Decode a JSON body strictly into a struct. Unknown fields are ignored, wrong types are not.

    Raises:
        InvalidRequest: no JSON, not an object, or a field of the wrong type; `details.field` names it.
    """
    try:
        if not raw.isascii():
            raw.decode()  # The text of ignored fields is skipped unread, whatever its bytes are.
        return msgspec.json.decode(raw or b"{}", type=shape)
    except msgspec.ValidationError as wrong:
        field = str(wrong).rsplit(" - at `$", 1)
        name = field[1].strip("`.") if len(field) == 2 else None
        raise _invalid_field(shape, name, field[0]) from wrong
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise errors.InvalidRequest("INVALID_JSON", "The body is not valid JSON.") from wrong


def _invalid_field(shape: type[Any], name: str | None, reason: str) -> errors.InvalidRequest:
    """Name the wrong field; structs may give a field its own public code in `ERROR_CODES`."""
    codes: Mapping[str, str] = getattr(shape, "ERROR_CODES", {})
    code = codes.get((name or "").split(".", 1)[0].split("[", 1)[0])
    return errors.InvalidRequest(
        code or "INVALID_REQUEST",
        f"The field {name or 'body'} is not valid: {reason}.",
        details={"field": name} if name else {},
    )
