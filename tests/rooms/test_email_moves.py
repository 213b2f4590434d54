"""An e-mail that changed at the provider: profile, index and guards move together, and nobody is locked out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.ids import email_hash
from chalicelib.models import keys
from chalicelib.models.base import shared_connection
from chalicelib.models.guard import GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AuthProvider
from chalicelib.stores.users import Users
from tests.rooms.identity_questions import counted, stored
from tests.support import SettableClock
from tests.unit.identity.people import guards, person
from tests.unit.identity.world import World

OLD, NEW = "ada@example.com", "Ada@New.example.com"


@pytest.fixture
def world(any_engine_for_long: TableConnection, clock: SettableClock) -> World:
    return World(clock)


@pytest.fixture
def quick(table: TableConnection, clock: SettableClock) -> World:
    """The same on moto alone, for what no engine decides."""
    return World(clock)


@pytest.fixture
def strict(second_engine: TableConnection, clock: SettableClock) -> World:
    """On the engine that is atomic by itself."""
    return World(clock)


def _as(world: World, **claims: Any) -> Any:
    return world.signed_in(id_token=world.google.token(**claims))


def _apple(world: World, **claims: Any) -> Any:
    return world.with_apple(apple_id_token=world.apple.token(**claims))


def _user(user_id: str) -> UserItem:
    user = Users().by_id(user_id)
    assert user is not None
    return user


def _owner(email: str) -> str | None:
    return Users().owner_of(GuardKind.EMAIL, str(email_hash(email)))


def _found_by(email: str) -> list[str]:
    """Whom the index finds by an address."""
    key = keys.email_index_key(str(email_hash(email)))
    found = shared_connection().query(key.pk, index_name=keys.EMAIL_INDEX)
    return [item["PK"]["S"].removeprefix("USER#") for item in found["Items"]]


def test_profile_index_and_guard_follow_the_provider(world: World) -> None:
    user_id = _as(world).user.id
    with counted() as asked:
        moved = _as(world, email=NEW)

    assert asked == ["GetItem", "GetItem", "GetItem", "GetItem", "TransactWriteItems"]
    assert (moved.user.id, moved.user.email, moved.user.email_verified) == (user_id, NEW, True)
    user = _user(user_id)
    assert (user.data.email, user.data.email_hash) == (NEW, email_hash(NEW))
    assert (_owner(OLD), _owner(NEW)) == (None, user_id)
    assert (_found_by(OLD), _found_by(NEW)) == ([], [user_id])


def test_the_address_that_was_left_is_free_for_somebody_else(world: World) -> None:
    first = _as(world)
    _as(world, email=NEW)
    second = _apple(world, email=OLD)

    assert second.user.is_new_user
    assert second.user.id != first.user.id
    assert _owner(OLD) == second.user.id


def test_an_address_that_changed_at_google_and_is_used_at_apple_needs_linking(world: World) -> None:
    _as(world)
    _as(world, email=NEW)

    with pytest.raises(errors.Conflict, match="ACCOUNT_LINKING_REQUIRED"):
        _apple(world, email=NEW)


def test_somebody_elses_address_locks_nobody_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    other = _apple(world, email=NEW)
    ada = _as(world)
    again = _as(world, email=NEW)

    assert (again.user.id, again.user.email) == (ada.user.id, OLD)
    assert (_owner(OLD), _owner(NEW)) == (ada.user.id, other.user.id)
    told = next(record.__dict__ for record in caplog.records if record.message == "email_change_refused")
    assert (told["user_id"], told["holder_id"]) == (ada.user.id, other.user.id)
    assert world.refreshed(again.refresh_token)


def test_the_same_address_in_another_spelling_moves_nothing(quick: World) -> None:
    _as(quick)
    before = stored("guard")
    with counted() as asked:
        _as(quick, email=" ADA@Example.COM ")

    assert asked == ["GetItem", "GetItem", "TransactWriteItems"]
    assert stored("guard") == before


@pytest.mark.parametrize(
    "claims", [{"email": None}, {"email": NEW, "email_verified": False}], ids=["none", "unverified"]
)
def test_an_address_that_nobody_vouches_for_replaces_none(quick: World, claims: dict[str, Any]) -> None:
    user_id = _as(quick).user.id
    again = _as(quick, **claims)

    assert (again.user.email, again.user.email_verified) == (OLD, True)
    assert (_owner(OLD), _owner(NEW)) == (user_id, None)


def test_an_address_that_is_vouched_for_only_now_gets_its_guard(world: World) -> None:
    user_id = _as(world, email_verified=False).user.id
    assert _owner(OLD) is None
    again = _as(world)

    assert again.user.email_verified
    assert _owner(OLD) == user_id
    with pytest.raises(errors.Conflict, match="ACCOUNT_LINKING_REQUIRED"):
        _apple(world)


def test_somebody_who_had_no_address_gets_one(world: World) -> None:
    user_id = _apple(world, email=None).user.id
    again = _apple(world)

    assert (again.user.id, again.user.email) == (user_id, OLD)
    assert (_owner(OLD), _found_by(OLD)) == (user_id, [user_id])


def test_who_hides_their_address_gives_it_up_and_the_relay_guards_nothing(world: World) -> None:
    user_id = _apple(world).user.id
    relay = "x7@privaterelay.appleid.com"
    again = _apple(world, email=relay, is_private_email="true")

    assert (again.user.id, again.user.email, again.user.is_private_email) == (user_id, relay, True)
    assert stored("guard") == [item for item in stored("guard") if "EXTERNAL" in item["PK"]["S"]]
    assert _found_by(relay) == [user_id]


def test_what_apple_said_of_forwarding_does_not_outlive_the_address(quick: World) -> None:
    user_id = _apple(quick, email="x7@privaterelay.appleid.com").user.id
    user = _user(user_id)
    user.data.is_email_forwarded = False
    user.save()
    _apple(quick)

    assert _user(user_id).data.is_email_forwarded is None


def test_old_data_without_a_guard_can_move(world: World) -> None:
    user_id = _as(world).user.id
    key = keys.guard_key(GuardKind.EMAIL, str(email_hash(OLD)))
    GuardItem(key.pk, key.sk).delete()
    _as(world, email=NEW)

    assert _owner(NEW) == user_id


def test_a_guard_that_is_somebody_elses_by_now_is_not_released(world: World) -> None:
    user_id = _as(world).user.id
    key = keys.guard_key(GuardKind.EMAIL, str(email_hash(OLD)))
    held = GuardItem.get(key.pk, key.sk)
    held.data.user_id = "somebody-else"
    held.save()
    _as(world, email=NEW)

    assert (_owner(OLD), _owner(NEW)) == ("somebody-else", user_id)


def test_a_move_that_fails_moves_nothing(world: World, clock: SettableClock) -> None:
    """The session that was read is gone: all of the transaction goes with it."""
    from dataclasses import replace

    from chalicelib.identity import accounts
    from chalicelib.stores.users import SignedIn
    from tests.unit.identity.people import IDENTITY, device, session

    ada = person(clock.now())
    assert Users().create(ada, guards(clock.now()))
    before = stored()
    move = accounts.moved_email(ada, replace(IDENTITY, email=NEW))
    assert move is not None
    signed_in = SignedIn(
        user_id="user-1",
        replaced_session_id="another",
        session=session(clock.now(), "session-2"),
        device=device(clock.now()),
        is_other_device=False,
        consents=None,
        added=(),
        at=clock.now(),
        email=move,
    )

    assert not Users().sign_in(signed_in)
    assert stored() == before
    assert Users().sign_in(replace(signed_in, replaced_session_id="session-1"))
    assert (_owner(OLD), _owner(NEW)) == (None, "user-1")


def _at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.second_engine
def test_of_several_people_who_move_to_one_address_at_once_one_gets_it(strict: World) -> None:
    people = [{"sub": f"sub-{number}", "email": f"{number}@example.com"} for number in range(6)]
    ids = [_as(strict, **claims).user.id for claims in people]
    requests = [strict.request(id_token=strict.google.token(**{**claims, "email": NEW})) for claims in people]
    answers = _at_once([partial(strict.sign_in.sign_in, request) for request in requests])

    assert [answer.user.id for answer in answers] == ids
    winners = [answer.user.id for answer in answers if answer.user.email == NEW]
    assert winners == [_owner(NEW)] == _found_by(NEW)
    assert sum(_owner(claims["email"]) is not None for claims in people) == len(people) - 1


@pytest.mark.second_engine
def test_one_person_who_signs_in_with_the_new_address_many_times_at_once_ends_with_one_guard(strict: World) -> None:
    user_id = _as(strict).user.id
    request = strict.request(id_token=strict.google.token(email=NEW))
    answers = _at_once([lambda: strict.sign_in.sign_in(request)] * 6)

    assert {answer.user.email for answer in answers} == {NEW}
    emails = [item for item in stored("guard") if "EMAIL" in item["PK"]["S"]]
    assert [item["data"]["M"]["user_id"]["S"] for item in emails] == [user_id]
    assert (_owner(OLD), _owner(NEW)) == (None, user_id)


def test_apples_name_that_came_late_is_kept_once(world: World) -> None:
    first = world.with_apple()
    assert first.user.name is None
    named = world.with_apple(apple_name={"given_name": "Ada", "family_name": "Lovelace"})
    nameless = world.with_apple()
    other = world.with_apple(apple_name={"given_name": "Eve"})

    for answer in (named, nameless, other):
        assert (answer.user.name, answer.user.given_name, answer.user.family_name) == (
            "Ada Lovelace",
            "Ada",
            "Lovelace",
        )
    assert _user(first.user.id).data.name == "Ada Lovelace"


def test_a_name_that_somebody_chose_is_not_completed_by_apple(quick: World) -> None:
    first = quick.with_apple()
    assert quick.users.rename(first.user.id, first.session.session_id, {"name": "Countess"}, quick.clock.now())
    again = quick.with_apple(apple_name={"given_name": "Ada", "family_name": "Lovelace"})

    assert (again.user.name, again.user.given_name) == ("Countess", None)


def test_a_name_sent_with_a_google_sign_in_is_nobodys(quick: World) -> None:
    quick.signed_in()

    assert quick.signed_in(apple_name={"given_name": "Eve"}).user.name is None


def test_facebook_users_can_be_stored_and_not_signed_in(world: World, clock: SettableClock) -> None:
    from chalicelib.gateways.oidc import Identity

    identity = Identity(AuthProvider.FACEBOOK, "fb-1", OLD, True, False, "Ada", None, None)
    assert Users().create(person(clock.now(), identity=identity), guards(clock.now(), identity=identity))

    assert _user("user-1").data.auth_provider is AuthProvider.FACEBOOK
    with pytest.raises(errors.InvalidRequest, match="INVALID_AUTH_PROVIDER"):
        world.signed_in(provider="facebook")
    with pytest.raises(errors.Conflict, match="ACCOUNT_LINKING_REQUIRED") as refusal:
        world.signed_in()
    assert refusal.value.details == {"existing_provider": "facebook", "attempted_provider": "google"}
    assert "sign in with Facebook" not in refusal.value.user_message
