"""What verification compares: every kept column beside the attribute that says the same; declared here once more, apart
from the mapping, so that a mistake of the mapping is a difference.

`sql` is what the row says, as a text, with what a NULL means; `at` where the item says it. Rows are read as `one`, and
their person as `person`.
"""

from __future__ import annotations

from typing import Final

from chalicelib.migration.serenya.verified_fields import (
    BORN,
    Field,
    Form,
    Table,
    flag,
    instant,
    instant_in,
    nearest,
    or_default,
    recent,
    stamps,
    text,
)

_PERSON: Final = "JOIN users AS person ON person.id = one.user_id"


_SURROGATE: Final = {"id": "names the row within the database alone"}

USERS: Final = Table(
    "users",
    "users",
    "users AS person CROSS JOIN LATERAL (SELECT person.*) AS one",
    (
        text("id"),
        text("external_id", personal=True),
        text("auth_provider"),
        Field("email", "email", "nullif(one.email, '')", ("email",), is_personal=True),
        flag("email_verified"),
        Field("name", "name", "nullif(one.name, '')", ("name",), is_personal=True),
        text("given_name", personal=True),
        text("family_name", personal=True),
        or_default("account_status", "active"),
        Field("created_at", ".created_at", instant(BORN), ("created_at",)),
        Field("updated_at", ".updated_at", instant(f"coalesce(one.updated_at, {BORN})"), ("updated_at",)),
        instant_in("last_login_at"),
        instant_in("deactivated_at"),
    ),
    key="one.id",
    others={"email_hash": "computed anew from the normalised address; the rules check it"},
)
CONSENTS: Final = Table(
    "consents",
    "consent_records",
    f"consent_records AS one {_PERSON}",
    (
        text("consent_type", at="<key>"),
        Field("consent_given", "consent_given", "one.consent_given::text", ("consent_given",), Form.FLAG),
        text("consent_version"),
        or_default("consent_method", "bundled_consent"),
        Field(
            "ui_checkbox_group", "ui_checkbox_group", "one.ui_checkbox_group::text", ("ui_checkbox_group",), Form.WHOLE
        ),
        *stamps(),
        instant_in("withdrawn_at"),
    ),
    others=_SURROGATE,
)
DEVICES: Final = Table(
    "devices",
    "user_devices",
    f"user_devices AS one {_PERSON}",
    (
        text("device_id"),
        text("device_name", personal=True),
        *(text(name) for name in ("platform", "model", "os_version", "app_version", "biometric_type", "public_key")),
        flag("secure_element"),
        or_default("status", "active"),
        nearest("last_active_at", "last_active_at", "updated_at", "created_at"),
        *stamps(),
    ),
    lasts=recent("chosen_device"),
    others=_SURROGATE,
)
SESSIONS: Final = Table(
    "sessions",
    "user_sessions",
    f"user_sessions AS one {_PERSON} "
    "LEFT JOIN user_devices AS held ON held.id = one.device_id AND held.user_id = one.user_id",
    (
        text("session_id"),
        Field("device_id", "device_id", "coalesce(held.device_id, one.device_id::text)", ("device_id",)),
        text("refresh_token_hash", personal=True),
        text("access_token_hash", personal=True),
        or_default("status", "active"),
        nearest("last_accessed_at", "last_accessed_at", "updated_at", "created_at"),
        instant_in("expires_at"),
        instant_in("last_biometric_auth_at"),
        instant_in("biometric_expires_at"),
        flag("requires_biometric_reauth"),
        *stamps(),
    ),
    lasts=recent("chosen_session"),
    others=_SURROGATE,
)
BIOMETRICS: Final = Table(
    "biometrics",
    "biometric_registrations",
    "biometric_registrations AS one JOIN user_devices AS held ON held.id = one.device_id "
    "JOIN users AS person ON person.id = held.user_id "
    "JOIN chosen_biometric AS chosen ON chosen.id = one.id",
    (
        text("registration_id"),
        Field("device_id", "device_id", "held.device_id", ("device_id",)),
        text("biometric_type"),
        Field("challenge", "challenge", "nullif(one.challenge, '')", ("challenge",), is_personal=True),
        Field(
            "challenge_expires_at",
            "challenge_expires_at",
            f"CASE WHEN one.challenge <> '' THEN {instant('one.challenge_expires_at')} END",
            ("challenge_expires_at",),
        ),
        flag("is_verified"),
        flag("is_active", "true"),
        or_default("verification_failures", "0", form=Form.WHOLE),
        Field(
            "device_attestation_data",
            "device_attestation_data",
            "one.device_attestation_data::text",
            ("device_attestation_data",),
            Form.JSON,
            is_personal=True,
        ),
        Field(
            "registration_metadata",
            "registration_metadata",
            "one.registration_metadata::text",
            ("registration_metadata",),
            Form.JSON,
            is_personal=True,
        ),
        *stamps(),
        instant_in("last_verified_at"),
    ),
    key="held.user_id",
    others=_SURROGATE,
)
SUBSCRIPTIONS: Final = Table(
    "subscriptions",
    "subscriptions",
    f"subscriptions AS one {_PERSON}",
    (
        text("subscription_id", "id"),
        or_default("subscription_status", "pending"),
        text("subscription_type"),
        text("provider"),
        text("external_subscription_id"),
        text("external_subscription_id_hash"),
        instant_in("start_date"),
        instant_in("end_date"),
        *stamps(),
    ),
    lasts=recent("chosen_subscription"),
)
_PAID: Final = f"coalesce(one.created_at, one.processed_at, one.updated_at, {BORN})"
PAYMENTS: Final = Table(
    "payments",
    "payments",
    f"payments AS one {_PERSON} LEFT JOIN subscriptions AS held ON held.id = one.subscription_id",
    (
        Field(
            "payment_id",
            "payment_id",
            f"lpad(to_hex(greatest(0, floor(extract(epoch FROM {_PAID}) * 1000))::bigint), 12, '0') || '-' || one.id",
            ("id",),
        ),
        text("subscription_id"),
        Field("amount", "amount", "one.amount::text", ("amount",), Form.MONEY),
        Field("currency", "currency", "rtrim(one.currency::text, ' ')", ("currency",)),
        or_default("payment_status", "pending"),
        text("provider_transaction_id"),
        text("payment_method"),
        Field("purchased_at", "purchased_at", instant(_PAID), ("created_at",)),
        instant_in("told_at", "processed_at"),
        Field("updated_at", ".updated_at", instant(f"coalesce(one.updated_at, {_PAID})"), ("updated_at",)),
        Field("provider", "provider", "coalesce(held.provider::text, 'internal')", ()),
        Field("external_subscription_id", "external_subscription_id", "held.external_subscription_id", ()),
    ),
    others={"provider_transaction_id_hash": "computed anew from the transaction's id; the rules check it"},
)
_FORGOTTEN: Final = "floor(extract(epoch FROM coalesce(one.ttl_expires_at, one.uploaded_at + interval '1 day')))"
JOBS: Final = Table(
    "jobs",
    "processing_jobs",
    f"processing_jobs AS one {_PERSON}",
    (
        *(text(name) for name in ("job_id", "file_type", "file_checksum", "error_code", "correlation_id")),
        text("error_message", personal=True),
        Field("file_size", "file_size", "one.file_size::text", ("file_size",), Form.WHOLE),
        text("object_key", "s3_key"),
        or_default("state", "uploaded", "status"),
        instant_in("uploaded_at"),
        instant_in("started_at", "processing_started_at"),
        Field(
            "finished_at",
            "finished_at",
            f"CASE WHEN one.status = 'completed' THEN {instant('one.completed_at')} "
            f"WHEN one.status IN ('failed', 'timeout') THEN {instant('one.failed_at')} END",
            ("completed_at", "failed_at"),
        ),
        or_default("retry_count", "0", form=Form.WHOLE),
        Field("ttl", ".ttl", f"{_FORGOTTEN}::bigint::text", ("ttl_expires_at",), Form.WHOLE),
    ),
    lasts=f"to_timestamp({_FORGOTTEN}) > :at",
    others=_SURROGATE,
)
TABLES: Final = (USERS, CONSENTS, DEVICES, SESSIONS, BIOMETRICS, SUBSCRIPTIONS, PAYMENTS, JOBS)
"""Every lane of rows."""
OWNER_COLUMNS: Final = ("user_id",)
"""Say whose a row is: the key of its entries."""
