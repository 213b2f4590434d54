"""What proofs are worth: how long, for which operation, in which session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.identity import biometric_words as words
from chalicelib.identity import proofs
from chalicelib.identity.challenges import drawn
from chalicelib.models.profile import Biometric, UserItem
from chalicelib.models.states import BiometricOperation, BiometricType
from chalicelib.rules import Rules
from chalicelib.web.request import Caller
from tests.support import SettableClock
from tests.unit.identity.people import person
from tests.unit.identity.world import PHONE

CALLER = Caller("user-1", "session-1")
RULES = Rules()
GUARDED = (BiometricOperation.EXPORT, BiometricOperation.ERASURE, BiometricOperation.PURCHASE)


def _proved(clock: SettableClock, operation: BiometricOperation | None = BiometricOperation.AUTHENTICATION) -> UserItem:
    """Somebody with a registration, who proved it just now."""
    now = clock.now()
    user = person(now)
    user.data.current_biometric = Biometric(
        device_id=PHONE,
        registration_id="registration-1",
        biometric_type=BiometricType.FACE,
        public_key="key",
        is_verified=True,
        created_at=now,
        updated_at=now,
    )
    session = user.data.current_session
    assert session is not None
    session.last_biometric_auth_at, session.biometric_expires_at = now, now + RULES.biometric_proof_life
    session.biometric_operation = operation
    return user


def _is_required(user: UserItem, clock: SettableClock) -> bool:
    assert user.data.current_session is not None
    return proofs.is_required(user, user.data.current_session, clock.now(), RULES)


def _refusal(user: UserItem, rule: proofs.FreshProof, caller: Caller = CALLER) -> errors.Forbidden:
    with pytest.raises(errors.Forbidden) as refused:
        rule.require(user, caller)
    assert (refused.value.status, refused.value.code) == (403, "BIOMETRIC_REQUIRED")
    return refused.value


def _forget_key(user: UserItem) -> None:
    assert user.data.current_biometric is not None
    user.data.current_biometric.public_key = None


def _unfinish(user: UserItem) -> None:
    assert user.data.current_biometric is not None
    user.data.current_biometric.is_verified = False


def _deactivate(user: UserItem) -> None:
    assert user.data.current_biometric is not None
    user.data.current_biometric.is_active = False


def _move(user: UserItem) -> None:
    assert user.data.current_biometric is not None
    user.data.current_biometric.device_id = "phone-2"


def _remove(user: UserItem) -> None:
    user.data.current_biometric = None


@pytest.mark.parametrize("change", [_forget_key, _unfinish, _deactivate, _move, _remove])
def test_nothing_is_asked_of_somebody_who_could_not_prove_it(
    clock: SettableClock, change: Callable[[UserItem], None]
) -> None:
    user = _proved(clock)
    change(user)
    clock.advance(timedelta(days=8))
    assert proofs.standing_registration(user) is None
    assert not _is_required(user, clock)
    proofs.FreshProof(clock, RULES).require(user, CALLER)


def test_a_proof_holds_for_seven_days(clock: SettableClock) -> None:
    user = _proved(clock)
    clock.advance(timedelta(days=7) - timedelta(microseconds=1))
    assert not _is_required(user, clock)
    clock.advance(timedelta(microseconds=1))
    assert _is_required(user, clock)


def test_a_proof_is_fresh_for_five_minutes(clock: SettableClock) -> None:
    user, rule = _proved(clock), proofs.FreshProof(clock, RULES)
    clock.advance(timedelta(minutes=5) - timedelta(microseconds=1))
    rule.require(user, CALLER)
    clock.advance(timedelta(microseconds=1))
    _refusal(user, rule)


def test_a_challenge_has_32_random_bytes_and_lives_for_five_minutes(clock: SettableClock) -> None:
    import base64

    many = [drawn(BiometricOperation.EXPORT, clock.now(), RULES) for _ in range(100)]
    assert {len(base64.b64decode(one.text, validate=True)) for one in many} == {32}
    assert len({one.text for one in many}) == 100
    assert {one.expires_at for one in many} == {clock.now() + timedelta(minutes=5)}


@pytest.mark.parametrize("operation", GUARDED)
@pytest.mark.parametrize("proved", GUARDED)
def test_a_proof_for_one_operation_is_none_for_another(
    clock: SettableClock, operation: BiometricOperation, proved: BiometricOperation
) -> None:
    user, rule = _proved(clock, proved), proofs.FreshProof(clock, RULES, operation)
    if proved is operation:
        rule.require(user, CALLER)
    else:
        assert _refusal(user, rule).details == {"operation": str(operation)}
    proofs.FreshProof(clock, RULES).require(user, CALLER)


@pytest.mark.parametrize("operation", GUARDED)
def test_a_proof_for_nothing_in_particular_counts_for_each(clock: SettableClock, operation: BiometricOperation) -> None:
    proofs.FreshProof(clock, RULES, operation).require(_proved(clock), CALLER)


@pytest.mark.parametrize("operation", GUARDED)
def test_a_proof_of_unknown_purpose_counts_for_none_of_them(
    clock: SettableClock, operation: BiometricOperation
) -> None:
    _refusal(_proved(clock, None), proofs.FreshProof(clock, RULES, operation))


def test_a_proof_of_another_session_is_none_of_this_one(clock: SettableClock) -> None:
    _refusal(_proved(clock), proofs.FreshProof(clock, RULES), Caller("user-1", "session-2"))


def test_a_session_without_any_proof_must_give_one(clock: SettableClock) -> None:
    user = _proved(clock)
    assert user.data.current_session is not None
    user.data.current_session.last_biometric_auth_at = user.data.current_session.biometric_expires_at = None
    assert _is_required(user, clock)
    _refusal(user, proofs.FreshProof(clock, RULES))


def test_a_session_that_was_told_to_prove_itself_again_must(clock: SettableClock) -> None:
    user = _proved(clock)
    assert user.data.current_session is not None
    user.data.current_session.requires_biometric_reauth = True
    assert _is_required(user, clock)
    _refusal(user, proofs.FreshProof(clock, RULES))


@pytest.mark.parametrize(("failures", "is_locked"), [(4, False), (5, True), (9, True)])
def test_five_failures_lock_and_end_the_proof(clock: SettableClock, failures: int, is_locked: bool) -> None:
    user = _proved(clock)
    assert user.data.current_biometric is not None
    user.data.current_biometric.verification_failures = failures
    assert proofs.is_locked(user.data.current_biometric, RULES) is is_locked
    assert _is_required(user, clock) is is_locked
    if is_locked:
        _refusal(user, proofs.FreshProof(clock, RULES))
    else:
        proofs.FreshProof(clock, RULES).require(user, CALLER)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("fingerprint", "fingerprint"),
        ("touch_id", "fingerprint"),
        ("face", "face"),
        ("face_id", "face"),
        ("faceid", "face"),
        ("FaceID", "face"),
        ("voice", "voice"),
        ("voice_print", "voice"),
    ],
)
def test_each_name_of_a_biometric_is_understood(told: str, meant: str) -> None:
    assert words.type_of(told) == meant


@pytest.mark.parametrize("told", [None, "", "iris", "fingerprints"])
def test_a_biometric_that_we_do_not_know_is_refused(told: str | None) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        words.type_of(told)
    assert refused.value.details["field"] == "biometric_type"


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("export", "export"),
        ("account_deletion", "erasure"),
        ("Purchase", "purchase"),
        (None, "authentication"),
        ("unlock", "authentication"),
        ("enrolment", "authentication"),
    ],
)
def test_an_operation_is_read_as_one_of_ours_or_as_none_in_particular(told: str | None, meant: str) -> None:
    assert words.operation_of(told) == meant


@pytest.mark.parametrize(("note", "is_kept"), [("x" * 16_382, True), ("x" * 16_383, False), ({"a": [1]}, True)])
def test_what_an_app_says_of_itself_is_kept_up_to_16_kib(note: Any, is_kept: bool) -> None:
    if is_kept:
        assert words.kept("platform_info", note) == note
        return
    with pytest.raises(errors.InvalidRequest) as refused:
        words.kept("platform_info", note)
    assert refused.value.details == {"field": "platform_info"}
