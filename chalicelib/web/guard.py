"""Who may call a route; declared beside its path, and never absent (a test checks that)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib import errors
from chalicelib.web.request import Caller


class AccessTokens(Protocol):
    """Verifies access tokens in process, without a question to the table."""

    def verify(self, token: str) -> Caller:
        """Return whom the token speaks of.

        Raises:
            Unauthenticated: it is forged, expired, or signed with a key that is gone.
        """
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    """A route's protection. `public_because` is the reason why a route needs no token; None where it does."""

    public_because: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether anybody may call."""
        return self.public_because is not None

    def admit(self, headers: Mapping[str, str], tokens: AccessTokens) -> Caller | None:
        """Return the caller, or None on a public route.

        Raises:
            Unauthenticated: no bearer token, or one that does not verify. 401, because the app refreshes on nothing
            else.
        """
        if self.is_public:
            return None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise errors.Unauthenticated("MISSING_TOKEN", "An access token is required.")
        return tokens.verify(token.strip())


def public(because: str) -> Guard:
    """Anybody may call, for this reason."""
    return Guard(public_because=because)


SIGNED_IN = Guard()
"""A verified access token is needed; the room's read or write checks that its session still lives."""
