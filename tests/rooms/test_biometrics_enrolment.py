"""Enrolment of device keys: on the device of the session, once, and never by a stolen token."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.identity.proofs import FreshProof
from chalicelib.models.states import BiometricOperation, DeviceStatus
from tests.rooms.biometric_phone import (
    KeyedPhone,
    base64_of,
    biometric_required_after_refresh,
    draw_key,
    lock,
    refused,
    signed,
    spki,
)
from tests.rooms.identity_questions import stored
from tests.support import SettableClock
from tests.unit.identity.world import World

pytestmark = pytest.mark.second_engine


@pytest.fixture
def mine(second_engine: TableConnection, clock: SettableClock) -> KeyedPhone:
    """A phone that just signed in, on the strict engine: it is the faster one too."""
    return KeyedPhone(World(clock))


def test_an_enrolment_of_somebody_without_any_registration_needs_no_map_to_be_there(mine: KeyedPhone) -> None:
    assert "current_biometric" not in stored("user")[0]["data"]["M"]
    mine.register()
    assert mine.registration.is_verified is False


def test_another_device_than_that_of_the_session_cannot_enrol(mine: KeyedPhone) -> None:
    refused(lambda: mine.register(device_id="phone-2"), 403, "DEVICE_NOT_FOUND")
    assert "current_biometric" not in stored("user")[0]["data"]["M"]


@pytest.mark.parametrize("change", ["session of another device", "device not in use"])
def test_a_device_that_is_not_in_use_by_this_session_cannot_enrol(mine: KeyedPhone, change: str) -> None:
    user = mine.user
    assert user.data.current_session is not None
    assert user.data.current_device is not None
    if change == "device not in use":
        user.data.current_device.status = DeviceStatus.INACTIVE
    else:
        user.data.current_session.device_id = "phone-0"
    user.save()
    refused(mine.register, 403, "DEVICE_NOT_FOUND")


@pytest.mark.parametrize("operation", [None, *(one for one in BiometricOperation if one != "enrolment")])
def test_a_challenge_that_was_drawn_for_something_else_completes_no_enrolment(
    mine: KeyedPhone, operation: BiometricOperation | None
) -> None:
    challenge = mine.register().challenge
    user = mine.user
    assert user.data.current_biometric is not None
    user.data.current_biometric.challenge_operation = operation
    user.save()
    refused(lambda: mine.complete(challenge), 400, "CHALLENGE_EXPIRED")


def test_a_new_enrolment_voids_the_one_before(mine: KeyedPhone) -> None:
    first = mine.register()
    second = mine.register()
    refused(
        lambda: mine.complete(first.challenge, registration_id=first.registration_id), 404, "REGISTRATION_NOT_FOUND"
    )
    refused(lambda: mine.complete(first.challenge), 400, "INVALID_SIGNATURE")
    assert mine.complete(second.challenge).registration_id == second.registration_id


def test_an_enrolment_is_completed_once(mine: KeyedPhone) -> None:
    challenge = mine.register().challenge
    mine.complete(challenge)
    thief = draw_key()
    refused(
        lambda: mine.complete(challenge, biometric_public_key=spki(thief), signed_challenge=signed(thief, challenge)),
        400,
        "REGISTRATION_ALREADY_COMPLETED",
    )
    assert mine.registration.public_key == spki(mine.key)


def test_an_enrolment_expires_with_its_challenge_after_five_minutes(mine: KeyedPhone, clock: SettableClock) -> None:
    challenge = mine.register().challenge
    clock.advance(timedelta(minutes=5))
    refused(lambda: mine.complete(challenge), 400, "CHALLENGE_EXPIRED")
    clock.advance(-timedelta(microseconds=1))
    assert mine.complete(challenge).status == "completed"


@pytest.mark.parametrize("wrong", ["signature of another key", "signature of another challenge", "malformed", "absent"])
def test_an_enrolment_without_the_keys_signature_is_refused_and_may_be_corrected(mine: KeyedPhone, wrong: str) -> None:
    challenge = mine.register().challenge
    signature = {
        "signature of another key": signed(draw_key(), challenge),
        "signature of another challenge": signed(mine.key, base64_of(bytes(32))),
        "malformed": base64_of(base64.b64decode(signed(mine.key, challenge)) + b"\0"),
        "absent": None,
    }[wrong]
    refusal = refused(lambda: mine.complete(challenge, signed_challenge=signature), 400, "INVALID_SIGNATURE")
    assert refusal.details == {"field": "signed_challenge"}
    assert mine.registration.is_verified is False
    mine.complete(challenge)


def test_a_key_of_another_curve_isrefused(mine: KeyedPhone) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP384R1())
    challenge = mine.register().challenge
    refusal = refused(
        lambda: mine.complete(challenge, biometric_public_key=spki(other), signed_challenge=signed(other, challenge)),
        400,
        "INVALID_SIGNATURE",
    )
    assert refusal.details == {"field": "biometric_public_key"}


def test_an_unfinished_enrolment_proves_nothing_and_asks_for_nothing(mine: KeyedPhone, clock: SettableClock) -> None:
    begun = mine.register()
    refused(mine.ask, 404, "REGISTRATION_NOT_FOUND")
    refused(lambda: mine.verify(begun.challenge), 404, "REGISTRATION_NOT_FOUND")
    assert biometric_required_after_refresh(mine) is False
    FreshProof(clock, mine.enrolment.rules).require(mine.user, mine.caller)


def test_a_stolen_token_does_not_replace_a_registration(mine: KeyedPhone, clock: SettableClock) -> None:
    registration_id = mine.enrol()
    clock.advance(timedelta(minutes=10) - timedelta(microseconds=1))
    mine.register()
    registration_id = mine.enrol()
    clock.advance(timedelta(microseconds=1) + timedelta(minutes=5))
    refused(mine.register, 403, "BIOMETRIC_REQUIRED")
    assert mine.registration.registration_id == registration_id

    mine.prove("export")
    refused(mine.register, 403, "BIOMETRIC_REQUIRED")
    mine.prove()
    assert mine.register().registration_id != registration_id


def test_a_lock_does_not_open_the_way_to_another_key_either(mine: KeyedPhone, clock: SettableClock) -> None:
    mine.enrol()
    clock.advance(timedelta(minutes=11))
    mine.prove()
    lock(mine)
    refused(mine.register, 403, "BIOMETRIC_REQUIRED")
    mine.sign_in()
    mine.enrol()
    assert mine.prove().verified
