"""The process that takes or answers a question ends at any call to AWS: one answer and one unit, or a failure and
none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.config import Settings
from chalicelib.models.base import shared_connection
from tests.rooms.chat_world import ChatWorld
from tests.rooms.documents_world import Calls, Killed, empty_bucket, make_bucket
from tests.support import SettableClock

MOST_CALLS = 12


@pytest.fixture
def world(second_engine: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[ChatWorld]:
    make_bucket(settings)
    yield ChatWorld(settings, clock)
    empty_bucket(settings)


pytestmark = pytest.mark.second_engine


@contextmanager
def watched(world: ChatWorld, kill_at: int | None = None, kill_when: str = "before") -> Iterator[Calls]:
    """Count calls to AWS in this block; end the process at one of them, if asked to."""
    calls = Calls(kill_at=kill_at, kill_when=kill_when)
    events = [shared_connection().connection.client.meta.events, world.s3.meta.events]

    def before(model: Any, **_: Any) -> None:
        calls.step("before", model.name)

    def after(**_: Any) -> None:
        calls.step("after")

    for one in events:
        one.register("before-call", before)
        one.register("after-call", after)
    world.queue.at_each_send = calls.step
    try:
        yield calls
    finally:
        calls.kill_at = None
        world.queue.at_each_send = lambda _: None
        for one in events:
            one.unregister("before-call", before)
            one.unregister("after-call", after)


def _killed(world: ChatWorld, act: Callable[[], object], number: int, when: str) -> bool:
    with watched(world, number, when):
        try:
            act()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.prove), "after"])
@pytest.mark.parametrize("number", range(1, MOST_CALLS + 1))
def test_a_worker_that_ends_anywhere_leaves_one_answer(world: ChatWorld, number: int, when: str) -> None:
    job_id = world.ask()
    (message,) = world.queue.visible()
    _killed(world, lambda: world.chat.answering.act(message), number, when)
    world.chat.answering.act(message)  # the queue delivers again
    world.finish(300)

    assert world.status(job_id).status == "complete"
    assert world.used() == 1
    assert world.stored() == [world.answer_at(job_id)]
    # An answer that was stored is not made a second time.
    assert len(world.analyst.asked) <= 2


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.prove), "after"])
@pytest.mark.parametrize("number", range(1, MOST_CALLS + 1))
def test_a_request_that_ends_anywhere_is_one_question_or_none(world: ChatWorld, number: int, when: str) -> None:
    is_killed = _killed(world, lambda: world.ask(key="k-1"), number, when)
    world.finish(300)
    unanswered = world.used() == 0

    assert world.stored() == [] if unanswered else len(world.stored()) == 1
    if unanswered:
        assert is_killed
        return
    job_id = world.ask(key="k-1")
    assert world.status(job_id).status == "complete"
    assert (world.used(), len(world.analyst.asked)) == (1, 1)


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.prove), "after"])
@pytest.mark.parametrize("number", range(1, MOST_CALLS + 1))
def test_a_failure_that_is_interrupted_gives_the_unit_back_once(world: ChatWorld, number: int, when: str) -> None:
    from chalicelib import errors

    world.analyst.steps = [errors.NotMedical()]
    first, job_id = world.ask("one"), world.ask("two")
    messages = world.queue.visible()
    world.chat.answering.act(messages[0])
    _killed(world, lambda: world.chat.answering.act(messages[1]), number, when)
    world.chat.answering.act(messages[1])
    world.finish(300)

    assert [world.status(one).status for one in (first, job_id)] == ["failed", "failed"]
    assert (world.used(), world.stored()) == (0, [])


def test_the_numbers_above_reach_every_call(world: ChatWorld) -> None:
    with watched(world) as asking:
        world.ask()
    with watched(world) as answering:
        world.deliver()

    assert max(asking.count, answering.count) < MOST_CALLS
    assert answering.names == ["UpdateItem", "GetItem", "GetObject", "PutObject", "UpdateItem", "DeleteObjects"]
