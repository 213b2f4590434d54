"""Proof with an enrolled key: once per challenge, within five minutes, and not after five failures."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.identity.proofs import FreshProof
from chalicelib.models.states import BiometricOperation
from tests.rooms.biometric_phone import (
    KeyedPhone,
    base64_of,
    biometric_required_after_refresh,
    draw_key,
    lock,
    refused,
    signed,
    wrong,
)
from tests.rooms.identity_questions import counted
from tests.support import SettableClock
from tests.unit.identity.world import World

pytestmark = pytest.mark.second_engine


@pytest.fixture
def mine(second_engine: TableConnection, clock: SettableClock) -> KeyedPhone:
    """A phone that just signed in, on the strict engine: it is the faster one too."""
    return KeyedPhone(World(clock))


def test_a_challenge_is_good_once(mine: KeyedPhone) -> None:
    mine.enrol()
    challenge = mine.ask().challenge
    signature = signed(mine.key, challenge)
    mine.verify(challenge, biometric_signature=signature)
    refused(lambda: mine.verify(challenge, biometric_signature=signature), 401, "BIOMETRIC_VERIFICATION_FAILED")
    assert mine.registration.verification_failures == 0


def test_a_replay_against_the_next_challenge_isrefused(mine: KeyedPhone) -> None:
    mine.enrol()
    first = mine.ask().challenge
    replayed = signed(mine.key, first)
    mine.verify(first, biometric_signature=replayed)
    second = mine.ask().challenge
    refused(lambda: mine.verify(second, biometric_signature=replayed), 401, "BIOMETRIC_VERIFICATION_FAILED")
    assert mine.registration.verification_failures == 1


def test_a_fresh_challenge_voids_the_one_before(mine: KeyedPhone) -> None:
    mine.enrol()
    first, second = mine.ask().challenge, mine.ask().challenge
    refused(lambda: mine.verify(first), 401, "BIOMETRIC_VERIFICATION_FAILED")
    assert mine.verify(second).verified


def test_the_enrolments_challenge_proves_nothing_later(mine: KeyedPhone) -> None:
    begun = mine.register()
    mine.complete(begun.challenge)
    refused(lambda: mine.verify(begun.challenge), 401, "BIOMETRIC_VERIFICATION_FAILED")


@pytest.mark.parametrize("operation", [None, BiometricOperation.ENROLMENT])
def test_a_challenge_that_was_left_by_an_enrolment_proves_nothing(
    mine: KeyedPhone, operation: BiometricOperation | None
) -> None:
    mine.enrol()
    challenge = mine.ask().challenge
    user = mine.user
    assert user.data.current_biometric is not None
    user.data.current_biometric.challenge_operation = operation
    user.save()
    refused(lambda: mine.verify(challenge), 401, "BIOMETRIC_VERIFICATION_FAILED")


def test_an_expired_challenge_is_refused_and_not_counted(mine: KeyedPhone, clock: SettableClock) -> None:
    mine.enrol()
    challenge = mine.ask().challenge
    clock.advance(timedelta(minutes=5))
    refused(lambda: mine.verify(challenge), 401, "BIOMETRIC_VERIFICATION_FAILED")
    assert mine.registration.verification_failures == 0
    clock.advance(-timedelta(microseconds=1))
    assert mine.verify(challenge).verified


def test_a_challenge_that_we_never_drew_is_refused_and_not_counted(mine: KeyedPhone) -> None:
    mine.enrol()
    mine.ask()
    with counted() as asked:
        refused(lambda: mine.verify(base64_of(bytes(32))), 401, "BIOMETRIC_VERIFICATION_FAILED")
    assert asked == ["GetItem"]
    assert mine.registration.verification_failures == 0


def test_a_challenge_of_another_operation_isrefused(mine: KeyedPhone) -> None:
    mine.enrol()
    challenge = mine.ask("export").challenge
    refused(lambda: mine.verify(challenge, operation="erasure"), 401, "BIOMETRIC_VERIFICATION_FAILED")
    assert mine.verify(challenge, operation="export").verified
    assert mine.session.biometric_operation is BiometricOperation.EXPORT


def test_a_proof_for_one_operation_opens_that_one_alone(mine: KeyedPhone, clock: SettableClock) -> None:
    mine.enrol()
    clock.advance(timedelta(minutes=5))
    export, erasure = (
        FreshProof(clock, mine.enrolment.rules, operation)
        for operation in (BiometricOperation.EXPORT, BiometricOperation.ERASURE)
    )
    refused(lambda: export.require(mine.user, mine.caller), 403, "BIOMETRIC_REQUIRED")
    mine.prove("export")
    export.require(mine.user, mine.caller)
    refused(lambda: erasure.require(mine.user, mine.caller), 403, "BIOMETRIC_REQUIRED")


@pytest.mark.parametrize("wrong", ["another key", "malformed", "no DER", "no base64"])
def test_a_wrong_signature_is_refused_and_counted(mine: KeyedPhone, wrong: str) -> None:
    mine.enrol()
    challenge = mine.ask().challenge
    signature = {
        "another key": signed(draw_key(), challenge),
        "malformed": base64_of(base64.b64decode(signed(mine.key, challenge)) + b"\0"),
        "no DER": base64_of(bytes(64)),
        "no base64": "no base64",
    }[wrong]
    with counted() as asked:
        refused(lambda: mine.verify(challenge, biometric_signature=signature), 401, "BIOMETRIC_VERIFICATION_FAILED")
    assert asked == ["GetItem", "UpdateItem"]
    assert mine.registration.verification_failures == 1


def test_the_fifth_failure_locks_even_the_right_key_out(mine: KeyedPhone, clock: SettableClock) -> None:
    mine.enrol()
    challenge = mine.ask().challenge
    for failures in range(1, 6):
        wrong(mine, challenge)
        assert mine.registration.verification_failures == failures
    refused(lambda: mine.verify(challenge), 403, "BIOMETRIC_LOCKED")
    refused(mine.ask, 403, "BIOMETRIC_LOCKED")
    assert mine.enrolment.list_registrations(mine.caller).registrations[0].status == "locked"
    assert biometric_required_after_refresh(mine) is True
    refused(lambda: FreshProof(clock, mine.enrolment.rules).require(mine.user, mine.caller), 403, "BIOMETRIC_REQUIRED")


def test_failures_of_several_challenges_add_up(mine: KeyedPhone) -> None:
    mine.enrol()
    for _ in range(5):
        wrong(mine, mine.ask().challenge)
    refused(mine.ask, 403, "BIOMETRIC_LOCKED")


def test_a_new_enrolment_unlocks(mine: KeyedPhone) -> None:
    mine.enrol()
    lock(mine)
    mine.enrol()
    assert mine.prove().verified


def test_a_right_proof_forgets_the_failures(mine: KeyedPhone) -> None:
    mine.enrol()
    for _ in range(4):
        wrong(mine, mine.ask().challenge)
    mine.prove()
    assert mine.registration.verification_failures == 0
    wrong(mine, mine.ask().challenge)
    assert mine.prove().verified


def test_the_trail_says_who_enrolled_proved_failed_and_was_locked(
    mine: KeyedPhone, caplog: pytest.LogCaptureFixture
) -> None:
    mine.enrol()
    mine.prove("export")
    refused(lambda: mine.verify(base64_of(bytes(32))), 401, "BIOMETRIC_VERIFICATION_FAILED")
    lock(mine)
    lines = [vars(record) for record in caplog.records if vars(record).get("kind") == "audit"]
    about = [line for line in lines if line["event"].startswith("biometric_")]
    assert [line["event"] for line in about] == [
        "biometric_enrolled",
        "biometric_verified",
        "biometric_failed",
        *["biometric_failed"] * 4,
        "biometric_locked",
        "biometric_failed",
    ]
    assert {line["registration_id"] for line in about} == {mine.registration_id}
    assert about[1]["operation"] == "export"
    assert [line.get("cause") for line in about[2:4]] == ["challenge_not_standing", "wrong_signature"]
    assert about[-2]["failures"] == 5
