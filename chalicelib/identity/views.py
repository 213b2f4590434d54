"""What is shown of a person and a session: the one place where items become answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from chalicelib.identity.contract import ProfileSubscription, ProfileView, SessionView, SignedInView, UserView
from chalicelib.models.profile import Session, UserItem
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier


class SubscriptionFacts(Protocol):
    """What a profile says of a subscription; billing's own summary has these attributes."""

    @property
    def subscription_id(self) -> str:
        """Its id."""
        ...

    @property
    def plan_id(self) -> str:
        """Tier and type in one word."""
        ...

    @property
    def status(self) -> SubscriptionStatus:
        """Where it stands."""
        ...

    @property
    def tier(self) -> Tier:
        """What it allows now."""
        ...

    @property
    def subscription_type(self) -> SubscriptionType | None:
        """How it is paid."""
        ...

    @property
    def provider(self) -> SubscriptionProvider:
        """Who bills."""
        ...

    @property
    def current_period_end(self) -> datetime:
        """Until when it is paid, or counted."""
        ...

    @property
    def auto_renew(self) -> bool:
        """Whether it goes on after that."""
        ...


def signed_in_view(
    user: UserItem,
    session: Session,
    *,
    access_token: str,
    expires_in: int,
    refresh_token: str,
    is_new: bool,
    biometric_required: bool,
) -> SignedInView:
    """Return tokens with the person and session that they speak of."""
    return SignedInView(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_in=expires_in,
        user=user_view(user, is_new=is_new),
        session=SessionView(
            session_id=session.session_id,
            expires_at=session.expires_at,
            biometric_required=biometric_required,
        ),
    )


def user_view(user: UserItem, *, is_new: bool = False) -> UserView:
    """Return what the app shows of somebody."""
    return UserView(**_user_fields(user), is_new_user=is_new)


def profile_view(user: UserItem, subscription: SubscriptionFacts) -> ProfileView:
    """Return somebody with where their account and subscription stand."""
    return ProfileView(
        **_user_fields(user),
        is_new_user=False,
        account_status=user.data.account_status,
        updated_at=user.updated_at,
        subscription=ProfileSubscription(
            subscription_id=subscription.subscription_id,
            plan_id=subscription.plan_id,
            status=subscription.status,
            tier=subscription.tier,
            subscription_type=subscription.subscription_type,
            provider=subscription.provider,
            current_period_end=subscription.current_period_end,
            auto_renew=subscription.auto_renew,
        ),
    )


def display_name(user: UserItem) -> str:
    """Return the best name that we know: the name, its parts, the address unless it is a relay, or nothing."""
    data = user.data
    parts = " ".join(part for part in (data.given_name, data.family_name) if part)
    address = None if data.is_private_email else data.email
    return data.name or parts or address or ""


def _user_fields(user: UserItem) -> dict[str, Any]:
    data = user.data
    return {
        "id": data.id,
        "user_id": data.id,
        "email": data.email,
        "name": data.name,
        "display_name": display_name(user),
        "given_name": data.given_name,
        "family_name": data.family_name,
        "email_verified": bool(data.email_verified),
        "auth_provider": data.auth_provider,
        "is_private_email": bool(data.is_private_email),
        "created_at": user.created_at,
        "last_login_at": data.last_login_at,
    }
