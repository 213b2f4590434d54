"""From items to rows: as much of a person as the legacy tables can say; pure. What they cannot say is kept beside them
(`extras.py`), so that nothing depends on a row saying everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from chalicelib.ids import derived_id
from chalicelib.migration.ports import ItemKey
from chalicelib.migration.serenya import raw
from chalicelib.migration.serenya.job_items import job_row
from chalicelib.migration.serenya.payment_items import payment_row
from chalicelib.migration.serenya.raw import Raw
from chalicelib.migration.serenya.rows import (
    BiometricRow,
    ConsentRow,
    DeviceRow,
    PaymentRow,
    PersonRows,
    SessionRow,
    SubscriptionRow,
    UserRow,
)
from chalicelib.models import keys
from chalicelib.models.keys import GuardKind, HistoryKind
from chalicelib.models.states import (
    AccountStatus,
    AuthProvider,
    BiometricType,
    ConsentType,
    DeviceStatus,
    SessionStatus,
    SubscriptionStatus,
    SubscriptionType,
)

_STORES: Final = frozenset({"apple", "google", "stripe"})
"""The legacy database knows no `internal`: who is free has no row."""
_MOST_WHOLE: Final = 2**31 - 1
_MOST_FAILURES: Final = 10
_Row = TypeVar("_Row")


def to_rows(items: Mapping[ItemKey, Mapping[str, Raw]]) -> PersonRows:
    """Return the rows of a person's items. Ids of rows that the outside never sees follow from natural keys; who writes
    rows keeps the ids that are there."""
    profile = next((one for (_, sort_key), one in items.items() if sort_key == keys.PROFILE_SK), None)
    user = None if profile is None else _user(profile, items)
    if profile is None or user is None:
        return PersonRows()
    past = _by_kind(items)
    devices = _devices(user.id, profile, past)
    row_ids = {one.device_id: one.id for one in devices}
    subscriptions = _subscriptions(user.id, profile, past)
    named = {(one.provider, one.external_subscription_id): one.id for one in subscriptions}
    return PersonRows(
        user=user,
        consents=_consents(user.id, profile),
        devices=devices,
        sessions=_sessions(user.id, profile, past, row_ids),
        biometrics=_biometrics(profile, row_ids),
        subscriptions=subscriptions,
        payments=_payments(user.id, items, named),
        jobs=tuple(
            row
            for (_, sort_key), one in sorted(items.items())
            if sort_key.startswith("JOB#") and (row := job_row(one, user.id)) is not None
        ),
    )


def _by_kind(items: Mapping[ItemKey, Mapping[str, Raw]]) -> Mapping[HistoryKind, list[Raw]]:
    """Return what each kind of history holds, oldest first."""
    found: dict[HistoryKind, list[Raw]] = {kind: [] for kind in HistoryKind}
    for (_, sort_key), one in sorted(items.items()):
        for kind in (HistoryKind.SESSION, HistoryKind.DEVICE, HistoryKind.SUBSCRIPTION):
            if sort_key.startswith(f"{kind}#") and "data" in one:
                found[kind].append(one["data"])
    return found


def _user(profile: Mapping[str, Raw], items: Mapping[ItemKey, Mapping[str, Raw]]) -> UserRow | None:
    data = profile["data"]
    user_id, external_id = raw.uuid(raw.said(data, "id")), raw.said(data, "external_id")
    provider, hashed = raw.said(data, "auth_provider"), raw.said(data, "email_hash")
    if user_id is None or external_id is None or provider not in set(AuthProvider) or not raw.fits(external_id, 255):
        return None
    has_guard = hashed is not None and tuple(keys.guard_key(GuardKind.EMAIL, hashed)) in items
    return UserRow(
        id=user_id,
        external_id=external_id,
        auth_provider=str(provider),
        email=raw.cut(raw.said(data, "email"), 255) or "",
        # The column is unique and the attribute is not: only who owns the address has it there.
        email_hash=hashed if has_guard else None,
        email_verified=raw.claimed(data, "email_verified") or False,
        name=raw.cut(raw.said(data, "name"), 255) or "",
        given_name=raw.cut(raw.said(data, "given_name"), 255),
        family_name=raw.cut(raw.said(data, "family_name"), 255),
        account_status=_one_of(AccountStatus, raw.said(data, "account_status")),
        created_at=raw.said(profile.get("created_at")),
        updated_at=raw.said(profile.get("updated_at")),
        last_login_at=raw.said(data, "last_login_at"),
        deactivated_at=raw.said(data, "deactivated_at"),
    )


def _consents(user_id: str, profile: Mapping[str, Raw]) -> tuple[ConsentRow, ...]:
    standing = raw.inside(profile["data"], "consents") or {"M": {}}
    return tuple(
        ConsentRow(
            id=derived_id("consent-row", user_id, kind),
            user_id=user_id,
            consent_type=str(kind),
            consent_given=bool(raw.claimed(one, "consent_given")),
            consent_version=raw.cut(raw.said(one, "consent_version"), 50) or "",
            consent_method=raw.cut(raw.said(one, "consent_method"), 20),
            ui_checkbox_group=_small(raw.counted(one, "ui_checkbox_group")),
            created_at=raw.said(one, "created_at"),
            updated_at=raw.said(one, "updated_at"),
            withdrawn_at=raw.said(one, "withdrawn_at"),
        )
        for kind in ConsentType
        if (one := raw.inside(standing, kind)) is not None
    )


def _devices(user_id: str, profile: Mapping[str, Raw], past: Mapping[HistoryKind, list[Raw]]) -> tuple[DeviceRow, ...]:
    current = raw.inside(profile["data"], "current_device")
    return _each(
        [current, *reversed(past[HistoryKind.DEVICE])],
        lambda one: raw.said(one, "device_id"),
        lambda one, device_id: DeviceRow(
            id=derived_id("device-row", user_id, device_id),
            user_id=user_id,
            device_id=device_id,
            device_name=raw.cut(raw.said(one, "device_name")),
            platform=raw.cut(raw.said(one, "platform")) or "",
            model=raw.cut(raw.said(one, "model")),
            os_version=raw.cut(raw.said(one, "os_version")),
            app_version=raw.cut(raw.said(one, "app_version")),
            biometric_type=_one_of(BiometricType, raw.said(one, "biometric_type")),
            public_key=raw.cut(raw.said(one, "public_key")),
            secure_element=raw.claimed(one, "secure_element") or False,
            status=_one_of(DeviceStatus, raw.said(one, "status")),
            last_active_at=raw.said(one, "last_active_at"),
            created_at=raw.said(one, "created_at"),
            updated_at=raw.said(one, "updated_at"),
        ),
    )


def _sessions(
    user_id: str, profile: Mapping[str, Raw], past: Mapping[HistoryKind, list[Raw]], row_ids: Mapping[str, str]
) -> tuple[SessionRow, ...]:
    def row(one: Raw, session_id: str) -> SessionRow | None:
        device_id = raw.said(one, "device_id") or ""
        # A session whose device is gone names the row that it had.
        row_id, expires_at = row_ids.get(device_id) or raw.uuid(device_id), raw.said(one, "expires_at")
        created_at = raw.said(one, "created_at")
        if row_id is None or expires_at is None or (created_at is not None and expires_at <= created_at):
            return None
        return SessionRow(
            id=derived_id("session-row", session_id),
            user_id=user_id,
            device_id=row_id,
            session_id=session_id,
            refresh_token_hash=raw.cut(raw.said(one, "refresh_token_hash")) or "",
            access_token_hash=raw.cut(raw.said(one, "access_token_hash")),
            status=_one_of(SessionStatus, raw.said(one, "status")),
            created_at=created_at,
            last_accessed_at=raw.said(one, "last_accessed_at"),
            expires_at=expires_at,
            last_biometric_auth_at=raw.said(one, "last_biometric_auth_at"),
            biometric_expires_at=raw.said(one, "biometric_expires_at"),
            requires_biometric_reauth=raw.claimed(one, "requires_biometric_reauth") or False,
            updated_at=raw.said(one, "updated_at"),
        )

    current = raw.inside(profile["data"], "current_session")
    known = [current, *reversed(past[HistoryKind.SESSION])]
    return _each(known, lambda one: raw.said(one, "session_id"), row)


def _biometrics(profile: Mapping[str, Raw], row_ids: Mapping[str, str]) -> tuple[BiometricRow, ...]:
    def row(one: Raw, registration_id: str) -> BiometricRow | None:
        row_id = row_ids.get(raw.said(one, "device_id") or "")
        kind, updated_at = _one_of(BiometricType, raw.said(one, "biometric_type")), raw.said(one, "updated_at")
        if row_id is None or kind is None or updated_at is None:
            return None
        challenge = raw.cut(raw.said(one, "challenge")) or ""
        return BiometricRow(
            id=derived_id("biometric-row", registration_id),
            device_id=row_id,
            registration_id=registration_id,
            biometric_type=kind,
            challenge=challenge,
            challenge_expires_at=(raw.said(one, "challenge_expires_at") if challenge else None) or updated_at,
            is_verified=raw.claimed(one, "is_verified") or False,
            is_active=raw.claimed(one, "is_active") is not False,
            verification_failures=min(max(raw.counted(one, "verification_failures") or 0, 0), _MOST_FAILURES),
            device_attestation_data=raw.jsonb(raw.said(one, "device_attestation_data")),
            registration_metadata=raw.jsonb(raw.said(one, "registration_metadata")),
            created_at=raw.said(one, "created_at"),
            updated_at=updated_at,
            last_verified_at=raw.said(one, "last_verified_at"),
        )

    current = raw.inside(profile["data"], "current_biometric")
    return _each([current], lambda one: raw.said(one, "registration_id"), row)


def _subscriptions(
    user_id: str, profile: Mapping[str, Raw], past: Mapping[HistoryKind, list[Raw]]
) -> tuple[SubscriptionRow, ...]:
    def row(one: Raw, _: str) -> SubscriptionRow | None:
        row_id, provider = raw.uuid(raw.said(one, "subscription_id")), raw.said(one, "provider")
        kind, external_id = (raw.said(one, name) for name in ("subscription_type", "external_subscription_id"))
        start, end = raw.said(one, "start_date"), raw.said(one, "end_date")
        is_sayable = provider in _STORES and kind in set(SubscriptionType) and raw.fits(external_id, 255)
        if row_id is None or external_id is None or start is None or end is None or not is_sayable:
            return None
        return SubscriptionRow(
            id=row_id,
            user_id=user_id,
            subscription_status=_one_of(SubscriptionStatus, raw.said(one, "subscription_status")),
            subscription_type=str(kind),
            provider=str(provider),
            external_subscription_id=external_id,
            external_subscription_id_hash=raw.cut(raw.said(one, "external_subscription_id_hash"), 64),
            start_date=start,
            end_date=end,
            created_at=raw.said(one, "created_at"),
            updated_at=raw.said(one, "updated_at"),
        )

    def name(one: Raw) -> str | None:
        external_id = raw.said(one, "external_subscription_id")
        return None if external_id is None else f"{raw.said(one, 'provider')}#{external_id}"

    current = raw.inside(profile["data"], "current_subscription")
    return _each([current, *reversed(past[HistoryKind.SUBSCRIPTION])], name, row)


def _payments(
    user_id: str, items: Mapping[ItemKey, Mapping[str, Raw]], named: Mapping[tuple[str, str], str]
) -> tuple[PaymentRow, ...]:
    found = (
        payment_row(one, user_id, named)
        for (partition, sort_key), one in sorted(items.items())
        if sort_key.startswith(keys.PAYMENT_PREFIX) and partition == keys.user_partition(user_id)
    )
    return tuple(sorted((row for row in found if row is not None), key=lambda row: row.id))


def _each(
    known: list[Raw | None], name: Callable[[Raw], str | None], row: Callable[[Raw, str], _Row | None]
) -> tuple[_Row, ...]:
    """Return a row for each name, of the first that has it: what is current comes first, then the newest."""
    first: dict[str, Raw] = {}
    for one in known:
        named = None if one is None else name(one)
        if one is not None and named and "\0" not in named:
            first.setdefault(named, one)
    made = (row(one, named) for named, one in sorted(first.items()))
    return tuple(one for one in made if one is not None)


def _one_of(states: type[StrEnum], value: str | None) -> str | None:
    return value if value in set(states) else None


def _small(number: int | None) -> int | None:
    return number if number is None or -_MOST_WHOLE - 1 <= number <= _MOST_WHOLE else None
