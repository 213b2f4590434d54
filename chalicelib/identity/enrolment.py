"""Enrolment: a device names a key of its own, and shows that it has it, before anything is proved with it.

register    begins, with a challenge                replaces another registration only after a proof by that one
                                                    or a recent sign-in
complete    the challenge's signature, and the key  counts as a proof
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.identity import biometric_words as words
from chalicelib.identity import challenges
from chalicelib.identity.biometric_contract import (
    CompleteAnswer,
    CompleteRequest,
    RegisterAnswer,
    RegisterRequest,
    RegistrationsAnswer,
    RegistrationView,
)
from chalicelib.identity.device_keys import is_device_key, is_signed_by
from chalicelib.identity.proofs import FreshProof, biometric_required, is_locked, standing_registration
from chalicelib.identity.sessions import SessionRule
from chalicelib.ids import new_id
from chalicelib.models.profile import Biometric, UserItem
from chalicelib.models.states import BiometricOperation, BiometricType, DeviceStatus
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.biometrics import BiometricStore, Challenge
from chalicelib.web.request import Caller


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Enrols device keys. Each call is one read, and one conditional write if it changes anything."""

    users: challenges.ProfileReader
    registrations: BiometricStore
    session_rule: SessionRule
    clock: Clock
    rules: Rules

    def register(self, caller: Caller, request: RegisterRequest) -> RegisterAnswer:
        """Begin an enrolment on the device of the session, in the place of any other.

        Raises:
            InvalidRequest: a field is missing or wrong.
            Forbidden: DEVICE_NOT_FOUND; BIOMETRIC_REQUIRED if a registration would be replaced without a proof by it
                and without a recent sign-in: a stolen token must not be enough to enrol the thief's key.
            Unauthenticated: the session has ended.
        """
        kind = words.type_of(request.biometric_type)
        device_id = words.required("device_id", request.device_id)
        for _ in range(challenges.MOST_ROUNDS):
            user, now = self._live(caller), self.clock.now()
            _require_device(user, device_id)
            self._require_replaceable(user, caller, now)
            challenge = challenges.drawn(BiometricOperation.ENROLMENT, now, self.rules)
            begun = _begun(request, kind, challenge, now)
            if self.registrations.begin(caller, user.data.current_biometric, begun, now):
                log("biometric_enrolment_begun", user_id=caller.user_id, registration_id=begun.registration_id)
                return RegisterAnswer(
                    registration_id=begun.registration_id,
                    challenge=challenge.text,
                    challenge_expires_at=challenge.expires_at,
                    biometric_type=kind,
                )
        raise challenges.contended()

    def complete(self, caller: Caller, request: CompleteRequest) -> CompleteAnswer:
        """Finish an enrolment: the key is kept if it signed the challenge. A wrong signature may be corrected until the
        challenge expires.

        Raises:
            InvalidRequest: REGISTRATION_ALREADY_COMPLETED, CHALLENGE_EXPIRED; INVALID_SIGNATURE, also for a key that is
                none of P-256.
            NotFound: REGISTRATION_NOT_FOUND.
            Unauthenticated: the session has ended.
        """
        registration_id = words.required("registration_id", request.registration_id)
        key, signature = request.biometric_public_key or "", request.signed_challenge or ""
        result = words.kept("attestation_result", request.attestation_result)
        for _ in range(challenges.MOST_ROUNDS):
            registration, now = _of_this_device(self._live(caller), registration_id), self.clock.now()
            challenge = _enrolment_challenge(registration, now)
            _require_key_and_signature(key, challenge, signature)
            # An enrolment proves as much as any other signature: the person need not be asked again at once.
            proof = challenges.answered(registration_id, challenge, BiometricOperation.AUTHENTICATION, now, self.rules)
            metadata = {**(registration.registration_metadata or {}), "attestation_result": result}
            if self.registrations.complete(caller, proof, key, metadata):
                log("biometric_enrolled", user_id=caller.user_id, registration_id=registration_id)
                audit.record(AuditEvent.BIOMETRIC_ENROLLED, registration_id=registration_id)
                return CompleteAnswer(registration_id=registration_id)
        raise challenges.contended()

    def list_registrations(self, caller: Caller) -> RegistrationsAnswer:
        """Return the registration of the device in use, if it has one. One read.

        Raises:
            Unauthenticated: the session has ended.
            Forbidden: ACCOUNT_SUSPENDED.
        """
        user = self._live(caller)
        registration = user.data.current_biometric
        if registration is None or not _is_of_this_device(user, registration):
            return RegistrationsAnswer(registrations=[])
        return RegistrationsAnswer(registrations=[self._view(registration)])

    def _live(self, caller: Caller) -> UserItem:
        return self.session_rule.require_live(self.users.by_id(caller.user_id), caller)

    def _require_replaceable(self, user: UserItem, caller: Caller, now: datetime) -> None:
        session = user.data.current_session
        is_recent = session is not None and now < session.created_at + self.rules.recent_sign_in_life
        rule = FreshProof(self.clock, self.rules, BiometricOperation.AUTHENTICATION)
        if standing_registration(user) is not None and not (is_recent or rule.is_given(user, caller)):
            raise biometric_required(rule.operation)

    def _view(self, registration: Biometric) -> RegistrationView:
        status = "completed" if registration.is_verified else "pending"
        return RegistrationView(
            registration_id=registration.registration_id,
            biometric_type=registration.biometric_type,
            device_id=registration.device_id,
            status="locked" if is_locked(registration, self.rules) else status,
            created_at=registration.created_at,
            last_verified_at=registration.last_verified_at,
        )


def _begun(request: RegisterRequest, kind: BiometricType, challenge: Challenge, now: datetime) -> Biometric:
    return Biometric(
        device_id=request.device_id,
        registration_id=new_id(),
        biometric_type=kind,
        challenge=challenge.text,
        challenge_operation=challenge.operation,
        challenge_expires_at=challenge.expires_at,
        device_attestation_data=words.kept("device_attestation_data", request.device_attestation_data),
        registration_metadata={"platform_info": words.kept("platform_info", request.platform_info)},
        created_at=now,
        updated_at=now,
    )


def _require_device(user: UserItem, device_id: str) -> None:
    """Let pass the device of the session alone: an access token carried elsewhere names a device that it knows."""
    device, session = user.data.current_device, user.data.current_session
    is_current = device is not None and device.device_id == device_id and device.status is DeviceStatus.ACTIVE
    if not is_current or session is None or session.device_id != device_id:
        raise errors.Forbidden("DEVICE_NOT_FOUND", "This session belongs to no such device.")


def _is_of_this_device(user: UserItem, registration: Biometric) -> bool:
    session = user.data.current_session
    return bool(registration.is_active) and session is not None and registration.device_id == session.device_id


def _of_this_device(user: UserItem, registration_id: str) -> Biometric:
    registration = user.data.current_biometric
    if registration is None or registration.registration_id != registration_id:
        raise challenges.not_found()
    if not _is_of_this_device(user, registration):
        raise challenges.not_found()
    return registration


def _enrolment_challenge(registration: Biometric, now: datetime) -> str:
    """Return what an unfinished enrolment waits for, if it still does."""
    if registration.is_verified:
        raise errors.InvalidRequest("REGISTRATION_ALREADY_COMPLETED", "This registration was completed before.")
    is_enrolment = registration.challenge_operation is BiometricOperation.ENROLMENT
    if not is_enrolment or registration.challenge is None or not challenges.is_in_time(registration, now):
        raise errors.InvalidRequest("CHALLENGE_EXPIRED", "The challenge has expired; begin the enrolment anew.")
    return str(registration.challenge)


def _require_key_and_signature(key: str, challenge: str, signature: str) -> None:
    if not is_device_key(key):
        raise _invalid_signature("biometric_public_key", "The key is not one of P-256 in SPKI and base64.")
    if not is_signed_by(key, challenge, signature):
        raise _invalid_signature("signed_challenge", "The signature is not one of the challenge with this key.")


def _invalid_signature(field: str, message: str) -> errors.InvalidRequest:
    return errors.InvalidRequest("INVALID_SIGNATURE", message, details={"field": field})
