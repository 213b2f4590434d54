"""Sign-in: from a provider's ID token to a session, and to an account the first time."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.gateways.oidc import Identity
from chalicelib.identity import accounts, devices, sessions, spellings
from chalicelib.identity.contract import DeviceForm, SignedInView, SignInAnswer, SignInRequest
from chalicelib.identity.doors import ConsentForms, FreePlan, Grants, IdTokens, UserStore
from chalicelib.ids import new_id
from chalicelib.models.base import Item
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import Consent, Device, UserItem
from chalicelib.models.states import AuthProvider, ConsentType
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.email_moves import EmailMove
from chalicelib.stores.users import SignedIn

_MOST_ROUNDS: Final = 12
_LONGEST_WAIT_SECONDS: Final = 0.4


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One sign-in: verified, checked, and not yet written."""

    identity: Identity
    request: SignInRequest
    device: DeviceForm
    consents: Mapping[ConsentType, Consent]
    at: datetime

    @property
    def told_names(self) -> tuple[str | None, str | None]:
        """Given and family name as the app says them; Apple gives them to the app, and once."""
        told = self.request.apple_name if self.identity.provider is AuthProvider.APPLE else None
        return (None, None) if told is None else (told.given_name, told.family_name)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signs people in. The newest sign-in wins: it replaces session and device (design, decision 5)."""

    users: UserStore
    id_tokens: IdTokens
    sessions: sessions.Sessions
    consents: ConsentForms
    free_plan: FreePlan
    grants: Grants
    clock: Clock
    rules: Rules
    wait: Callable[[float], None] = time.sleep

    def sign_in(self, request: SignInRequest) -> SignInAnswer:
        """Sign somebody in; make their account the first time.

        Three questions to the table for somebody known, two for somebody new; one more where Apple grants something
        that we do not hold. Consents that somebody known sends are recorded where they are news; a sign-in never
        withdraws one.

        Raises:
            InvalidRequest: INVALID_AUTH_PROVIDER, MISSING_AUTH_TOKEN, MISSING_CONSENT, or a wrong field.
            Unauthenticated: INVALID_TOKEN.
            Forbidden: ACCOUNT_SUSPENDED.
            Conflict: ACCOUNT_LINKING_REQUIRED; the verified e-mail belongs to somebody who signs in otherwise.
            Unavailable: the provider or the table does not answer.
        """
        try:
            view = self._written(self._attempt(request))
        except errors.ServiceError as refusal:
            if refusal.status < 500:
                audit.record(AuditEvent.SIGN_IN_REFUSED, cause=refusal.code)
            raise
        return SignInAnswer(**{name: getattr(view, name) for name in view.__struct_fields__})

    def _attempt(self, request: SignInRequest) -> _Attempt:
        provider = spellings.provider_of(request)
        token = spellings.token_of(provider, request)
        device = devices.checked(request.device_info)
        identity = self.id_tokens.verify(provider, token, request.nonce)
        at = self.clock.now()
        given = self.consents.given(spellings.acknowledgments_of(request), at)
        return _Attempt(identity, request, device, given, at)

    def _written(self, attempt: _Attempt) -> SignedInView:
        """Write until nobody else was faster: of several first sign-ins one creates, the others go on as known."""
        user_id: str | None = None
        for round_number in range(_MOST_ROUNDS):
            if user_id is None:
                user_id = self._owner(attempt.identity)
            view = self._created(attempt) if user_id is None else self._welcomed_back(attempt, user_id)
            if view is not None:
                return view
            self.wait(random.uniform(0, min(_LONGEST_WAIT_SECONDS, 0.02 * 2**round_number)))  # noqa: S311  # jitter, no secret
        raise errors.Unavailable(message="Too many sign-ins of this account at once.", retry_after_seconds=2)

    def _owner(self, identity: Identity) -> str | None:
        return self.users.owner_of(GuardKind.EXTERNAL_IDENTITY, identity.provider, identity.external_id)

    def _created(self, attempt: _Attempt) -> SignedInView | None:
        """Create the account. None if somebody with the same identity was faster."""
        self.consents.require_all(attempt.consents)
        identity, request, at = attempt.identity, attempt.request, attempt.at
        told_email = request.apple_email if identity.provider is AuthProvider.APPLE else None
        introduced = accounts.introduction(identity, told_email, *attempt.told_names)
        user_id = new_id()
        device = devices.device_in_use(attempt.device, None, at)
        session, token = self.sessions.opened(user_id, device.device_id, at)
        consents = self.consents.opened(user_id, attempt.consents, at)
        user = accounts.new_user(
            user_id,
            identity,
            introduced,
            consents=consents,
            device=device,
            session=session,
            subscription=self.free_plan.start(at),
            at=at,
        )
        if not self.users.create(user, accounts.guards_of(user_id, identity, introduced, at), consents.entries):
            self._refuse_if_email_is_taken(identity, introduced)
            return None
        log("account_created", user_id=user_id, provider=identity.provider, session_id=session.session_id)
        audit.concerns(user_id)
        audit.record(AuditEvent.SIGNED_UP, provider=identity.provider, session_id=session.session_id)
        self.consents.announce(user_id, consents)
        self._keep_grant(user, attempt)
        return self.sessions.view(user, session, token, is_new=True, at=at)

    def _refuse_if_email_is_taken(self, identity: Identity, introduced: accounts.Introduction) -> None:
        """Tell somebody else's e-mail from our own identity, created a moment ago by a sign-in that ran beside this
        one."""
        hashed = introduced.guarded_email_hash
        owner_id = self.users.owner_of(GuardKind.EMAIL, hashed) if hashed is not None else None
        owner = self.users.by_id(owner_id) if owner_id is not None else None
        if owner is None:
            return
        if (owner.data.auth_provider, owner.data.external_id) == (identity.provider, identity.external_id):
            return
        existing = owner.data.auth_provider
        log("account_linking_required", user_id=owner_id, existing_provider=existing, provider=identity.provider)
        raise errors.Conflict(
            "ACCOUNT_LINKING_REQUIRED",
            "An account with this e-mail address signs in with another provider.",
            user_message=_way_in(existing),
            details={"existing_provider": str(existing), "attempted_provider": str(identity.provider)},
        )

    def _welcomed_back(self, attempt: _Attempt, user_id: str) -> SignedInView | None:
        """Give somebody known a new session. None if they changed between reading and writing."""
        user, at = self.users.by_id(user_id), self.clock.now()
        if user is None:
            log("guard_without_profile", user_id=user_id)
            raise errors.Unavailable(message="This account is being changed at the moment.")
        audit.concerns(user_id)
        sessions.require_active(user)
        old_session, old_device = user.data.current_session, user.data.current_device
        device = devices.device_in_use(attempt.device, old_device, at)
        session, token = self.sessions.opened(user_id, device.device_id, at)
        signed_in = SignedIn(
            user_id=user_id,
            replaced_session_id=old_session.session_id if old_session is not None else None,
            session=session,
            device=device,
            is_other_device=old_device is not None and old_device.device_id != device.device_id,
            consents=self.consents.news(user, attempt.consents, at),
            added=self._left_behind(user, device, at),
            at=at,
            email=self._moved_email(user, attempt.identity),
            first_names=accounts.first_names(user, *attempt.told_names),
        )
        if not self.users.sign_in(signed_in):
            return None
        self._announce(signed_in, attempt.identity.provider)
        self._keep_grant(user, attempt)
        return self.sessions.view(_as_written(user, signed_in), session, token, is_new=False, at=at)

    def _announce(self, signed_in: SignedIn, provider: AuthProvider) -> None:
        user_id, session_id, replaced = signed_in.user_id, signed_in.session.session_id, signed_in.replaced_session_id
        log("signed_in", user_id=user_id, session_id=session_id, replaced_session_id=replaced)
        audit.record(AuditEvent.SIGNED_IN, provider=provider, session_id=session_id)
        if replaced is not None:
            audit.record(AuditEvent.SESSION_REPLACED, session_id=session_id, replaced_session_id=replaced)
        if signed_in.consents is not None:
            self.consents.announce(user_id, signed_in.consents)
        if signed_in.email is not None:
            log("email_changed", user_id=user_id, is_guarded=signed_in.email.claimed is not None)
            audit.record(AuditEvent.EMAIL_CHANGED, provider=provider)

    def _keep_grant(self, user: UserItem, attempt: _Attempt) -> None:
        """Exchange Apple's code once the sign-in is written: not for somebody who is refused, and not twice."""
        code = attempt.request.apple_authorization_code
        if attempt.identity.provider is AuthProvider.APPLE and code:
            self.grants.keep(user, code)

    def _moved_email(self, user: UserItem, identity: Identity) -> EmailMove | None:
        """Return how the profile follows an address that changed at the provider. Somebody else's guard is no reason to
        lock anybody out: the old address stays then, and the sign-in goes on. Up to two reads, where it changed."""
        move = accounts.moved_email(user, identity)
        if move is None:
            return None
        holder = None if move.claimed is None else self.users.owner_of(GuardKind.EMAIL, move.claimed)
        if holder not in (None, user.data.id):
            log("email_change_refused", level=logging.WARNING, user_id=user.data.id, holder_id=holder)
            return None
        released_from = None if move.released is None else self.users.owner_of(GuardKind.EMAIL, move.released)
        return replace(move, released=move.released if released_from == user.data.id else None)

    def _left_behind(self, user: UserItem, device: Device, at: datetime) -> list[Item]:
        """Return what goes into history: the session in use until now, and the device if this is another one."""
        ttl = int((at + self.rules.history_life).timestamp())
        old_session, old_device = user.data.current_session, user.data.current_device
        left: list[Item] = []
        if old_session is not None:
            left.append(sessions.history_of(user.data.id, old_session, at, ttl))
        if old_device is not None and old_device.device_id != device.device_id:
            left.append(devices.history_of(user.data.id, old_device, at, ttl))
        return left


def _way_in(existing: AuthProvider) -> str:
    if existing is AuthProvider.FACEBOOK:
        # Their accounts came from old data; we offer no such sign-in, and must not send anybody to it.
        return "You already have an account with this address, made with Facebook. Please write to our support."
    return f"You already have an account with this address. Please sign in with {existing.capitalize()}."


def _as_written(user: UserItem, signed_in: SignedIn) -> UserItem:
    """Bring what was read to what was written, to save a read."""
    user.data.current_session, user.data.current_device = signed_in.session, signed_in.device
    user.data.last_login_at = user.updated_at = signed_in.at
    if (move := signed_in.email) is not None:
        user.data.email, user.data.email_hash = move.email, move.email_hash
        user.data.email_verified, user.data.is_private_email = move.is_verified, move.is_private
    for attribute, name in signed_in.first_names.items():
        setattr(user.data, attribute, name)
    if signed_in.is_other_device:
        user.data.current_biometric = None
    return user
