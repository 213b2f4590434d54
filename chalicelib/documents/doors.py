"""What this room needs from others; `wiring.py` hands it over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from chalicelib.documents.inspection import Declared, Inspected, InspectionLimits
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.web.request import Caller

RequireConsent = Callable[[UserItem], None]
"""Passes where medical data may be processed; raises Forbidden, CONSENT_REQUIRED."""

Inspect = Callable[[bytes, Declared, InspectionLimits], Inspected]
"""Checks a file against what is declared of it; see `inspection.inspect`."""


class Profiles(Protocol):
    """Reads profiles."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return a profile by a consistent read, or None."""
        ...


class SessionRule(Protocol):
    """Knows whether a session still lives."""

    def require_live(self, user: UserItem | None, caller: Caller) -> UserItem:
        """Return the profile.

        Raises:
            Unauthenticated: no such user, or the session was revoked. Forbidden: ACCOUNT_SUSPENDED.
        """
        ...


class Reserved(Protocol):
    """A unit that is counted. `used` and `limit` are those of the running period; no limit is None."""

    @property
    def is_repeat(self) -> bool:
        """Whether it was counted for the same job before: that job stands, and nothing was written."""
        ...

    @property
    def used(self) -> int:
        """Units used, this one included."""
        ...

    @property
    def limit(self) -> int | None:
        """Units that there are."""
        ...

    @property
    def resets_at(self) -> datetime:
        """When the next period begins."""
        ...


class Reservations(Protocol):
    """Pays for jobs."""

    def reserve(self, user: UserItem | None, caller: Caller, job: JobItem) -> Reserved:
        """Count one unit and put the job, in one transaction; an equal job that is there already counts nothing.

        Raises:
            QuotaSpent: the period's units are used up. Unauthenticated, Forbidden: the session or consent is gone.
        """
        ...


class Objects(Protocol):
    """The bucket. Only "no such key" means absent; any other failure raises `Unavailable`."""

    def put(self, key: str, content: bytes, content_type: str, *, is_replacing: bool = False) -> bool:
        """Store an object; False where one is there already and is not to be replaced."""
        ...

    def get(self, key: str, limit_bytes: int) -> bytes | None:
        """Return an object's bytes, or None. Raises TooLarge above the limit."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is an object."""
        ...

    def any_under(self, prefix: str) -> bool:
        """Whether any key begins so."""
        ...

    def delete(self, keys: list[str]) -> None:
        """Remove objects; absent ones are fine."""
        ...

    def presign(
        self, key: str, *, content_type: str, size: int, checksum_sha256: str | None, expires_in_seconds: int
    ) -> tuple[str, dict[str, str]]:
        """Return address and fields of a form that can store exactly this object."""
        ...


class Cursors(Protocol):
    """Makes and reads cursors of lists."""

    def make(self, list_name: str, caller_id: str, position: str) -> str:
        """Return a cursor for this caller and list."""
        ...

    def position(self, list_name: str, caller_id: str, cursor: str) -> str:
        """Return where the list goes on, or raise InvalidRequest, INVALID_CURSOR."""
        ...


class Queue(Protocol):
    """Messages for later."""

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        """Put a message on a queue; it becomes visible after the delay (at most 15 minutes)."""
        ...
