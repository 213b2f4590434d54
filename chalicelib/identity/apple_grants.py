"""What people allow us at Apple: a refresh token, obtained at sign-in, kept sealed in the profile, revoked at erasure.

Apple requires the last (App Review Guideline 5.1.1 (v), "Offering account deletion in your app"); nothing else is done
with it. It is exchanged after the sign-in is written, in a write of its own: the road not taken, before it, would leave
grants at Apple of people whom we then refuse.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.gateways.apple_identity import AppleRefused
from chalicelib.gateways.sealed import SealBroken
from chalicelib.models.profile import UserItem
from chalicelib.observe.log import log


class AppleIdentity(Protocol):
    """Apple's token endpoints."""

    def exchange(self, code: str) -> str:
        """Return the refresh token for a code, or raise AppleRefused or Unavailable."""
        ...

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token, or raise AppleRefused or Unavailable."""
        ...


class GrantStore(Protocol):
    """Keeps sealed grants."""

    def keep_grant(self, user_id: str, seen: str | None, sealed: str, at: datetime) -> bool:
        """Keep one in the place of the one that was read."""
        ...

    def drop_grant(self, user_id: str, seen: str, at: datetime) -> bool:
        """Forget the one that was read."""
        ...


class Seals(Protocol):
    """Seals texts for their owner."""

    def seal(self, text: str, owner: str) -> str:
        """Return the text sealed."""
        ...

    def open(self, sealed: str, owner: str) -> str:
        """Return the text, or raise SealBroken."""
        ...

    def is_current(self, sealed: str) -> bool:
        """Whether the key that seals now sealed it."""
        ...


@dataclass(frozen=True, slots=True)
class AppleGrants:
    """Keeps and revokes. Without `apple` (the stage has no key of Sign in with Apple) nothing is exchanged."""

    accounts: GrantStore
    apple: AppleIdentity | None
    seals: Seals
    clock: Clock

    def keep(self, user: UserItem, code: str) -> None:
        """Make sure that we hold somebody's grant: exchange the code if we do not, seal anew what an older key sealed.

        Never raises what a sign-in would fail for. What failed is tried again at the next sign-in, with its own code.
        """
        if self.apple is None:
            return
        held = user.data.apple_refresh_token
        try:
            if held is not None and self.seals.is_current(held):
                return
            opened = self._opened(user.data.id, held) if held is not None else None
            sealed = self.seals.seal(opened or self.apple.exchange(code), user.data.id)
            # Not revoked if another one is kept by now: at Apple that would end all that the person allows us.
            is_kept = self.accounts.keep_grant(user.data.id, held, sealed, self.clock.now())
        except (AppleRefused, errors.Unavailable) as trouble:
            reason = trouble.reason if isinstance(trouble, AppleRefused) else trouble.code
            log("apple_grant_not_kept", level=logging.WARNING, error=trouble, user_id=user.data.id, reason=reason)
            return
        log("apple_grant_kept", user_id=user.data.id, is_kept=is_kept, is_new=held is None)

    def revoke(self, user: UserItem) -> None:
        """Tell Apple that somebody's grant is over, and forget it. No grant, and one revoked before, are fine.

        Raises:
            Unavailable: Apple does not answer, or the stage has lost its key; try again later.
        """
        held = user.data.apple_refresh_token
        if held is None:
            return
        token = self._opened(user.data.id, held)
        if token is not None:
            self._revoke(user.data.id, token)
        self.accounts.drop_grant(user.data.id, held, self.clock.now())
        log("apple_grant_revoked", user_id=user.data.id, is_confirmed=token is not None)

    def _revoke(self, user_id: str, token: str) -> None:
        if self.apple is None:
            raise errors.Unavailable(message="A grant of Apple is held, and the stage has no key to revoke it with.")
        try:
            self.apple.revoke(token)
        except AppleRefused as refusal:
            # Apple knows no such grant of ours, and asking again would not change that.
            log("apple_grant_unknown_to_apple", level=logging.WARNING, user_id=user_id, reason=refusal.reason)

    def _opened(self, user_id: str, held: str) -> str | None:
        try:
            return self.seals.open(held, user_id)
        except SealBroken as broken:
            log("apple_grant_unreadable", level=logging.ERROR, error=broken, user_id=user_id)
            return None
