"""What follows when Apple tells us that a person left us, left Apple, or changed how their e-mail is forwarded.

    consent-revoked               the session that stood then ends; the grant is void
    account-deleted               the session ends, the account is closed, the erasure begins
    email-disabled, email-enabled the profile says whether the relay forwards
    anything else                 logged, and answered with 200

Each notice has its effect once: the effect and the claim of the notice's id are one transaction. An older notice after
a newer one, or after a new sign-in, changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.identity import apple_notices
from chalicelib.identity.apple_contract import AppleNoticeAnswer, AppleNoticeRequest
from chalicelib.identity.apple_notices import Notice, NoticeKind
from chalicelib.ids import email_hash
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AuthProvider
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.apple_accounts import Claim, NoticeChange, Outcome

_MOST_ROUNDS: Final = 5
_CLAIM_MARGIN: Final = timedelta(days=1)
ERASURE_REASON: Final = "apple_account_deleted"


class Notices(Protocol):
    """Verifies what providers sign."""

    def notice(self, provider: AuthProvider, token: str) -> Mapping[str, Any]:
        """Return the claims of a notification, or raise INVALID_TOKEN."""
        ...


class People(Protocol):
    """The questions about people that are asked here."""

    def owner_of(self, kind: GuardKind, *parts: str) -> str | None:
        """Return who holds a guard."""
        ...

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...


class NoticeStore(Protocol):
    """Applies notices once."""

    def has_claim(self, event_id: str) -> bool:
        """Whether a notice was applied already."""
        ...

    def apply(self, claim: Claim, user: UserItem, change: NoticeChange) -> Outcome:
        """Claim a notice and change the person that was read, all or nothing."""
        ...


class Erasures(Protocol):
    """Erases people; the privacy room knows how."""

    def begin(self, user_id: str, reason: str) -> None:
        """Begin somebody's erasure, or let the one that has begun go on. Safe to repeat."""
        ...


@dataclass(frozen=True, slots=True)
class AppleEvents:
    """Receives Apple's notifications. Without `erasures` a deleted account is closed, and waits for an operator."""

    notices: Notices
    people: People
    accounts: NoticeStore
    erasures: Erasures | None
    clock: Clock
    rules: Rules

    def receive(self, request: AppleNoticeRequest) -> AppleNoticeAnswer:
        """Apply a notification. Apple repeats what is not answered with 200, and a repetition changes nothing.

        Raises:
            Unauthenticated: INVALID_TOKEN; Apple did not sign it for us, or so long ago that it is a replay.
            Unavailable: not now; Apple will repeat it.
        """
        claims = self.notices.notice(AuthProvider.APPLE, request.payload or "")
        notice = apple_notices.read(claims)
        if notice is None:
            log("apple_notice_not_understood", level=logging.WARNING, claims=sorted(map(str, claims)))
            return AppleNoticeAnswer()
        if notice.issued_at < self.clock.now() - self.rules.apple_notice_life:
            log("apple_notice_refused", event_id=notice.event_id, reason="issued long ago")
            raise errors.Unauthenticated("INVALID_TOKEN", "The notification was issued too long ago.")
        if notice.kind is None:
            log("apple_notice_unknown", level=logging.WARNING, event_id=notice.event_id, type=notice.type_given)
            return AppleNoticeAnswer()
        outcome = self._applied(notice, notice.kind)
        log("apple_notice_received", event_id=notice.event_id, type=notice.kind, outcome=outcome)
        return AppleNoticeAnswer()

    def _applied(self, notice: Notice, kind: NoticeKind) -> str:
        """Apply until nobody else was faster; return what became of it."""
        user_id = self.people.owner_of(GuardKind.EXTERNAL_IDENTITY, AuthProvider.APPLE, notice.external_id)
        if user_id is None:
            return "of nobody"
        claim = Claim(notice.event_id, self._claimed_until(notice))
        for _ in range(_MOST_ROUNDS):
            user = self.people.by_id(user_id)
            if user is None:
                return "of nobody"
            change = self._change(notice, kind, user)
            if change is None:
                return "out of date"
            if change.deactivates and not self.accounts.has_claim(claim.event_id):
                # Before the claim: if we die in between, the repetition begins it, and beginning twice is fine.
                self._begin_erasure(user_id)
            outcome = self.accounts.apply(claim, user, change)
            if outcome is not Outcome.CHANGED:
                return outcome
        raise errors.Unavailable(message="This account is being changed at the moment.")

    def _claimed_until(self, notice: Notice) -> int:
        return int((notice.issued_at + self.rules.apple_notice_life + _CLAIM_MARGIN).timestamp())

    def _change(self, notice: Notice, kind: NoticeKind, user: UserItem) -> NoticeChange | None:
        """Return what a notice changes of a person as they are; None if something newer is known, or it is about an
        address that we do not hold."""
        now, happened_at, session = self.clock.now(), notice.happened_at, user.data.current_session
        if kind is NoticeKind.ACCOUNT_DELETED:
            # An Apple account never comes back, so no sign-in can be newer than its end.
            return NoticeChange(happened_at, now, ends_session=True, drops_grant=True, deactivates=True)
        if kind is NoticeKind.CONSENT_REVOKED:
            if session is not None and session.created_at > happened_at:
                return None
            return NoticeChange(happened_at, now, ends_session=True, drops_grant=True)
        known_at = user.data.email_forwarding_changed_at
        is_our_address = notice.email is None or email_hash(notice.email) == user.data.email_hash
        if not is_our_address or (known_at is not None and known_at >= happened_at):
            return None
        # The flag alone. Address, `is_private_email` and guards move at the next sign-in, whose token vouches for them.
        return NoticeChange(happened_at, now, is_email_forwarded=kind is NoticeKind.EMAIL_ENABLED)

    def _begin_erasure(self, user_id: str) -> None:
        if self.erasures is None:
            log("apple_account_closed_without_erasure", level=logging.WARNING, user_id=user_id)
            return
        self.erasures.begin(user_id, ERASURE_REASON)
