"""What export and erasure need from other rooms; `wiring.py` hands it over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chalicelib.models.profile import UserItem
from chalicelib.models.states import SubscriptionProvider
from chalicelib.web.request import Caller

ChargedBy = Callable[[UserItem], SubscriptionProvider | None]
"""Who will charge somebody again for any of their subscriptions, None for nobody; Unavailable where that cannot be told
at the moment."""


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


class FreshProof(Protocol):
    """Asks for a biometric proof of the last minutes, of everybody who has a registration."""

    def require(self, user: UserItem, caller: Caller) -> None:
        """Let pass, or raise Forbidden, BIOMETRIC_REQUIRED."""
        ...


class Grants(Protocol):
    """What people allowed us at their provider."""

    def revoke(self, user: UserItem) -> None:
        """Tell the provider to forget us. Nothing to revoke, and revoked already, are fine.

        Raises:
            Unavailable: the provider does not answer.
        """
        ...


class Queue(Protocol):
    """Messages for later."""

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        """Put a message on a queue; it becomes visible after the delay (at most 15 minutes)."""
        ...
