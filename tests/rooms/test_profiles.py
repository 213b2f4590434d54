"""Profiles: shown in one read, renamed in one write, and nothing else taken from a body."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.identity.contract import LogoutRequest, ProfileUpdate
from chalicelib.models.states import AccountStatus
from chalicelib.stores.users import Users
from chalicelib.web.request import Caller, decode_body
from chalicelib.web.response import encode
from tests.rooms.identity_questions import counted, stored
from tests.support import SettableClock
from tests.unit.identity.world import World, phone


@pytest.fixture
def world(any_engine_for_long: TableConnection, clock: SettableClock) -> World:
    return World(clock)


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> World:
    """The same on moto alone, for what no engine decides."""
    return World(clock)


def _ada(world: World) -> Caller:
    token = world.google.token(name="Ada Lovelace", given_name="Ada", family_name="Lovelace")
    return world.access_tokens.verify(world.signed_in(id_token=token).access_token)


def test_a_profile_is_shown_in_one_read(quick: World) -> None:
    caller = _ada(quick)
    with counted() as asked:
        answer = msgspec.json.decode(encode(quick.profiles.show(caller)))

    assert asked == ["GetItem"]
    assert answer == {
        "success": True,
        "user": {
            "id": caller.user_id,
            "user_id": caller.user_id,
            "email": "ada@example.com",
            "name": "Ada Lovelace",
            "display_name": "Ada Lovelace",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "email_verified": True,
            "auth_provider": "google",
            "is_new_user": False,
            "is_private_email": False,
            "created_at": "2026-03-14T09:30:00Z",
            "last_login_at": "2026-03-14T09:30:00Z",
            "account_status": "active",
            "updated_at": "2026-03-14T09:30:00Z",
            "subscription": {
                "subscription_id": "subscription-1",
                "plan_id": "free",
                "status": "active",
                "tier": "free",
                "subscription_type": None,
                "provider": "internal",
                "current_period_end": "2026-04-14T09:30:00Z",
                "auto_renew": False,
            },
        },
    }


def test_names_are_changed_in_one_write(world: World, clock: SettableClock) -> None:
    caller = _ada(world)
    clock.advance(timedelta(minutes=1))
    with counted() as asked:
        user = world.profiles.update(caller, ProfileUpdate(name="  Ada King ", family_name="King")).user

    assert asked == ["UpdateItem"]
    assert (user.name, user.given_name, user.family_name) == ("Ada King", "Ada", "King")
    assert user.updated_at == clock.now()
    assert world.profiles.show(caller).user == user


def test_a_name_is_kept_composed(quick: World) -> None:
    assert quick.profiles.update(_ada(quick), ProfileUpdate(name="Zoe\u0308")).user.name == "Zo\u00eb"


@pytest.mark.parametrize("name", ["A", "x" * 255, "李小龙", "O'Neil-Smith Jr.", "علی\u200cرضا", "👩‍⚕️ Ada"])
def test_names_of_all_scripts_are_welcome(quick: World, name: str) -> None:
    assert quick.profiles.update(_ada(quick), ProfileUpdate(name=name)).user.name == name


def test_an_empty_given_name_is_removed(world: World) -> None:
    user = world.profiles.update(_ada(world), ProfileUpdate(given_name="", family_name="  ")).user

    assert (user.name, user.given_name, user.family_name) == ("Ada Lovelace", None, None)


class NobodyMayAsk:
    """A store that fails the test when it is asked anything."""

    def __getattr__(self, question: str) -> object:
        raise AssertionError(f"a name that is refused reached the table: {question}")


UNFIT = {
    "empty": "",
    "only spaces": "  \u3000 ",
    "256 characters": "x" * 256,
    "a line break": "A\nda",
    "a NUL": "A\0da",
    "an escape": "A\x1bda",
    "a line separator": "Ada\u2028Eve",
    "turned text": "\u202eadA",
    "half a character": "Ada\ud800",
    "a private character": "Ada\ue000",
}


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT.keys())
def test_a_name_that_cannot_be_shown_is_refused(clock: SettableClock, value: str) -> None:
    world = World(clock, users=NobodyMayAsk())
    with pytest.raises(errors.InvalidRequest) as refusal:
        world.profiles.update(Caller("user-1", "session-1"), ProfileUpdate(name=value))
    assert (refusal.value.status, refusal.value.code) == (400, "INVALID_NAME")
    assert refusal.value.details == {"field": "name"}


@pytest.mark.parametrize(
    ("field", "code"), [("given_name", "INVALID_GIVEN_NAME"), ("family_name", "INVALID_FAMILY_NAME")]
)
@pytest.mark.parametrize("value", ["x" * 256, "A\nda"])
def test_parts_of_a_name_are_refused_under_their_own_codes(
    clock: SettableClock, field: str, code: str, value: str
) -> None:
    world = World(clock, users=NobodyMayAsk())
    with pytest.raises(errors.InvalidRequest, match=code):
        world.profiles.update(Caller("user-1", "session-1"), msgspec.convert({field: value}, ProfileUpdate))


@pytest.mark.parametrize(
    ("field", "code"),
    [("name", "INVALID_NAME"), ("given_name", "INVALID_GIVEN_NAME"), ("family_name", "INVALID_FAMILY_NAME")],
)
@pytest.mark.parametrize("value", [5, True, ["Ada"], {"first": "Ada"}])
def test_a_name_of_another_type_is_refused_under_its_code(field: str, code: str, value: object) -> None:
    with pytest.raises(errors.InvalidRequest, match=code):
        decode_body(msgspec.json.encode({field: value}), ProfileUpdate)


def test_nothing_but_names_is_taken_from_a_body(quick: World) -> None:
    caller = _ada(quick)
    before = quick.profiles.show(caller).user
    body = {
        "id": "chosen",
        "user_id": "chosen",
        "PK": "USER#victim",
        "email": "eve@example.com",
        "email_verified": False,
        "account_status": "deleted",
        "tier": "premium",
        "current_subscription": {"tier": "premium"},
        "name": "Ada",
    }
    quick.profiles.update(caller, decode_body(msgspec.json.encode(body), ProfileUpdate))

    assert quick.profiles.show(caller).user == msgspec.structs.replace(before, name="Ada", display_name="Ada")


def test_an_empty_update_is_a_look(quick: World) -> None:
    caller = _ada(quick)
    before = stored()

    assert quick.profiles.update(caller, ProfileUpdate()) == quick.profiles.show(caller)
    assert stored() == before


def test_a_profile_that_never_was_is_not_found(world: World) -> None:
    for update in (ProfileUpdate(), ProfileUpdate(name="Eve")):
        with pytest.raises(errors.NotFound, match="PROFILE_NOT_FOUND"):
            world.profiles.update(Caller("nobody", "session-1"), update)
    assert stored() == []


def test_a_replaced_session_neither_sees_nor_changes_the_profile(world: World) -> None:
    old = _ada(world)
    world.signed_in(device_info=phone("phone-2"))
    before = stored()

    for update in (ProfileUpdate(), ProfileUpdate(name="Eve")):
        with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
            world.profiles.update(old, update)
    assert stored() == before


def test_a_session_that_was_signed_out_cannot_rename(quick: World) -> None:
    caller = _ada(quick)
    quick.sessions.logout(caller, LogoutRequest())

    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        quick.profiles.update(caller, ProfileUpdate(name="Eve"))


def test_a_suspended_account_neither_sees_nor_changes_the_profile(quick: World) -> None:
    caller = _ada(quick)
    user = Users().by_id(caller.user_id)
    assert user is not None
    user.data.account_status = AccountStatus.SUSPENDED
    user.save()

    for update in (ProfileUpdate(), ProfileUpdate(name="Eve")):
        with pytest.raises(errors.Forbidden, match="ACCOUNT_SUSPENDED"):
            quick.profiles.update(caller, update)


def test_somebody_without_a_name_is_shown_by_what_is_known(quick: World) -> None:
    assert quick.signed_in().user.display_name == "ada@example.com"
    relay = quick.with_apple(apple_id_token=quick.apple.token(email="x@privaterelay.appleid.com"))
    assert relay.user.display_name == ""
    parted = quick.signed_in(id_token=quick.google.token(sub="2", email=None, given_name="Grace", family_name="Hopper"))
    assert parted.user.display_name == "Grace Hopper"
