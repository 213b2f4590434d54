"""The rows of one person, as values: what is read of the legacy tables, and nothing that is dropped.

Instants are texts as the table writes them (`2026-01-02T03:04:05.000006Z`), JSON is text, money a `Decimal`: rows come
and go as text, so nothing is parsed that only passes through. Fields stand in the order of `columns.read_columns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

Instant = str
"""ISO 8601 in UTC with `Z` and microseconds: text order is time order."""


@dataclass(frozen=True, slots=True)
class UserRow:
    """A row of `users`."""

    id: str
    external_id: str
    auth_provider: str
    email: str
    email_hash: str | None
    email_verified: bool | None
    name: str
    given_name: str | None
    family_name: str | None
    account_status: str | None
    created_at: Instant | None
    updated_at: Instant | None
    last_login_at: Instant | None
    deactivated_at: Instant | None


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """A row of `consent_records`."""

    id: str
    user_id: str
    consent_type: str
    consent_given: bool
    consent_version: str
    consent_method: str | None
    ui_checkbox_group: int | None
    created_at: Instant | None
    updated_at: Instant | None
    withdrawn_at: Instant | None


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A row of `user_devices`; `device_id` is the app's text, `id` the row's own."""

    id: str
    user_id: str
    device_id: str
    device_name: str | None
    platform: str
    model: str | None
    os_version: str | None
    app_version: str | None
    biometric_type: str | None
    public_key: str | None
    secure_element: bool | None
    status: str | None
    last_active_at: Instant | None
    created_at: Instant | None
    updated_at: Instant | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A row of `user_sessions`; `device_id` is the id of a device's row."""

    id: str
    user_id: str
    device_id: str
    session_id: str
    refresh_token_hash: str
    access_token_hash: str | None
    status: str | None
    created_at: Instant | None
    last_accessed_at: Instant | None
    expires_at: Instant
    last_biometric_auth_at: Instant | None
    biometric_expires_at: Instant | None
    requires_biometric_reauth: bool | None
    updated_at: Instant | None


@dataclass(frozen=True, slots=True)
class BiometricRow:
    """A row of `biometric_registrations`; `device_id` is the id of a device's row."""

    id: str
    device_id: str
    registration_id: str
    biometric_type: str
    challenge: str
    challenge_expires_at: Instant
    is_verified: bool | None
    is_active: bool | None
    verification_failures: int | None
    device_attestation_data: str | None
    registration_metadata: str | None
    created_at: Instant | None
    updated_at: Instant | None
    last_verified_at: Instant | None


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """A row of `subscriptions`."""

    id: str
    user_id: str
    subscription_status: str | None
    subscription_type: str
    provider: str
    external_subscription_id: str
    external_subscription_id_hash: str | None
    start_date: Instant
    end_date: Instant
    created_at: Instant | None
    updated_at: Instant | None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A row of `payments`, with what its subscription says of the store: that may be somebody else's, or gone."""

    id: str
    subscription_id: str
    user_id: str
    amount: Decimal
    currency: str
    payment_status: str | None
    provider_transaction_id: str
    provider_transaction_id_hash: str | None
    payment_method: str
    processed_at: Instant | None
    created_at: Instant | None
    updated_at: Instant | None
    provider: str | None = None
    external_subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row of `processing_jobs`."""

    id: str
    user_id: str
    job_id: str
    file_type: str
    file_checksum: str | None
    error_code: str | None
    error_message: str | None
    correlation_id: str | None
    file_size: int
    s3_key: str
    status: str | None
    uploaded_at: Instant
    processing_started_at: Instant | None
    completed_at: Instant | None
    failed_at: Instant | None
    retry_count: int | None
    ttl_expires_at: Instant | None


@dataclass(frozen=True, slots=True)
class Rival:
    """Something of somebody else's that stands before the same guard: an address, or a store's transaction.

    `rank` orders those who want one: the first has it.
    """

    guard: str
    name: str
    provider: str | None
    rank: tuple[str, str]


@dataclass(frozen=True, slots=True)
class PersonRows:
    """Everything of one person. Rows of each table are in the order of their ids; `user` is None for nobody."""

    user: UserRow | None = None
    consents: tuple[ConsentRow, ...] = ()
    devices: tuple[DeviceRow, ...] = ()
    sessions: tuple[SessionRow, ...] = ()
    biometrics: tuple[BiometricRow, ...] = ()
    subscriptions: tuple[SubscriptionRow, ...] = ()
    payments: tuple[PaymentRow, ...] = ()
    jobs: tuple[JobRow, ...] = ()
    rivals: tuple[Rival, ...] = ()


AnyRow = UserRow | ConsentRow | DeviceRow | SessionRow | BiometricRow | SubscriptionRow | PaymentRow | JobRow

SHAPES: Final[Mapping[str, tuple[str, type[AnyRow]]]] = {
    "users": ("user", UserRow),
    "consent_records": ("consents", ConsentRow),
    "user_devices": ("devices", DeviceRow),
    "user_sessions": ("sessions", SessionRow),
    "biometric_registrations": ("biometrics", BiometricRow),
    "subscriptions": ("subscriptions", SubscriptionRow),
    "payments": ("payments", PaymentRow),
    "processing_jobs": ("jobs", JobRow),
}
"""Of each table whose rows are items: the field of `PersonRows` that holds them, and their shape."""
