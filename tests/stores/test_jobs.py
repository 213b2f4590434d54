"""The job store: claims, fences, releases and the due index, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.documents.jobs import NewJob, new_job
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobState
from chalicelib.rules import Rules
from chalicelib.stores.job_moves import Claim, Ending
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.usage import UsageStore
from chalicelib.stores.users import Users
from tests.rooms.documents_world import a_user
from tests.support import SettableClock

JOB = "result_00000000-0000-4000-8000-000000000001"
RULES = Rules()


@pytest.fixture
def store(any_engine: TableConnection) -> JobStore:
    return JobStore(UsageStore(), RULES.job_due_shards)


@pytest.fixture
def moto_store(table: TableConnection) -> JobStore:
    return JobStore(UsageStore(), RULES.job_due_shards)


def a_job(store: JobStore, now: datetime, *, user_id: str = "u", job_id: str = JOB, used: int = 1) -> JobItem:
    """A user with `used` units, one of which pays for a job that waits."""
    user = a_user(user_id, now, used=used)
    user.save()
    deadline = now + RULES.job_deadline
    new = NewJob(user_id, job_id, FileType.PDF, 5, None, is_inspected=True)
    job = new_job(new, store.due_key(job_id, deadline), deadline, now, RULES)
    job.data.has_unit = True
    job.data.unit_period_start = user.data.current_subscription.usage_current_period.period_start
    job.save()
    return job


def claim(now: datetime, token: str = "token", retry: int | None = None) -> Claim:
    return Claim(token, now, now + RULES.job_lease, now + RULES.job_deadline, retry)


def counted(user_id: str = "u") -> int:
    user = Users().by_id(user_id)
    assert user is not None
    return int(user.data.current_subscription.usage_current_period.documents_processed)


def failed(at: datetime) -> Ending:
    return Ending(JobState.FAILED, "CODE", "Why.", at)


def test_a_claim_marks_the_job_and_returns_all_of_it(store: JobStore, clock: SettableClock) -> None:
    a_job(store, clock.now())
    claimed = store.claim("u", JOB, claim(clock.now()))
    assert claimed is not None
    found = store.find("u", JOB)
    assert found is not None
    for job in (claimed, found):
        assert (job.data.state, job.data.claim_token, job.data.attempt) == (JobState.PROCESSING, "token", 1)
        assert job.data.lease_until == clock.now() + timedelta(seconds=100)
        assert job.data.deadline_at == clock.now() + timedelta(minutes=5)
        assert (job.data.file_size, job.ttl) == (5, int((clock.now() + timedelta(days=2)).timestamp()))


@pytest.mark.second_engine
def test_of_many_claims_at_once_one_is_granted(second_engine: TableConnection, clock: SettableClock) -> None:
    store = JobStore(UsageStore(), 1)
    a_job(store, clock.now())
    with ThreadPoolExecutor(16) as pool:
        claims = pool.map(lambda number: store.claim("u", JOB, claim(clock.now(), str(number))), range(16))
    assert len([one for one in claims if one is not None]) == 1
    found = store.find("u", JOB)
    assert found is not None
    assert found.data.attempt == 1


def test_a_claim_of_nothing_creates_nothing(store: JobStore, clock: SettableClock) -> None:
    assert store.claim("u", JOB, claim(clock.now())) is None
    assert store.find("u", JOB) is None


def test_a_claim_whose_answer_got_lost_is_still_ours(store: JobStore, clock: SettableClock) -> None:
    a_job(store, clock.now())
    store.claim("u", JOB, claim(clock.now(), "mine"))
    again = store.claim("u", JOB, claim(clock.now(), "mine"))
    assert again is not None
    assert again.data.attempt == 1
    assert store.claim("u", JOB, claim(clock.now(), "another's")) is None


def test_a_lease_that_has_ended_can_be_taken_over_and_fences_the_first_worker(
    store: JobStore, clock: SettableClock
) -> None:
    a_job(store, clock.now())
    first = store.claim("u", JOB, claim(clock.now(), "first"))
    assert first is not None
    clock.advance(timedelta(seconds=100))
    assert store.claim("u", JOB, claim(clock.now(), "second")) is None
    clock.advance(timedelta(seconds=1))
    second = store.claim("u", JOB, claim(clock.now(), "second"))
    assert second is not None
    assert not store.complete(first, clock.now())
    assert not store.end(first, failed(clock.now()))
    assert not store.schedule_retry(first, clock.now(), clock.now())
    assert not store.clean(first, clock.now())
    assert not store.drop(first, clock.now())
    assert counted() == 1
    assert store.complete(second, clock.now())
    found = store.find("u", JOB)
    assert found is not None
    assert (found.data.state, found.data.attempt, found.data.has_unit) == (JobState.COMPLETED, 2, True)


@pytest.mark.parametrize(
    "stop",
    [
        lambda store, job, at: store.end(job, failed(at)),
        lambda store, job, at: store.clean(job, at),
        lambda store, job, at: store.drop(job, at),
    ],
    ids=["end", "clean", "drop"],
)
def test_stopping_a_job_gives_its_unit_back_once(
    store: JobStore, clock: SettableClock, stop: Callable[[JobStore, JobItem, datetime], bool]
) -> None:
    job = a_job(store, clock.now(), used=3)
    as_read = [store.find("u", JOB) for _ in range(3)]
    assert stop(store, job, clock.now())
    assert counted() == 2
    for late in as_read:
        assert late is not None
        assert not stop(store, late, clock.now())
    assert counted() == 2


@pytest.mark.second_engine
def test_ten_workers_that_end_a_job_at_once_give_one_unit_back(
    second_engine: TableConnection, clock: SettableClock
) -> None:
    store = JobStore(UsageStore(), 1)
    a_job(store, clock.now(), used=5)
    seen = [store.find("u", JOB) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        ended = list(pool.map(lambda job: job is not None and store.end(job, failed(clock.now())), seen))
    assert ended.count(True) == 1
    assert counted() == 4


def test_a_unit_of_a_period_that_is_over_takes_nothing_from_the_next(store: JobStore, clock: SettableClock) -> None:
    job = a_job(store, clock.now())
    user = a_user("u", clock.now() + timedelta(days=40), used=2)
    user.save()
    assert store.end(job, failed(clock.now()))
    assert counted() == 2
    found = store.find("u", JOB)
    assert found is not None
    assert (found.data.state, found.data.has_unit) == (JobState.FAILED, False)


def test_a_job_of_an_erased_user_can_be_ended_and_makes_no_ghost(store: JobStore, clock: SettableClock) -> None:
    job = a_job(store, clock.now())
    user = Users().by_id("u")
    assert user is not None
    user.delete()
    assert store.end(job, failed(clock.now()))
    assert Users().by_id("u") is None


def test_a_completed_job_that_is_cleaned_keeps_its_unit_spent(store: JobStore, clock: SettableClock) -> None:
    a_job(store, clock.now())
    job = store.claim("u", JOB, claim(clock.now()))
    assert job is not None
    assert store.complete(job, clock.now())
    assert store.clean(job, clock.now())
    assert counted() == 1


def test_only_the_retry_that_is_next_can_be_claimed(store: JobStore, clock: SettableClock) -> None:
    job = a_job(store, clock.now())
    assert store.schedule_retry(job, clock.now() + RULES.job_deadline, clock.now())
    assert store.claim("u", JOB, claim(clock.now())) is None
    assert store.claim("u", JOB, claim(clock.now(), retry=0)) is None
    assert store.claim("u", JOB, claim(clock.now(), retry=2)) is None
    claimed = store.claim("u", JOB, claim(clock.now(), retry=1))
    assert claimed is not None
    assert (claimed.data.retry_count, claimed.data.manual_retries) == (1, 0)


def test_what_was_read_before_the_present_round_moves_nothing(store: JobStore, clock: SettableClock) -> None:
    job = a_job(store, clock.now())
    assert store.schedule_retry(job, clock.now() + RULES.job_deadline, clock.now())
    stale = store.find("u", JOB)
    assert stale is not None
    claimed = store.claim("u", JOB, claim(clock.now(), retry=1))
    assert claimed is not None
    assert store.schedule_retry(claimed, clock.now() + RULES.job_deadline, clock.now())
    assert not store.schedule_retry(stale, clock.now() + RULES.job_deadline, clock.now())
    assert not store.end(stale, failed(clock.now()))
    found = store.find("u", JOB)
    assert found is not None
    assert (found.data.state, found.data.retry_count) == (JobState.RETRYING, 2)


def test_a_job_is_due_at_its_deadline_then_at_its_leases_end_and_not_when_it_is_done(
    store: JobStore, clock: SettableClock
) -> None:
    a_job(store, clock.now())

    def due_after(wait: timedelta) -> list[str]:
        return [job.job_id for job in store.due(clock.now() + wait, RULES.job_life, 10)]

    assert due_after(timedelta(minutes=5)) == []
    assert due_after(timedelta(minutes=5, seconds=1)) == [JOB]
    assert due_after(timedelta(days=1)) == [JOB]
    claimed = store.claim("u", JOB, claim(clock.now()))
    assert claimed is not None
    assert due_after(timedelta(seconds=100)) == []
    assert due_after(timedelta(seconds=101)) == [JOB]
    assert store.complete(claimed, clock.now())
    assert due_after(timedelta(days=1)) == []


def test_due_jobs_come_oldest_first_and_not_more_than_asked_for(moto_store: JobStore, clock: SettableClock) -> None:
    for number in range(5):
        a_job(moto_store, clock.now(), job_id=f"result_00000000-0000-4000-8000-00000000000{number}")
        clock.advance(timedelta(seconds=1))
    found = [job.job_id[-1] for job in moto_store.due(clock.now() + timedelta(hours=1), RULES.job_life, 3)]
    assert found == ["0", "1", "2"]


def test_profile_and_job_come_in_one_request_each_only_if_it_is_there(store: JobStore, clock: SettableClock) -> None:
    assert store.find_with_owner("u", JOB) == (None, None)
    a_job(store, clock.now())
    user, job = store.find_with_owner("u", JOB)
    assert isinstance(user, UserItem)
    assert isinstance(job, JobItem)
    user, job = store.find_with_owner("u", JOB.replace("1", "2"))
    assert isinstance(user, UserItem)
    assert job is None


def test_a_table_that_does_not_answer_is_unavailable(
    table: TableConnection, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import EndpointConnectionError

    store = JobStore(UsageStore(), 1)
    job = a_job(store, clock.now())

    def silent(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://table")

    table.connection.client.meta.events.register("before-call", silent)
    for ask in (
        lambda: store.find("u", JOB),
        lambda: store.find_with_owner("u", JOB),
        lambda: store.claim("u", JOB, claim(clock.now())),
        lambda: store.complete(job, clock.now()),
        lambda: store.end(job, failed(clock.now())),
        lambda: list(store.due(clock.now(), RULES.job_life, 5)),
    ):
        with pytest.raises(errors.Unavailable):
            ask()
