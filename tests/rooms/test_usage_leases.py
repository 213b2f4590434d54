"""A process that dies between reserving a document's unit and ending its job gives the unit back after the lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents.contract import UploadUrlRequest
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobState
from tests.rooms.documents_world import PDF, Killed, World, empty_bucket, make_bucket
from tests.support import SettableClock

LIMIT = 5
PAST_EVERY_RETRY = 30
"""Minutes."""


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    make_bucket(settings)
    yield World(settings, clock)
    empty_bucket(settings)


def _last_unit(world: World) -> World:
    """Another person, who has one unit left."""
    one = world.another(SettableClock())
    one.caller = one.add_user(one.user_id, used=LIMIT - 1)
    return one


def _multipart(world: World) -> None:
    world.send()


def _presigned(world: World) -> None:
    world.uploads.presign(world.caller, {}, UploadUrlRequest(file_type="pdf", file_size=len(PDF)))


@pytest.mark.parametrize(("journey", "calls_made"), [(_multipart, 3), (_presigned, 2)])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_request_that_dies_at_any_call_holds_its_unit_no_longer_than_the_deadline(
    world: World, journey: Callable[[World], None], calls_made: int, when: str
) -> None:
    """The document of a person who never comes back: its unit is theirs again, unless it was stored and analysed."""
    for number in range(1, calls_made + 1):
        one = _last_unit(world)
        with one.watched(number, when) as calls, suppress(Killed):
            journey(one)
        assert len(calls.names) == number
        is_stored = calls.names[-1] == "s3.PutObject" and when == "after"
        is_reserved = one.used() == LIMIT
        assert is_reserved is (number > 2 or (number == 2 and when == "after")), calls.names
        if is_reserved:
            with pytest.raises(errors.QuotaSpent):
                one.send(timestamp="another")
        one.finish(PAST_EVERY_RETRY)
        has_result = any(key.startswith("results/") for key in one.stored())
        assert has_result is is_stored
        assert one.used() == (LIMIT if has_result else LIMIT - 1), calls.names
        if not has_result:
            one.send(timestamp="the next one")
            assert one.used() == LIMIT


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_dies_at_any_call_for_ever_gives_the_unit_back(world: World, when: str) -> None:
    """No later attempt gets further than the first: after the last one the unit is there again, once."""
    for number in range(1, 4):
        one = _last_unit(world)
        job_id = one.uploaded()

        def die() -> None:
            raise Killed

        one.analyst.steps = [die]
        with one.watched(number, when), suppress(Killed):
            one.deliver_event(job_id)
        for _ in range(PAST_EVERY_RETRY):
            with suppress(Killed):
                one.finish(1)
        job = one.job(job_id)
        assert job is not None
        assert job.data.state in (JobState.FAILED, JobState.TIMEOUT)
        assert one.used() == LIMIT - 1


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.prove), "after"])
def test_giving_back_that_is_killed_at_any_call_gives_back_once(world: World, when: str) -> None:
    for number in range(1, 20):
        one = _last_unit(world)
        one.analyst.steps = [errors.NotMedical()]
        job_id = one.uploaded()
        was_killed = True
        with one.watched(number, when), suppress(Killed):
            one.deliver_event(job_id)
            was_killed = False
        one.finish(PAST_EVERY_RETRY)
        assert one.used() == LIMIT - 1
        if not was_killed:
            return
    raise AssertionError("the journey is longer than expected")


def test_a_sweep_that_comes_twice_gives_back_once(world: World) -> None:
    one = _last_unit(world)
    with one.watched(2, "after"), suppress(Killed):
        one.send()
    one.clock.advance(timedelta(minutes=10))
    one.sweep.sweep()
    one.sweep.sweep()
    user = one.users.by_id(one.user_id)
    assert isinstance(user, UserItem)
    assert user.data.current_subscription.usage_current_period.documents_processed == LIMIT - 1
