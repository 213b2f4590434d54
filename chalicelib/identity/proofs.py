"""What biometric proofs are worth: whether a registration stands, whether it is locked, whether a proof is fresh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.models.profile import Biometric, Session, UserItem
from chalicelib.models.states import BiometricOperation
from chalicelib.rules import Rules
from chalicelib.web.request import Caller


def standing_registration(user: UserItem) -> Biometric | None:
    """Return the registration that can answer challenges now: completed, with a key, of the device of the session.

    None where there is none, where the enrolment is not finished, where it belongs to a device that was replaced, and
    where old data says that somebody enrolled but not with which key: nothing can be proved with that.
    """
    registration, session = user.data.current_biometric, user.data.current_session
    if registration is None or session is None or registration.device_id != session.device_id:
        return None
    if not (registration.is_active and registration.is_verified and registration.public_key):
        return None
    return registration


def is_locked(registration: Biometric, rules: Rules) -> bool:
    """Whether so many signatures were wrong that only a new enrolment helps."""
    return int(registration.verification_failures) >= rules.biometric_most_failures


def is_required(user: UserItem, session: Session, at: datetime, rules: Rules) -> bool:
    """Whether a registration stands and the session has no proof of it that is still good.

    A lock ends the proof too: somebody had five tries at the key.
    """
    registration = standing_registration(user)
    if registration is None:
        return False
    has_proof = session.biometric_expires_at is not None and session.biometric_expires_at > at
    return is_locked(registration, rules) or bool(session.requires_biometric_reauth) or not has_proof


@dataclass(frozen=True, slots=True)
class FreshProof:
    """Asks for a proof of the last five minutes before much is at stake, of everybody who has a registration.

    `operation` is what is at stake. A proof that was given for something else does not count for it; one that was
    given for nothing in particular does, because versions of the app in use do not say what they ask for. None: any
    proof counts.
    """

    clock: Clock
    rules: Rules
    operation: BiometricOperation | None = None

    def require(self, user: UserItem, caller: Caller) -> None:
        """Let pass whoever has no registration, or proved it in the last five minutes in this session.

        Raises:
            Forbidden: BIOMETRIC_REQUIRED; `details.operation` names what to ask a challenge for.
        """
        if standing_registration(user) is not None and not self.is_given(user, caller):
            raise biometric_required(self.operation)

    def is_given(self, user: UserItem, caller: Caller) -> bool:
        """Whether such a proof exists."""
        registration, session = standing_registration(user), user.data.current_session
        if registration is None or session is None or session.session_id != caller.session_id:
            return False
        if is_locked(registration, self.rules) or session.requires_biometric_reauth:
            return False
        if session.last_biometric_auth_at is None or not self._counts(session.biometric_operation):
            return False
        return bool(self.clock.now() < session.last_biometric_auth_at + self.rules.fresh_proof_life)

    def _counts(self, proved: BiometricOperation | None) -> bool:
        return self.operation is None or proved in (self.operation, BiometricOperation.AUTHENTICATION)


def biometric_required(operation: BiometricOperation | None = None) -> errors.Forbidden:
    """Return the error for somebody whose token is fine but not enough."""
    return errors.Forbidden(
        "BIOMETRIC_REQUIRED",
        "A recent biometric proof is needed for this.",
        details={"operation": str(operation)} if operation is not None else {},
    )
