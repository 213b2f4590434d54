"""What biometric registrations take and give over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from chalicelib.models.states import BiometricOperation, BiometricType
from chalicelib.web.links import Link
from chalicelib.web.response import Answer

_RegistrationId = Annotated[
    str | None, Meta(description="Required.", examples=["6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11"])
]
_Challenge = Annotated[
    str,
    Meta(
        description="32 random bytes in base64. To be signed (ECDSA on P-256 with SHA-256) as bytes or as this text.",
        examples=["q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="],
    ),
]
_Signature = Annotated[str | None, Meta(description="Required. The challenge's signature: DER, in base64.")]
_Note = Annotated[Any, Meta(description="Any JSON of at most 16 KiB. Kept and exported; nothing is decided by it.")]


class RegisterRequest(msgspec.Struct, kw_only=True):
    """The wish to prove oneself with a key of the device, from now on."""

    biometric_type: Annotated[
        str | None,
        Meta(description="Required: fingerprint (touch_id), face (face_id, faceid) or voice (voice_print)."),
    ] = None
    device_id: Annotated[str | None, Meta(description="Required: the `app_installation_id` given at sign-in.")] = None
    device_attestation_data: _Note = None
    platform_info: _Note = None


class RegisterAnswer(Answer, kw_only=True):
    """An enrolment, to be completed with the key that signs this challenge."""

    ERRORS: ClassVar[tuple[str, ...]] = ("403 DEVICE_NOT_FOUND", "403 BIOMETRIC_REQUIRED")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("complete_enrolment", body={"registration_id": "/registration_id"}),)

    registration_id: str
    challenge: _Challenge
    challenge_expires_at: datetime
    biometric_type: BiometricType


class CompleteRequest(msgspec.Struct, kw_only=True):
    """A device key, and the proof that the device has it."""

    ERROR_CODES: ClassVar[dict[str, str]] = {
        "signed_challenge": "INVALID_SIGNATURE",
        "biometric_public_key": "INVALID_SIGNATURE",
    }

    registration_id: _RegistrationId = None
    signed_challenge: _Signature = None
    biometric_public_key: Annotated[
        str | None, Meta(description="Required. P-256, uncompressed: SubjectPublicKeyInfo in DER, in base64.")
    ] = None
    attestation_result: _Note = None


class CompleteAnswer(Answer, kw_only=True):
    """The registration stands; enrolling counts as a proof."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "404 REGISTRATION_NOT_FOUND",
        "400 REGISTRATION_ALREADY_COMPLETED",
        "400 CHALLENGE_EXPIRED",
        "400 INVALID_SIGNATURE",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("draw_challenge", body={"registration_id": "/registration_id"}),
        Link("list_registrations"),
    )

    registration_id: str
    status: Annotated[str, Meta(description="Always `completed`.")] = "completed"


class ChallengeRequest(msgspec.Struct, kw_only=True):
    """The wish to prove oneself now."""

    registration_id: _RegistrationId = None
    operation: (
        Annotated[
            str,
            Meta(
                max_length=100,
                description="What the proof is for: export, erasure or purchase; it then counts for nothing else that "
                "asks for a fresh proof. Anything else, or nothing: for no operation in particular.",
            ),
        ]
        | None
    ) = None


class ChallengeAnswer(Answer, kw_only=True):
    """A fresh challenge, good once. It replaces the one before."""

    ERRORS: ClassVar[tuple[str, ...]] = ("404 REGISTRATION_NOT_FOUND", "403 BIOMETRIC_LOCKED")
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("verify_proof", body={"registration_id": "/registration_id", "challenge": "/challenge"}),
    )

    registration_id: str
    challenge: _Challenge
    challenge_expires_at: datetime
    operation: BiometricOperation


class VerifyRequest(msgspec.Struct, kw_only=True):
    """A proof."""

    registration_id: _RegistrationId = None
    biometric_signature: _Signature = None
    challenge: Annotated[str | None, Meta(description="Required. The challenge that was signed, as it was sent.")] = (
        None
    )
    operation: (
        Annotated[str, Meta(max_length=100, description="If given, the challenge must have been asked for it.")] | None
    ) = None


class VerifyAnswer(Answer, kw_only=True):
    """Proved."""

    ERRORS: ClassVar[tuple[str, ...]] = (
        "404 REGISTRATION_NOT_FOUND",
        "401 BIOMETRIC_VERIFICATION_FAILED",
        "403 BIOMETRIC_LOCKED",
    )
    LINKS: ClassVar[tuple[Link, ...]] = (
        Link("export_data"),
        Link("claim_purchase"),
    )

    verified: Annotated[bool, Meta(description="Always `true`.")] = True
    biometric_expires_at: Annotated[datetime, Meta(description="Until when the app need not ask again: 7 days.")]


class RegistrationView(msgspec.Struct, kw_only=True):
    """A registration as its owner sees it; without key and challenge."""

    registration_id: str
    biometric_type: BiometricType
    device_id: str
    status: Annotated[str, Meta(description="pending, completed or locked.", examples=["completed"])]
    created_at: datetime
    last_verified_at: datetime | None


class RegistrationsAnswer(Answer, kw_only=True):
    """The registrations of the device in use: none, or one."""

    ERRORS: ClassVar[tuple[str, ...]] = ()

    registrations: list[RegistrationView]
