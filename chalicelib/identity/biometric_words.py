"""The words and fields of biometric calls, read as versions of the app send them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chalicelib import errors
from chalicelib.models.states import BiometricOperation, BiometricType

MOST_NOTE_BYTES: Final = 16 * 1024

_TYPES: Final = {
    "fingerprint": BiometricType.FINGERPRINT,
    "touch_id": BiometricType.FINGERPRINT,
    "face": BiometricType.FACE,
    "face_id": BiometricType.FACE,
    "faceid": BiometricType.FACE,
    "voice": BiometricType.VOICE,
    "voice_print": BiometricType.VOICE,
}
_OPERATIONS: Final = {
    "export": BiometricOperation.EXPORT,
    "data_export": BiometricOperation.EXPORT,
    "gdpr_export": BiometricOperation.EXPORT,
    "erasure": BiometricOperation.ERASURE,
    "data_erasure": BiometricOperation.ERASURE,
    "gdpr_erasure": BiometricOperation.ERASURE,
    "data_deletion": BiometricOperation.ERASURE,
    "account_deletion": BiometricOperation.ERASURE,
    "delete_account": BiometricOperation.ERASURE,
    "purchase": BiometricOperation.PURCHASE,
    "purchases": BiometricOperation.PURCHASE,
    "payment": BiometricOperation.PURCHASE,
    "checkout": BiometricOperation.PURCHASE,
    "subscription_purchase": BiometricOperation.PURCHASE,
}


def type_of(told: str | None) -> BiometricType:
    """Return what unlocks the key, under any of its names.

    Raises:
        InvalidRequest: INVALID_REQUEST; it is missing or none of those.
    """
    kind = _TYPES.get((told or "").strip().casefold())
    if kind is None:
        raise errors.InvalidRequest(
            message="The field biometric_type is not valid: it must be fingerprint, face or voice.",
            details={"field": "biometric_type", "supported": [str(one) for one in BiometricType]},
        )
    return kind


def operation_of(told: str | None) -> BiometricOperation:
    """Return what a proof is asked for: one of the operations that we guard, or none in particular.

    A word that we do not know is not refused. The contract names none, and it would buy nothing: whoever wants a proof
    that is good for everything need not name anything.
    """
    return _OPERATIONS.get((told or "").strip().casefold(), BiometricOperation.AUTHENTICATION)


def required(field: str, value: str | None) -> str:
    """Return what must be there.

    Raises:
        InvalidRequest: INVALID_REQUEST; it is missing or empty.
    """
    if not value:
        raise errors.InvalidRequest(message=f"The field {field} is required.", details={"field": field})
    return value


def kept(field: str, note: Any) -> Any:
    """Return what an app says of itself, if it is not too much to keep in a profile that every request reads.

    Raises:
        InvalidRequest: INVALID_REQUEST; it is above 16 KiB.
    """
    if note is not None and len(msgspec.json.encode(note)) > MOST_NOTE_BYTES:
        raise errors.InvalidRequest(
            message=f"The field {field} is not valid: it is above {MOST_NOTE_BYTES} bytes.", details={"field": field}
        )
    return note
