"""Whose document is next: premium first, and nobody's flood before anybody's first document by more than one job."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.documents.contract import UploadUrlRequest
from chalicelib.models.job import JobItem
from chalicelib.models.keys import job_key
from chalicelib.models.states import Tier
from tests.rooms.documents_world import World, make_bucket
from tests.support import SettableClock

FLOOD = 12


@dataclass
class OneWorker:
    """A single slot: one worker for all lanes, in their order. Within a queue it draws by chance, as SQS may."""

    world: World
    chance: random.Random
    messages: dict[str, list[str]] = field(default_factory=dict)
    owners: list[str] = field(default_factory=list)

    def upload(self, who: World, number: int, *, is_priority: bool = False) -> str:
        job_id = who.uploaded(timestamp=f"{number}")
        if is_priority:
            mark_as_priority(who, job_id)
        self.hear(who, job_id)
        return job_id

    def hear(self, who: World, job_id: str) -> None:
        who.arrivals.take(who.event(who.key(job_id)))
        self.take_over(who)

    def take_over(self, who: World) -> None:
        for queue in (who.handed, who.queue):
            for (message, _), name in zip(queue.sent, queue.queues, strict=True):
                self.messages.setdefault(name, []).append(message)
            queue.sent.clear()
            queue.queues.clear()
            queue.waiting.clear()

    def work(self, who: World) -> bool:
        """Do one job; False where there is none."""
        lanes = self.world.lanes
        in_order = (lanes.priority, lanes.ordinary, lanes.priority_backlog, lanes.backlog)
        lane = next((name for name in in_order if self.messages.get(name)), None)
        if lane is None:
            return False
        waiting = self.messages[lane]
        message = waiting.pop(self.chance.randrange(len(waiting)))
        before = len(who.analyst.calls)
        who.pipeline.retry(message)
        self.owners += [document.owner_id for document, _ in who.analyst.calls[before:]]
        self.take_over(who)
        return True


def mark_as_priority(who: World, job_id: str) -> None:
    """What the write that reserves the unit does for tiers that go first."""
    JobItem(*job_key(who.user_id, job_id)).update(actions=[JobItem.data.is_priority.set(True)])  # type: ignore[attr-defined]  # known at run time only


@pytest.fixture
def world(table: TableConnection, settings: Settings, clock: SettableClock) -> World:
    make_bucket(settings)
    return World(settings, clock)


def flooding(world: World, clock: SettableClock) -> World:
    """Somebody whose documents no quota stops."""
    who = world.another(clock)
    who.caller = who.add_user(who.user_id, tier=Tier.PREMIUM)
    return who


@pytest.mark.parametrize("seed", [0, 3, *(pytest.param(seed, marks=pytest.mark.prove) for seed in (1, 2, 4, 5, 6, 7))])
@pytest.mark.parametrize("is_priority", [False, True])
def test_a_flood_delays_a_first_document_of_somebody_else_by_one_job_at_most(
    world: World, clock: SettableClock, seed: int, is_priority: bool
) -> None:
    worker = OneWorker(world, random.Random(seed))
    flood = flooding(world, clock)
    for number in range(FLOOD):
        worker.upload(flood, number, is_priority=is_priority)
    done_before = seed % 4
    for _ in range(done_before):
        worker.work(world)
    worker.upload(world, 0)
    # The flood goes on while the other one waits.
    worker.upload(flood, FLOOD, is_priority=is_priority)
    while world.user_id not in worker.owners:
        assert worker.work(world)
    assert worker.owners.index(world.user_id) - done_before <= 1
    while worker.work(world):
        pass
    assert len(worker.owners) == FLOOD + 2


def test_a_flood_of_each_of_many_delays_by_one_job_of_each(world: World, clock: SettableClock) -> None:
    worker = OneWorker(world, random.Random(1))
    floods = [flooding(world, clock) for _ in range(3)]
    for number in range(4):
        for flood in floods:
            worker.upload(flood, number)
    worker.upload(world, 0)
    while world.user_id not in worker.owners:
        assert worker.work(world)
    assert all(worker.owners.count(flood.user_id) <= 1 for flood in floods)


def test_premium_goes_first_whatever_stands_there_already(world: World, clock: SettableClock) -> None:
    worker = OneWorker(world, random.Random(2))
    others = [world.another(clock) for _ in range(4)]
    for number, other in enumerate(others):
        worker.upload(other, number)
        worker.upload(other, number + 100)
    premium = flooding(world, clock)
    for number in range(3):
        worker.upload(premium, number, is_priority=True)
    while worker.work(world):
        pass
    assert worker.owners[0] == premium.user_id
    # Firsts of others come before further ones of premium, those before further ones of others.
    assert set(worker.owners[1:5]) == {other.user_id for other in others}
    assert worker.owners[5:7] == [premium.user_id] * 2


def test_who_is_done_is_first_again(world: World, clock: SettableClock) -> None:
    worker = OneWorker(world, random.Random(3))
    for number in range(3):
        worker.upload(world, number)
        assert list(worker.messages) == [world.lanes.ordinary]
        assert worker.work(world)


def test_retries_keep_their_place_in_line(world: World, clock: SettableClock) -> None:
    worker = OneWorker(world, random.Random(4))
    world.analyst.steps = [errors.AnalystUnavailable()]
    for number in range(3):
        worker.upload(world, number)
    for _ in range(3):
        worker.work(world)
    # All three failed and come again: the first one is first still, the others stand behind.
    assert {name: len(waiting) for name, waiting in worker.messages.items()} == {
        world.lanes.ordinary: 1,
        world.lanes.backlog: 2,
    }


def test_a_presigned_form_that_nobody_used_keeps_no_document_out_of_the_first_lane(world: World) -> None:
    world.uploads.presign(world.caller, {}, UploadUrlRequest(file_type="pdf", file_size=1000))
    worker = OneWorker(world, random.Random(5))
    worker.upload(world, 1)
    assert list(worker.messages) == [world.lanes.ordinary]


def test_the_same_event_twice_is_handed_on_twice_and_analysed_once(world: World) -> None:
    worker = OneWorker(world, random.Random(6))
    job_id = worker.upload(world, 1)
    worker.hear(world, job_id)
    assert [len(waiting) for waiting in worker.messages.values()] == [2]
    while worker.work(world):
        pass
    assert len(worker.owners) == 1
    worker.hear(world, job_id)
    assert not worker.work(world)
