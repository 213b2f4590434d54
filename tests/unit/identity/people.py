"""People for tests of stores and sessions, made as a sign-in makes them."""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.gateways.oidc import Identity
from chalicelib.identity import accounts
from chalicelib.models.guard import GuardItem
from chalicelib.models.profile import Consents, Device, Session, UserItem
from chalicelib.models.states import AuthProvider, ConsentSource, DeviceStatus, SessionStatus
from chalicelib.privacy import consent_ledger
from tests.unit.identity.world import PHONE, Billing

IDENTITY = Identity(AuthProvider.GOOGLE, "google-sub-1", "ada@example.com", True, False, "Ada", "Ada", None)


def session(at: datetime, session_id: str = "session-1", device_id: str = PHONE, generation: int = 0) -> Session:
    """A session as it is after `generation` refreshes."""
    return Session(
        session_id=session_id,
        device_id=device_id,
        refresh_token_hash="hash",
        refresh_generation=generation,
        status=SessionStatus.ACTIVE,
        created_at=at,
        last_accessed_at=at,
        expires_at=at + timedelta(hours=24),
        updated_at=at,
    )


def device(at: datetime, device_id: str = PHONE) -> Device:
    """A phone in use."""
    return Device(
        device_id=device_id,
        platform="ios",
        status=DeviceStatus.ACTIVE,
        last_active_at=at,
        created_at=at,
        updated_at=at,
    )


def person(
    at: datetime, user_id: str = "user-1", current: Session | None = None, identity: Identity = IDENTITY
) -> UserItem:
    """Somebody who signed up at that instant."""
    introduced = accounts.introduction(identity, None, None, None)
    return accounts.new_user(
        user_id,
        identity,
        introduced,
        consents=consent_ledger.appended(user_id, None, Consents(), {}, ConsentSource.SIGN_UP, at),
        device=device(at),
        session=current or session(at),
        subscription=Billing().start(at),
        at=at,
    )


def guards(at: datetime, user_id: str = "user-1", identity: Identity = IDENTITY) -> list[GuardItem]:
    """What guards somebody's identity and e-mail."""
    return accounts.guards_of(user_id, identity, accounts.introduction(identity, None, None, None), at)
