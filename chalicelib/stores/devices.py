"""Questions about the device in use: described anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action

from chalicelib.models import keys
from chalicelib.models.profile import UserItem
from chalicelib.stores.failures import is_condition_failure, retried
from chalicelib.stores.users import caller_may_write

DESCRIBABLE: Final = frozenset(
    {
        "device_name",
        "platform",
        "model",
        "os_version",
        "app_version",
        "biometric_type",
        "secure_element",
        "public_key",
    }
)
"""What an app may say of its device. The id belongs to the session, the status to us."""

_DATA: Final[Any] = UserItem.data
_DEVICE: Final[Any] = _DATA.current_device
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


class DeviceStore:
    """The device of the session."""

    def describe(
        self, user_id: str, session_id: str, device_id: str | None, description: Mapping[str, Any], at: datetime
    ) -> UserItem | None:
        """Set or (None) remove what is said of the device in use, and return the person as they are then. None if the
        caller may not write, has no device, or (`device_id` given) another one. One write.

        Raises:
            Unavailable: the table does not answer.
            ValueError: another attribute is named.
        """
        if not set(description) <= DESCRIBABLE:
            raise ValueError("only what an app may say of its device can be changed here")
        # Protects from a path into a map that is not there, and from a device that the session does not use.
        is_device = _DEVICE.device_id.exists() if device_id is None else _DEVICE.device_id == device_id
        actions: list[Action] = [
            UserItem.updated_at.set(at),
            _DEVICE.updated_at.set(at),
            _DEVICE.last_active_at.set(at),
        ]
        for attribute, value in description.items():
            path = getattr(_DEVICE, attribute)
            actions.append(path.remove() if value is None else path.set(value))
        key = keys.user_key(user_id)
        user = UserItem(key.pk, key.sk)
        try:
            retried(lambda: user.update(actions=actions, condition=caller_may_write(session_id) & is_device))
        except UpdateError as failure:
            if is_condition_failure(failure):
                return None
            raise
        return user
