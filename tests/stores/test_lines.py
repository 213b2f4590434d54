"""Of one person's documents one is the first in line, however many ask at once; it keeps its place until it is done."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.models import keys
from chalicelib.models.job import JobData, JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.stores.lines import Lines
from tests.support import SettableClock

LIFE = timedelta(days=2)


def a_job(number: int, clock: SettableClock, state: JobState = JobState.UPLOADED, user: str = "ada") -> JobItem:
    now = clock.now()
    job_id = f"result_{number}"
    data = JobData(job_id=job_id, user_id=user, kind=JobKind.RESULT, state=state, deadline_at=now, uploaded_at=now)
    ttl = int((now + LIFE).timestamp())
    job = JobItem(*keys.job_key(user, job_id), created_at=now, updated_at=now, ttl=ttl, data=data)
    job.save()
    return job


@pytest.mark.parametrize("state", [JobState.UPLOADED, JobState.PROCESSING, JobState.RETRYING])
def test_the_place_is_kept_until_its_holder_is_done(
    any_engine: TableConnection, clock: SettableClock, state: JobState
) -> None:
    lines, now = Lines(), clock.now()
    first, second = a_job(1, clock, state), a_job(2, clock)
    assert lines.is_first(first, now, LIFE)
    assert not lines.is_first(second, now, LIFE)
    assert lines.is_first(first, now, LIFE)
    first.update(actions=[JobItem.data.state.set(JobState.COMPLETED)])  # type: ignore[attr-defined]  # known at run time only
    assert lines.is_first(second, now, LIFE)
    assert not lines.is_first(a_job(3, clock), now, LIFE)


def test_a_holder_that_was_removed_keeps_nobody_waiting(table: TableConnection, clock: SettableClock) -> None:
    lines, now = Lines(), clock.now()
    first, second = a_job(1, clock), a_job(2, clock)
    assert lines.is_first(first, now, LIFE)
    first.delete()
    assert lines.is_first(second, now, LIFE)


def test_each_person_has_a_line_of_their_own(table: TableConnection, clock: SettableClock) -> None:
    lines, now = Lines(), clock.now()
    assert lines.is_first(a_job(1, clock), now, LIFE)
    assert lines.is_first(a_job(1, clock, user="grace"), now, LIFE)


@pytest.mark.second_engine
def test_of_ten_that_ask_at_once_one_is_first_also_when_a_holder_is_done(
    second_engine: TableConnection, clock: SettableClock
) -> None:
    lines, now = Lines(), clock.now()
    for round_ in range(3):
        jobs = [a_job(100 * round_ + number, clock) for number in range(10)]
        start = threading.Barrier(10)

        def ask(job: JobItem, start: threading.Barrier = start) -> bool:
            start.wait()
            return lines.is_first(job, now, LIFE)

        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(ask, jobs))
        assert answers.count(True) == 1
        jobs[answers.index(True)].update(actions=[JobItem.data.state.set(JobState.FAILED)])  # type: ignore[attr-defined]  # known at run time only
