"""What comes late, or at the same moment, brings nobody back: sign-ins, refreshes, uploads, events, messages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.models import keys
from chalicelib.models.guard import GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus
from chalicelib.stores.users import Rotation, SignedIn
from tests.rooms.documents_world import World, an_analysis, empty_bucket, make_bucket
from tests.rooms.leaving_world import Leaving
from tests.support import SettableClock


@pytest.fixture
def leaving(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[Leaving]:
    make_bucket(settings)
    found = Leaving(settings, clock, World(settings, clock))
    found.settle()
    yield found
    empty_bucket(settings)


def sign_in_again(leaving: Leaving, user: UserItem) -> bool:
    session = user.data.current_session
    return leaving.world.users.sign_in(
        SignedIn(
            user_id=leaving.user_id,
            replaced_session_id=session.session_id,
            session=session,
            device=user.data.current_device,
            is_other_device=False,
            consents=None,
            added=[],
            at=leaving.clock.now(),
        )
    )


def read(leaving: Leaving) -> UserItem:
    user = leaving.world.users.by_id(leaving.user_id)
    assert user is not None
    return user


@pytest.mark.parametrize("minutes", [0, 2], ids=["while it runs", "after it"])
def test_whoever_was_read_before_cannot_sign_in_refresh_or_upload_any_more(leaving: Leaving, minutes: int) -> None:
    user, now = read(leaving), leaving.clock.now()
    leaving.ask()
    leaving.run(minutes)
    assert not sign_in_again(leaving, user)
    rotation = Rotation(leaving.user_id, leaving.caller.session_id, "device", 0, "next", now + timedelta(days=1), now)
    assert leaving.world.users.rotate(rotation) is None
    with pytest.raises((errors.Forbidden, errors.Unauthenticated)):
        leaving.world.send()
    leaving.run(15)
    assert leaving.traces() == []


def test_events_and_messages_after_the_erasure_leave_nothing(leaving: Leaving) -> None:
    world = leaving.world
    world.analyst.steps = [errors.AnalystUnavailable(), an_analysis()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    leaving.ask()
    leaving.run(15)
    world.watcher.put_object(Bucket=leaving.settings.bucket_name, Key=world.key(job_id), Body=b"%PDF late")
    world.deliver_event(job_id)
    assert world.deliver_messages() == 1, "the retry was waiting"
    world.sweep.sweep()
    assert leaving.traces() == []
    assert len(world.analyst.calls) == 1


def test_a_document_whose_owner_is_being_erased_is_not_analysed(leaving: Leaving) -> None:
    job_id = leaving.world.uploaded()
    request_id = leaving.ask()
    leaving.world.deliver_event(job_id)
    assert leaving.world.analyst.calls == []
    leaving.run(15)
    assert leaving.status(request_id).status == "completed"
    assert leaving.traces() == []


def test_a_worker_that_was_at_it_stores_nothing_that_stays(leaving: Leaving) -> None:
    """The erasure runs while the analyst thinks; the worker then finds its job gone."""
    requests: list[str] = []

    def erase_meanwhile() -> None:
        requests.append(leaving.ask())
        leaving.run(1)
        assert leaving.status(requests[0]).progress["jobs"] == "completed"
        assert leaving.status(requests[0]).status == "processing", "its lease is not over"

    leaving.world.analyst.steps = [erase_meanwhile]
    leaving.world.deliver_event(leaving.world.uploaded())
    leaving.run(15)
    assert leaving.status(requests[0]).status == "completed"
    assert leaving.traces() == []


def test_a_worker_that_dies_after_storing_its_result_leaves_nothing_either(leaving: Leaving) -> None:
    world, requests = leaving.world, list[str]()

    def erase_meanwhile() -> None:
        requests.append(leaving.ask())
        leaving.run(1)

    world.analyst.steps = [erase_meanwhile]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    # As if the worker had died before it looked: what it stored lies there, and the lease runs on.
    world.watcher.put_object(
        Bucket=leaving.settings.bucket_name, Key=f"results/{leaving.user_id}/{job_id}.json", Body=b"{}"
    )
    leaving.run(15)
    assert leaving.status(requests[0]).status == "completed"
    assert leaving.traces() == []


def test_signing_up_anew_makes_somebody_new_whom_the_old_erasure_does_not_touch(leaving: Leaving) -> None:
    user = read(leaving)
    request_id = leaving.ask()
    (message,) = [text for text, _ in leaving.queue.sent]
    leaving.run(2)
    assert leaving.status(request_id).status == "completed"
    anew = newcomer(leaving, user, "somebody-new")
    guard = keys.guard_key(GuardKind.EXTERNAL_IDENTITY, "google", leaving.external_id)
    assert leaving.world.users.create(anew, [guard_of(leaving, guard, "somebody-new")])
    leaving.saga.carry_on(message)
    leaving.saga.sweep()
    found = leaving.world.users.by_id("somebody-new")
    assert found is not None
    assert found.data.account_status is AccountStatus.ACTIVE
    assert leaving.world.users.owner_of(GuardKind.EXTERNAL_IDENTITY, "google", leaving.external_id) == "somebody-new"


def test_until_the_profile_is_gone_its_identity_stays_taken(leaving: Leaving) -> None:
    """Nobody can sign up half-way: the guard goes in the same transaction as the profile."""
    user = read(leaving)
    leaving.grants.failures = 100
    leaving.ask()
    leaving.run(2)
    guard = keys.guard_key(GuardKind.EXTERNAL_IDENTITY, "google", leaving.external_id)
    anew = newcomer(leaving, user, "somebody-new")
    assert not leaving.world.users.create(anew, [guard_of(leaving, guard, "somebody-new")])
    assert leaving.world.users.owner_of(GuardKind.EXTERNAL_IDENTITY, "google", leaving.external_id) == leaving.user_id


@pytest.mark.second_engine
def test_of_everything_that_happens_at_once_with_the_request_nothing_is_left(
    second_engine: TableConnection, settings: Settings, clock: SettableClock
) -> None:
    make_bucket(settings)
    world = World(settings, clock)
    for _ in range(6):
        one = Leaving(settings, clock, world.another())
        one.settle()
        user = read(one)
        acts: list[Callable[[], Any]] = [
            one.ask,
            partial(sign_in_again, one, user),
            one.world.send,
            partial(one.requests.begin, one.user_id, "apple_account_deleted"),
            partial(one.world.users.end_session, one.user_id, one.caller.session_id, clock.now()),
        ]
        at_once(acts)
        if not one.erasures.is_erased(one.user_id):  # The sign-out came first.
            one.requests.begin(one.user_id, "apple_account_deleted")
        workers: list[Callable[[], Any]] = [partial(one.saga.carry_on, text) for text, _ in one.queue.sent * 3]
        at_once(workers)
        one.run(20)
        assert one.traces() == []
    empty_bucket(settings)


def at_once(acts: list[Callable[[], Any]]) -> None:
    barrier = threading.Barrier(len(acts))
    defects: list[BaseException] = []

    def run(act: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            act()
        except errors.ServiceError:
            pass
        except BaseException as defect:  # noqa: BLE001  # whatever a thread ends with is told
            defects.append(defect)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not defects


def newcomer(leaving: Leaving, user: UserItem, user_id: str) -> UserItem:
    user.pk = keys.user_partition(user_id)
    user.data.id = user_id
    return user


def guard_of(leaving: Leaving, guard: keys.Key, user_id: str) -> GuardItem:
    from chalicelib.models.guard import GuardData

    now = leaving.clock.now()
    return GuardItem(*guard, data=GuardData(user_id=user_id), created_at=now, updated_at=now)
