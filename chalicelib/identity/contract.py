"""What the identity room takes and gives over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from chalicelib.models.states import (
    AccountStatus,
    AuthProvider,
    ConsentType,
    SubscriptionProvider,
    SubscriptionStatus,
    SubscriptionType,
    Tier,
)
from chalicelib.web.links import Link
from chalicelib.web.response import Answer


class GoogleAuth(msgspec.Struct, kw_only=True):
    """The token as some versions of the app nest it."""

    id_token: str | None = None


class AppleName(msgspec.Struct, kw_only=True):
    """The name that Apple gives to the app once, at the first sign-in."""

    given_name: Annotated[str, Meta(max_length=1000)] | None = None
    family_name: Annotated[str, Meta(max_length=1000)] | None = None


_Acknowledgments = Annotated[
    dict[str, Any],
    Meta(
        description="The boxes that were ticked, as JSON `true`. Somebody new must tick all five.",
        extra_json_schema={
            "properties": {
                **{kind.value: {"type": "boolean"} for kind in ConsentType},
                "version": {"type": "string", "maxLength": 50, "description": "Version of the texts agreed to."},
                "consent_method": {"type": "string", "maxLength": 20, "examples": ["bundled_consent"]},
                "timestamp": {"description": "The phone's time; ours is recorded."},
            },
            "examples": [{**{kind.value: True for kind in ConsentType}, "version": "1.0"}],
        },
    ),
]


class DeviceForm(msgspec.Struct, kw_only=True):
    """The phone that signs in. `platform`, `app_installation_id` and `app_version` are required."""

    platform: Annotated[str | None, Meta(examples=["ios", "android"])] = None
    app_installation_id: Annotated[
        str | None, Meta(description="Becomes the device's id: 1 to 255 characters.", examples=["a3f1c0de-phone"])
    ] = None
    app_version: Annotated[str | None, Meta(examples=["1.4.2"])] = None
    device_name: str | None = None
    model: str | None = None
    os_version: str | None = None


class SignInRequest(msgspec.Struct, kw_only=True):
    """A sign-in with Google or Apple. Several spellings are read, because several versions of the app are in use."""

    ERROR_CODES: ClassVar[dict[str, str]] = {
        "provider": "INVALID_AUTH_PROVIDER",
        "auth_provider": "INVALID_AUTH_PROVIDER",
        "id_token": "MISSING_AUTH_TOKEN",
        "google_token": "MISSING_AUTH_TOKEN",
        "google_id_token": "MISSING_AUTH_TOKEN",
        "google_auth": "MISSING_AUTH_TOKEN",
        "apple_id_token": "MISSING_AUTH_TOKEN",
        "auth_token": "MISSING_AUTH_TOKEN",
    }

    provider: Annotated[str | None, Meta(examples=["google", "apple"])] = None
    auth_provider: Annotated[str | None, Meta(description="Another name of `provider`.")] = None
    id_token: Annotated[str | None, Meta(description="Google's ID token.")] = None
    google_token: Annotated[str | None, Meta(description="Another name of `id_token`.")] = None
    google_id_token: Annotated[str | None, Meta(description="Another name of `id_token`.")] = None
    google_auth: GoogleAuth | None = None
    apple_id_token: Annotated[str | None, Meta(description="Apple's identity token.")] = None
    auth_token: Annotated[str | None, Meta(description="Another name of either provider's token.")] = None
    apple_authorization_code: str | None = None
    apple_email: Annotated[
        str | None, Meta(description="Used for a first profile if the token names none; never as verified.")
    ] = None
    apple_name: AppleName | None = None
    nonce: (
        Annotated[str, Meta(max_length=512, description="What the app drew for this sign-in, before hashing.")] | None
    ) = None
    consent_acknowledgments: _Acknowledgments | None = None
    consents: Annotated[_Acknowledgments | None, Meta(description="Another name of `consent_acknowledgments`.")] = None
    device_info: DeviceForm | None = None
    encryption_context: Annotated[Any, Meta(description="Ignored.")] = None


class UserView(msgspec.Struct, kw_only=True):
    """Somebody, as the app sees them."""

    id: str
    user_id: Annotated[str, Meta(description="The same as `id`.")]
    email: str | None
    name: str | None
    display_name: Annotated[str, Meta(description="The best name that we know; may be empty.")]
    given_name: str | None
    family_name: str | None
    email_verified: bool
    auth_provider: AuthProvider
    is_new_user: Annotated[bool, Meta(description="Whether this very call made the account.")]
    is_private_email: Annotated[bool, Meta(description="Whether the address is Apple's relay to a hidden one.")]
    created_at: datetime
    last_login_at: datetime | None


class SessionView(msgspec.Struct, kw_only=True):
    """The session in use."""

    session_id: str
    expires_at: Annotated[datetime, Meta(description="Moves with each refresh, up to 7 days after sign-in.")]
    biometric_required: Annotated[bool, Meta(description="A registration exists, and its proof has run out.")]


_AccessSeconds = Annotated[int, Meta(description="Seconds for which the access token is good.", examples=[900])]


class SignedInView(msgspec.Struct, kw_only=True):
    """What a signed-in client holds, and whom and what it speaks of."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105  # the scheme, not a secret
    expires_in: _AccessSeconds
    user: UserView
    session: SessionView


class SignInAnswer(Answer, kw_only=True):
    """Signed in. The fields of `SignedInView`, at the root."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "400 INVALID_AUTH_PROVIDER",
        "400 MISSING_AUTH_TOKEN",
        "400 MISSING_CONSENT",
        "401 INVALID_TOKEN",
        "403 ACCOUNT_SUSPENDED",
        "409 ACCOUNT_LINKING_REQUIRED",
        "503 PROVIDER_UNAVAILABLE",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("show_profile"),
        Link("update_profile"),
        Link("show_device"),
        Link("show_consents"),
        Link("show_subscription"),
        Link("begin_enrolment", body={"device_id": "request:/device_info/app_installation_id"}),
        Link(
            "refresh_session",
            body={"refresh_token": "/refresh_token", "device_id": "request:/device_info/app_installation_id"},
        ),
    )

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105  # the scheme, not a secret
    expires_in: _AccessSeconds
    user: UserView
    session: SessionView


class RefreshRequest(msgspec.Struct, kw_only=True):
    """A refresh token, and the device that it was given to."""

    refresh_token: str | None = None
    device_id: Annotated[str | None, Meta(description="The `app_installation_id` given at sign-in.")] = None


class RefreshAnswer(SignInAnswer, kw_only=True):
    """New tokens; at the root, and again under `data`, where the app reads them."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "401 INVALID_REFRESH_TOKEN",
        "401 SESSION_EXPIRED",
        "401 SESSION_REVOKED",
        "401 REFRESH_TOKEN_REUSED",
        "403 ACCOUNT_SUSPENDED",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("show_profile"),
        Link("refresh_session", body={"refresh_token": "/refresh_token", "device_id": "request:/device_id"}),
    )

    data: SignedInView


class LogoutRequest(msgspec.Struct, kw_only=True):
    """Which session to end: always the caller's."""

    device_id: Annotated[str | None, Meta(description="Ignored: the access token says which session it is.")] = None
    logout_all_devices: Annotated[
        bool | None, Meta(description="There is one session per person, so this is the same as without.")
    ] = None


class LogoutAnswer(Answer, kw_only=True):
    """Signed out, now or before."""

    message: str = "You are signed out."


class ProfileUpdate(msgspec.Struct, kw_only=True):
    """New names. What is absent stays; an empty given or family name is removed."""

    ERROR_CODES: ClassVar[dict[str, str]] = {
        "name": "INVALID_NAME",
        "given_name": "INVALID_GIVEN_NAME",
        "family_name": "INVALID_FAMILY_NAME",
    }

    name: Annotated[str | None, Meta(description="1 to 255 characters.")] = None
    given_name: Annotated[str | None, Meta(description="At most 255 characters.")] = None
    family_name: Annotated[str | None, Meta(description="At most 255 characters.")] = None


class ProfileSubscription(msgspec.Struct, kw_only=True):
    """The subscription in force, in short."""

    subscription_id: str
    plan_id: Annotated[str, Meta(examples=["free"])]
    status: SubscriptionStatus
    tier: Tier
    subscription_type: SubscriptionType | None
    provider: SubscriptionProvider
    current_period_end: datetime
    auto_renew: bool


class ProfileView(UserView, kw_only=True):
    """Somebody, with where their account and subscription stand."""

    account_status: AccountStatus
    updated_at: datetime
    subscription: ProfileSubscription


class ProfileAnswer(Answer, kw_only=True):
    """The caller's profile."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "400 INVALID_NAME",
        "400 INVALID_GIVEN_NAME",
        "400 INVALID_FAMILY_NAME",
        "404 PROFILE_NOT_FOUND",
    )

    user: ProfileView
