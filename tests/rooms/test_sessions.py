"""Sessions: refreshed over a bad network, replaced, ended, and asked for by every call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.identity.contract import LogoutRequest, RefreshRequest, SignInAnswer
from chalicelib.models.profile import Biometric, UserItem
from chalicelib.models.states import AccountStatus, BiometricType, SessionStatus
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller
from chalicelib.web.response import encode
from tests.rooms.identity_questions import counted, stored
from tests.support import SettableClock
from tests.unit.identity.world import PHONE, World, phone

HOUR = timedelta(hours=1)


@pytest.fixture
def world(any_engine_for_long: TableConnection, clock: SettableClock) -> World:
    return World(clock)


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> World:
    """The same on moto alone, for what no engine decides."""
    return World(clock)


def _user(user_id: str) -> UserItem:
    user = Users().by_id(user_id)
    assert user is not None
    return user


def _status(user_id: str) -> SessionStatus:
    session = _user(user_id).data.current_session
    assert session is not None
    return session.status


def _refusal(world: World, refresh_token: str, device_id: str = PHONE) -> tuple[int, str]:
    with pytest.raises(errors.ServiceError) as refusal:
        world.refreshed(refresh_token, device_id)
    return refusal.value.status, refusal.value.code


def _caller(world: World, answer: SignInAnswer) -> Caller:
    return world.access_tokens.verify(answer.access_token)


def _live(world: World, caller: Caller) -> UserItem:
    return world.rule.require_live(world.users.by_id(caller.user_id), caller)


def test_a_refresh_rotates_in_one_write(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    caller = _caller(world, first)
    clock.advance(HOUR)
    with counted() as asked:
        second = world.refreshed(first.refresh_token)

    assert asked == ["UpdateItem"]
    assert second.refresh_token != first.refresh_token
    assert second.session.session_id == first.session.session_id
    assert _caller(world, second) == caller
    assert second.user.id == first.user.id
    assert not second.user.is_new_user


def test_a_refresh_answers_at_the_root_and_under_data(quick: World) -> None:
    answer = msgspec.json.decode(encode(quick.refreshed(quick.signed_in().refresh_token)))
    data = answer.pop("data")

    assert answer.pop("success") is True
    assert data == answer
    assert set(data) >= {"access_token", "refresh_token", "expires_in", "user", "session"}


def test_a_client_that_lost_the_answer_asks_again_and_goes_on(world: World) -> None:
    first = world.signed_in()
    lost = world.refreshed(first.refresh_token)
    with counted() as asked:
        again = world.refreshed(first.refresh_token)

    assert asked == ["UpdateItem", "GetItem"]
    assert again.refresh_token == lost.refresh_token
    assert _live(world, _caller(world, again))
    assert world.refreshed(again.refresh_token)


def test_a_lost_answer_can_be_asked_for_after_a_key_rotation(quick: World) -> None:
    first = quick.signed_in()
    lost = quick.refreshed(first.refresh_token)
    quick.secrets.rotate("two")
    again = quick.refreshed(first.refresh_token)

    assert again.refresh_token != lost.refresh_token
    assert quick.refreshed(lost.refresh_token).refresh_token == quick.refreshed(again.refresh_token).refresh_token


def test_a_token_older_than_the_parent_ends_the_session(world: World, caplog: pytest.LogCaptureFixture) -> None:
    first = world.signed_in()
    second = world.refreshed(first.refresh_token)
    third = world.refreshed(second.refresh_token)

    assert _refusal(world, first.refresh_token) == (401, "REFRESH_TOKEN_REUSED")
    assert _status(first.user.id) is SessionStatus.REVOKED
    assert _refusal(world, third.refresh_token) == (401, "SESSION_REVOKED")
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        _live(world, _caller(world, third))
    told = next(record.__dict__ for record in caplog.records if record.message == "refresh_token_reused")
    assert (told["levelname"], told["generations_behind"]) == ("WARNING", 2)
    assert told["session_id"] == first.session.session_id


@pytest.mark.parametrize("device_id", ["phone-2", "PHONE-1", "phone-1 "])
def test_another_device_is_refused_and_nothing_changes(world: World, device_id: str) -> None:
    first = world.signed_in()
    second = world.refreshed(first.refresh_token)
    before = stored()

    for token in (first.refresh_token, second.refresh_token):
        assert _refusal(world, token, device_id) == (401, "INVALID_REFRESH_TOKEN")
    assert stored() == before


def test_an_old_token_on_another_device_ends_nothing(world: World) -> None:
    first = world.signed_in()
    world.refreshed(world.refreshed(first.refresh_token).refresh_token)

    assert _refusal(world, first.refresh_token, "phone-2") == (401, "INVALID_REFRESH_TOKEN")
    assert _status(first.user.id) is SessionStatus.ACTIVE


def test_garbage_never_reaches_the_table(quick: World) -> None:
    token = quick.signed_in().refresh_token
    with counted() as asked:
        for garbage in ("x", token[:-1] + "!", token + "x", token.replace("rt1", "rt2"), "rt1." * 300):
            assert _refusal(quick, garbage) == (401, "INVALID_REFRESH_TOKEN")

    assert asked == []


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        (RefreshRequest(), "refresh_token"),
        (RefreshRequest(refresh_token="", device_id=PHONE), "refresh_token"),
        (RefreshRequest(refresh_token="x"), "device_id"),
    ],
)
def test_a_missing_field_is_named(quick: World, request_body: RefreshRequest, field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        quick.sessions.refresh(request_body)
    assert refusal.value.details == {"field": field}


def test_a_session_lasts_24_hours_from_the_last_refresh(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    clock.advance(timedelta(hours=23, minutes=59))
    second = world.refreshed(first.refresh_token)
    assert second.session.expires_at == clock.now() + timedelta(hours=24)
    clock.advance(timedelta(hours=24))

    assert _refusal(world, second.refresh_token) == (401, "SESSION_EXPIRED")
    assert _refusal(world, first.refresh_token) == (401, "SESSION_EXPIRED")
    with pytest.raises(errors.Unauthenticated, match="SESSION_EXPIRED"):
        _live(world, Caller(first.user.id, first.session.session_id))


def test_a_session_ends_after_7_days_whatever_is_refreshed(quick: World, clock: SettableClock) -> None:
    signed_in_at = clock.now()
    token = quick.signed_in().refresh_token
    for _ in range(13):
        clock.advance(12 * HOUR)
        answer = quick.refreshed(token)
        token = answer.refresh_token
    assert answer.session.expires_at == signed_in_at + timedelta(days=7)
    clock.advance(12 * HOUR - timedelta(minutes=1))
    answer = quick.refreshed(token)
    assert answer.expires_in == 60

    clock.advance(timedelta(minutes=1))
    with counted() as asked:
        assert _refusal(quick, answer.refresh_token) == (401, "SESSION_EXPIRED")
    assert asked == []


def test_the_old_device_learns_that_it_was_signed_out(world: World) -> None:
    old = world.signed_in()
    new = world.signed_in(device_info=phone("phone-2"))

    assert _refusal(world, old.refresh_token) == (401, "SESSION_REVOKED")
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        _live(world, _caller(world, old))
    assert _live(world, _caller(world, new))


def test_an_old_token_of_an_old_session_does_not_end_the_new_one(world: World) -> None:
    old = world.signed_in()
    world.refreshed(world.refreshed(old.refresh_token).refresh_token)
    new = world.signed_in()

    assert _refusal(world, old.refresh_token) == (401, "SESSION_REVOKED")
    assert world.refreshed(new.refresh_token)


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.DEACTIVATED, AccountStatus.DELETED])
def test_an_account_that_is_not_active_is_refused_at_once(quick: World, status: AccountStatus) -> None:
    answer = quick.signed_in()
    user = _user(answer.user.id)
    user.data.account_status = status
    user.save()

    assert _refusal(quick, answer.refresh_token) == (403, "ACCOUNT_SUSPENDED")
    with pytest.raises(errors.Forbidden, match="ACCOUNT_SUSPENDED"):
        _live(quick, _caller(quick, answer))


def test_somebody_who_is_gone_has_no_session(world: World) -> None:
    answer = world.signed_in()
    _user(answer.user.id).delete()

    assert _refusal(world, answer.refresh_token) == (401, "SESSION_REVOKED")
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        _live(world, _caller(world, answer))
    assert stored("user") == []


def test_a_token_ahead_of_a_restored_table_asks_for_a_new_sign_in(quick: World) -> None:
    answer = quick.signed_in()
    backup = _user(answer.user.id)
    later = quick.refreshed(quick.refreshed(answer.refresh_token).refresh_token)
    backup.save()

    assert _refusal(quick, later.refresh_token) == (401, "SESSION_REVOKED")


def test_signing_out_ends_the_session_in_one_write(world: World) -> None:
    answer = world.signed_in()
    caller = _caller(world, answer)
    with counted() as asked:
        assert world.sessions.logout(caller, LogoutRequest()).success

    assert asked == ["UpdateItem"]
    assert _refusal(world, answer.refresh_token) == (401, "SESSION_REVOKED")
    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        _live(world, caller)


@pytest.mark.parametrize("request_body", [LogoutRequest(), LogoutRequest(logout_all_devices=True, device_id="any")])
def test_signing_out_twice_is_fine(quick: World, request_body: LogoutRequest) -> None:
    caller = _caller(quick, quick.signed_in())
    quick.sessions.logout(caller, request_body)
    before = stored()

    assert quick.sessions.logout(caller, request_body).success
    assert stored() == before


@pytest.mark.parametrize("is_everywhere", [False, True])
def test_a_token_of_an_older_session_does_not_end_the_newer_one(world: World, is_everywhere: bool) -> None:
    old = _caller(world, world.signed_in())
    new = world.signed_in()

    assert world.sessions.logout(old, LogoutRequest(logout_all_devices=is_everywhere)).success
    assert _status(new.user.id) is SessionStatus.ACTIVE
    assert world.refreshed(new.refresh_token)


def test_signing_out_somebody_who_is_gone_makes_no_ghost(world: World) -> None:
    assert world.sessions.logout(Caller("nobody", "session-1"), LogoutRequest()).success
    assert stored() == []


def test_signing_in_after_signing_out_is_fine(world: World) -> None:
    caller = _caller(world, world.signed_in())
    world.sessions.logout(caller, LogoutRequest())

    assert world.refreshed(world.signed_in().refresh_token)
    assert [item["data"]["M"]["status"]["S"] for item in stored("session_history")] == ["revoked"]


def _register(user_id: str, clock: SettableClock, **changes: Any) -> None:
    user = _user(user_id)
    good: dict[str, Any] = {
        "device_id": PHONE,
        "registration_id": "registration-1",
        "biometric_type": BiometricType.FACE,
        "is_verified": True,
        "is_active": True,
        "public_key": "a key",
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    user.data.current_biometric = Biometric(**{**good, **changes})
    user.save()


@pytest.mark.parametrize(
    ("changes", "is_required"),
    [({}, True), ({"is_verified": False}, False), ({"is_active": False}, False), ({"device_id": "phone-2"}, False)],
)
def test_a_biometric_proof_is_required_where_this_device_is_registered(
    quick: World, clock: SettableClock, changes: dict[str, Any], is_required: bool
) -> None:
    first = quick.signed_in()
    assert not first.session.biometric_required
    _register(first.user.id, clock, **changes)

    assert quick.refreshed(first.refresh_token).session.biometric_required is is_required


def test_a_proof_that_is_good_is_not_required_again(quick: World, clock: SettableClock) -> None:
    first = quick.signed_in()
    _register(first.user.id, clock)
    user = _user(first.user.id)
    assert user.data.current_session is not None
    user.data.current_session.biometric_expires_at = clock.now() + HOUR
    user.save()
    second = quick.refreshed(first.refresh_token)
    assert not second.session.biometric_required

    clock.advance(HOUR)
    assert quick.refreshed(second.refresh_token).session.biometric_required


def test_another_device_has_no_registration(quick: World, clock: SettableClock) -> None:
    first = quick.signed_in()
    _register(first.user.id, clock)
    quick.signed_in(device_info=phone("phone-2"))

    assert _user(first.user.id).data.current_biometric is None


def test_the_same_device_keeps_its_registration(quick: World, clock: SettableClock) -> None:
    first = quick.signed_in()
    _register(first.user.id, clock)

    assert quick.signed_in().session.biometric_required
