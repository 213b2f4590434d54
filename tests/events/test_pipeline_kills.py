"""The process ends at every call to AWS, before and after it: there is one result and one unit then, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents.contract import PageToUpload, UploadUrlRequest
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobState
from tests.hostile.pictures import jpg, png
from tests.rooms.documents_world import PDF, Killed, World, an_analysis, empty_bucket, make_bucket
from tests.support import SettableClock

MOST_CALLS = 40
T = TypeVar("T")


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[World]:
    make_bucket(settings)
    yield World(settings, clock)
    empty_bucket(settings)


def kill_everywhere(world: World, journey: Callable[[World], object], check: Callable[[World, str], None]) -> int:
    """Run a journey for a new user for each of its calls and end it there; let time pass, then check. Returns the
    number of kills."""
    kills = 0
    for when in ("before", "after"):
        for number in range(1, MOST_CALLS):
            one = world.another(SettableClock())
            with one.watched(number, when) as calls:
                try:
                    journey(one)
                except Killed:
                    kills += 1
                    killed_at = f"{when} call {number}, {calls.names[-1]}"
                else:
                    killed_at = ""
            recover(one)
            if not killed_at:
                break
            check(one, killed_at)
        else:
            raise AssertionError("the journey is longer than expected")
    return kills


def recover(world: World) -> None:
    """What AWS does then: asynchronous invocations are repeated twice, messages come again, the schedule goes on."""
    for wait in (1, 2):
        world.clock.advance(timedelta(minutes=wait))
        redeliver(world)
    for queue in (world.queue, world.handed):
        queue.waiting += [(world.clock.now(), message) for message, _ in queue.sent]
    world.deliver_handed()
    for _ in range(20):
        world.finish(1)
        if not world.queue.waiting and not unfinished_of(world):
            return


def redeliver(world: World) -> None:
    uploads = [key for key in world.stored() if key.startswith("uploads/")]
    if uploads:
        world.deliver(*uploads)


def items_of(world: World) -> list[JobItem]:
    partition = keys.user_partition(world.user_id)
    return list(JobItem.query(partition, JobItem.sk.startswith("JOB#"), consistent_read=True))


def jobs_of(world: World) -> list[str]:
    return [item.data.job_id for item in items_of(world)]


def unfinished_of(world: World) -> list[JobItem]:
    return [item for item in items_of(world) if item.gsi3_pk is not None]


def is_consistent(world: World, killed_at: str) -> None:
    """Exactly one result and one unit, or a clean failure (or nothing at all) and none; nothing waits for ever."""
    jobs = jobs_of(world)
    results = [key for key in world.stored() if key.startswith("results/")]
    assert len(jobs) <= 1, killed_at
    if not jobs:
        assert (world.used(), results) == (0, []), killed_at
        return
    job = world.job(jobs[0])
    assert job is not None
    assert job.gsi3_pk is None, killed_at
    if job.data.state is JobState.COMPLETED:
        assert (world.used(), len(results)) == (1, 1), killed_at
        assert world.library.result(world.caller, jobs[0]).title == "Blood test"
    else:
        assert job.data.state in (JobState.FAILED, JobState.TIMEOUT, JobState.CLEANED), killed_at
        assert (world.used(), results) == (0, []), killed_at


def has_result(world: World, killed_at: str) -> None:
    is_consistent(world, killed_at)
    assert world.used() == 1, killed_at
    # Only a worker that died between the answer and its storing may ask again.
    is_before_storing = killed_at.startswith("before") and "PutObject" in killed_at
    assert len(world.analyst.calls) == (2 if is_before_storing else 1), killed_at


def test_an_upload_that_is_killed_anywhere_costs_one_unit_with_its_repetition_or_none_without(world: World) -> None:
    assert kill_everywhere(world, lambda one: one.send(), is_consistent) == 6

    def journey(one: World) -> None:
        try:
            one.send()
        except Killed:
            one.send()
            raise

    def one_result(one: World, killed_at: str) -> None:
        is_consistent(one, killed_at)
        assert (one.used(), len(one.analyst.calls)) == (1, 1), killed_at

    assert kill_everywhere(world, journey, one_result) == 6


def test_an_analysis_that_is_killed_anywhere_gives_one_result(world: World) -> None:
    def journey(one: World) -> None:
        with_uploaded(one)
        redeliver(one)

    assert kill_everywhere(world, journey, has_result) == 18


def test_an_analysis_that_fails_for_good_and_is_killed_anywhere_fails_cleanly(world: World) -> None:
    def journey(one: World) -> None:
        one.analyst.steps = [errors.NotMedical()]
        with_uploaded(one)
        redeliver(one)

    def failed(one: World, killed_at: str) -> None:
        is_consistent(one, killed_at)
        assert one.used() == 0, killed_at
        # The verdict is stored before anything else happens, so a crash after it asks no second time.
        is_before_storing = killed_at.startswith("before") and "PutObject" in killed_at
        assert len(one.analyst.calls) == (2 if is_before_storing else 1), killed_at

    assert kill_everywhere(world, journey, failed) == 18


def test_a_retry_that_is_killed_anywhere_ends_in_one_result(world: World) -> None:
    def journey(one: World) -> None:
        one.analyst.steps = [errors.AnalystUnavailable(), an_analysis()]
        with_uploaded(one)
        redeliver(one)
        one.clock.advance(timedelta(seconds=30))
        one.deliver_messages()

    def one_result(one: World, killed_at: str) -> None:
        is_consistent(one, killed_at)
        assert one.used() == 1, killed_at

    assert kill_everywhere(world, journey, one_result) > 15


def test_a_retry_by_the_owner_that_is_killed_anywhere_ends_in_a_result_or_the_old_failure(world: World) -> None:
    def journey(one: World) -> None:
        one.analyst.steps = [errors.NotMedical(), an_analysis()]
        job_id = with_uploaded(one)
        with_calls_uncounted(one, lambda: redeliver(one))
        one.library.retry(one.caller, job_id)

    def free_result(one: World, killed_at: str) -> None:
        (job_id,) = jobs_of(one)
        status = one.library.status(one.caller, job_id).status
        assert status in ("completed", "failed"), killed_at
        results = [key for key in one.stored() if key.startswith("results/")]
        assert len(results) == (1 if status == "completed" else 0), killed_at
        assert one.used() == 0, killed_at

    assert kill_everywhere(world, journey, free_result) == 10


def test_a_cleanup_that_is_killed_anywhere_can_be_repeated_and_leaves_nothing(world: World) -> None:
    def journey(one: World) -> None:
        one.library.clean_up(one.caller, with_uploaded(one))

    def gone(one: World, killed_at: str) -> None:
        (job_id,) = jobs_of(one)
        used = one.used()
        one.library.clean_up(one.caller, job_id)
        one.finish(2)
        assert (one.stored(), one.used()) == ([], used), killed_at
        with pytest.raises(errors.NotFound):
            one.library.status(one.caller, job_id)

    assert kill_everywhere(world, journey, gone) == 6


def test_a_sweep_that_is_killed_anywhere_is_made_up_for_by_the_next(world: World) -> None:
    def journey(one: World) -> None:
        with_uploaded(one)
        one.clock.advance(timedelta(minutes=6))
        one.sweep.sweep()
        one.deliver_messages()

    def one_result(one: World, killed_at: str) -> None:
        is_consistent(one, killed_at)
        assert one.used() == 1, killed_at

    kill_everywhere(world, journey, one_result)


def test_a_presigned_document_that_is_killed_anywhere_gives_one_result_or_its_unit_back(world: World) -> None:
    def journey(one: World) -> None:
        answer = one.uploads.presign(one.caller, {}, UploadUrlRequest(file_type="pdf", file_size=len(PDF))).answer
        with_calls_uncounted(one, lambda: one.objects.put(one.key(answer.job_id), PDF, "application/pdf"))
        redeliver(one)

    def clean_result(one: World, killed_at: str) -> None:
        is_consistent(one, killed_at)
        # What was uploaded is gone wherever the clean copy is.
        kept = [key.partition("/")[0] for key in one.stored() if not key.startswith(("results/", "failures/"))]
        assert kept in ([], ["prepared"]), killed_at

    assert kill_everywhere(world, journey, clean_result) > 15


def test_pages_that_are_killed_anywhere_give_one_result_of_one_document(world: World) -> None:
    kinds, pictures = ("jpg", "png"), (jpg(), png())

    def journey(one: World) -> None:
        pages = [PageToUpload(file_type=kind, file_size=len(page)) for kind, page in zip(kinds, pictures, strict=True)]
        answer = one.uploads.presign(one.caller, {}, UploadUrlRequest(pages=pages)).answer
        for number, (kind, page) in enumerate(zip(kinds, pictures, strict=True), 1):
            key = f"uploads/{one.user_id}/{answer.job_id}.{number}.{kind}"
            with_calls_uncounted(one, partial(one.objects.put, key, page, "image/any"))
            one.deliver(key)

    def one_document(one: World, killed_at: str) -> None:
        is_consistent(one, killed_at)
        assert all(document.content.startswith(b"%PDF") for document, _ in one.analyst.calls), killed_at

    assert kill_everywhere(world, journey, one_document) > 15


def with_uploaded(world: World) -> str:
    return with_calls_uncounted(world, world.uploaded)


def with_calls_uncounted(world: World, act: Callable[[], T]) -> T:
    count, kill_at = world.calls.count, world.calls.kill_at
    world.calls.kill_at = None
    done = act()
    world.calls.count, world.calls.kill_at = count, kill_at
    return done
