"""The store of registrations: what each write refuses, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.models.profile import Biometric, UserItem
from chalicelib.models.states import AccountStatus, BiometricOperation, BiometricType, SessionStatus
from chalicelib.stores.biometrics import BiometricStore, Challenge, Proof
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller
from tests.rooms.identity_questions import stored
from tests.support import SettableClock, ask
from tests.unit.identity.people import person
from tests.unit.identity.world import PHONE

CALLER = Caller("user-1", "session-1")
MOST = 5
STORE = BiometricStore()
CALLS = ("begin", "complete", "challenge", "prove", "count_failure")


@pytest.fixture
def at(any_engine: TableConnection, clock: SettableClock) -> Any:
    return clock.now()


def _registration(at: Any, **changes: Any) -> Biometric:
    fields = {
        "device_id": PHONE,
        "registration_id": "registration-1",
        "biometric_type": BiometricType.FACE,
        "public_key": "key",
        "challenge": "challenge-1",
        "challenge_operation": BiometricOperation.EXPORT,
        "challenge_expires_at": at + timedelta(minutes=5),
        "is_verified": True,
        "created_at": at,
        "updated_at": at,
    }
    return Biometric(**{**fields, **changes})


def _put(at: Any, registration: Biometric | None, change: Callable[[UserItem], None] | None = None) -> None:
    user = person(at)
    user.data.current_biometric = registration
    if change is not None:
        change(user)
    user.save()


def _calls(at: Any, caller: Caller = CALLER) -> Mapping[str, Callable[[], Any]]:
    """Each write as it succeeds: over the verified registration, but for `complete`, which needs an unfinished one."""
    proof = Proof("registration-1", "challenge-1", BiometricOperation.EXPORT, at, at + timedelta(days=7))
    challenge = Challenge("challenge-2", BiometricOperation.PURCHASE, at + timedelta(minutes=5))
    return {
        "begin": lambda: STORE.begin(
            caller, _registration(at), _registration(at, registration_id="registration-2"), at
        ),
        "complete": lambda: STORE.complete(caller, proof, "key-2", {"platform_info": None}),
        "challenge": lambda: STORE.challenge(caller, "registration-1", challenge, MOST, at),
        "prove": lambda: STORE.prove(caller, proof, MOST),
        "count_failure": lambda: STORE.count_failure(caller, "registration-1", "challenge-1", MOST, at),
    }


def _made_for(call: str, at: Any, **changes: Any) -> Biometric:
    return _registration(at, **{"is_verified": call != "complete", **changes})


def test_a_write_whose_conditions_hold_is_made(at: Any) -> None:
    for call in CALLS:
        _put(at, _made_for(call, at))
        assert _calls(at)[call]()


def test_a_write_for_nobody_makes_no_ghost(at: Any) -> None:
    for call in CALLS:
        assert not _calls(at)[call]()
        assert stored() == []


def test_another_session_writes_nothing(at: Any) -> None:
    for call in CALLS:
        _put(at, _made_for(call, at))
        before = stored()
        assert not _calls(at, replace(CALLER, session_id="session-2"))[call]()
        assert stored() == before


def _suspend(user: UserItem) -> None:
    user.data.account_status = AccountStatus.SUSPENDED


def _revoke(user: UserItem) -> None:
    assert user.data.current_session is not None
    user.data.current_session.status = SessionStatus.REVOKED


@pytest.mark.parametrize("change", [_suspend, _revoke])
def test_who_may_not_write_writes_nothing(at: Any, change: Callable[[UserItem], None]) -> None:
    for call in CALLS:
        _put(at, _made_for(call, at), change)
        before = stored()
        assert not _calls(at)[call]()
        assert stored() == before


def test_a_registration_that_is_gone_is_not_written_into(at: Any) -> None:
    for call in CALLS:
        _put(at, None)
        before = stored()
        assert not _calls(at)[call]()
        assert stored() == before


def test_a_registration_that_replaced_the_one_meant_is_left_alone(at: Any) -> None:
    for call in CALLS:
        _put(at, _made_for(call, at, registration_id="registration-9"))
        before = stored()
        assert not _calls(at)[call]()
        assert stored() == before


@pytest.mark.parametrize("challenge", ["challenge-9", None])
def test_a_challenge_that_is_gone_answers_nothing(at: Any, challenge: str | None) -> None:
    for call in ("complete", "prove", "count_failure"):
        _put(at, _made_for(call, at, challenge=challenge))
        before = stored()
        assert not _calls(at)[call]()
        assert stored() == before


def test_a_locked_registration_is_left_alone(at: Any) -> None:
    for call in ("challenge", "prove", "count_failure"):
        _put(at, _registration(at, verification_failures=MOST))
        before = stored()
        assert not _calls(at)[call]()
        assert stored() == before


def test_a_key_is_given_once(at: Any) -> None:
    _put(at, _registration(at))
    before = stored()
    assert not _calls(at)["complete"]()
    assert stored() == before


def test_an_enrolment_does_not_replace_one_that_was_completed_since_it_was_read(at: Any) -> None:
    _put(at, _registration(at))
    seen = _registration(at, is_verified=False)
    assert not STORE.begin(CALLER, seen, _registration(at, registration_id="registration-2"), at)


def test_an_enrolment_of_somebody_thought_to_have_none_does_not_replace_one(at: Any) -> None:
    _put(at, _registration(at))
    assert not STORE.begin(CALLER, None, _registration(at, registration_id="registration-2"), at)


def test_an_enrolment_begins_where_old_data_holds_a_null(at: Any, any_engine: TableConnection) -> None:
    _put(at, None)
    key = {"PK": {"S": "USER#user-1"}, "SK": {"S": "PROFILE"}}
    ask(
        "UpdateItem",
        TableName=any_engine.table_name,
        Key=key,
        UpdateExpression="SET #d.current_biometric = :null",
        ExpressionAttributeNames={"#d": "data"},
        ExpressionAttributeValues={":null": {"NULL": True}},
    )
    assert not _calls(at)["prove"]()
    assert STORE.begin(CALLER, None, _registration(at), at)
    user = Users().by_id("user-1")
    assert user is not None
    assert user.data.current_biometric is not None
    assert user.data.current_biometric.registration_id == "registration-1"


def test_failures_are_counted_one_by_one(at: Any) -> None:
    _put(at, _registration(at))
    counted = [_calls(at)["count_failure"]() for _ in range(6)]
    assert counted == [1, 2, 3, 4, 5, None]
