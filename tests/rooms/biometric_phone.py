"""A phone with a key of its own, which signs challenges as phones do."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib import errors
from chalicelib.identity.biometric_contract import (
    ChallengeAnswer,
    ChallengeRequest,
    CompleteAnswer,
    CompleteRequest,
    RegisterAnswer,
    RegisterRequest,
    VerifyAnswer,
    VerifyRequest,
)
from chalicelib.identity.biometrics import Biometrics
from chalicelib.identity.enrolment import Enrolment
from chalicelib.models.profile import Biometric, Session, UserItem
from chalicelib.stores.biometrics import BiometricStore
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller
from tests.unit.identity.world import PHONE, World, phone


def draw_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


def spki(key: ec.EllipticCurvePrivateKey) -> str:
    return base64_of(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def signed(key: ec.EllipticCurvePrivateKey, challenge: str) -> str:
    """Sign the bytes of a challenge."""
    return base64_of(key.sign(base64.b64decode(challenge), ec.ECDSA(SHA256())))


@dataclass
class KeyedPhone:
    """Somebody's phone: signed in, with a key, and with what the server last gave it."""

    world: World
    device_id: str = PHONE
    claims: dict[str, Any] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = field(default_factory=draw_key)
    registration_id: str = ""

    def __post_init__(self) -> None:
        rooms = (self.world.users, BiometricStore(), self.world.rule, self.world.clock, self.world.sessions.rules)
        self.enrolment, self.biometrics = Enrolment(*rooms), Biometrics(*rooms)
        self.sign_in()

    def sign_in(self) -> None:
        token = self.world.google.token(**self.claims)
        self.answer = self.world.signed_in(id_token=token, device_info=phone(self.device_id))
        self.caller: Caller = self.world.access_tokens.verify(self.answer.access_token)

    def register(self, **changes: Any) -> RegisterAnswer:
        fields = {"biometric_type": "face", "device_id": self.device_id, **changes}
        answer = self.enrolment.register(self.caller, msgspec.convert(fields, RegisterRequest))
        self.registration_id = answer.registration_id
        return answer

    def complete(self, challenge: str, /, **changes: Any) -> CompleteAnswer:
        fields = {
            "registration_id": self.registration_id,
            "signed_challenge": signed(self.key, challenge),
            "biometric_public_key": spki(self.key),
            **changes,
        }
        return self.enrolment.complete(self.caller, msgspec.convert(fields, CompleteRequest))

    def enrol(self) -> str:
        self.complete(self.register().challenge)
        return self.registration_id

    def ask(self, operation: str | None = None, registration_id: str | None = None) -> ChallengeAnswer:
        request = ChallengeRequest(registration_id=registration_id or self.registration_id, operation=operation)
        return self.biometrics.challenge(self.caller, request)

    def verify(self, challenge: str, /, **changes: Any) -> VerifyAnswer:
        fields = {
            "registration_id": self.registration_id,
            "biometric_signature": signed(self.key, challenge),
            "challenge": challenge,
            **changes,
        }
        return self.biometrics.verify(self.caller, msgspec.convert(fields, VerifyRequest))

    def prove(self, operation: str | None = None) -> VerifyAnswer:
        return self.verify(self.ask(operation).challenge)

    @property
    def user(self) -> UserItem:
        found = Users().by_id(self.caller.user_id)
        assert found is not None
        return found

    @property
    def session(self) -> Session:
        found = self.user.data.current_session
        assert found is not None
        return found

    @property
    def registration(self) -> Biometric:
        found = self.user.data.current_biometric
        assert found is not None
        return found


def refused(call: Callable[[], Any], status: int, code: str) -> errors.ServiceError:
    with pytest.raises(errors.ServiceError) as refused:
        call()
    assert (refused.value.status, refused.value.code) == (status, code)
    return refused.value


def wrong(phone: KeyedPhone, challenge: str) -> errors.ServiceError:
    return refused(
        lambda: phone.verify(challenge, biometric_signature=signed(draw_key(), challenge)),
        401,
        "BIOMETRIC_VERIFICATION_FAILED",
    )


def lock(phone: KeyedPhone) -> None:
    challenge = phone.ask().challenge
    for _ in range(5):
        wrong(phone, challenge)


def biometric_required_after_refresh(phone: KeyedPhone) -> bool:
    phone.answer = phone.world.refreshed(phone.answer.refresh_token, phone.device_id)
    return phone.answer.session.biometric_required
