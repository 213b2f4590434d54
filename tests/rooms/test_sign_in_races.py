"""Many sign-ins at once: one person, and the newest session alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.identity.contract import SignInAnswer
from chalicelib.stores.users import Users
from tests.rooms.identity_questions import stored
from tests.support import SettableClock
from tests.unit.identity.world import World, phone

MANY = 20


@pytest.fixture
def world(any_engine_for_long: TableConnection, clock: SettableClock) -> World:
    return World(clock)


@pytest.fixture
def strict(second_engine: TableConnection, clock: SettableClock) -> World:
    """On the engine that is atomic by itself."""
    return World(clock)


def _at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Run all calls at the same moment and return what they gave, errors of ours included."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return call()
        except errors.ServiceError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_twenty_first_sign_ins_at_once_make_one_person(world: World) -> None:
    requests = [world.request(device_info=phone(f"phone-{number}")) for number in range(MANY)]
    answers = _at_once([partial(world.sign_in.sign_in, request) for request in requests])

    assert [answer for answer in answers if not isinstance(answer, SignInAnswer)] == []
    assert len({answer.user.id for answer in answers}) == 1
    assert sum(answer.user.is_new_user for answer in answers) == 1
    assert len(stored("user")) == 1
    assert len(stored("guard")) == 2


@pytest.mark.second_engine
def test_of_twenty_sessions_opened_at_once_one_lives_and_the_others_are_history(strict: World) -> None:
    requests = [strict.request(device_info=phone(f"phone-{number}")) for number in range(MANY)]
    answers = _at_once([partial(strict.sign_in.sign_in, request) for request in requests])

    user = Users().by_id(answers[0].user.id)
    assert user is not None
    assert user.data.current_session is not None
    opened = {answer.session.session_id for answer in answers}
    replaced = {item["data"]["M"]["session_id"]["S"] for item in stored("session_history")}
    assert replaced | {user.data.current_session.session_id} == opened
    assert len(replaced) == MANY - 1


def test_one_e_mail_at_two_providers_at_once_makes_one_person(world: World) -> None:
    google = world.request()
    apple = world.request(provider="apple", id_token=None, apple_id_token=world.apple.token())
    answers = _at_once([lambda: world.sign_in.sign_in(google), lambda: world.sign_in.sign_in(apple)])

    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "SignInAnswer"]
    assert len(stored("user")) == 1


def test_refreshes_in_parallel_all_end_with_the_same_working_token(world: World) -> None:
    token = world.signed_in().refresh_token
    answers = _at_once([lambda: world.refreshed(token)] * 5)

    assert len({answer.refresh_token for answer in answers}) == 1
    assert world.refreshed(answers[0].refresh_token)
