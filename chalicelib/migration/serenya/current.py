"""Which of several rows is the current one (the schema page's rules); pure, and the same whenever it is asked.

`as_of` is the instant at which the move was installed, and not the present: what was current then does not stop being
so because time passes, which would be a change that nobody made. Whether something has expired by now is the service's
to say, and it says so at every request. Ties are settled by the id that the outside knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chalicelib.migration.serenya.rows import (
    BiometricRow,
    DeviceRow,
    Instant,
    PersonRows,
    SessionRow,
    SubscriptionRow,
)


class Part(StrEnum):
    """What there is one of."""

    SESSION = "session"
    DEVICE = "device"
    BIOMETRIC = "biometric"
    SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the service chose where the rule would say otherwise; it holds while the rule says the same as then."""

    ruled: str | None
    chosen: str | None


@dataclass(frozen=True, slots=True)
class Current:
    """What is current; None where nothing is."""

    session: SessionRow | None = None
    device: DeviceRow | None = None
    biometric: BiometricRow | None = None
    subscription: SubscriptionRow | None = None
    ruled: Mapping[Part, str | None] = field(default_factory=dict)
    """What the rules said, before any choice: the ids that choices are held against."""


def current_of(rows: PersonRows, as_of: Instant, choices: Mapping[Part, Choice] | None = None) -> Current:
    """Return what is current of a person's rows. `choices` come before the rules, each while its rule says the same as
    when it was made: once somebody else has written rows that change the rule's answer, the rule counts again."""
    made, ruled = choices or {}, dict[Part, str | None]()

    def settled(part: Part, ruled_id: str | None) -> str | None:
        ruled[part] = ruled_id
        choice = made.get(part)
        return choice.chosen if choice is not None and choice.ruled == ruled_id else ruled_id

    session_id = settled(Part.SESSION, _session(rows, as_of))
    session = next((one for one in rows.sessions if one.session_id == session_id), None)
    device_id = settled(Part.DEVICE, _device(rows, session))
    device = next((one for one in rows.devices if one.device_id == device_id), None)
    registration_id = settled(Part.BIOMETRIC, _biometric(rows, device))
    biometric = next((one for one in rows.biometrics if one.registration_id == registration_id), None)
    named = settled(Part.SUBSCRIPTION, _subscription(rows, as_of))
    subscription = next((one for one in rows.subscriptions if name_of(one) == named), None)
    return Current(session, device, biometric, subscription, ruled)


def name_of(row: SubscriptionRow) -> str:
    """Return what names a subscription: its store, and its id there."""
    return f"{row.provider}#{row.external_subscription_id}"


def _session(rows: PersonRows, as_of: Instant) -> str | None:
    living = [one for one in rows.sessions if (one.status or "active") == "active" and one.expires_at > as_of]
    latest = max(living, key=lambda one: (one.last_accessed_at or one.created_at or "", one.session_id), default=None)
    return None if latest is None else latest.session_id


def _device(rows: PersonRows, session: SessionRow | None) -> str | None:
    used = None if session is None else next((one for one in rows.devices if one.id == session.device_id), None)
    if used is not None:
        return used.device_id
    active = [one for one in rows.devices if (one.status or "active") == "active"]
    latest = max(active, key=lambda one: (one.last_active_at or "", one.device_id), default=None)
    return None if latest is None else latest.device_id


def _biometric(rows: PersonRows, device: DeviceRow | None) -> str | None:
    if device is None:
        return None
    usable = [one for one in rows.biometrics if one.device_id == device.id and one.is_active is not False]
    best = max(
        usable,
        key=lambda one: (bool(one.is_verified), one.last_verified_at or "", one.registration_id),
        default=None,
    )
    return None if best is None else best.registration_id


def _subscription(rows: PersonRows, as_of: Instant) -> str | None:
    active = [one for one in rows.subscriptions if one.subscription_status == "active"]
    paid_up = [one for one in rows.subscriptions if one.subscription_status == "cancelled" and one.end_date > as_of]
    longest = max(active or paid_up, key=lambda one: (one.end_date, name_of(one)), default=None)
    return None if longest is None else name_of(longest)
