"""What verification compares: every kept column beside the attribute that says the same; declared here once more, apart
from the mapping, so that a mistake of the mapping is a difference.

`sql` is what the row says, as a text, with what a NULL means; `at` where the item says it. Rows are read as `one`, and
their person as `person`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chalicelib.migration.verify.sides import Lane

_LATEST, _EARLIEST = "'9999-12-31 23:59:59.999999+00'::timestamptz", "'1000-01-01 00:00:00+00'::timestamptz"
BORN: Final = "coalesce(person.created_at, person.updated_at, person.last_login_at, '1970-01-01Z'::timestamptz)"
"""Since when somebody is there, or the nearest instant that is known."""


class Form(StrEnum):
    """How an attribute is made comparable with its column."""

    TEXT = "text"
    FLAG = "flag"
    WHOLE = "whole"
    MONEY = "money"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Field:
    """A value of an entry. `columns` are those that say it; `at` is below the part (or `data`), or with a dot beside
    it."""

    name: str
    at: str
    sql: str
    columns: tuple[str, ...]
    form: Form = Form.TEXT
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A lane whose entries are rows. `source` is what follows FROM, `key` whose they are, `lasts` which of them count
    at an instant (`:at`). The first field tells an entry from others."""

    lane: str
    table: str
    source: str
    fields: tuple[Field, ...]
    key: str = "one.user_id"
    lasts: str = "true"
    others: Mapping[str, str] = field(default_factory=dict)
    """Columns that no value is, with the reason."""

    def described(self) -> Lane:
        """Return it in the words of the engine."""
        personal = {one.name for one in self.fields if one.is_personal}
        return Lane(self.lane, tuple(one.name for one in self.fields), personal)


def instant(expression: str) -> str:
    """Return an instant as items write it; one beyond the years of four digits is the nearest of them."""
    within = f"greatest(least({expression}, {_LATEST}), {_EARLIEST})"
    written = f"to_char({within} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    # `least` skips NULL.
    return f"CASE WHEN {expression} IS NOT NULL THEN {written} END"


def _text(name: str, column: str | None = None, *, personal: bool = False, at: str = "") -> Field:
    column = column or name
    return Field(name, at or name, f"one.{column}::text", (column,), is_personal=personal)


def _or(name: str, default: str, column: str | None = None, at: str = "", form: Form = Form.TEXT) -> Field:
    column = column or name
    return Field(name, at or name, f"coalesce(one.{column}::text, '{default}')", (column,), form)


def _flag(name: str, default: str = "false", at: str = "") -> Field:
    return _or(name, default, at=at, form=Form.FLAG)


def _instant(name: str, column: str | None = None, at: str = "") -> Field:
    column = column or name
    return Field(name, at or name, instant(f"one.{column}"), (column,))


def _nearest(name: str, *columns: str, at: str = "") -> Field:
    """An instant for which others stand in where it is NULL."""
    filled = ", ".join(f"one.{column}" for column in columns)
    return Field(name, at or name, instant(f"coalesce({filled}, {BORN})"), (columns[0],))


def _stamps() -> tuple[Field, Field]:
    return (
        _nearest("created_at", "created_at", "updated_at"),
        _nearest("updated_at", "updated_at", "created_at"),
    )


_PERSON: Final = "JOIN users AS person ON person.id = one.user_id"


def _recent(chosen: str) -> str:
    """What was replaced longer ago than history lives is forgotten on both sides; what is current is not."""
    changed = f"coalesce(one.updated_at, one.created_at, {BORN})"
    is_chosen = f"EXISTS (SELECT FROM {chosen} AS chosen WHERE chosen.id = one.id)"
    return f"(date_trunc('second', {changed} + :life) > :at OR {is_chosen})"


_SURROGATE: Final = {"id": "names the row within the database alone"}

USERS: Final = Table(
    "users",
    "users",
    "users AS person CROSS JOIN LATERAL (SELECT person.*) AS one",
    (
        _text("id"),
        _text("external_id", personal=True),
        _text("auth_provider"),
        Field("email", "email", "nullif(one.email, '')", ("email",), is_personal=True),
        _flag("email_verified"),
        Field("name", "name", "nullif(one.name, '')", ("name",), is_personal=True),
        _text("given_name", personal=True),
        _text("family_name", personal=True),
        _or("account_status", "active"),
        Field("created_at", ".created_at", instant(BORN), ("created_at",)),
        Field("updated_at", ".updated_at", instant(f"coalesce(one.updated_at, {BORN})"), ("updated_at",)),
        _instant("last_login_at"),
        _instant("deactivated_at"),
    ),
    key="one.id",
    others={"email_hash": "computed anew from the normalised address; the rules check it"},
)
CONSENTS: Final = Table(
    "consents",
    "consent_records",
    f"consent_records AS one {_PERSON}",
    (
        _text("consent_type", at="<key>"),
        Field("consent_given", "consent_given", "one.consent_given::text", ("consent_given",), Form.FLAG),
        _text("consent_version"),
        _or("consent_method", "bundled_consent"),
        Field(
            "ui_checkbox_group", "ui_checkbox_group", "one.ui_checkbox_group::text", ("ui_checkbox_group",), Form.WHOLE
        ),
        *_stamps(),
        _instant("withdrawn_at"),
    ),
    others=_SURROGATE,
)
DEVICES: Final = Table(
    "devices",
    "user_devices",
    f"user_devices AS one {_PERSON}",
    (
        _text("device_id"),
        _text("device_name", personal=True),
        *(_text(name) for name in ("platform", "model", "os_version", "app_version", "biometric_type", "public_key")),
        _flag("secure_element"),
        _or("status", "active"),
        _nearest("last_active_at", "last_active_at", "updated_at", "created_at"),
        *_stamps(),
    ),
    lasts=_recent("chosen_device"),
    others=_SURROGATE,
)
SESSIONS: Final = Table(
    "sessions",
    "user_sessions",
    f"user_sessions AS one {_PERSON} "
    "LEFT JOIN user_devices AS held ON held.id = one.device_id AND held.user_id = one.user_id",
    (
        _text("session_id"),
        Field("device_id", "device_id", "coalesce(held.device_id, one.device_id::text)", ("device_id",)),
        _text("refresh_token_hash", personal=True),
        _text("access_token_hash", personal=True),
        _or("status", "active"),
        _nearest("last_accessed_at", "last_accessed_at", "updated_at", "created_at"),
        _instant("expires_at"),
        _instant("last_biometric_auth_at"),
        _instant("biometric_expires_at"),
        _flag("requires_biometric_reauth"),
        *_stamps(),
    ),
    lasts=_recent("chosen_session"),
    others=_SURROGATE,
)
BIOMETRICS: Final = Table(
    "biometrics",
    "biometric_registrations",
    "biometric_registrations AS one JOIN user_devices AS held ON held.id = one.device_id "
    "JOIN users AS person ON person.id = held.user_id "
    "JOIN chosen_biometric AS chosen ON chosen.id = one.id",
    (
        _text("registration_id"),
        Field("device_id", "device_id", "held.device_id", ("device_id",)),
        _text("biometric_type"),
        Field("challenge", "challenge", "nullif(one.challenge, '')", ("challenge",), is_personal=True),
        Field(
            "challenge_expires_at",
            "challenge_expires_at",
            f"CASE WHEN one.challenge <> '' THEN {instant('one.challenge_expires_at')} END",
            ("challenge_expires_at",),
        ),
        _flag("is_verified"),
        _flag("is_active", "true"),
        _or("verification_failures", "0", form=Form.WHOLE),
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
        *_stamps(),
        _instant("last_verified_at"),
    ),
    key="held.user_id",
    others=_SURROGATE,
)
SUBSCRIPTIONS: Final = Table(
    "subscriptions",
    "subscriptions",
    f"subscriptions AS one {_PERSON}",
    (
        _text("subscription_id", "id"),
        _or("subscription_status", "pending"),
        _text("subscription_type"),
        _text("provider"),
        _text("external_subscription_id"),
        _text("external_subscription_id_hash"),
        _instant("start_date"),
        _instant("end_date"),
        *_stamps(),
    ),
    lasts=_recent("chosen_subscription"),
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
        _text("subscription_id"),
        Field("amount", "amount", "one.amount::text", ("amount",), Form.MONEY),
        Field("currency", "currency", "rtrim(one.currency::text, ' ')", ("currency",)),
        _or("payment_status", "pending"),
        _text("provider_transaction_id"),
        _text("payment_method"),
        Field("purchased_at", "purchased_at", instant(_PAID), ("created_at",)),
        _instant("told_at", "processed_at"),
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
        *(_text(name) for name in ("job_id", "file_type", "file_checksum", "error_code", "correlation_id")),
        _text("error_message", personal=True),
        Field("file_size", "file_size", "one.file_size::text", ("file_size",), Form.WHOLE),
        _text("object_key", "s3_key"),
        _or("state", "uploaded", "status"),
        _instant("uploaded_at"),
        _instant("started_at", "processing_started_at"),
        Field(
            "finished_at",
            "finished_at",
            f"CASE WHEN one.status = 'completed' THEN {instant('one.completed_at')} "
            f"WHEN one.status IN ('failed', 'timeout') THEN {instant('one.failed_at')} END",
            ("completed_at", "failed_at"),
        ),
        _or("retry_count", "0", form=Form.WHOLE),
        Field("ttl", ".ttl", f"{_FORGOTTEN}::bigint::text", ("ttl_expires_at",), Form.WHOLE),
    ),
    lasts=f"to_timestamp({_FORGOTTEN}) > :at",
    others=_SURROGATE,
)
TABLES: Final = (USERS, CONSENTS, DEVICES, SESSIONS, BIOMETRICS, SUBSCRIPTIONS, PAYMENTS, JOBS)
"""Every lane of rows."""
OWNER_COLUMNS: Final = ("user_id",)
"""Say whose a row is: the key of its entries."""
