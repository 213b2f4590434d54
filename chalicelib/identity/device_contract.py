"""What the device calls take and give over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from chalicelib.models.states import BiometricType, DeviceStatus
from chalicelib.web.response import Answer


class DeviceUpdate(msgspec.Struct, kw_only=True):
    """What the app says of its device now. What is absent stays; an empty text removes what may be absent.

    `status` and everything else that decides something is not among the fields, and ignored.
    """

    device_id: Annotated[
        str | None, Meta(description="Optional; if given it must be the device in use. It never changes.")
    ] = None
    device_name: Annotated[str | None, Meta(description="At most 255 characters.")] = None
    platform: Annotated[str | None, Meta(examples=["ios", "android"])] = None
    model: Annotated[str | None, Meta(description="At most 255 characters.")] = None
    os_version: Annotated[str | None, Meta(description="At most 255 characters.")] = None
    app_version: Annotated[str | None, Meta(description="1 to 64 characters.", examples=["1.4.2"])] = None
    biometric_type: Annotated[
        str | None, Meta(description="What the device offers: fingerprint, face or voice. Empty removes it.")
    ] = None
    secure_element: Annotated[bool | None, Meta(description="Whether keys live in hardware, as the app says.")] = None
    public_key: Annotated[
        str | None,
        Meta(
            description="A key of the device (P-256, SPKI, base64). A description only: proofs are checked with the "
            "key that was enrolled. Empty removes it."
        ),
    ] = None


class DeviceView(msgspec.Struct, kw_only=True):
    """The device in use."""

    device_id: str
    device_name: str | None
    platform: str
    model: str | None
    os_version: str | None
    app_version: str | None
    biometric_type: BiometricType | None
    secure_element: bool
    public_key: str | None
    status: DeviceStatus
    last_active_at: datetime
    created_at: datetime
    updated_at: datetime


class DeviceAnswer(Answer, kw_only=True):
    """The caller's device."""

    ERRORS: ClassVar[tuple[str, ...]] = ("400 INVALID_REQUEST", "404 DEVICE_NOT_FOUND", "403 ACCOUNT_SUSPENDED")

    device: DeviceView
