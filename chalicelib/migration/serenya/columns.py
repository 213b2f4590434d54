"""Every column of the legacy schema, and what becomes of it: kept, concluded anew, or dropped with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """How a column is read; everything comes as PostgreSQL writes it in JSON."""

    TEXT = "text"
    BOOL = "bool"
    WHOLE = "whole"
    MONEY = "money"
    INSTANT = "instant"
    JSON = "json"
    CHAR = "char"


class Fate(StrEnum):
    """What becomes of a column.

    KEPT: an attribute says the same, and writes it back exactly. FILLED: kept, and where it is NULL the attribute holds
    what the column means by it (its default, or the nearest instant that the row has). ROUNDED: kept to the second.
    CONCLUDED: computed anew from what is kept, in both directions. DROPPED: nothing of it moves.
    """

    KEPT = "kept"
    FILLED = "filled"
    ROUNDED = "rounded"
    CONCLUDED = "concluded"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `to` is the attribute that says it (below `data` unless it begins with a dot); `why` the reason where
    it is not simply kept."""

    kind: Kind
    fate: Fate
    to: str = ""
    why: str = ""


_SURROGATE: Final = "Names the row within the database alone; rows are found again by their natural key."
_TRIGGERED: Final = "Nobody asks when a job's row was touched; the item says when the job was."
_TELEMETRY: Final = "A measurement of the old pipeline; jobs live for a day."
_TRAIL: Final = "Goes, as it is, into the audit lines in S3 (`audit_lines`)."
_CONSTANT: Final = "A constant of the code; verification reports rows that differ from it."


def _kept(kind: Kind, to: str) -> Column:
    return Column(kind, Fate.KEPT, to)


def _filled(kind: Kind, to: str, why: str) -> Column:
    return Column(kind, Fate.FILLED, to, why)


def _instant_of_row(to: str) -> Column:
    return Column(Kind.INSTANT, Fate.FILLED, to, "NULL reads as the nearest instant that the row, or its person, has.")


def _surrogate() -> Column:
    return Column(Kind.TEXT, Fate.CONCLUDED, "", _SURROGATE)


def _owner() -> Column:
    return Column(Kind.TEXT, Fate.KEPT, ".PK")


def _dropped(why: str) -> Column:
    return Column(Kind.TEXT, Fate.DROPPED, "", why)


def _texts(part: str, *names: str) -> dict[str, Column]:
    return {name: _kept(Kind.TEXT, f"{part}{name}") for name in names}


def _instants(part: str, *names: str) -> dict[str, Column]:
    return {name: _kept(Kind.INSTANT, f"{part}{name}") for name in names}


USERS: Final[Mapping[str, Column]] = {
    "id": _kept(Kind.TEXT, "id"),
    **_texts("", "external_id", "auth_provider"),
    "email": _filled(Kind.TEXT, "email", "An empty text is no address: the attribute is absent."),
    "email_hash": Column(Kind.TEXT, Fate.CONCLUDED, "email_hash", "Of the normalised address (decision 8)."),
    "email_verified": _filled(Kind.BOOL, "email_verified", "NULL is not verified."),
    "name": _filled(Kind.TEXT, "name", "An empty text is no name: the attribute is absent."),
    **_texts("", "given_name", "family_name"),
    "account_status": _filled(Kind.TEXT, "account_status", "NULL reads as the column's default, active."),
    "created_at": _instant_of_row(".created_at"),
    "updated_at": _instant_of_row(".updated_at"),
    **_instants("", "last_login_at", "deactivated_at"),
}
CONSENTS: Final[Mapping[str, Column]] = {
    "id": _surrogate(),
    "user_id": _owner(),
    "consent_type": _kept(Kind.TEXT, "consents"),
    "consent_given": _kept(Kind.BOOL, "consents.*.consent_given"),
    "consent_version": _kept(Kind.TEXT, "consents.*.consent_version"),
    "consent_method": _filled(Kind.TEXT, "consents.*.consent_method", "NULL reads as the default, bundled_consent."),
    "ui_checkbox_group": _kept(Kind.WHOLE, "consents.*.ui_checkbox_group"),
    "created_at": _instant_of_row("consents.*.created_at"),
    "updated_at": _instant_of_row("consents.*.updated_at"),
    "withdrawn_at": _kept(Kind.INSTANT, "consents.*.withdrawn_at"),
}
DEVICES: Final[Mapping[str, Column]] = {
    "id": _surrogate(),
    "user_id": _owner(),
    **_texts("current_device.", "device_id", "device_name", "platform", "model", "os_version", "app_version"),
    **_texts("current_device.", "biometric_type", "public_key"),
    "secure_element": _filled(Kind.BOOL, "current_device.secure_element", "NULL is no."),
    "status": _filled(Kind.TEXT, "current_device.status", "NULL reads as the default, active."),
    "last_active_at": _instant_of_row("current_device.last_active_at"),
    "created_at": _instant_of_row("current_device.created_at"),
    "updated_at": _instant_of_row("current_device.updated_at"),
}
SESSIONS: Final[Mapping[str, Column]] = {
    "id": _surrogate(),
    "user_id": _owner(),
    "device_id": _kept(Kind.TEXT, "current_session.device_id"),
    **_texts("current_session.", "session_id", "refresh_token_hash", "access_token_hash"),
    "status": _filled(Kind.TEXT, "current_session.status", "NULL reads as the default, active."),
    "created_at": _instant_of_row("current_session.created_at"),
    "last_accessed_at": _instant_of_row("current_session.last_accessed_at"),
    **_instants("current_session.", "expires_at", "last_biometric_auth_at", "biometric_expires_at"),
    "requires_biometric_reauth": _filled(Kind.BOOL, "current_session.requires_biometric_reauth", "NULL is no."),
    "updated_at": _instant_of_row("current_session.updated_at"),
}
BIOMETRICS: Final[Mapping[str, Column]] = {
    "id": _surrogate(),
    "device_id": _kept(Kind.TEXT, "current_biometric.device_id"),
    **_texts("current_biometric.", "registration_id", "biometric_type"),
    "challenge": _filled(Kind.TEXT, "current_biometric.challenge", "An empty text is no open challenge."),
    "challenge_expires_at": _filled(
        Kind.INSTANT, "current_biometric.challenge_expires_at", "Of no open challenge: when the row last changed."
    ),
    "is_verified": _filled(Kind.BOOL, "current_biometric.is_verified", "NULL is no."),
    "is_active": _filled(Kind.BOOL, "current_biometric.is_active", "NULL reads as the default, yes."),
    "verification_failures": _filled(Kind.WHOLE, "current_biometric.verification_failures", "NULL is none."),
    "device_attestation_data": _kept(Kind.JSON, "current_biometric.device_attestation_data"),
    "registration_metadata": _kept(Kind.JSON, "current_biometric.registration_metadata"),
    "created_at": _instant_of_row("current_biometric.created_at"),
    "updated_at": _instant_of_row("current_biometric.updated_at"),
    "last_verified_at": _kept(Kind.INSTANT, "current_biometric.last_verified_at"),
}
SUBSCRIPTIONS: Final[Mapping[str, Column]] = {
    "id": _kept(Kind.TEXT, "current_subscription.subscription_id"),
    "user_id": _owner(),
    "subscription_status": _filled(
        Kind.TEXT, "current_subscription.subscription_status", "NULL reads as the default, pending."
    ),
    **_texts("current_subscription.", "subscription_type", "provider", "external_subscription_id"),
    "external_subscription_id_hash": _kept(Kind.TEXT, "current_subscription.external_subscription_id_hash"),
    **_instants("current_subscription.", "start_date", "end_date"),
    "created_at": _instant_of_row("current_subscription.created_at"),
    "updated_at": _instant_of_row("current_subscription.updated_at"),
}
PAYMENTS: Final[Mapping[str, Column]] = {
    "id": _kept(Kind.TEXT, "payment_id"),
    "subscription_id": _kept(Kind.TEXT, "subscription_id"),
    "user_id": _kept(Kind.TEXT, "user_id"),
    "amount": _kept(Kind.MONEY, "amount"),
    "currency": _kept(Kind.CHAR, "currency"),
    "payment_status": _filled(Kind.TEXT, "payment_status", "NULL reads as the default, pending."),
    "provider_transaction_id": _kept(Kind.TEXT, "provider_transaction_id"),
    "provider_transaction_id_hash": Column(
        Kind.TEXT, Fate.CONCLUDED, "provider_transaction_id_hash", "Of the transaction's id."
    ),
    "payment_method": _kept(Kind.TEXT, "payment_method"),
    "processed_at": _kept(Kind.INSTANT, "told_at"),
    "created_at": _instant_of_row("purchased_at"),
    "updated_at": _instant_of_row(".updated_at"),
}
JOBS: Final[Mapping[str, Column]] = {
    "id": _surrogate(),
    "user_id": _kept(Kind.TEXT, "user_id"),
    **_texts("", "job_id", "file_type", "file_checksum", "error_code", "error_message", "correlation_id"),
    "original_filename": _dropped("A name that somebody typed: never in the table (design, section 4)."),
    "sanitized_filename": _dropped("A name that somebody typed: never in the table (design, section 4)."),
    "file_size": _kept(Kind.WHOLE, "file_size"),
    "s3_bucket": _dropped("The bucket is the stage's."),
    "s3_key": _kept(Kind.TEXT, "object_key"),
    "s3_encryption_key_id": _dropped("The key is the bucket's."),
    "status": _filled(Kind.TEXT, "state", "NULL reads as the default, uploaded."),
    "progress_percentage": _dropped("Estimated from the time that an analysis takes."),
    "uploaded_at": _kept(Kind.INSTANT, "uploaded_at"),
    "processing_started_at": _kept(Kind.INSTANT, "started_at"),
    "completed_at": _filled(Kind.INSTANT, "finished_at", "Of a completed job alone."),
    "failed_at": _filled(Kind.INSTANT, "finished_at", "Of a failed or timed out job alone."),
    "retry_count": _filled(Kind.WHOLE, "retry_count", "NULL is none."),
    "last_retry_at": _dropped(_TELEMETRY),
    "scheduled_retry_at": _dropped("Retries are scheduled anew by the sweep."),
    "max_retries": _dropped("A rule of the code."),
    "processing_duration_ms": _dropped(_TELEMETRY),
    "upload_to_start_delay_ms": _dropped(_TELEMETRY),
    "timeout_reason": _dropped("The state says that it timed out; the message says the rest."),
    "user_agent": _dropped("Says more of somebody than a job needs."),
    "source_ip": _dropped("Says more of somebody than a job needs."),
    "session_id": _dropped("Nothing asks which session handed a document in."),
    "api_version": _dropped("There is one."),
    "file_type_validated": _dropped(_TELEMETRY),
    "file_size_validated": _dropped(_TELEMETRY),
    "content_validated": _dropped(_TELEMETRY),
    "s3_result_bucket": _dropped("The bucket is the stage's."),
    "s3_result_key": _dropped("Follows from owner and job."),
    "confidence_score": _dropped("Part of the result, which lies in S3."),
    "ai_model_used": _dropped("Part of the result, which lies in S3."),
    "ai_processing_time_ms": _dropped(_TELEMETRY),
    "extracted_text_length": _dropped(_TELEMETRY),
    "text_extraction_method": _dropped(_TELEMETRY),
    "ttl_expires_at": Column(Kind.INSTANT, Fate.ROUNDED, ".ttl", "The table forgets items by the second."),
    "created_at": _dropped("The same as uploaded_at, of which the item is made."),
    "updated_at": _dropped(_TRIGGERED),
}
JOB_EVENTS: Final[Mapping[str, Column]] = {
    name: Column(Kind.TEXT, Fate.DROPPED, "", _TRAIL)
    for name in (
        "id", "job_id", "event_type", "event_subtype", "event_status", "event_message", "event_details", "error_code",
        "user_id_hash", "session_id", "correlation_id", "user_agent", "source_ip", "api_endpoint", "request_method",
        "processing_time_ms", "memory_usage_mb", "security_scan_results", "data_classification", "gdpr_lawful_basis",
        "retention_years", "created_at",
    )
}  # fmt: skip
TIERS: Final[Mapping[str, Column]] = {
    name: _dropped(_CONSTANT)
    for name in (
        "tier_name", "medical_reports", "max_documents_per_month", "priority_processing", "advanced_analytics",
        "export_capabilities", "monthly_price_usd", "yearly_price_usd", "created_at", "updated_at",
    )
}  # fmt: skip
CHAT_OPTIONS: Final[Mapping[str, Column]] = {
    name: _dropped(_CONSTANT)
    for name in (
        "id", "content_type", "category", "option_text", "full_prompt_text", "display_order", "has_sub_options",
        "requires_health_data", "is_active", "created_at", "updated_at",
    )
}  # fmt: skip
SCHEMA_VERSIONS: Final[Mapping[str, Column]] = {
    name: _dropped("Says how the old schema came to be.") for name in ("version", "applied_at", "description")
}

TABLES: Final[Mapping[str, Mapping[str, Column]]] = {
    "users": USERS,
    "consent_records": CONSENTS,
    "user_devices": DEVICES,
    "user_sessions": SESSIONS,
    "biometric_registrations": BIOMETRICS,
    "subscriptions": SUBSCRIPTIONS,
    "payments": PAYMENTS,
    "processing_jobs": JOBS,
    "processing_job_events": JOB_EVENTS,
    "subscription_tiers": TIERS,
    "chat_options": CHAT_OPTIONS,
    "schema_versions": SCHEMA_VERSIONS,
}
"""Every table of the legacy schema with every column, checked against `information_schema`."""

OF_PEOPLE: Final = (
    "users",
    "consent_records",
    "user_devices",
    "user_sessions",
    "biometric_registrations",
    "subscriptions",
    "payments",
    "processing_jobs",
)
"""The tables whose rows are items, each after what its rows refer to."""


def read_columns(table: str) -> tuple[str, ...]:
    """Return the columns of a table that are read: all but the dropped ones."""
    return tuple(name for name, column in TABLES[table].items() if column.fate is not Fate.DROPPED)
