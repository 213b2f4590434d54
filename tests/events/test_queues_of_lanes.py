"""Documents on real queues: whoever sends one on, the API, an event, an attempt or the sweep, picks its lane."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.gateways.queues import Queues
from chalicelib.models.job import JobItem
from chalicelib.models.keys import job_key
from chalicelib.stores.jobs import JobStore
from chalicelib.stores.usage import UsageStore
from tests.rooms.documents_world import World, make_bucket
from tests.support import SettableClock

LANES = ("priority_queue", "retries_queue", "priority_backlog_queue", "backlog_queue")
FIRST = {"priority_queue", "retries_queue"}
PRIORITY = {"priority_queue", "priority_backlog_queue"}
in_each_lane = pytest.mark.parametrize("lane", LANES)


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> World:
    make_bucket(settings)
    for name in LANES:
        boto3.client("sqs", region_name=settings.region).create_queue(QueueName=getattr(settings, name))
    return _on_real_queues(World(settings, clock))


def _on_real_queues(world: World) -> World:
    outcomes = replace(world.outcomes, queue=Queues(world.settings.region))
    world.arrivals = replace(world.arrivals, outcomes=outcomes)
    world.pipeline = replace(world.pipeline, outcomes=outcomes)
    world.library = replace(world.library, outcomes=outcomes)
    world.sweep = replace(world.sweep, outcomes=outcomes)
    return world


def uploaded_for(world: World, lane: str) -> str:
    """A document that belongs into a lane: a further one has another of the same person before it."""
    if lane not in FIRST:
        world.arrivals.take(world.event(world.key(world.uploaded(timestamp="before"))))
    job_id = world.uploaded(timestamp="asked")
    change: Any = JobItem.data
    if lane in PRIORITY:
        JobItem(*job_key(world.user_id, job_id)).update(actions=[change.is_priority.set(True)])
    return job_id


def waiting_in(world: World, lane: str) -> int:
    sqs = boto3.client("sqs", region_name=world.settings.region)
    url = sqs.get_queue_url(QueueName=getattr(world.settings, lane))["QueueUrl"]
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(shown["ApproximateNumberOfMessages"]) + int(shown["ApproximateNumberOfMessagesDelayed"])


@in_each_lane
def test_the_event_of_an_upload_sends_it_to_its_lane(world: World, lane: str) -> None:
    job_id = uploaded_for(world, lane)
    before = waiting_in(world, lane)
    world.arrivals.take(world.event(world.key(job_id)))
    assert waiting_in(world, lane) == before + 1


@in_each_lane
def test_an_attempt_that_failed_sends_it_to_its_lane_again(world: World, lane: str) -> None:
    job_id = uploaded_for(world, lane)
    before = waiting_in(world, lane)
    world.analyst.steps = [errors.AnalystUnavailable()]
    world.deliver_again(job_id)
    assert waiting_in(world, lane) == before + 1


@in_each_lane
def test_its_owner_sends_a_failed_one_to_its_lane_again(world: World, lane: str) -> None:
    job_id = uploaded_for(world, lane)
    world.analyst.steps = [errors.AnalystUnavailable()]
    for _ in range(8):
        job = world.job(job_id)
        assert job is not None
        if job.data.state == "failed":
            break
        world.clock.advance(timedelta(minutes=6))
        world.pipeline.retry(
            f'{{"user_id": "{world.user_id}", "job_id": "{job_id}", "retry": {int(job.data.retry_count) or "null"}}}'
        )
    before = waiting_in(world, lane)
    world.library.retry(world.caller, job_id)
    assert waiting_in(world, lane) == before + 1


@in_each_lane
def test_the_sweep_sends_an_overdue_one_to_its_lane_again(world: World, lane: str) -> None:
    job_id = uploaded_for(world, lane)
    before = waiting_in(world, lane)
    world.clock.advance(timedelta(hours=1))
    if lane not in FIRST:
        # The one before it is not overdue: it has just been tried again.
        world.analyst.steps = [errors.AnalystUnavailable()]
        world.deliver_again(world.uploaded(timestamp="before"))
    world.sweep.sweep()
    job = world.job(job_id)
    assert job is not None
    assert job.data.state == "retrying"
    assert waiting_in(world, lane) > before


@pytest.mark.parametrize("has_arrived", [True, False])
def test_the_sweep_that_is_overtaken_by_a_cleanup_leaves_nothing(world: World, has_arrived: bool) -> None:
    job_id = uploaded_for(world, "retries_queue")
    if not has_arrived:
        world.s3.delete_object(Bucket=world.settings.bucket_name, Key=world.key(job_id))
    world.clock.advance(timedelta(hours=1))
    world.sweep = replace(world.sweep, jobs=_CleanedUpMeanwhile(world, job_id))
    world.sweep.sweep()
    assert world.stored() == []


class _CleanedUpMeanwhile(JobStore):
    """Its owner cleans a job up just after the sweep has read it."""

    def __init__(self, world: World, job_id: str) -> None:
        super().__init__(UsageStore(), world.settings.rules.job_due_shards)
        self.world, self.job_id = world, job_id

    def find(self, user_id: str, job_id: str) -> JobItem | None:
        found = super().find(user_id, job_id)
        self.world.library.clean_up(self.world.caller, self.job_id)
        return found
