"""The reset through a real queue: a batch that fails in part comes again, loses nobody, and is at last kept aside."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from chalice.app import SQSEventConfig
from pynamodb.connection.table import TableConnection

import app as page
from chalicelib import errors
from chalicelib.billing.reset import UsageReset
from chalicelib.gateways.queues import Queues
from chalicelib.models import keys
from chalicelib.models.profile import UserItem
from chalicelib.rules import Rules
from chalicelib.stores.due import DueUsers
from chalicelib.stores.usage import ResetOutcome, UsageStore
from chalicelib.web.events import Events
from tests.dev.place import REGION, Place, Running, wait_until
from tests.rooms.usage_world import UsageWorld
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP

pytestmark = pytest.mark.second_engine

DUE_ON = date(2026, 3, 1)
SWEEP_AT = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
RULES = Rules(usage_due_shards=1, usage_reset_batch=4, usage_sweep_look_back=timedelta(days=1))
PEOPLE = [f"u{number}" for number in range(8)]


class _Stumbling(UsageStore):
    """The real store, which the table does not answer for some people, so many times."""

    def __init__(self, **failures: int) -> None:
        self.failures = Counter(failures)
        self.outcomes: list[tuple[str, ResetOutcome]] = []
        self._lock = threading.Lock()

    def reset(self, user_id: str, due_partition: str, now: datetime) -> ResetOutcome:
        with self._lock:
            is_down = self.failures[user_id] > 0
            self.failures[user_id] -= 1
        if is_down:
            raise errors.Unavailable(message="The table does not answer at the moment.")
        outcome = super().reset(user_id, due_partition, now)
        with self._lock:
            self.outcomes.append((user_id, outcome))
        return outcome


class _Works:
    """The queue with its dead letters, the declared function behind it, and people whose period has ended."""

    def __init__(self, endpoint: str) -> None:
        self.place = Place(endpoint, visibility=timedelta(seconds=1), max_receives=3)
        self.store = _Stumbling()
        self.room = UsageReset(
            self.store, DueUsers(), Queues(REGION), self.place.queue.name, SettableClock(SWEEP_AT), RULES
        )
        for user_id in PEOPLE:
            world = UsageWorld(SettableClock(SIGNED_UP), user_id, shards=RULES.usage_due_shards)
            world.settle()
            world.upload("a")

        Events(self.place.app, {}).message("reset_usage_batch", self.place.queue.name, lambda: self.room.reset_batch)

    @property
    def dead_letters(self) -> str:
        return self.place.url_of(self.place.queue.dead_letter_name)

    def is_queue_empty(self) -> bool:
        return self.place.messages_in(self.place.queue_url) == 0

    def used(self) -> dict[str, int]:
        found = {}
        for user_id in PEOPLE:
            user = UserItem.get(*keys.user_key(user_id), consistent_read=True)
            found[user_id] = int(user.data.current_subscription.usage_current_period.documents_processed)
        return found

    def due(self) -> list[str]:
        return [user_id for page_ in DueUsers().on(DUE_ON, 0) for user_id in page_]


@pytest.fixture
def works(second_engine: TableConnection, second_cloud: str) -> Iterator[_Works]:
    yield _Works(second_cloud)


def test_a_batch_that_fails_in_part_comes_again_and_whoever_is_done_is_left_alone(works: _Works) -> None:
    works.store.failures.update(u1=2, u6=1)
    works.room.sweep()
    with Running(works.place):
        wait_until(lambda: works.due() == [], seconds=20)
        wait_until(works.is_queue_empty, seconds=5)
    assert works.used() == dict.fromkeys(PEOPLE, 0)
    done = Counter(works.store.outcomes)
    assert [done[(user_id, ResetOutcome.RESET)] for user_id in PEOPLE] == [1] * len(PEOPLE)
    assert done[("u0", ResetOutcome.NOT_DUE)] == 2, "the whole message came twice more"
    assert done[("u7", ResetOutcome.NOT_DUE)] == 1
    assert works.place.messages_in(works.dead_letters) == 0


def test_a_batch_that_fails_for_ever_is_kept_aside_whole_and_can_be_sent_again(works: _Works) -> None:
    works.store.failures.update(u2=99)
    works.room.sweep()
    with Running(works.place):
        wait_until(lambda: works.place.messages_in(works.dead_letters) == 1, seconds=20)
    assert works.due() == ["u2"]
    assert works.used() == dict.fromkeys(PEOPLE, 0) | {"u2": 1}
    assert works.store.failures["u2"] == 99 - works.place.queue.max_receives
    sqs = works.place.clients.sqs
    (kept,) = sqs.receive_message(QueueUrl=works.dead_letters, WaitTimeSeconds=2)["Messages"]
    assert json.loads(kept["Body"])["user_ids"] == ["u0", "u1", "u2", "u3"]
    works.store.failures.clear()
    sqs.send_message(QueueUrl=works.place.queue_url, MessageBody=kept["Body"])
    with Running(works.place):
        wait_until(lambda: works.due() == [], seconds=10)
    assert works.used() == dict.fromkeys(PEOPLE, 0)


def test_a_use_between_two_deliveries_of_a_message_is_not_cleared(works: _Works) -> None:
    works.store.failures.update(u3=1)
    works.room.sweep()
    with pytest.raises(Exception, match="1 of 4 users are left"):
        works.room.reset_batch(_message(PEOPLE[:4]))
    world = UsageWorld(SettableClock(SWEEP_AT), "u0")
    world.upload("in the new period")
    with Running(works.place):
        wait_until(lambda: "u3" not in works.due() and works.is_queue_empty(), seconds=20)
    assert works.used() == dict.fromkeys(PEOPLE, 0) | {"u0": 1}


def _message(user_ids: list[str]) -> str:
    return json.dumps({"due_partition": f"USAGE_DUE#{DUE_ON}#0", "user_ids": user_ids})


def test_every_queue_function_gets_one_message_at_a_time() -> None:
    """Chalice ignores a returned list of failures: of a larger batch the messages that failed would be lost, or those
    that did not fail be repeated."""
    sources: list[Any] = [one for one in page.app.event_sources if isinstance(one, SQSEventConfig)]
    assert {one.batch_size for one in sources} == {1}
    # By its ending: the page is loaded once, for the stage of whichever test came first.
    assert any(str(one.queue).endswith("-usage-resets") for one in sources)
