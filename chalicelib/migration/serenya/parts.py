"""Rows as parts of a profile: consent, device, session, biometric, subscription; each function one row, one part."""

from __future__ import annotations

from chalicelib.migration.serenya import ledger, raw
from chalicelib.migration.serenya.raw import Raw
from chalicelib.migration.serenya.rows import (
    BiometricRow,
    ConsentRow,
    DeviceRow,
    Instant,
    SessionRow,
    SubscriptionRow,
)


def consent_part(row: ConsentRow, born: Instant) -> Raw:
    """Write a consent. `born` stands in for instants that a row lacks, here and below: when its person came."""
    return raw.part(
        {
            "consent_given": raw.flag(row.consent_given),
            "consent_version": raw.text(row.consent_version),
            "consent_method": raw.text(ledger.DEFAULT_METHOD if row.consent_method is None else row.consent_method),
            "ui_checkbox_group": raw.whole(row.ui_checkbox_group),
            "created_at": raw.text(row.created_at or row.updated_at or born),
            "updated_at": raw.text(row.updated_at or row.created_at or born),
            "withdrawn_at": raw.text(row.withdrawn_at),
        }
    )


def device_part(row: DeviceRow, born: Instant) -> Raw:
    """Write a device."""
    return raw.part(
        {
            "device_id": raw.text(row.device_id),
            "device_name": raw.text(row.device_name),
            "platform": raw.text(row.platform),
            "model": raw.text(row.model),
            "os_version": raw.text(row.os_version),
            "app_version": raw.text(row.app_version),
            "biometric_type": raw.text(row.biometric_type),
            "secure_element": raw.flag(bool(row.secure_element)),
            "public_key": raw.text(row.public_key),
            "status": raw.text(row.status or "active"),
            "last_active_at": raw.text(row.last_active_at or row.updated_at or row.created_at or born),
            "created_at": raw.text(row.created_at or row.updated_at or born),
            "updated_at": raw.text(updated_at(row, born)),
        }
    )


def session_part(row: SessionRow, device_id: str, born: Instant) -> Raw:
    """Write a session; `device_id` is the app's. No refresh token of it was minted here: it counts as never rotated."""
    return raw.part(
        {
            "session_id": raw.text(row.session_id),
            "device_id": raw.text(device_id),
            "refresh_token_hash": raw.text(row.refresh_token_hash),
            "refresh_generation": raw.whole(0),
            "access_token_hash": raw.text(row.access_token_hash),
            "status": raw.text(row.status or "active"),
            "created_at": raw.text(row.created_at or row.updated_at or born),
            "last_accessed_at": raw.text(row.last_accessed_at or row.updated_at or row.created_at or born),
            "expires_at": raw.text(row.expires_at),
            "last_biometric_auth_at": raw.text(row.last_biometric_auth_at),
            "biometric_expires_at": raw.text(row.biometric_expires_at),
            "requires_biometric_reauth": raw.flag(bool(row.requires_biometric_reauth)),
            "updated_at": raw.text(updated_at(row, born)),
        }
    )


def biometric_part(row: BiometricRow, device_id: str, born: Instant) -> Raw:
    """Write a biometric registration. It has no key of its own: nothing can be proved with it before the device enrols
    anew."""
    is_open = bool(row.challenge)
    return raw.part(
        {
            "device_id": raw.text(device_id),
            "registration_id": raw.text(row.registration_id),
            "biometric_type": raw.text(row.biometric_type),
            "challenge": raw.text(row.challenge if is_open else None),
            "challenge_expires_at": raw.text(row.challenge_expires_at if is_open else None),
            "is_verified": raw.flag(bool(row.is_verified)),
            "is_active": raw.flag(row.is_active is not False),
            "verification_failures": raw.whole(row.verification_failures or 0),
            "device_attestation_data": raw.text(raw.document(row.device_attestation_data)),
            "registration_metadata": raw.text(raw.document(row.registration_metadata)),
            "created_at": raw.text(row.created_at or row.updated_at or born),
            "updated_at": raw.text(updated_at(row, born)),
            "last_verified_at": raw.text(row.last_verified_at),
        }
    )


def subscription_part(row: SubscriptionRow, usage: Raw, born: Instant) -> Raw:
    """Write a subscription: whatever was paid for under the old rules was premium."""
    return raw.part(
        {
            "subscription_id": raw.text(row.id),
            "subscription_status": raw.text(row.subscription_status or "pending"),
            "tier": raw.text("premium"),
            "subscription_type": raw.text(row.subscription_type),
            "provider": raw.text(row.provider),
            "external_subscription_id": raw.text(row.external_subscription_id),
            "external_subscription_id_hash": raw.text(row.external_subscription_id_hash),
            "start_date": raw.text(row.start_date),
            "end_date": raw.text(row.end_date),
            "usage_current_period": usage,
            "created_at": raw.text(row.created_at or row.updated_at or born),
            "updated_at": raw.text(updated_at(row, born)),
        }
    )


def free_part(subscription_id: str, usage: Raw, born: Instant) -> Raw:
    """Write the plan of who has no row: free, from the day on which they came."""
    return raw.part(
        {
            "subscription_id": raw.text(subscription_id),
            "subscription_status": raw.text("active"),
            "tier": raw.text("free"),
            "provider": raw.text("internal"),
            "start_date": raw.text(born),
            "usage_current_period": usage,
            "created_at": raw.text(born),
            "updated_at": raw.text(born),
        }
    )


def updated_at(row: DeviceRow | SessionRow | BiometricRow | SubscriptionRow, born: Instant) -> Instant:
    """Return when a row last changed: also when what it says became history."""
    return row.updated_at or row.created_at or born
