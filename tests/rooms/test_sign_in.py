"""Sign-in: who becomes a new person, who is known, and what the table holds afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.identity.contract import SignInRequest
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus, AuthProvider, DeviceStatus, SessionStatus
from chalicelib.stores.users import Users
from tests.rooms.identity_questions import counted, everything, stored
from tests.support import SettableClock
from tests.unit.identity.world import ALL_TICKED, PHONE, World, phone


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


def _changed(user_id: str, **changes: Any) -> None:
    user = _user(user_id)
    for name, value in changes.items():
        setattr(user.data, name, value)
    user.save()


def test_a_first_sign_in_makes_the_account_in_two_questions(world: World) -> None:
    with counted() as asked:
        answer = world.signed_in()

    assert asked == ["GetItem", "TransactWriteItems"]
    assert answer.user.is_new_user
    user = _user(answer.user.id)
    assert user.ttl is None
    assert (user.data.auth_provider, user.data.external_id) == (AuthProvider.GOOGLE, "google-sub-1")
    assert user.data.account_status is AccountStatus.ACTIVE
    assert user.data.current_device is not None
    assert user.data.current_device.device_id == PHONE
    assert user.data.current_session is not None
    assert user.data.current_session.session_id == answer.session.session_id
    assert [item.pk.split("#")[:2] for item in everything()] == [
        ["GUARD", "EMAIL"],
        ["GUARD", "EXTERNAL"],
        *[["USER", answer.user.id]] * 6,
    ]


def test_a_second_sign_in_finds_the_same_person_in_three_questions(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    clock.advance(timedelta(hours=1))
    with counted() as asked:
        second = world.signed_in()

    assert asked == ["GetItem", "GetItem", "TransactWriteItems"]
    assert (second.user.id, second.user.is_new_user) == (first.user.id, False)
    assert second.user.created_at == first.user.created_at
    assert second.user.last_login_at == clock.now() == _user(first.user.id).data.last_login_at


def test_the_newest_sign_in_wins(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    clock.advance(timedelta(hours=1))
    second = world.signed_in(device_info=phone("phone-2"))

    with pytest.raises(errors.Unauthenticated, match="SESSION_REVOKED"):
        world.refreshed(first.refresh_token)
    assert world.refreshed(second.refresh_token, "phone-2")


def test_what_was_replaced_goes_into_history_for_a_while(world: World, clock: SettableClock) -> None:
    first = world.signed_in()
    clock.advance(timedelta(hours=1))
    world.signed_in(device_info=phone("phone-2"))

    history: dict[str, Any] = {
        item.sk.split("#")[0]: item for item in everything() if item.pk == f"USER#{first.user.id}"
    }
    assert set(history) == {"PROFILE", "CONSENT", "SESSION", "DEVICE"}
    assert history["SESSION"].data.session_id == first.session.session_id
    assert history["SESSION"].data.status is SessionStatus.REVOKED
    assert history["DEVICE"].data.device_id == PHONE
    assert history["DEVICE"].data.status is DeviceStatus.INACTIVE
    gone_at = int((clock.now() + timedelta(days=400)).timestamp())
    assert [history[name].ttl for name in ("SESSION", "DEVICE", "PROFILE")] == [gone_at, gone_at, None]


def test_a_session_that_was_over_is_remembered_as_expired(quick: World, clock: SettableClock) -> None:
    quick.signed_in()
    clock.advance(timedelta(hours=24))
    quick.signed_in()

    assert [item["data"]["M"]["status"]["S"] for item in stored("session_history")] == ["expired"]


def test_the_same_device_keeps_its_age_and_its_key(quick: World, clock: SettableClock) -> None:
    first = quick.signed_in()
    device = _user(first.user.id).data.current_device
    assert device is not None
    device.public_key = "a key"
    _changed(first.user.id, current_device=device)
    signed_up_at = clock.now()
    clock.advance(timedelta(hours=1))
    quick.signed_in(device_info=phone(app_version="1.5.0", model="iPhone 17"))

    device = _user(first.user.id).data.current_device
    assert device is not None
    assert (device.created_at, device.updated_at) == (signed_up_at, clock.now())
    assert (device.public_key, device.app_version, device.model) == ("a key", "1.5.0", "iPhone 17")
    assert stored("device_history") == []


def test_another_device_starts_without_a_key(quick: World) -> None:
    first = quick.signed_in()
    device = _user(first.user.id).data.current_device
    assert device is not None
    device.public_key = "a key"
    _changed(first.user.id, current_device=device)
    quick.signed_in(device_info=phone("phone-2"))

    device = _user(first.user.id).data.current_device
    assert device is not None
    assert device.public_key is None


def test_a_device_id_of_255_wide_characters_can_be_kept_and_replaced(world: World) -> None:
    wide = "\U0001f4f1" * 255
    world.signed_in(device_info=phone(wide))
    world.signed_in(device_info=phone("phone-2"))

    assert [item["data"]["M"]["device_id"]["S"] for item in stored("device_history")] == [wide]


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.DEACTIVATED, AccountStatus.DELETED])
def test_an_account_that_is_not_active_cannot_sign_in(quick: World, status: AccountStatus) -> None:
    first = quick.signed_in()
    _changed(first.user.id, account_status=status)
    before = stored()

    with pytest.raises(errors.Forbidden, match="ACCOUNT_SUSPENDED") as refusal:
        quick.signed_in()
    assert refusal.value.status == 403
    assert stored() == before


def test_fields_that_decide_are_never_taken_from_the_body(quick: World) -> None:
    body = {
        "provider": "google",
        "id_token": quick.google.token(),
        "consents": ALL_TICKED,
        "device_info": {**phone(), "status": "revoked", "public_key": "mine"},
        "id": "chosen",
        "user_id": "chosen",
        "account_status": "deleted",
        "email": "eve@example.com",
        "email_verified": True,
        "tier": "premium",
        "PK": "USER#victim",
        "encryption_context": {"any": ["thing"]},
    }
    answer = quick.sign_in.sign_in(msgspec.convert(body, SignInRequest))

    user = _user(answer.user.id)
    assert answer.user.id != "chosen"
    assert (user.data.email, user.data.account_status) == ("ada@example.com", AccountStatus.ACTIVE)
    assert user.data.current_device is not None
    assert user.data.current_device.status is DeviceStatus.ACTIVE
    assert user.data.current_device.public_key is None


def test_apples_name_is_taken_for_a_first_profile_alone(quick: World) -> None:
    name = {"given_name": " Ada\u202e ", "family_name": "Lovelace"}
    first = quick.with_apple(apple_name=name)
    assert (first.user.name, first.user.given_name, first.user.family_name) == ("Ada Lovelace", "Ada", "Lovelace")

    again = quick.with_apple(apple_name={"given_name": "Eve", "family_name": "Evil"})
    assert again.user.name == _user(first.user.id).data.name == "Ada Lovelace"


def test_an_e_mail_that_the_app_sends_is_kept_unverified_and_guards_nothing(quick: World) -> None:
    answer = quick.with_apple(apple_id_token=quick.apple.token(email=None), apple_email="Grace@Example.com")

    assert (answer.user.email, answer.user.email_verified) == ("Grace@Example.com", False)
    assert [item["PK"]["S"] for item in stored("guard")] == ["GUARD#EXTERNAL#apple#apple-sub-1"]


def test_an_e_mail_that_the_app_sends_never_replaces_the_providers(quick: World) -> None:
    answer = quick.with_apple(apple_email="eve@example.com")

    assert answer.user.email == "ada@example.com"


def test_somebody_without_an_e_mail_has_no_hash_and_no_guard(quick: World) -> None:
    answer = quick.with_apple(apple_id_token=quick.apple.token(email=None))

    user = _user(answer.user.id)
    assert [user.data.email, user.data.email_hash, user.gsi1_pk] == [None, None, None]
    assert len(stored("guard")) == 1


def test_a_verified_e_mail_belongs_to_one_person(world: World) -> None:
    world.signed_in()
    before = stored()

    with pytest.raises(errors.Conflict, match="ACCOUNT_LINKING_REQUIRED") as refusal:
        world.with_apple(apple_id_token=world.apple.token(email=" ADA@Example.COM ", email_verified="true"))
    assert refusal.value.status == 409
    assert refusal.value.details == {"existing_provider": "google", "attempted_provider": "apple"}
    assert stored() == before


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": "false"},
        {"email_verified": None},
        {"is_private_email": "true"},
        {"email": "x7@privaterelay.appleid.com"},
    ],
    ids=str,
)
def test_an_unverified_or_relay_e_mail_never_links(quick: World, claims: dict[str, Any]) -> None:
    same = quick.apple.token(**claims)
    first = quick.with_apple(apple_id_token=same)
    second = quick.signed_in(id_token=quick.google.token(email=first.user.email))

    assert first.user.id != second.user.id
    assert second.user.is_new_user


def test_one_id_at_two_providers_is_two_people(quick: World) -> None:
    google = quick.signed_in(id_token=quick.google.token(sub="same", email=None))
    apple = quick.with_apple(apple_id_token=quick.apple.token(sub="same", email=None))

    assert google.user.id != apple.user.id


def test_ids_that_differ_in_case_are_two_people(quick: World) -> None:
    one = quick.signed_in(id_token=quick.google.token(sub="Abc", email=None))
    other = quick.signed_in(id_token=quick.google.token(sub="aBC", email=None))

    assert one.user.id != other.user.id


def test_a_guard_whose_person_is_gone_is_no_new_account(quick: World) -> None:
    first = quick.signed_in()
    _user(first.user.id).delete()

    with pytest.raises(errors.Unavailable):
        quick.signed_in()
    assert stored("user") == []
    assert len(stored("guard")) == 2


def test_nothing_personal_is_logged(quick: World, caplog: pytest.LogCaptureFixture) -> None:
    answer = quick.signed_in(id_token=quick.google.token(name="Ada Lovelace"))
    quick.signed_in(device_info=phone("phone-2", device_name="Ada's iPhone"))
    with pytest.raises(errors.Conflict):
        quick.with_apple()

    written = "".join(str(record.__dict__) for record in caplog.records)
    assert answer.user.id in written
    for secret in ("ada@example.com", "Lovelace", "Ada's", answer.access_token, answer.refresh_token, "google-sub-1"):
        assert secret not in written
