"""The pipeline on S3 events and queue messages: repeated, out of order, late, lost, and with an analyst that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from botocore.exceptions import ClientError
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.models.states import JobState
from tests.rooms.documents_world import PDF, Killed, World, an_analysis, empty_bucket, make_bucket
from tests.support import SettableClock


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> World:
    make_bucket(settings)
    return World(settings, clock)


@pytest.fixture
def second_world(second_engine: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    make_bucket(settings)
    yield World(settings, clock)
    empty_bucket(settings)


def state_of(world: World, job_id: str) -> JobState:
    job = world.job(job_id)
    assert job is not None
    state: JobState = job.data.state
    return state


def test_the_same_event_twice_is_one_analysis_and_one_result(world: World) -> None:
    job_id = world.uploaded()
    world.deliver_event(job_id)
    first = world.content(f"results/{world.user_id}/{job_id}.json")
    world.clock.advance(timedelta(hours=1))
    world.deliver_event(job_id)
    assert len(world.analyst.calls) == 1
    assert world.content(f"results/{world.user_id}/{job_id}.json") == first
    assert world.used() == 1


@pytest.mark.second_engine
def test_the_same_event_at_ten_workers_at_once_is_one_analysis(second_world: World) -> None:
    world = second_world
    job_id = world.uploaded()
    start = threading.Barrier(10)

    def work(_: int) -> None:
        start.wait()
        world.deliver_event(job_id)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(10)))
    assert len(world.analyst.calls) == 1
    assert state_of(world, job_id) is JobState.COMPLETED


def test_all_records_of_an_event_are_worked_on_and_a_bad_one_does_not_lose_the_others(world: World) -> None:
    first, second, third = (world.uploaded(timestamp=str(number)) for number in range(3))
    broken: dict[str, object] = {"s3": {}}
    records = [
        *world.event(world.key(first)), broken, *world.event(world.key(second)),
        *world.event("uploads/../../etc/passwd", "uploads/someone/report.pdf", f"results/{world.user_id}/{third}.json"),
        *world.event(world.key(third)),
    ]  # fmt: skip
    with pytest.raises(ExceptionGroup) as raised:
        world.arrivals.take(records)
    world.deliver_handed()
    assert len(raised.value.exceptions) == 1
    assert {state_of(world, job_id) for job_id in (first, second, third)} == {JobState.COMPLETED}


def test_keys_in_events_are_url_decoded(world: World) -> None:
    job_id = world.uploaded()
    encoded = world.key(job_id).replace("_", "%5F").replace("-", "%2D")
    world.deliver_records([{"s3": {"object": {"key": encoded}}}])
    assert state_of(world, job_id) is JobState.COMPLETED


def test_the_analyst_gets_the_bytes_the_type_and_a_deadline_before_the_lease_ends(world: World) -> None:
    job_id = world.uploaded()
    world.deliver_event(job_id)
    ((document, deadline),) = world.analyst.calls
    assert (document.content, document.file_type) == (PDF, "pdf")
    assert deadline == world.clock.now() + timedelta(seconds=90)


def test_a_failure_is_retried_after_30_seconds_2_and_5_minutes_and_then_gives_the_unit_back(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    for delay in (30, 120, 300):
        assert world.queue.sent[-1][1] == delay
        status = world.library.status(world.caller, job_id)
        assert (status.status, status.retry_count) == ("processing", len(world.queue.sent))
        assert world.used() == 1
        world.clock.advance(timedelta(seconds=delay))
        assert world.deliver_messages() == 1
    status = world.library.status(world.caller, job_id)
    assert (status.status, status.retry_count) == ("failed", 3)
    assert status.error_message == (
        "We could not analyse this document. It does not count against your documents. Please try again later."
    )
    assert (world.used(), len(world.analyst.calls), len(world.queue.sent)) == (0, 4, 3)
    world.finish(10)
    assert (world.used(), len(world.analyst.calls)) == (0, 4)


@pytest.mark.parametrize(
    "trouble", [errors.AnalystUnavailable(), ZeroDivisionError(), TimeoutError(), errors.Unexpected()]
)
def test_a_passing_failure_ends_in_a_result(world: World, trouble: Exception) -> None:
    world.analyst.steps = [trouble, an_analysis()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    world.finish(1)
    assert state_of(world, job_id) is JobState.COMPLETED
    assert world.library.status(world.caller, job_id).retry_count == 1
    assert world.used() == 1


@pytest.mark.parametrize("verdict", [errors.NotMedical(), errors.Unreadable()])
def test_a_verdict_about_the_document_is_final_at_once(world: World, verdict: errors.JobFailure) -> None:
    world.analyst.steps = [verdict]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    job = world.job(job_id)
    assert job is not None
    assert (job.data.state, job.data.error_code, job.data.error_message) == ("failed", verdict.code, verdict.reason)
    assert (world.used(), len(world.queue.sent), job.data.has_unit) == (0, 0, False)
    assert job.gsi3_pk is None


def test_consent_withdrawn_after_the_upload_stops_the_analysis(world: World) -> None:
    job_id = world.uploaded()
    user = world.users.by_id(world.user_id)
    assert user is not None
    user.data.consents.medical_disclaimers.withdrawn_at = world.clock.now()
    user.save()
    world.deliver_event(job_id)
    assert world.analyst.calls == []
    assert world.library.status(world.caller, job_id).status == "failed"
    assert world.used() == 0


def test_an_erased_owner_leaves_neither_job_nor_document(world: World) -> None:
    job_id = world.uploaded()
    user = world.users.by_id(world.user_id)
    assert user is not None
    user.delete()
    world.deliver_event(job_id)
    assert (world.job(job_id), world.stored(), world.analyst.calls) == (None, [], [])


def test_a_document_without_a_job_is_removed(world: World) -> None:
    job_id = world.uploaded()
    job = world.job(job_id)
    assert job is not None
    job.delete()
    world.deliver_event(job_id)
    assert (world.job(job_id), world.stored(), world.analyst.calls) == (None, [], [])


def test_a_message_of_an_earlier_retry_starts_nothing(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    ((first, _),) = world.queue.sent
    world.clock.advance(timedelta(seconds=30))
    world.deliver_messages()
    assert len(world.analyst.calls) == 2
    world.pipeline.retry(first)
    world.pipeline.retry(first)
    assert len(world.analyst.calls) == 2


def test_an_event_that_comes_again_does_not_shorten_the_wait_for_a_retry(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    world.deliver_event(job_id)
    assert len(world.analyst.calls) == 1


def test_messages_in_any_order_end_in_one_result(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable(), errors.AnalystUnavailable(), an_analysis()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    world.clock.advance(timedelta(minutes=1))
    world.deliver_messages()
    first, second = (message for message, _ in world.queue.sent)
    for message in (second, first, second, first):
        world.pipeline.retry(message)
    world.deliver_event(job_id)
    assert (len(world.analyst.calls), world.used()) == (3, 1)
    assert state_of(world, job_id) is JobState.COMPLETED


def test_a_message_that_is_not_ours_is_refused(world: World) -> None:
    for message in ("", "{}", '{"user_id": 5, "job_id": "x", "retry": 1}'):
        with pytest.raises(msgspec.MsgspecError):
            world.pipeline.retry(message)


def test_a_message_after_the_cleanup_does_nothing(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable(), an_analysis()]
    job_id = world.uploaded()
    world.deliver_event(job_id)
    world.library.clean_up(world.caller, job_id)
    assert world.used() == 0
    world.finish(2)
    assert (world.stored(), len(world.analyst.calls), world.used()) == ([], 1, 0)


def test_a_worker_that_died_is_replaced_once_its_lease_has_ended(world: World) -> None:
    job_id = world.uploaded()

    def die() -> None:
        raise Killed

    world.analyst.steps = [die, an_analysis()]
    with pytest.raises(Killed):
        world.deliver_event(job_id)
    world.deliver_event(job_id)
    assert len(world.analyst.calls) == 1
    world.clock.advance(timedelta(seconds=101))
    world.sweep.sweep()
    world.deliver_messages()
    assert (state_of(world, job_id), len(world.analyst.calls), world.used()) == (JobState.COMPLETED, 2, 1)


def test_a_document_that_kills_every_worker_times_out_and_gives_its_unit_back(world: World) -> None:
    job_id = world.uploaded()

    def die() -> None:
        raise Killed

    world.analyst.steps = [die]
    with pytest.raises(Killed):
        world.deliver_event(job_id)
    for _ in range(30):
        try:
            world.finish(1)
        except Killed:
            continue
    status = world.library.status(world.caller, job_id)
    assert (status.status, status.retry_count) == ("timeout", 3)
    assert (world.used(), len(world.analyst.calls)) == (0, 4)
    assert f"failures/{world.user_id}/{job_id}.json" in world.stored()


def test_a_late_worker_overwrites_nothing(world: World) -> None:
    job_id = world.uploaded()
    late = msgspec.structs.replace(an_analysis(), title="Late")

    def be_overtaken() -> None:
        world.clock.advance(timedelta(seconds=101))
        world.analyst.steps = [an_analysis()]
        world.deliver_again(job_id)
        world.analyst.steps = [late]

    world.analyst.steps = [be_overtaken]
    world.deliver_event(job_id)
    assert len(world.analyst.calls) == 2
    assert world.library.result(world.caller, job_id).title == "Blood test"
    job = world.job(job_id)
    assert job is not None
    assert (job.data.attempt, job.data.state, world.used()) == (2, JobState.COMPLETED, 1)


def test_a_late_worker_cannot_fail_a_job_that_another_one_completed(world: World) -> None:
    job_id = world.uploaded()

    def be_overtaken() -> None:
        world.clock.advance(timedelta(seconds=101))
        world.analyst.steps = [an_analysis()]
        world.deliver_again(job_id)
        raise errors.NotMedical

    world.analyst.steps = [be_overtaken]
    world.deliver_event(job_id)
    assert (state_of(world, job_id), world.used()) == (JobState.COMPLETED, 1)
    assert world.library.result(world.caller, job_id).title == "Blood test"


def test_a_late_worker_stores_nothing_while_another_one_has_the_job(world: World) -> None:
    job_id = world.uploaded()
    late = msgspec.structs.replace(an_analysis(), title="Late")

    def be_overtaken_by_one_who_dies() -> None:
        world.clock.advance(timedelta(seconds=101))
        world.analyst.steps = [die]
        with pytest.raises(Killed):
            world.deliver_again(job_id)
        world.analyst.steps = [late]

    def die() -> None:
        raise Killed

    world.analyst.steps = [be_overtaken_by_one_who_dies]
    world.deliver_event(job_id)
    assert not any(key.startswith("results/") for key in world.stored())
    world.analyst.steps = [an_analysis()]
    world.finish(3)
    assert world.library.result(world.caller, job_id).title == "Blood test"


def test_a_late_answer_is_kept_for_a_job_that_only_waits_for_its_next_attempt(world: World) -> None:
    job_id = world.uploaded()

    def be_given_up() -> None:
        world.clock.advance(timedelta(seconds=101))
        world.sweep.sweep()

    world.analyst.steps = [be_given_up]
    world.deliver_event(job_id)
    world.deliver_messages()
    assert (state_of(world, job_id), len(world.analyst.calls)) == (JobState.COMPLETED, 1)


def test_a_late_verdict_replaces_none_that_stands(world: World) -> None:
    job_id = world.uploaded()

    def be_overtaken() -> None:
        world.clock.advance(timedelta(seconds=101))
        world.analyst.steps = [errors.NotMedical()]
        world.deliver_again(job_id)
        raise errors.Unreadable

    world.analyst.steps = [be_overtaken]
    world.deliver_event(job_id)
    assert b"INVALID_MEDICAL_DOCUMENT" in world.content(f"failures/{world.user_id}/{job_id}.json")
    assert world.used() == 0


def test_a_late_result_of_a_job_that_has_failed_is_removed(world: World) -> None:
    job_id = world.uploaded()

    def be_overtaken() -> None:
        world.clock.advance(timedelta(seconds=101))
        world.analyst.steps = [errors.NotMedical()]
        world.deliver_again(job_id)

    world.analyst.steps = [be_overtaken]
    world.deliver_event(job_id)
    assert (state_of(world, job_id), world.used()) == (JobState.FAILED, 0)
    assert not any(key.startswith("results/") for key in world.stored())


def test_a_result_that_is_stored_is_not_lost_because_the_last_step_of_the_last_attempt_failed(
    table: TableConnection, settings: Settings, clock: SettableClock
) -> None:
    make_bucket(settings)
    world = World(replace(settings, rules=msgspec.structs.replace(settings.rules, job_retry_delays=())), clock)
    job_id = world.uploaded()
    updates: list[int] = []

    def refuse_second(**_: object) -> None:
        updates.append(1)
        if len(updates) == 3:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")

    table.connection.client.meta.events.register("before-call.dynamodb.UpdateItem", refuse_second)
    world.deliver_event(job_id)
    assert (state_of(world, job_id), world.used(), len(world.analyst.calls)) == (JobState.COMPLETED, 1, 1)
    assert len(updates) == 4


@pytest.mark.parametrize(("verdict", "state"), [(None, JobState.COMPLETED), (errors.NotMedical(), JobState.FAILED)])
def test_a_crash_after_the_answer_was_stored_asks_the_analyst_no_second_time(
    world: World, verdict: Exception | None, state: JobState
) -> None:
    world.analyst.steps = [verdict] if verdict else []
    job_id = world.uploaded()
    with world.watched(kill_at=8, kill_when="after") as calls, pytest.raises(Killed):
        world.deliver_event(job_id)
    assert calls.names[-1] == "s3.PutObject"
    world.finish(3)
    assert (state_of(world, job_id), len(world.analyst.calls)) == (state, 1)


def test_a_job_that_is_erased_while_it_is_analysed_leaves_no_result(world: World) -> None:
    job_id = world.uploaded()
    job = world.job(job_id)
    assert job is not None
    world.analyst.steps = [job.delete]
    world.deliver_event(job_id)
    assert (world.job(job_id), world.stored(), world.queue.sent) == (None, [], [])


def test_a_lost_event_and_a_lost_message_are_made_up_for_by_the_sweep(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable(), an_analysis()]
    job_id = world.uploaded()
    world.finish(5)
    assert world.analyst.calls == []
    world.clock.advance(timedelta(seconds=1))
    world.sweep.sweep()
    world.deliver_messages()
    assert len(world.analyst.calls) == 1
    world.queue.waiting.clear()
    world.finish(9)
    assert (state_of(world, job_id), world.used()) == (JobState.COMPLETED, 1)


def test_a_queue_that_is_down_delays_a_retry_and_loses_nothing(world: World) -> None:
    world.analyst.steps = [errors.AnalystUnavailable(), an_analysis()]
    job_id = world.uploaded()
    world.queue.is_down = True
    world.deliver_event(job_id)
    world.queue.is_down = False
    world.finish(7)
    assert (state_of(world, job_id), world.used()) == (JobState.COMPLETED, 1)


def test_only_no_such_key_means_that_a_document_is_absent(world: World) -> None:
    job_id = world.uploaded()

    def forbid(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetObject")

    world.s3.meta.events.register("before-call.s3.GetObject", forbid)
    world.deliver_event(job_id)
    assert state_of(world, job_id) is JobState.RETRYING
    world.s3.meta.events.unregister("before-call.s3.GetObject", forbid)
    world.finish(1)
    assert state_of(world, job_id) is JobState.COMPLETED


def test_a_document_that_is_gone_fails_the_job(world: World) -> None:
    job_id = world.uploaded()
    world.s3.delete_object(Bucket=world.settings.bucket_name, Key=world.key(job_id))
    world.deliver_event(job_id)
    assert (state_of(world, job_id), world.used()) == (JobState.FAILED, 0)


def test_a_sweep_looks_at_days_past_and_leaves_what_is_not_due(world: World) -> None:
    old = world.uploaded()
    world.clock.advance(timedelta(hours=30))
    young = world.uploaded(timestamp="later")
    world.sweep.sweep()
    world.sweep.sweep()
    assert (state_of(world, old), state_of(world, young)) == (JobState.RETRYING, JobState.UPLOADED)
    assert len(world.queue.sent) == 1


def test_one_job_that_cannot_be_swept_does_not_keep_the_others_waiting(world: World) -> None:
    first, second = world.uploaded(), world.uploaded(timestamp="2")
    world.clock.advance(timedelta(minutes=6))
    refused: list[int] = []

    def refuse_once(**_: object) -> None:
        if not refused:
            refused.append(1)
            raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "HeadObject")

    world.s3.meta.events.register("before-call.s3.HeadObject", refuse_once)
    with pytest.raises(ExceptionGroup):
        world.sweep.sweep()
    assert sorted([state_of(world, first), state_of(world, second)]) == [JobState.RETRYING, JobState.UPLOADED]


def test_logs_of_the_pipeline_carry_ids_and_no_words_of_the_document(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="serenya")
    job_id = world.uploaded(file_name="Erika-Mustermann.pdf")
    world.deliver_event(job_id)
    world.library.clean_up(world.caller, job_id)
    assert [record.getMessage() for record in caplog.records] == [
        "unit_reserved", "document_uploaded", "document_handed_on",
        "analysis_started", "analysis_completed", "job_cleaned_up",
    ]  # fmt: skip
    assert all(record.__dict__["job_id"] == job_id for record in caplog.records)
    text = str([record.__dict__ for record in caplog.records])
    for private in ("Mustermann", "Potassium", "Blood test", "laboratory report", "5.10"):
        assert private not in text
