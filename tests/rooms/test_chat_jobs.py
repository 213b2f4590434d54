"""Questions that are answered later: one unit and one answer each, or a failure and none; never for ever, nothing
kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.models.states import JobState
from tests.rooms.chat_world import SAID, VALUES, ChatWorld, a_reply
from tests.rooms.documents_world import empty_bucket, make_bucket
from tests.support import SettableClock

SECRET = "Is my unmistakable rash a sign of ferritin?"


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> ChatWorld:
    make_bucket(settings)
    return ChatWorld(settings, clock)


@pytest.fixture
def any_world(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[ChatWorld]:
    make_bucket(settings)
    yield ChatWorld(settings, clock)
    empty_bucket(settings)


def test_a_question_is_taken_answered_fetched_and_forgotten(any_world: ChatWorld) -> None:
    world = any_world
    job_id = world.ask(SECRET, structured_data=VALUES)
    assert world.status(job_id).status == "processing"
    assert world.stored() == [world.question_at(job_id)]

    world.deliver()
    assert world.stored() == [world.answer_at(job_id)]
    found = world.status(job_id)
    assert found.status == "complete"
    assert found.chat_response
    assert (found.chat_response.chat_id, found.chat_response.content_id) == (job_id.removeprefix("chat_"), "content-1")
    assert found.chat_response.response.content == SAID
    assert found.chat_response.response.medical_disclaimers == ["A note.", "No diagnosis."]
    assert world.status(job_id) == found

    world.clock.advance(timedelta(minutes=14))
    world.deliver()
    assert world.status(job_id) == found
    world.clock.advance(timedelta(minutes=1))
    world.deliver()
    assert world.stored() == []
    assert world.used() == 1
    with pytest.raises(errors.NotFound):
        world.status(job_id)


def test_an_answer_that_nobody_fetched_stays(world: ChatWorld) -> None:
    job_id = world.ask()
    world.deliver()
    world.finish(3600)

    assert world.status(job_id).status == "complete"


def test_no_word_of_a_question_stands_in_the_table_or_the_queue(
    world: ChatWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    job_id = world.ask(SECRET, structured_data=VALUES)
    world.analyst.steps = [a_reply("Your unmistakable answer about Ferritin.")]
    world.deliver()
    world.status(job_id)
    kept = str(boto3.client("dynamodb").scan(TableName=world.settings.table_name)["Items"])
    seen = kept + str(world.queue.sent) + "".join(f"{one.getMessage()} {vars(one)}" for one in caplog.records)

    assert job_id in seen
    for word in ("unmistakable", "erritin", "content-1", "depends on how"):
        assert word not in seen


def test_the_answer_names_the_values_that_it_speaks_of(world: ChatWorld) -> None:
    world.analyst.steps = [a_reply("Your ferritin is low.")]
    job_id = world.ask(structured_data=[VALUES, {"name": "Sodium", "value": 139}])
    world.deliver()
    response = world.status(job_id).chat_response

    assert response
    assert response.response.sources_referenced == ["Ferritin"]


def test_the_stored_result_that_a_question_is_about_is_read(world: ChatWorld) -> None:
    result = world.add_result()
    headers: dict[str, str] = {}
    from chalicelib.chat.contract import LaterRequest

    request = LaterRequest(content_id=result.removeprefix("result_"), message="What?")
    world.chat.jobs.ask(world.caller, headers, request)
    world.deliver()

    assert [fact.name for fact in world.analyst.asked[0][0].facts] == ["Potassium", "Protein", "Blood pressure"]


def test_a_repeated_request_is_one_job_one_unit_and_one_answer(any_world: ChatWorld) -> None:
    world = any_world
    ids = {world.ask(key="k-1") for _ in range(3)}
    world.deliver()
    ids |= {world.ask(key="k-1")}
    world.deliver()

    assert len(ids) == 1
    assert (world.used(), len(world.analyst.asked)) == (1, 1)
    assert world.ask(key="k-1", structured_data=VALUES) not in ids
    assert world.ask() != world.ask()


def test_a_request_that_died_halfway_is_finished_by_its_repetition(world: ChatWorld) -> None:
    world.queue.at_each_send = _die_once()
    with pytest.raises(KeyboardInterrupt):
        world.ask(key="k-1")
    job_id = world.ask(key="k-1")
    world.deliver()

    assert world.status(job_id).status == "complete"
    assert world.used() == 1


def test_a_repetition_after_the_answer_was_forgotten_is_told_so(world: ChatWorld) -> None:
    job_id = world.ask(key="k-1")
    world.deliver()
    world.status(job_id)
    world.finish(1000)
    with pytest.raises(errors.Conflict) as refused:
        world.ask(key="k-1")

    assert refused.value.code == "MESSAGE_ALREADY_ANSWERED"


def test_where_no_word_can_be_sent_nothing_is_left_and_nothing_counted(world: ChatWorld) -> None:
    world.queue.is_down = True
    with pytest.raises(errors.Unavailable):
        world.ask()

    assert (world.stored(), world.used()) == ([], 0)


def test_an_analyst_that_is_down_is_asked_again_and_then_the_question_has_failed(any_world: ChatWorld) -> None:
    world = any_world
    world.analyst.steps = [errors.AnalystUnavailable("down")]
    job_id = world.ask()
    world.deliver()
    assert world.status(job_id).status == "processing"
    world.finish(60)
    found = world.status(job_id)

    assert found.status == "failed"
    assert "does not count" in str(found.error_message)
    assert len(world.analyst.asked) == 3
    assert (world.used(), world.stored()) == (0, [])


def test_an_analyst_that_comes_back_answers(world: ChatWorld) -> None:
    world.analyst.steps = [errors.AnalystUnavailable("down"), a_reply()]
    job_id = world.ask()
    world.finish(60)

    assert world.status(job_id).status == "complete"
    assert world.used() == 1


@pytest.mark.parametrize("is_swept", [True, False])
def test_a_question_whose_word_was_lost_is_sent_again_or_ends(world: ChatWorld, is_swept: bool) -> None:
    job_id = world.ask()
    world.queue.waiting.clear()
    if is_swept:
        world.finish(180)
        assert world.status(job_id).status == "complete"
    else:
        world.clock.advance(timedelta(minutes=4))
        assert world.status(job_id).status == "failed"
        assert (world.used(), world.stored()) == (0, [])


def test_a_worker_that_dies_each_time_ends_in_failure(world: ChatWorld) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    world.analyst.steps = [die]
    job_id = world.ask()
    for _ in range(60):
        world.clock.advance(timedelta(seconds=10))
        world.sweep.sweep()
        try:
            world.deliver()
        except KeyboardInterrupt:
            continue

    assert world.status(job_id).status == "failed"
    assert (world.used(), world.stored()) == (0, [])
    job = world.job(job_id)
    assert job
    assert job.data.state in {JobState.FAILED, JobState.TIMEOUT}


def test_a_worker_that_is_late_leaves_nothing_behind(world: ChatWorld) -> None:
    job_id = ""

    def be_late() -> None:
        world.clock.advance(timedelta(minutes=4))
        assert world.status(job_id).status == "failed"

    world.analyst.steps = [be_late]
    job_id = world.ask()
    world.deliver()

    assert world.status(job_id).status == "failed"
    assert (world.used(), world.stored()) == (0, [])


def test_two_workers_with_one_message_answer_once(world: ChatWorld) -> None:
    job_id = world.ask()
    (message,) = world.queue.visible()
    world.chat.answering.act(message)
    world.chat.answering.act(message)

    assert len(world.analyst.asked) == 1
    assert world.stored() == [world.answer_at(job_id)]


def test_a_consent_that_was_withdrawn_meanwhile_ends_the_question(world: ChatWorld) -> None:
    job_id = world.ask()
    world.withdraw_consent()
    world.deliver()

    assert world.status(job_id).status == "failed"
    assert (world.analyst.asked, world.used(), world.stored()) == ([], 0, [])


def test_the_question_of_somebody_who_left_is_removed(world: ChatWorld) -> None:
    job_id = world.ask()
    user = world.users.by_id(world.user_id)
    assert user
    user.delete()
    world.deliver()

    assert (world.job(job_id), world.stored(), world.analyst.asked) == (None, [], [])


@pytest.mark.parametrize("job_id", ["", "chat_x", "result_00000000-0000-4000-8000-000000000000", "x" * 5000])
def test_an_id_that_is_none_is_not_found(world: ChatWorld, job_id: str) -> None:
    with pytest.raises(errors.NotFound) as refused:
        world.status(job_id)

    assert refused.value.code == "JOB_NOT_FOUND"


def test_somebody_elses_question_is_not_found_and_not_forgotten(world: ChatWorld) -> None:
    job_id = world.ask()
    world.deliver()
    with pytest.raises(errors.NotFound):
        world.another().status(job_id)

    assert world.queue.visible() == []
    assert world.status(job_id).status == "complete"


def test_there_is_no_conversation(world: ChatWorld) -> None:
    with pytest.raises(errors.NotFound) as refused:
        world.chat.jobs.conversation(world.caller)

    assert refused.value.code == "CONVERSATION_NOT_FOUND"


def _die_once() -> Any:
    times = iter([True])

    def die(when: str) -> None:
        if when == "before" and next(times, False):
            raise KeyboardInterrupt

    return die
