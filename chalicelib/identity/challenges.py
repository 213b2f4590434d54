"""Challenges: drawn for one operation and five minutes, and what everybody says who finds none."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.models.profile import Biometric, UserItem
from chalicelib.models.states import BiometricOperation
from chalicelib.rules import Rules
from chalicelib.stores.biometrics import Challenge, Proof

CHALLENGE_BYTES: Final = 32
MOST_ROUNDS: Final = 4
"""A write that finds the profile changed is judged anew; each round but the last was overtaken by another call."""


class ProfileReader(Protocol):
    """The one question about people that registrations ask."""

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...


def drawn(operation: BiometricOperation, now: datetime, rules: Rules) -> Challenge:
    """Draw a challenge.

    It is kept as it is, not hashed: it is no secret (worth nothing without the device's key), and an enrolment is
    completed without sending it back.
    """
    text = base64.b64encode(secrets.token_bytes(CHALLENGE_BYTES)).decode()
    return Challenge(text, operation, now + rules.biometric_challenge_life)


def answered(registration_id: str, challenge: str, operation: BiometricOperation, now: datetime, rules: Rules) -> Proof:
    """Return what a right answer to a challenge is worth: a proof for seven days."""
    return Proof(registration_id, challenge, operation, now, now + rules.biometric_proof_life)


def is_in_time(registration: Biometric, now: datetime) -> bool:
    """Whether the registration's challenge can still be answered."""
    return registration.challenge_expires_at is not None and bool(now < registration.challenge_expires_at)


def not_found() -> errors.NotFound:
    """Return the error for a registration that never was, was replaced, or is somebody else's or another device's."""
    return errors.NotFound("REGISTRATION_NOT_FOUND", "There is no such registration on this device.")


def contended() -> errors.Unavailable:
    """Return the error for a registration that other calls change faster than this one can judge it."""
    return errors.Unavailable(message="The registration is being changed at the moment.", retry_after_seconds=1)
