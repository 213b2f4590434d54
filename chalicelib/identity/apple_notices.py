"""Notices of Apple about people, as Apple writes them, read into what they mean.

Source: Apple "Processing changes for Sign in with Apple accounts". In practice `events` is an object or the text of
one, instants are seconds or milliseconds, and a deleted account is `account-delete` or `account-deleted`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

_EVENT_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")
_SUBJECT: Final = re.compile(r"[\x21-\x7e]{1,255}")
_MILLISECONDS_FROM: Final = 1e11
"""Seconds reach this in the year 5138, milliseconds did in 1973."""
_LATEST: Final = 4e12


class NoticeKind(StrEnum):
    """What may have happened to a person at Apple."""

    CONSENT_REVOKED = "consent-revoked"
    ACCOUNT_DELETED = "account-deleted"
    EMAIL_DISABLED = "email-disabled"
    EMAIL_ENABLED = "email-enabled"


_SPELLINGS: Final = {**{str(kind): kind for kind in NoticeKind}, "account-delete": NoticeKind.ACCOUNT_DELETED}


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. `kind` is None for a type that we do not know; `type_given` is Apple's word in either case.

    `issued_at` is when Apple signed it, `happened_at` what it says of the event; `email` comes with notices about
    e-mail alone.
    """

    event_id: str
    kind: NoticeKind | None
    type_given: str
    external_id: str
    issued_at: datetime
    happened_at: datetime
    email: str | None


def read(claims: Mapping[str, Any]) -> Notice | None:
    """Read the verified claims of a notice; None if they say nothing that we could apply to anybody."""
    event = _event(claims.get("events"))
    event_id, issued_at = claims.get("jti"), _instant(claims.get("iat"))
    if event is None or issued_at is None or not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        return None
    kind, subject = event.get("type"), event.get("sub")
    if not isinstance(kind, str) or not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        return None
    email = event.get("email")
    happened_at = _instant(event.get("event_time")) or issued_at
    return Notice(
        event_id=event_id,
        kind=_SPELLINGS.get(kind),
        type_given=kind[:64],
        external_id=subject,
        issued_at=issued_at,
        # Nothing that is told of has yet to happen; a clock that runs ahead must not end tomorrow's session.
        happened_at=min(happened_at, issued_at),
        email=email if isinstance(email, str) else None,
    )


def _event(events: Any) -> Mapping[str, Any] | None:
    if isinstance(events, str):
        try:
            events = json.loads(events)
        except (ValueError, RecursionError):
            return None
    return events if isinstance(events, dict) else None


def _instant(value: Any) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LATEST:
        return None
    return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)
