"""Whose registration it is: of one person, one device, and a session that lives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.models.states import AccountStatus
from tests.rooms.biometric_phone import KeyedPhone, base64_of, biometric_required_after_refresh, refused, signed
from tests.rooms.identity_questions import counted
from tests.support import SettableClock
from tests.unit.identity.world import World

pytestmark = pytest.mark.second_engine


@pytest.fixture
def mine(second_engine: TableConnection, clock: SettableClock) -> KeyedPhone:
    """A phone that just signed in, on the strict engine: it is the faster one too."""
    return KeyedPhone(World(clock))


def test_the_registration_of_somebody_else_is_not_found(mine: KeyedPhone) -> None:
    mine.enrol()
    other = KeyedPhone(mine.world, claims={"sub": "google-sub-2", "email": "grace@example.com"})
    other.enrol()
    theirs, challenge = mine.registration_id, mine.ask().challenge
    refused(lambda: other.ask(registration_id=theirs), 404, "REGISTRATION_NOT_FOUND")
    refused(
        lambda: other.verify(challenge, registration_id=theirs, biometric_signature=signed(mine.key, challenge)),
        404,
        "REGISTRATION_NOT_FOUND",
    )
    refused(lambda: other.complete(challenge, registration_id=theirs), 404, "REGISTRATION_NOT_FOUND")
    # Their challenge is none of ours even if it is named as ours and signed with our own key.
    other.ask()
    refused(lambda: other.verify(challenge), 401, "BIOMETRIC_VERIFICATION_FAILED")


def test_the_key_of_a_replaced_device_unlocks_nothing(mine: KeyedPhone, clock: SettableClock) -> None:
    registration_id, challenge = mine.enrol(), mine.ask().challenge
    other = KeyedPhone(mine.world, device_id="phone-2", key=mine.key)

    refused(lambda: mine.verify(challenge), 401, "SESSION_REVOKED")
    other.registration_id = registration_id
    refused(lambda: other.verify(challenge), 404, "REGISTRATION_NOT_FOUND")
    assert other.enrolment.list_registrations(other.caller).registrations == []
    assert other.answer.session.biometric_required is False

    back = KeyedPhone(mine.world, key=mine.key, registration_id=registration_id)
    refused(back.ask, 404, "REGISTRATION_NOT_FOUND")


def test_an_unfinished_enrolment_does_not_survive_a_change_of_device(mine: KeyedPhone) -> None:
    begun = mine.register()
    other = KeyedPhone(mine.world, device_id="phone-2", registration_id=begun.registration_id)
    refused(lambda: other.complete(begun.challenge), 404, "REGISTRATION_NOT_FOUND")


def test_a_registration_of_another_device_that_was_left_in_the_table_unlocks_nothing(mine: KeyedPhone) -> None:
    mine.enrol()
    user = mine.user
    assert user.data.current_biometric is not None
    user.data.current_biometric.device_id = "phone-0"
    user.save()
    refused(mine.ask, 404, "REGISTRATION_NOT_FOUND")
    refused(lambda: mine.complete(base64_of(bytes(32))), 404, "REGISTRATION_NOT_FOUND")
    assert mine.enrolment.list_registrations(mine.caller).registrations == []
    assert biometric_required_after_refresh(mine) is False


def test_the_same_device_keeps_its_registration_and_must_prove_it_in_a_new_session(mine: KeyedPhone) -> None:
    mine.enrol()
    assert biometric_required_after_refresh(mine) is False
    mine.sign_in()
    assert mine.answer.session.biometric_required is True
    mine.prove()
    assert biometric_required_after_refresh(mine) is False


def test_old_data_without_a_key_asks_for_nothing_and_can_enrol(mine: KeyedPhone, clock: SettableClock) -> None:
    mine.enrol()
    user = mine.user
    assert user.data.current_biometric is not None
    user.data.current_biometric.public_key = None
    user.save()
    clock.advance(timedelta(hours=1))
    refused(mine.ask, 404, "REGISTRATION_NOT_FOUND")
    assert mine.enrol()
    assert mine.prove().verified


def _calls(phone: KeyedPhone) -> list[Callable[[], Any]]:
    challenge = phone.ask().challenge
    return [
        phone.register,
        lambda: phone.complete(challenge),
        phone.ask,
        lambda: phone.verify(challenge),
        lambda: phone.enrolment.list_registrations(phone.caller),
    ]


def test_a_replaced_session_may_do_nothing(mine: KeyedPhone) -> None:
    mine.enrol()
    calls = _calls(mine)
    KeyedPhone(mine.world)
    for call in calls:
        refused(call, 401, "SESSION_REVOKED")


def test_a_suspended_account_may_do_nothing(mine: KeyedPhone) -> None:
    mine.enrol()
    calls, user = _calls(mine), mine.user
    user.data.account_status = AccountStatus.SUSPENDED
    user.save()
    for call in calls:
        refused(call, 403, "ACCOUNT_SUSPENDED")


def test_a_session_whose_time_is_over_may_do_nothing(mine: KeyedPhone, clock: SettableClock) -> None:
    mine.enrol()
    calls = _calls(mine)
    clock.advance(timedelta(hours=24))
    for call in calls:
        refused(call, 401, "SESSION_EXPIRED")


@pytest.mark.parametrize("field", ["registration_id", "biometric_signature", "challenge"])
def test_a_missing_field_is_named_and_not_counted(mine: KeyedPhone, field: str) -> None:
    mine.enrol()
    challenge = mine.ask().challenge
    refusal = refused(lambda: mine.verify(challenge, **{field: None}), 400, "INVALID_REQUEST")
    assert refusal.details == {"field": field}
    assert mine.registration.verification_failures == 0


def test_the_list_shows_the_registration_without_key_and_challenge(mine: KeyedPhone, clock: SettableClock) -> None:
    assert mine.enrolment.list_registrations(mine.caller).registrations == []
    begun = mine.register()
    with counted() as asked:
        (pending,) = mine.enrolment.list_registrations(mine.caller).registrations
    assert asked == ["GetItem"]
    assert (pending.registration_id, pending.status, pending.last_verified_at) == (
        begun.registration_id,
        "pending",
        None,
    )
    mine.complete(begun.challenge)
    (completed,) = mine.enrolment.list_registrations(mine.caller).registrations
    assert (completed.status, completed.last_verified_at) == ("completed", clock.now())
    assert set(completed.__struct_fields__) == {
        "registration_id", "biometric_type", "device_id", "status", "created_at", "last_verified_at",
    }  # fmt: skip
