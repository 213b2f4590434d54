"""Devices: read from a sign-in, and replaced by the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from chalicelib import errors
from chalicelib.identity.contract import DeviceForm
from chalicelib.ids import derived_id
from chalicelib.models import keys
from chalicelib.models.history import DeviceHistoryItem
from chalicelib.models.keys import HistoryKind
from chalicelib.models.profile import Device
from chalicelib.models.states import DeviceStatus

PLATFORMS: Final = ("ios", "android")
MOST_ID_CHARACTERS: Final = 255
_MOST_TEXT_CHARACTERS: Final = 255
_MOST_VERSION_CHARACTERS: Final = 64


def checked(form: DeviceForm | None) -> DeviceForm:
    """Return the form if it can be kept.

    Raises:
        InvalidRequest: INVALID_REQUEST; `details.field` names what is missing or wrong.
    """
    if form is None:
        raise _invalid("device_info", "it is required")
    if form.platform not in PLATFORMS:
        raise _invalid("device_info.platform", f"it must be one of {', '.join(PLATFORMS)}")
    _require_text("app_installation_id", form.app_installation_id, MOST_ID_CHARACTERS)
    _require_text("app_version", form.app_version, _MOST_VERSION_CHARACTERS)
    for field in ("device_name", "model", "os_version"):
        if len(getattr(form, field) or "") > _MOST_TEXT_CHARACTERS:
            raise _invalid(f"device_info.{field}", f"it has more than {_MOST_TEXT_CHARACTERS} characters")
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


def _require_text(field: str, value: str | None, most: int) -> None:
    if value is None or not value.strip():
        raise _invalid(f"device_info.{field}", "it is required")
    if len(value) > most:
        raise _invalid(f"device_info.{field}", f"it has more than {most} characters")


def _invalid(field: str, reason: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(message=f"The field {field} is not valid: {reason}.", details={"field": field})
