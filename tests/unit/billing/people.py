"""People and jobs for billing tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import errors
from chalicelib.billing.subscriptions import FreePlan
from chalicelib.ids import derived_id
from chalicelib.models import keys
from chalicelib.models.job import JobData, JobItem
from chalicelib.models.profile import Consent, Consents, Session, Subscription, UserData, UserItem
from chalicelib.models.states import (
    AccountStatus,
    AuthProvider,
    ConsentType,
    JobKind,
    JobState,
    SessionStatus,
    SubscriptionProvider,
    SubscriptionType,
    Tier,
)
from chalicelib.web.request import Caller

SIGNED_UP = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)


class LiveSessions:
    """The session rule, as identity has it."""

    def require_live(self, user: UserItem | None, caller: Caller) -> UserItem:
        session = None if user is None else user.data.current_session
        if user is None or session is None or session.session_id != caller.session_id:
            raise errors.Unauthenticated("SESSION_REVOKED", "This session has ended.")
        if session.status is not SessionStatus.ACTIVE:
            raise errors.Unauthenticated("SESSION_REVOKED", "This session has ended.")
        return user


def caller_of(user_id: str) -> Caller:
    return Caller(user_id, f"session-of-{user_id}")


def free(at: datetime = SIGNED_UP) -> Subscription:
    return FreePlan().start(at)


def paid(at: datetime = SIGNED_UP, **changes: Any) -> Subscription:
    subscription = free(at)
    subscription.tier = Tier.PREMIUM
    subscription.subscription_type = SubscriptionType.MONTHLY
    subscription.provider = SubscriptionProvider.APPLE
    subscription.end_date = at + timedelta(days=28)
    for name, value in changes.items():
        setattr(subscription, name, value)
    return subscription


def person(user_id: str, subscription: Subscription | None = None, at: datetime = SIGNED_UP) -> UserItem:
    consent = Consent(consent_given=True, consent_version="1", consent_method="bundled", created_at=at, updated_at=at)
    key = keys.user_key(user_id)
    return UserItem(
        key.pk,
        key.sk,
        created_at=at,
        updated_at=at,
        data=UserData(
            id=user_id,
            external_id=f"external-{user_id}",
            auth_provider=AuthProvider.GOOGLE,
            account_status=AccountStatus.ACTIVE,
            consents=Consents(**{kind.value: consent for kind in ConsentType}),
            current_session=Session(
                session_id=caller_of(user_id).session_id,
                device_id="device",
                refresh_token_hash="hash",
                refresh_generation=0,
                status=SessionStatus.ACTIVE,
                created_at=at,
                last_accessed_at=at,
                expires_at=at + timedelta(days=1),
                updated_at=at,
            ),
            current_subscription=subscription or free(at),
        ),
    )


def job(user_id: str, name: str, at: datetime) -> JobItem:
    job_id = f"result_{derived_id(user_id, name)}"
    key = keys.job_key(user_id, job_id)
    return JobItem(
        key.pk,
        key.sk,
        created_at=at,
        updated_at=at,
        ttl=int(at.timestamp()) + 172_800,
        data=JobData(
            job_id=job_id,
            user_id=user_id,
            kind=JobKind.RESULT,
            state=JobState.UPLOADED,
            deadline_at=at + timedelta(minutes=5),
            uploaded_at=at,
        ),
    )
