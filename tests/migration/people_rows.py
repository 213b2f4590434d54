"""Draws rows of people as the legacy database may hold them, and writes them there."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from chalicelib.clock import iso
from chalicelib.migration.postgres import Connection, rows
from chalicelib.migration.serenya.columns import OF_PEOPLE, read_columns
from chalicelib.migration.serenya.rows import (
    SHAPES,
    BiometricRow,
    ConsentRow,
    DeviceRow,
    JobRow,
    PaymentRow,
    PersonRows,
    SessionRow,
    SubscriptionRow,
    UserRow,
)
from chalicelib.models.states import ConsentType

AS_OF = "2026-03-01T00:00:00.000000Z"
_NOW = datetime(2026, 3, 1, tzinfo=UTC)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
"""Whatever PostgreSQL takes, the empty text included."""
names = texts.filter(bool)
ids = st.uuids(version=4).map(str)
instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)).map(iso)
"""To the microsecond, before and after the install."""
maybe_instants = st.none() | instants
maybe_flags = st.sampled_from([None, True, False])
amounts = st.decimals("-99999999.99", "99999999.99", places=2)
jsons = st.none() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(places=3, min_value=-9, max_value=9).map(float) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
).map(json.dumps)


def some(values: list[str]) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, *values])


@st.composite
def people(draw: st.DrawFn) -> PersonRows:
    """Everything of one person."""
    user_id = draw(ids)
    devices = tuple(
        DeviceRow(
            id=draw(ids),
            user_id=user_id,
            device_id=name,
            device_name=draw(st.none() | texts),
            platform=draw(texts),
            model=draw(st.none() | texts),
            os_version=draw(st.none() | texts),
            app_version=draw(st.none() | texts),
            biometric_type=draw(some(["fingerprint", "face", "voice"])),
            public_key=draw(st.none() | texts),
            secure_element=draw(maybe_flags),
            status=draw(some(["active", "inactive", "revoked"])),
            last_active_at=draw(maybe_instants),
            created_at=draw(maybe_instants),
            updated_at=draw(maybe_instants),
        )
        for name in draw(st.lists(names, unique=True, max_size=3))
    )
    plans = draw(_subscriptions(user_id))
    return PersonRows(
        user=draw(_users(user_id)),
        consents=draw(_consents(user_id)),
        devices=devices,
        sessions=draw(_sessions(user_id, [one.id for one in devices])),
        biometrics=draw(_biometrics([one.id for one in devices])),
        subscriptions=plans,
        payments=draw(_payments(user_id, plans)),
        jobs=draw(_jobs(user_id)),
    )


@st.composite
def _users(draw: st.DrawFn, user_id: str) -> UserRow:
    return UserRow(
        id=user_id,
        external_id=draw(names),
        auth_provider=draw(st.sampled_from(["google", "apple", "facebook"])),
        email=draw(texts | st.sampled_from(["a@example.org", "A@Example.org", "x@privaterelay.appleid.com"])),
        email_hash=None,
        email_verified=draw(maybe_flags),
        name=draw(texts),
        given_name=draw(st.none() | texts),
        family_name=draw(st.none() | texts),
        account_status=draw(some(["active", "suspended", "deactivated", "deleted"])),
        created_at=draw(maybe_instants),
        updated_at=draw(maybe_instants),
        last_login_at=draw(maybe_instants),
        deactivated_at=draw(maybe_instants),
    )


@st.composite
def _consents(draw: st.DrawFn, user_id: str) -> tuple[ConsentRow, ...]:
    return tuple(
        ConsentRow(
            id=draw(ids),
            user_id=user_id,
            consent_type=str(kind),
            consent_given=draw(st.booleans()),
            consent_version=draw(texts),
            consent_method=draw(st.none() | texts),
            ui_checkbox_group=draw(st.none() | st.integers(-(2**31), 2**31 - 1)),
            created_at=draw(maybe_instants),
            updated_at=draw(maybe_instants),
            withdrawn_at=draw(maybe_instants),
        )
        for kind in draw(st.lists(st.sampled_from(list(ConsentType)), unique=True))
    )


@st.composite
def _sessions(draw: st.DrawFn, user_id: str, devices: list[str]) -> tuple[SessionRow, ...]:
    found = []
    for name in draw(st.lists(names, unique=True, max_size=3)) if devices else []:
        created = draw(instants)
        found.append(
            SessionRow(
                id=draw(ids),
                user_id=user_id,
                device_id=draw(st.sampled_from(devices)),
                session_id=name,
                refresh_token_hash=draw(texts),
                access_token_hash=draw(st.none() | texts),
                status=draw(some(["active", "expired", "revoked"])),
                created_at=created,
                last_accessed_at=draw(maybe_instants),
                expires_at=_plus(created, draw(st.integers(1, 10**14))),
                last_biometric_auth_at=draw(maybe_instants),
                biometric_expires_at=draw(maybe_instants),
                requires_biometric_reauth=draw(maybe_flags),
                updated_at=draw(maybe_instants),
            )
        )
    return tuple(found)


@st.composite
def _biometrics(draw: st.DrawFn, devices: list[str]) -> tuple[BiometricRow, ...]:
    wanted = [(device, kind) for device in devices for kind in ("fingerprint", "face", "voice")]
    chosen = draw(st.lists(st.sampled_from(wanted), unique=True, max_size=3)) if wanted else []
    registered = draw(st.lists(names, unique=True, min_size=len(chosen), max_size=len(chosen)))
    return tuple(
        BiometricRow(
            id=draw(ids),
            device_id=device,
            registration_id=name,
            biometric_type=kind,
            challenge=draw(texts),
            challenge_expires_at=draw(instants),
            is_verified=draw(maybe_flags),
            is_active=draw(maybe_flags),
            verification_failures=draw(st.none() | st.integers(0, 10)),
            device_attestation_data=draw(jsons),
            registration_metadata=draw(jsons),
            created_at=draw(maybe_instants),
            updated_at=draw(maybe_instants),
            last_verified_at=draw(maybe_instants),
        )
        for (device, kind), name in zip(chosen, registered, strict=True)
    )


@st.composite
def _subscriptions(draw: st.DrawFn, user_id: str) -> tuple[SubscriptionRow, ...]:
    stores = st.sampled_from(["apple", "google", "stripe"])
    return tuple(
        SubscriptionRow(
            id=draw(ids),
            user_id=user_id,
            subscription_status=draw(some(["active", "expired", "cancelled", "pending"])),
            subscription_type=draw(st.sampled_from(["monthly", "yearly"])),
            provider=provider,
            external_subscription_id=name,
            external_subscription_id_hash=draw(st.none() | texts),
            start_date=draw(instants),
            end_date=draw(instants),
            created_at=draw(maybe_instants),
            updated_at=draw(maybe_instants),
        )
        for provider, name in draw(st.lists(st.tuples(stores, texts), unique=True, max_size=3))
    )


@st.composite
def _payments(draw: st.DrawFn, user_id: str, plans: tuple[SubscriptionRow, ...]) -> tuple[PaymentRow, ...]:
    found = []
    for row_id in draw(st.lists(ids, unique=True, max_size=3)) if plans else []:
        plan = draw(st.sampled_from(plans))
        found.append(
            PaymentRow(
                id=row_id,
                subscription_id=plan.id,
                user_id=user_id,
                amount=draw(amounts),
                currency=draw(st.sampled_from(["EUR", "USD", "X  ", "   "])),
                payment_status=draw(some(["pending", "completed", "failed", "refunded", "disputed"])),
                provider_transaction_id=draw(st.sampled_from(["t-1", "t-2"]) | texts),
                provider_transaction_id_hash=draw(st.none() | texts),
                payment_method=draw(texts),
                processed_at=draw(maybe_instants),
                created_at=draw(maybe_instants),
                updated_at=draw(maybe_instants),
                provider=plan.provider,
                external_subscription_id=plan.external_subscription_id,
            )
        )
    return tuple(found)


@st.composite
def _jobs(draw: st.DrawFn, user_id: str) -> tuple[JobRow, ...]:
    return tuple(
        JobRow(
            id=draw(ids),
            user_id=user_id,
            job_id=name,
            file_type=draw(st.sampled_from(["pdf", "jpg", "jpeg", "png"])),
            file_checksum=draw(st.none() | texts),
            error_code=draw(st.none() | texts),
            error_message=draw(st.none() | texts),
            correlation_id=draw(st.none() | texts),
            file_size=draw(st.integers(0, 2**63 - 1)),
            s3_key=draw(texts),
            status=draw(some(["uploaded", "processing", "completed", "failed", "timeout", "retrying"])),
            uploaded_at=_plus(iso(_NOW), draw(st.integers(-(10**11), 10**11))),
            processing_started_at=draw(maybe_instants),
            completed_at=draw(maybe_instants),
            failed_at=draw(maybe_instants),
            retry_count=draw(st.none() | st.integers(0, 3)),
            ttl_expires_at=draw(maybe_instants),
        )
        for name in draw(st.lists(names, unique=True, max_size=3))
    )


def _plus(instant: str, microseconds: int) -> str:
    from chalicelib.clock import parse_iso

    return iso(parse_iso(instant) + timedelta(microseconds=microseconds))


def write_rows(connection: Connection, person: PersonRows) -> None:
    """Insert all of it."""
    for table in OF_PEOPLE:
        held: Any = getattr(person, SHAPES[table][0])
        for row in held if isinstance(held, tuple) else [held]:
            columns = read_columns(table)
            told = {name: getattr(row, name) for name in columns}
            if table == "processing_jobs":
                told |= {"original_filename": "a.pdf", "sanitized_filename": "a.pdf", "s3_bucket": "b"}
            holes = ", ".join(["%s"] * len(told))
            rows(connection, f"INSERT INTO {table} ({', '.join(told)}) VALUES ({holes})", list(told.values()))


def by_table(person: PersonRows) -> dict[str, list[dict[str, Any]]]:
    """Return rows as plain values, to compare."""
    found = {}
    for table in OF_PEOPLE:
        held: Any = getattr(person, SHAPES[table][0])
        several = list(held) if isinstance(held, tuple) else [held] if held is not None else []
        found[table] = [{one.name: getattr(row, one.name) for one in fields(row)} for row in several]
    return found


def a_uuid(number: int) -> str:
    return str(UUID(int=number))
