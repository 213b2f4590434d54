"""Devices: read from a sign-in, shown, described anew, and replaced by the next sign-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.identity import biometric_words
from chalicelib.identity.contract import DeviceForm
from chalicelib.identity.device_contract import DeviceAnswer, DeviceUpdate, DeviceView
from chalicelib.identity.device_keys import is_device_key
from chalicelib.identity.sessions import SessionRule
from chalicelib.ids import derived_id
from chalicelib.models import keys
from chalicelib.models.history import DeviceHistoryItem
from chalicelib.models.keys import HistoryKind
from chalicelib.models.profile import Device, UserItem
from chalicelib.models.states import DeviceStatus
from chalicelib.observe.log import log
from chalicelib.web.request import Caller

PLATFORMS: Final = ("ios", "android")
MOST_ID_CHARACTERS: Final = 255
_MOST_TEXT_CHARACTERS: Final = 255
_MOST_VERSION_CHARACTERS: Final = 64
_REMOVABLE: Final = ("device_name", "model", "os_version")


class ProfileReader(Protocol):
    """The one question about people that is asked here."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...


class DeviceWriter(Protocol):
    """Describes the device in use."""

    def describe(
        self, user_id: str, session_id: str, device_id: str | None, description: Mapping[str, Any], at: datetime
    ) -> UserItem | None:
        """Set or remove what is said of it, or return None if the caller may not."""
        ...


@dataclass(frozen=True, slots=True)
class Devices:
    """Shows the caller's device and takes down what the app says of it."""

    users: ProfileReader
    devices: DeviceWriter
    session_rule: SessionRule
    clock: Clock

    def show(self, caller: Caller) -> DeviceAnswer:
        """Return the device in use. One read.

        Raises:
            NotFound: DEVICE_NOT_FOUND; the session came from old data, which names no device.
            Unauthenticated: the session has ended.
            Forbidden: ACCOUNT_SUSPENDED.
        """
        return _answer(self.session_rule.require_live(self.users.by_id(caller.user_id), caller))

    def describe(self, caller: Caller, update: DeviceUpdate) -> DeviceAnswer:
        """Change what is said of the device in use, and nothing that decides anything. One write; with nothing to
        change, one read.

        Raises:
            InvalidRequest: INVALID_REQUEST; `details.field` names what is wrong.
            NotFound: DEVICE_NOT_FOUND; there is none, or the body names another one.
            Unauthenticated: the session has ended.
            Forbidden: ACCOUNT_SUSPENDED.
        """
        description = _description(update)
        if description:
            named, now = update.device_id, self.clock.now()
            user = self.devices.describe(caller.user_id, caller.session_id, named, description, now)
            if user is not None:
                log("device_described", user_id=caller.user_id, fields=sorted(description))
                return _answer(user)
        user = self.session_rule.require_live(self.users.by_id(caller.user_id), caller)
        device = user.data.current_device
        if device is None or update.device_id not in (None, device.device_id):
            raise _not_found()
        if description:
            raise errors.Unavailable(message="The profile is being changed at the moment.", retry_after_seconds=1)
        return _answer(user)


def checked(form: DeviceForm | None) -> DeviceForm:
    """Return the form if it can be kept.

    Raises:
        InvalidRequest: INVALID_REQUEST; `details.field` names what is missing or wrong.
    """
    if form is None:
        raise _invalid("device_info", "it is required")
    if form.platform not in PLATFORMS:
        raise _invalid("device_info.platform", f"it must be one of {', '.join(PLATFORMS)}")
    _require_text("device_info.app_installation_id", form.app_installation_id, MOST_ID_CHARACTERS)
    _require_text("device_info.app_version", form.app_version, _MOST_VERSION_CHARACTERS)
    for field in _REMOVABLE:
        _require_short(f"device_info.{field}", getattr(form, field) or "", _MOST_TEXT_CHARACTERS)
    return form


def device_in_use(form: DeviceForm, before: Device | None, at: datetime) -> Device:
    """Return the device that signs in. One that was in use already keeps what it had: its age and its key."""
    kept: dict[str, object] = {}
    if before is not None and before.device_id == form.app_installation_id:
        kept = dict(before.attribute_values)
    told = {
        "device_id": form.app_installation_id,
        "platform": form.platform,
        "app_version": form.app_version,
        "device_name": form.device_name,
        "model": form.model,
        "os_version": form.os_version,
    }
    present = {
        "status": DeviceStatus.ACTIVE,
        "last_active_at": at,
        "created_at": kept.get("created_at", at),
        "updated_at": at,
    }
    return Device(**{**kept, **{name: value for name, value in told.items() if value is not None}, **present})


def history_of(user_id: str, device: Device, at: datetime, ttl: int) -> DeviceHistoryItem:
    """Return what a replaced device leaves behind: itself, inactive."""
    # A sort key has 1,024 bytes, and a device id may have 255 characters of four bytes.
    key = keys.history_key(user_id, HistoryKind.DEVICE, at, derived_id(device.device_id))
    inactive = Device(**{**device.attribute_values, "status": DeviceStatus.INACTIVE, "updated_at": at})
    return DeviceHistoryItem(key.pk, key.sk, data=inactive, created_at=at, updated_at=at, ttl=ttl)


def _answer(user: UserItem) -> DeviceAnswer:
    device = user.data.current_device
    if device is None:
        raise _not_found()
    return DeviceAnswer(device=DeviceView(**{name: getattr(device, name) for name in DeviceView.__struct_fields__}))


def _not_found() -> errors.NotFound:
    return errors.NotFound("DEVICE_NOT_FOUND", "This session uses no such device.")


def _description(update: DeviceUpdate) -> dict[str, Any]:
    """Check what is to be changed; None is to be removed."""
    told: dict[str, Any] = {}
    for field in _REMOVABLE:
        value: str | None = getattr(update, field)
        if value is not None:
            _require_short(field, value, _MOST_TEXT_CHARACTERS)
            told[field] = value.strip() or None
    if update.platform is not None:
        if update.platform not in PLATFORMS:
            raise _invalid("platform", f"it must be one of {', '.join(PLATFORMS)}")
        told["platform"] = update.platform
    if update.app_version is not None:
        _require_text("app_version", update.app_version, _MOST_VERSION_CHARACTERS)
        told["app_version"] = update.app_version
    if update.biometric_type is not None:
        told["biometric_type"] = biometric_words.type_of(update.biometric_type) if update.biometric_type else None
    if update.secure_element is not None:
        told["secure_element"] = update.secure_element
    if update.public_key is not None:
        if update.public_key and not is_device_key(update.public_key):
            raise _invalid("public_key", "it is no P-256 key (SPKI, base64)")
        told["public_key"] = update.public_key or None
    return told


def _require_text(field: str, value: str | None, most: int) -> None:
    if value is None or not value.strip():
        raise _invalid(field, "it is required")
    _require_short(field, value, most)


def _require_short(field: str, value: str, most: int) -> None:
    if len(value) > most:
        raise _invalid(field, f"it has more than {most} characters")


def _invalid(field: str, reason: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(message=f"The field {field} is not valid: {reason}.", details={"field": field})
