"""Biometric proof: an enrolled device signs challenges with a key that a fingerprint, face or voice unlocks.

The biometric itself never leaves the phone. What is proved is that the enrolled device's key signed 32 random bytes
that were drawn for this person, this device and this operation, once, within five minutes.

    challenge   a fresh one, which voids the one before   not of a locked registration
    verify      right: the session is proved for 7 days   wrong: counted; the fifth in a row locks
                used, void or expired: refused, and not counted, or a repeated call would lock out its own caller
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.identity import biometric_words as words
from chalicelib.identity import challenges
from chalicelib.identity.biometric_contract import ChallengeAnswer, ChallengeRequest, VerifyAnswer, VerifyRequest
from chalicelib.identity.device_keys import is_signed_by
from chalicelib.identity.proofs import is_locked, standing_registration
from chalicelib.identity.sessions import SessionRule
from chalicelib.models.profile import Biometric
from chalicelib.models.states import BiometricOperation
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.biometrics import BiometricStore, Proof
from chalicelib.web.request import Caller


@dataclass(frozen=True, slots=True)
class Biometrics:
    """Asks for proofs and checks them. Each call is one read and one conditional write."""

    users: challenges.ProfileReader
    registrations: BiometricStore
    session_rule: SessionRule
    clock: Clock
    rules: Rules

    def challenge(self, caller: Caller, request: ChallengeRequest) -> ChallengeAnswer:
        """Draw a fresh challenge; the one before is void.

        Raises:
            InvalidRequest: a field is missing.
            NotFound: REGISTRATION_NOT_FOUND; also one that was not completed.
            Forbidden: BIOMETRIC_LOCKED.
            Unauthenticated: the session has ended.
        """
        registration_id = words.required("registration_id", request.registration_id)
        operation = words.operation_of(request.operation)
        for _ in range(challenges.MOST_ROUNDS):
            self._unlocked(caller, registration_id)
            now = self.clock.now()
            drawn, most = challenges.drawn(operation, now, self.rules), self.rules.biometric_most_failures
            if self.registrations.challenge(caller, registration_id, drawn, most, now):
                log("biometric_challenged", user_id=caller.user_id, operation=operation)
                return ChallengeAnswer(
                    registration_id=registration_id,
                    challenge=drawn.text,
                    challenge_expires_at=drawn.expires_at,
                    operation=operation,
                )
        raise challenges.contended()

    def verify(self, caller: Caller, request: VerifyRequest) -> VerifyAnswer:
        """Check a signature over the present challenge; a right one uses it up and proves the session.

        Raises:
            InvalidRequest: a field is missing.
            NotFound: REGISTRATION_NOT_FOUND; also one that was not completed.
            Unauthenticated: BIOMETRIC_VERIFICATION_FAILED; or the session has ended.
            Forbidden: BIOMETRIC_LOCKED.
        """
        registration_id = words.required("registration_id", request.registration_id)
        signature = words.required("biometric_signature", request.biometric_signature)
        challenge = words.required("challenge", request.challenge)
        for _ in range(challenges.MOST_ROUNDS):
            registration, now = self._unlocked(caller, registration_id), self.clock.now()
            operation = _operation_asked(registration, challenge, request.operation, now)
            if operation is None:
                log("biometric_challenge_refused", user_id=caller.user_id, registration_id=registration_id)
                raise _failed(registration_id, "challenge_not_standing")
            proof = challenges.answered(registration_id, challenge, operation, now, self.rules)
            if not is_signed_by(str(registration.public_key), challenge, signature):
                self._count_failure(caller, proof)
            elif self.registrations.prove(caller, proof, self.rules.biometric_most_failures):
                log("biometric_proved", user_id=caller.user_id, registration_id=registration_id, operation=operation)
                audit.record(AuditEvent.BIOMETRIC_VERIFIED, registration_id=registration_id, operation=str(operation))
                return VerifyAnswer(biometric_expires_at=proof.expires_at)
        raise challenges.contended()

    def _unlocked(self, caller: Caller, registration_id: str) -> Biometric:
        """Read a registration that can answer challenges."""
        registration = standing_registration(self.session_rule.require_live(self.users.by_id(caller.user_id), caller))
        if registration is None or registration.registration_id != registration_id:
            raise challenges.not_found()
        if is_locked(registration, self.rules):
            raise errors.Forbidden("BIOMETRIC_LOCKED", "Too many proofs failed; the device must enrol anew.")
        return registration

    def _count_failure(self, caller: Caller, attempt: Proof) -> None:
        """Count a wrong signature and refuse it; returns only if the registration changed since it was read."""
        most = self.rules.biometric_most_failures
        failures = self.registrations.count_failure(
            caller, attempt.registration_id, attempt.challenge, most, attempt.at
        )
        if failures is None:
            return
        registration_id = attempt.registration_id
        log(
            "biometric_verification_failed",
            level=logging.WARNING,
            user_id=caller.user_id,
            registration_id=registration_id,
            failures=failures,
        )
        if failures >= most:
            audit.record(AuditEvent.BIOMETRIC_LOCKED, registration_id=registration_id, failures=failures)
        raise _failed(registration_id, "wrong_signature")


def _operation_asked(
    registration: Biometric, challenge: str, told: str | None, now: datetime
) -> BiometricOperation | None:
    """Return what this challenge was drawn for. None if it is not the present one, has expired, or was drawn for
    something else than an enrolled device proves, or than the caller says."""
    operation: BiometricOperation | None = registration.challenge_operation
    if registration.challenge != challenge or not challenges.is_in_time(registration, now):
        return None
    if operation is BiometricOperation.ENROLMENT or (told is not None and words.operation_of(told) is not operation):
        return None
    return operation


def _failed(registration_id: str, cause: str) -> errors.Unauthenticated:
    """Put a refused proof on the trail, and return the error that says no more than that."""
    audit.record(AuditEvent.BIOMETRIC_FAILED, registration_id=registration_id, cause=cause)
    return errors.Unauthenticated("BIOMETRIC_VERIFICATION_FAILED", "The proof is not valid; ask for a new challenge.")
