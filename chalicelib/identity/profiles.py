"""The caller's profile: shown, and renamed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.identity.contract import ProfileAnswer, ProfileUpdate
from chalicelib.identity.names import MOST_CHARACTERS, is_acceptable, normalised
from chalicelib.identity.sessions import SessionRule
from chalicelib.identity.views import SubscriptionFacts, profile_view
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.web.request import Caller


class ProfileStore(Protocol):
    """The questions that profiles ask."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...

    def rename(self, user_id: str, session_id: str, names: Mapping[str, str | None], at: datetime) -> UserItem | None:
        """Set or remove names, or return None if the caller may not write."""
        ...


class Subscriptions(Protocol):
    """Sums up subscriptions; the billing room knows how."""

    def summary(self, subscription: Subscription, at: datetime) -> SubscriptionFacts:
        """Say in short what a stored subscription is worth at an instant."""
        ...


@dataclass(frozen=True, slots=True)
class Profiles:
    """Shows and renames the caller."""

    users: ProfileStore
    session_rule: SessionRule
    subscriptions: Subscriptions
    clock: Clock

    def show(self, caller: Caller) -> ProfileAnswer:
        """Return the caller's profile. One read.

        Raises:
            NotFound: PROFILE_NOT_FOUND.
            Unauthenticated: the session has ended.
            Forbidden: ACCOUNT_SUSPENDED.
        """
        return self._answer(self._live(caller))

    def update(self, caller: Caller, changes: ProfileUpdate) -> ProfileAnswer:
        """Change names, and nothing else whatever the body says. One write; with nothing to change, one read.

        Raises:
            InvalidRequest: INVALID_NAME, INVALID_GIVEN_NAME, INVALID_FAMILY_NAME.
            NotFound: PROFILE_NOT_FOUND.
            Unauthenticated: the session has ended.
            Forbidden: ACCOUNT_SUSPENDED.
        """
        names = _names(changes)
        if not names:
            return self.show(caller)
        user = self.users.rename(caller.user_id, caller.session_id, names, self.clock.now())
        if user is None:
            self._live(caller)
            raise errors.Unavailable(message="The profile is being changed at the moment.", retry_after_seconds=1)
        log("profile_renamed", user_id=caller.user_id, fields=sorted(names))
        audit.record(AuditEvent.PROFILE_RENAMED, fields=sorted(names))
        return self._answer(user)

    def _live(self, caller: Caller) -> UserItem:
        user = self.users.by_id(caller.user_id)
        if user is None:
            raise errors.NotFound("PROFILE_NOT_FOUND", "There is no such profile.")
        return self.session_rule.require_live(user, caller)

    def _answer(self, user: UserItem) -> ProfileAnswer:
        summary = self.subscriptions.summary(user.data.current_subscription, self.clock.now())
        return ProfileAnswer(user=profile_view(user, summary))


def _names(changes: ProfileUpdate) -> dict[str, str | None]:
    """Check what is to be changed. A name cannot be empty; its parts can, which removes them."""
    names: dict[str, str | None] = {}
    for field in ("name", "given_name", "family_name"):
        value: str | None = getattr(changes, field)
        if value is None:
            continue
        name = normalised(value)
        if not is_acceptable(name) or (field == "name" and not name):
            raise errors.InvalidRequest(
                ProfileUpdate.ERROR_CODES[field],
                f"The field {field} must have at most {MOST_CHARACTERS} characters, and none that cannot be shown.",
                details={"field": field},
            )
        names[field] = name or None
    return names
