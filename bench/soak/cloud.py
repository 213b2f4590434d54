"""What the soak sees of the cloud and of the service's process: queues, memory; and a month that ends early."""

from __future__ import annotations

import math
import subprocess
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from chalicelib.billing.periods import months_after, period_at
from chalicelib.clock import SystemClock
from chalicelib.config import APP_NAME, Settings
from chalicelib.models import keys
from chalicelib.models.profile import UserItem
from chalicelib.models.states import Tier
from chalicelib.rules import Rules
from deploy.resources import declare
from dev.bridge import inbox_name
from dev.provision import clients_at
from dev.stage import STAGE, Ports

REDELIVERED_AFTER_SECONDS: Final = 45
"""What fails comes again after six times its function's time-out, twelve minutes for an analysis. Here it comes sooner,
so that it does within the run."""
_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
_DELAYED: Final = "ApproximateNumberOfMessagesDelayed"


@dataclass
class Queues:
    """The stage's queues, and what is left in them."""

    ports: Ports
    settings: Settings

    def __post_init__(self) -> None:
        self._sqs = clients_at(self.ports.cloud_url, self.settings.region).sqs
        self._declared = declare(self.settings).queues

    def hurry(self) -> None:
        """Have failed messages come again soon."""
        for queue in self._declared:
            url = self._sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
            self._sqs.set_queue_attributes(
                QueueUrl=url, Attributes={"VisibilityTimeout": str(REDELIVERED_AFTER_SECONDS)}
            )

    def waiting(self) -> dict[str, int]:
        """Return how many messages are in each queue in which there are any, those in flight included. What was sent to
        be seen later is no backlog: an answer that was fetched is forgotten a quarter of an hour later."""
        names = [queue.name for queue in self._declared] + [inbox_name(APP_NAME, STAGE)]
        return {name: count for name in names if (count := self._count(name))}

    def set_aside(self) -> int:
        """Return how many messages were sent to be seen later, and that time has not come."""
        return sum(self._count(queue.name, (_DELAYED,)) for queue in self._declared)

    def dead(self) -> dict[str, int]:
        """Return how many messages were given up, by queue."""
        names = [queue.dead_letter_name for queue in self._declared]
        return {name: count for name in names if (count := self._count(name))}

    def _count(self, name: str, kinds: tuple[str, ...] = _COUNTS) -> int:
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found: Any = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(found.get(one, 0)) for one in kinds)


@dataclass
class Memory:
    """Samples the memory of one process."""

    pid: int
    samples: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the start, mebibytes."""

    def sample(self, seconds: float) -> None:
        """Take one sample."""
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(self.pid)], capture_output=True, text=True, check=True)
        self.samples.append((seconds, int(said.stdout) / 1024))

    def drift(self, warm_up_seconds: float) -> float:
        """Return by which share the last quarter after the warm-up lies above the first one, by their medians; of
        too few samples, that it is not a number."""
        after = [size for at, size in self.samples if at >= warm_up_seconds]
        if len(after) < 8:
            return math.nan
        quarter = len(after) // 4
        first, last = sorted(after[:quarter]), sorted(after[-quarter:])
        return last[quarter // 2] / first[quarter // 2] - 1


def end_month_of(user_id: str) -> bool:
    """Put somebody's sign-up and usage period back so that their month ended yesterday, as if the time had passed; the
    next sweep finds them. Return whether there was anybody to find: paying people are not limited, and not listed."""
    user = UserItem.get(*keys.user_key(user_id), consistent_read=True)
    subscription = user.data.current_subscription
    if subscription.tier is not Tier.FREE or user.gsi3_pk is None:
        return False
    now = SystemClock().now()
    anchor = months_after(now, -2) - timedelta(days=1)
    ended = period_at(anchor, now - timedelta(days=2))
    paths: Any = UserItem.data  # PynamoDB's types see values where the class has paths.
    usage = paths.current_subscription.usage_current_period
    due = keys.usage_due_key(ended.due_on, keys.shard_of(user_id, Rules().usage_due_shards), user_id)
    UserItem(*keys.user_key(user_id)).update(
        actions=[
            paths.current_subscription.start_date.set(anchor),
            usage.period_start.set(ended.start),
            usage.period_end.set(ended.end),
            UserItem.gsi3_pk.set(due.pk),
            UserItem.gsi3_sk.set(due.sk),
        ],
        condition=UserItem.updated_at == user.updated_at,
    )
    return True


def wait_until(condition: Any, seconds: float) -> bool:
    """Wait until something holds, looking every two seconds; return whether it did."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(2)
    return True
