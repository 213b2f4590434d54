"""What this room needs from others; `wiring.py` hands it over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from chalicelib.models.job import JobItem
from chalicelib.models.keys import Key
from chalicelib.models.profile import UserItem
from chalicelib.stores.job_moves import Claim
from chalicelib.stores.report_orders import Order, OrderOutcome
from chalicelib.web.request import Caller

RequireConsent = Callable[[UserItem], None]
"""Passes where medical data may be processed; raises Forbidden, CONSENT_REQUIRED."""

RequireReports = Callable[[UserItem], None]
"""Passes whose tier has reports; raises Forbidden, PREMIUM_REQUIRED with `details.upgrade_url`."""

HasTrends = Callable[[UserItem], bool]
"""Whether a tier has trends across values."""

KeyOf = Callable[[str, str], str]
"""Where an object of a user's job lies: user id and job id in, key out."""

D_co = TypeVar("D_co", covariant=True)


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


class Documents(Protocol[D_co]):
    """The caller's own results."""

    def result(self, caller: Caller, job_id: str) -> D_co:
        """Return what a document says. Raises NotFound, or Conflict where there is no result yet."""
        ...

    def stored(self, caller: Caller, job_id: str) -> bytes:
        """Return the result of a job of any kind as it is stored; raises as `result` does."""
        ...


class Orders(Protocol):
    """Takes orders."""

    def order(self, order: Order, job: JobItem) -> OrderOutcome:
        """Put the job and take the free report where it is one, both or neither."""
        ...

    def take_again(self, job: JobItem, at: Any) -> bool:
        """Take the free report once more for a job that gave it back."""
        ...


class Jobs(Protocol):
    """Jobs in the table."""

    def find(self, user_id: str, job_id: str) -> JobItem | None:
        """Return a job by a consistent read, or None."""
        ...

    def claim(self, user_id: str, job_id: str, claim: Claim) -> JobItem | None:
        """Take a job for one attempt; None where it does not wait for it."""
        ...

    def drop(self, job: JobItem, at: Any) -> bool:
        """Remove a job and give back what it was paid with."""
        ...

    def due_key(self, job_id: str, at: Any) -> Key:
        """Where an unfinished job stands in the due index."""
        ...


class StoredFailure(Protocol):
    """Why an earlier attempt ended."""

    @property
    def error_code(self) -> str:
        """The public code."""
        ...

    @property
    def error_message(self) -> str:
        """The reason in plain words."""
        ...


class Outcomes(Protocol):
    """Ends attempts, as for documents."""

    def complete(self, job: JobItem) -> None:
        """Mark a job as done whose result is stored."""
        ...

    def fail(self, job: JobItem, code: str, message: str) -> None:
        """End a job for good, with its reason, and give back what it was paid with."""
        ...

    def retry_or_fail(self, job: JobItem, trouble: BaseException) -> None:
        """Try again later, or give up after the last automatic retry."""
        ...

    def earlier(self, job: JobItem) -> StoredFailure | bool:
        """Return what an earlier attempt stored before it died: its failure, or whether there is a result."""
        ...

    def discard(self, user_id: str, job_id: str) -> None:
        """Remove the objects of a job that nobody waits for."""
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
        """Put a message on a queue."""
        ...
