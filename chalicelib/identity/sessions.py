"""Sessions: opened, refreshed, checked, ended (design, decisions 4, 5 and 6).

What a refresh token meets at its session:

    the latest                     rotated: one conditional write
    its parent                     answered with the latest, given again: a lost answer, or a refresh in parallel
    older than the parent          stolen, or stolen from: the session ends
    of another device              refused, and nothing changes
    of a replaced or ended session refused; the old device learns that it was signed out
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.identity import proofs
from chalicelib.identity.contract import LogoutAnswer, LogoutRequest, RefreshAnswer, RefreshRequest, SignedInView
from chalicelib.identity.tokens import (
    AccessTokens,
    RefreshClaim,
    RefreshTokens,
    invalid_refresh_token,
    refresh_token_hash,
)
from chalicelib.identity.views import signed_in_view
from chalicelib.ids import new_id
from chalicelib.models import keys
from chalicelib.models.history import SessionHistoryItem
from chalicelib.models.keys import HistoryKind
from chalicelib.models.profile import Session, UserItem
from chalicelib.models.states import AccountStatus, SessionStatus
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.users import Rotation
from chalicelib.web.request import Caller


class SessionStore(Protocol):
    """The questions that sessions ask."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...

    def rotate(self, rotation: Rotation) -> UserItem | None:
        """Move a session to its next refresh token, or return None if a condition failed."""
        ...

    def end_session(self, user_id: str, session_id: str, at: datetime) -> bool:
        """Revoke a session if it is current and active."""
        ...


@dataclass(frozen=True, slots=True)
class SessionRule:
    """Whether a caller may go on; rooms that read a profile ask this of it."""

    clock: Clock

    def require_live(self, user: UserItem | None, caller: Caller) -> UserItem:
        """Return the person, if the caller's session still is theirs.

        Raises:
            Unauthenticated: SESSION_REVOKED if it was replaced or ended, or the person is gone; SESSION_EXPIRED.
            Forbidden: ACCOUNT_SUSPENDED, for any account that is not active.
        """
        if user is None:
            raise session_revoked()
        require_active(user)
        session = user.data.current_session
        if session is None or session.session_id != caller.session_id or session.status is SessionStatus.REVOKED:
            raise session_revoked()
        if session.status is SessionStatus.EXPIRED or session.expires_at <= self.clock.now():
            raise session_expired()
        return user


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, refreshes and ends sessions."""

    users: SessionStore
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    clock: Clock
    rules: Rules

    def opened(self, user_id: str, device_id: str, at: datetime) -> tuple[Session, str]:
        """Return a new session, not stored yet, and its first refresh token."""
        session_id = new_id()
        token = self.refresh_tokens.issue(RefreshClaim(user_id, session_id, at, generation=0))
        session = Session(
            session_id=session_id,
            device_id=device_id,
            refresh_token_hash=refresh_token_hash(token),
            refresh_generation=0,
            status=SessionStatus.ACTIVE,
            created_at=at,
            last_accessed_at=at,
            expires_at=at + min(self.rules.session_life, self.rules.session_hard_cap),
            updated_at=at,
        )
        return session, token

    def view(self, user: UserItem, session: Session, refresh_token: str, *, is_new: bool, at: datetime) -> SignedInView:
        """Return what a client holds after signing in or refreshing, with a fresh access token."""
        token, seconds = self.access_tokens.issue(user.data.id, session.session_id, session.expires_at)
        return signed_in_view(
            user,
            session,
            access_token=token,
            expires_in=seconds,
            refresh_token=refresh_token,
            is_new=is_new,
            biometric_required=proofs.is_required(user, session, at, self.rules),
        )

    def refresh(self, request: RefreshRequest) -> RefreshAnswer:
        """Exchange a refresh token. A client that lost the answer may ask again with the same token, and several at
        once.

        One conditional write; one read more unless the token is the latest. Garbage never reaches the table.

        Raises:
            InvalidRequest: a field is missing.
            Unauthenticated: INVALID_REFRESH_TOKEN (also: another device), SESSION_EXPIRED, SESSION_REVOKED,
                REFRESH_TOKEN_REUSED.
            Forbidden: ACCOUNT_SUSPENDED.
            Unavailable: try again with the same token.
        """
        try:
            return _answer(self._exchanged(request))
        except errors.ServiceError as refusal:
            if refusal.status < 500:
                audit.record(AuditEvent.REFRESH_REFUSED, cause=refusal.code)
            raise

    def _exchanged(self, request: RefreshRequest) -> SignedInView:
        token = _required("refresh_token", request.refresh_token)
        device_id = _required("device_id", request.device_id)
        claim, now = self.refresh_tokens.read(token), self.clock.now()
        audit.concerns(claim.user_id)
        if now >= claim.session_started_at + self.rules.session_hard_cap:
            raise session_expired()
        rotated = self._rotated(claim, device_id, now)
        return rotated if rotated is not None else self._answered_again(claim, device_id, now)

    def logout(self, caller: Caller, request: LogoutRequest) -> LogoutAnswer:
        """End the caller's session. Twice is fine; a token of an older session ends nothing. One write.

        There is one session per person, so that signing out everywhere ends the same one.
        """
        if self.users.end_session(caller.user_id, caller.session_id, self.clock.now()):
            is_everywhere = bool(request.logout_all_devices)
            log("signed_out", user_id=caller.user_id, session_id=caller.session_id, is_everywhere=is_everywhere)
            audit.record(AuditEvent.SIGNED_OUT, session_id=caller.session_id, is_everywhere=is_everywhere)
        return LogoutAnswer()

    def _rotated(self, claim: RefreshClaim, device_id: str, now: datetime) -> SignedInView | None:
        next_claim = RefreshClaim(claim.user_id, claim.session_id, claim.session_started_at, claim.generation + 1)
        token = self.refresh_tokens.issue(next_claim)
        end = claim.session_started_at + self.rules.session_hard_cap
        user = self.users.rotate(
            Rotation(
                user_id=claim.user_id,
                session_id=claim.session_id,
                device_id=device_id,
                generation=claim.generation,
                next_token_hash=refresh_token_hash(token),
                next_expires_at=min(now + self.rules.session_life, end),
                at=now,
            )
        )
        if user is None or user.data.current_session is None:
            return None
        log("session_refreshed", user_id=claim.user_id, session_id=claim.session_id, generation=next_claim.generation)
        audit.record(AuditEvent.SESSION_REFRESHED, session_id=claim.session_id, generation=next_claim.generation)
        return self.view(user, user.data.current_session, token, is_new=False, at=now)

    def _answered_again(self, claim: RefreshClaim, device_id: str, now: datetime) -> SignedInView:
        """Answer the parent of the latest token with the latest, and say of any other why it is refused."""
        user = self.users.by_id(claim.user_id)
        if user is None:
            raise session_revoked()
        require_active(user)
        session = _session_of(user, claim, device_id, now)
        behind = int(session.refresh_generation) - claim.generation
        if behind == 1:
            latest = RefreshClaim(claim.user_id, claim.session_id, claim.session_started_at, claim.generation + 1)
            log("refresh_answered_again", user_id=claim.user_id, session_id=claim.session_id)
            return self.view(user, session, self.refresh_tokens.issue(latest), is_new=False, at=now)
        if behind > 1:
            self._end_for_reuse(claim, behind, now)
        if behind < 0:
            # Authentic, and ahead of the table: that was restored from a backup. A new sign-in mends it.
            raise session_revoked()
        # The latest token, and still it could not be rotated: the account was suspended and restored in between.
        raise errors.Unavailable(message="The session is being changed at the moment.", retry_after_seconds=1)

    def _end_for_reuse(self, claim: RefreshClaim, behind: int, now: datetime) -> None:
        self.users.end_session(claim.user_id, claim.session_id, now)
        log(
            "refresh_token_reused",
            level=logging.WARNING,
            user_id=claim.user_id,
            session_id=claim.session_id,
            generation=claim.generation,
            generations_behind=behind,
        )
        audit.record(
            AuditEvent.REFRESH_TOKEN_REUSED,
            cause="older_than_the_parent",
            session_id=claim.session_id,
            generation=claim.generation,
            generations_behind=behind,
        )
        raise errors.Unauthenticated("REFRESH_TOKEN_REUSED", "An old refresh token was used; the session has ended.")


def history_of(user_id: str, session: Session, at: datetime, ttl: int) -> SessionHistoryItem:
    """Return what a replaced session leaves behind: itself, revoked, or expired if its time was over."""
    key = keys.history_key(user_id, HistoryKind.SESSION, at, session.session_id)
    status = session.status
    if status is SessionStatus.ACTIVE:
        status = SessionStatus.EXPIRED if session.expires_at <= at else SessionStatus.REVOKED
    ended = Session(**{**session.attribute_values, "status": status, "updated_at": at})
    return SessionHistoryItem(key.pk, key.sk, data=ended, created_at=at, updated_at=at, ttl=ttl)


def require_active(user: UserItem) -> None:
    """Let pass whoever may use the service.

    Raises:
        Forbidden: ACCOUNT_SUSPENDED, for suspended, deactivated and deleted accounts alike.
    """
    if user.data.account_status is not AccountStatus.ACTIVE:
        raise errors.Forbidden("ACCOUNT_SUSPENDED", "This account cannot be used.")


def session_revoked() -> errors.Unauthenticated:
    """Return the error for a session that was replaced by a newer sign-in, or ended."""
    return errors.Unauthenticated("SESSION_REVOKED", "This session has ended; sign in again.")


def session_expired() -> errors.Unauthenticated:
    """Return the error for a session whose time is over."""
    return errors.Unauthenticated("SESSION_EXPIRED", "This session has expired; sign in again.")


def _session_of(user: UserItem, claim: RefreshClaim, device_id: str, now: datetime) -> Session:
    session = user.data.current_session
    if session is None or session.session_id != claim.session_id:
        raise session_revoked()
    if session.device_id != device_id:
        raise invalid_refresh_token()
    if session.status is SessionStatus.REVOKED:
        raise session_revoked()
    if session.status is SessionStatus.EXPIRED or session.expires_at <= now:
        raise session_expired()
    return session


def _required(field: str, value: str | None) -> str:
    if not value:
        raise errors.InvalidRequest(message=f"The field {field} is required.", details={"field": field})
    return value


def _answer(view: SignedInView) -> RefreshAnswer:
    return RefreshAnswer(**{name: getattr(view, name) for name in view.__struct_fields__}, data=view)
