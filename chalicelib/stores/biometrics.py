"""Questions about biometric registrations: begun, completed, challenged, proved, failed.

All of them are writes to the profile, each conditional on what it was decided on; reading belongs to `stores/users.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.models import keys
from chalicelib.models.profile import Biometric, UserItem
from chalicelib.models.states import BiometricOperation
from chalicelib.stores.failures import is_condition_failure, retried
from chalicelib.stores.users import caller_may_write

_DATA: Final[Any] = UserItem.data
_SESSION: Final[Any] = _DATA.current_session
_REGISTRATION: Final[Any] = _DATA.current_biometric
"""Paths in expressions; PynamoDB's types see values where the class has paths."""


class Writer(Protocol):
    """On whose behalf is written, and in which session; a verified caller is one."""

    @property
    def user_id(self) -> str:
        """Whose profile it is."""
        ...

    @property
    def session_id(self) -> str:
        """The session that must still live."""
        ...


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registration is asked to sign, what for, and until when."""

    text: str
    operation: BiometricOperation
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """A right signature over a challenge. `expires_at` is when the session needs another one."""

    registration_id: str
    challenge: str
    operation: BiometricOperation
    at: datetime
    expires_at: datetime


class BiometricStore:
    """The registration of the device in use. No write touches a profile whose caller may not write."""

    def begin(self, caller: Writer, seen: Biometric | None, begun: Biometric, at: datetime) -> bool:
        """Put an enrolment in the place of the registration that was read (None: there was none). False if another one
        stands there by now, or the caller may not write.

        Raises:
            Unavailable: the table does not answer.
        """
        # Protects a registration that was completed since: replacing that one needs a proof.
        is_as_seen = (
            _REGISTRATION.registration_id.does_not_exist()
            if seen is None
            else (_REGISTRATION.registration_id == seen.registration_id)
            & (_REGISTRATION.is_verified == seen.is_verified)
        )
        # The whole map: no path leads into one that is not there.
        actions = [_DATA.current_biometric.set(begun), UserItem.updated_at.set(at)]
        return _updated(caller, actions, is_as_seen) is not None

    def complete(self, caller: Writer, proof: Proof, public_key: str, metadata: Mapping[str, Any]) -> bool:
        """Give an enrolment its key and its session a proof, and use the challenge up. False if that was done already,
        another enrolment was begun, or the caller may not write.

        Raises:
            Unavailable: the table does not answer.
        """
        # Protects from a second key: of parallel completions one counts.
        is_unfinished = _REGISTRATION.is_verified == False  # noqa: E712  # an expression, not a comparison
        actions = [
            *_proving(proof),
            _REGISTRATION.is_verified.set(True),
            _REGISTRATION.public_key.set(public_key),
            _REGISTRATION.registration_metadata.set(dict(metadata)),
        ]
        return _updated(caller, actions, _is_asked(proof.registration_id, proof.challenge) & is_unfinished) is not None

    def challenge(
        self, caller: Writer, registration_id: str, challenge: Challenge, most_failures: int, at: datetime
    ) -> bool:
        """Ask a registration for a signature; what it was asked before is void. False if it was replaced or locked, or
        the caller may not write.

        Raises:
            Unavailable: the table does not answer.
        """
        condition = _is(registration_id) & _is_unlocked(most_failures)
        actions = [
            _REGISTRATION.challenge.set(challenge.text),
            _REGISTRATION.challenge_operation.set(challenge.operation),
            _REGISTRATION.challenge_expires_at.set(challenge.expires_at),
            _REGISTRATION.updated_at.set(at),
            UserItem.updated_at.set(at),
        ]
        return _updated(caller, actions, condition) is not None

    def prove(self, caller: Writer, proof: Proof, most_failures: int) -> bool:
        """Use a challenge up, give the session its proof and forget the failures. False if the challenge was used or
        replaced by now, the registration locked or replaced, or the caller may not write. Of parallel proofs over one
        challenge exactly one counts.

        Raises:
            Unavailable: the table does not answer.
        """
        condition = _is_asked(proof.registration_id, proof.challenge) & _is_unlocked(most_failures)
        return _updated(caller, _proving(proof), condition) is not None

    def count_failure(
        self, caller: Writer, registration_id: str, challenge: str, most_failures: int, at: datetime
    ) -> int | None:
        """Count a wrong signature over a challenge that still stands, and return how many there are. None if the
        challenge was used or replaced by now, the registration locked or replaced, or the caller may not write:
        however many fail at once, no more are counted than it takes to lock.

        Raises:
            Unavailable: the table does not answer.
        """
        condition = _is_asked(registration_id, challenge) & _is_unlocked(most_failures)
        actions = [
            _REGISTRATION.verification_failures.set(_REGISTRATION.verification_failures + 1),
            _REGISTRATION.updated_at.set(at),
            UserItem.updated_at.set(at),
        ]
        user = _updated(caller, actions, condition)
        return None if user is None else int(user.data.current_biometric.verification_failures)


def _is(registration_id: str) -> Condition:
    """Protects a registration that replaced the one that was read; it also makes the path into the map exist."""
    condition: Condition = _REGISTRATION.registration_id == registration_id
    return condition


def _is_asked(registration_id: str, challenge: str) -> Condition:
    """Protects from a challenge that is used twice: whoever comes second finds it gone."""
    condition: Condition = _is(registration_id) & (_REGISTRATION.challenge == challenge)
    return condition


def _is_unlocked(most_failures: int) -> Condition:
    """Protects from one try more than is allowed, by somebody who tries many at once."""
    condition: Condition = _REGISTRATION.verification_failures < most_failures
    return condition


def _proving(proof: Proof) -> list[Action]:
    return [
        _REGISTRATION.challenge.remove(),
        _REGISTRATION.challenge_operation.remove(),
        _REGISTRATION.challenge_expires_at.remove(),
        _REGISTRATION.verification_failures.set(0),
        _REGISTRATION.last_verified_at.set(proof.at),
        _REGISTRATION.updated_at.set(proof.at),
        _SESSION.last_biometric_auth_at.set(proof.at),
        _SESSION.biometric_expires_at.set(proof.expires_at),
        _SESSION.biometric_operation.set(proof.operation),
        _SESSION.requires_biometric_reauth.set(False),
        _SESSION.updated_at.set(proof.at),
        UserItem.updated_at.set(proof.at),
    ]


def _updated(caller: Writer, actions: list[Action], condition: Condition) -> UserItem | None:
    """Update on behalf of a caller and return everything that is stored then; None if a condition failed."""
    key = keys.user_key(caller.user_id)
    user = UserItem(key.pk, key.sk)
    try:
        retried(lambda: user.update(actions=actions, condition=caller_may_write(caller.session_id) & condition))
    except UpdateError as failure:
        if is_condition_failure(failure):
            return None
        raise
    return user
