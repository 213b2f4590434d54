"""What this room needs from others; `wiring.py` hands it over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from chalicelib.gateways.analyst.talk import Question, Reply
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.web.request import Caller

RequireConsent = Callable[[UserItem], None]
"""Passes where medical data may be processed; raises Forbidden, CONSENT_REQUIRED."""
MessageName = Callable[[str | None, str], str]
"""The name under which a message is counted, from its idempotency key and its words."""
U = TypeVar("U")


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


class MessageReservations(Protocol[U]):
    """Counts messages that are answered while their sender waits. `U` is the unit of one."""

    def reserve(self, user: UserItem | None, caller: Caller, name: str) -> U:
        """Count one message; the same name twice counts once.

        Raises:
            QuotaSpent: no unit is left; `details` has used, limit and resets_at.
            Conflict: MESSAGE_IN_PROGRESS. Unauthenticated, Forbidden: the session or the consent is gone.
        """
        ...

    def keep(self, unit: U) -> None:
        """Let a unit be spent: its message was answered. Safe to run twice."""
        ...

    def give_back(self, unit: U) -> None:
        """Give a unit back: its message was not answered. Safe to run twice."""
        ...


class Reserved(Protocol):
    """A unit that is counted."""

    @property
    def is_repeat(self) -> bool:
        """Whether it was counted for the same job before: that job stands, and nothing was written."""
        ...


class Reservations(Protocol):
    """Pays for jobs."""

    def reserve(self, user: UserItem | None, caller: Caller, job: JobItem) -> Reserved:
        """Count one message and put the job, in one transaction; an equal job that is there already counts nothing.

        Raises:
            QuotaSpent: the period's units are used up. Unauthenticated, Forbidden: the session or consent is gone.
        """
        ...


class Answers(Protocol):
    """Answers questions; an `Analyst`."""

    def answer(self, question: Question, deadline: datetime) -> Reply:
        """Return an answer that may be shown, before `deadline`.

        Raises:
            AnalystUnavailable: no answer in time, or none that may be shown.
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

    def delete(self, keys: list[str]) -> None:
        """Remove objects; absent ones are fine."""
        ...


class Queue(Protocol):
    """Messages for later."""

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        """Put a message on a queue; it becomes visible after the delay (at most 15 minutes)."""
        ...


class StoredValues(Protocol):
    """Reads what documents of a person say."""

    def of(self, user_id: str, document_id: str) -> Any | None:
        """Return a stored result of this person as JSON has it, or None."""
        ...
