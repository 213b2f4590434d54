"""What the scheduled reset costs: the same number of due users among few and among many, counted request by request.

Run: `python -m bench.usage_reset` (1,000 due among 1,000 and among 50,000); `--quick`: 200 among 200 and among 1,000.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.billing.reset import UsageReset
from chalicelib.billing.subscriptions import FreePlan
from chalicelib.models import keys
from chalicelib.models.base import Item, connect, shared_connection
from chalicelib.models.profile import Consents, UserData, UserItem
from chalicelib.models.schema import table_definition
from chalicelib.models.states import AccountStatus, AuthProvider
from chalicelib.rules import Rules
from chalicelib.stores.due import DueUsers
from chalicelib.stores.usage import UsageStore

SIGNED_UP = datetime(2026, 1, 31, 15, 0, tzinfo=UTC)
SWEEP_AT = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})


@dataclass(slots=True)
class Cost:
    """Requests of one reset by DynamoDB operation, items read and written, messages sent, and seconds (which say little
    of AWS)."""

    requests: Counter[str] = field(default_factory=Counter)
    items_read: int = 0
    items_written: int = 0
    messages: int = 0
    seconds: float = 0.0

    def counted(self) -> tuple[dict[str, int], int, int, int]:
        """Return what must not depend on how many users there are."""
        return dict(self.requests), self.items_read, self.items_written, self.messages


@dataclass(slots=True)
class _StoppedClock:
    instant: datetime = SWEEP_AT

    def now(self) -> datetime:
        return self.instant


@dataclass(slots=True)
class _Outbox:
    """Keeps messages in this process: the queue's own cost is a request for ten messages."""

    sent: list[str] = field(default_factory=list)

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        assert queue_name
        self.sent += messages


def measure(due: int, others: int, *, rules: Rules | None = None) -> Cost:
    """Fill the connected, empty table, sweep it, reset who is due, check that all were, and return what that took."""
    rules = rules or Rules()
    fill(due, others, rules)
    cost, began = Cost(), time.perf_counter()
    with _counting(cost):
        cost.messages = len(reset_all(rules))
    cost.seconds = time.perf_counter() - began
    _check_nobody_is_left(rules)
    return cost


def reset_all(rules: Rules) -> list[str]:
    """Sweep, and reset whom the messages name; return these."""
    outbox = _Outbox()
    reset = UsageReset(UsageStore(), DueUsers(), outbox, "resets", _StoppedClock(), rules)
    reset.sweep()
    for message in outbox.sent:
        reset.reset_batch(message)
    return outbox.sent


def empty_table(name: str, region: str) -> None:
    """Make the table anew and connect the models to it."""
    import boto3

    client = boto3.client("dynamodb", region_name=region)
    if name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    client.create_table(**table_definition(name))
    connect(name, region)


def fill(due: int, others: int, rules: Rules) -> None:
    """Put people into the table, of whom some are due; the day before was swept."""
    with Item.batch_write() as batch:
        for number in range(due + others):
            batch.save(due_user(f"user-{number:06d}", used=3 if number < due else 0, rules=rules))
    DueUsers().record_swept(SWEEP_AT.date() - timedelta(days=1), SWEEP_AT)


def due_user(user_id: str, used: int, rules: Rules) -> UserItem:
    """Return somebody whose month ends at `SWEEP_AT`; without a use they do not stand in the due index."""
    subscription = FreePlan().start(SIGNED_UP)
    subscription.usage_current_period.documents_processed = used
    user = UserItem(*keys.user_key(user_id), created_at=SIGNED_UP, updated_at=SIGNED_UP)
    user.data = UserData(
        id=user_id,
        external_id=user_id,
        auth_provider=AuthProvider.GOOGLE,
        account_status=AccountStatus.ACTIVE,
        consents=Consents(),
        current_subscription=subscription,
    )
    if used:
        shard = keys.shard_of(user_id, rules.usage_due_shards)
        user.gsi3_pk, user.gsi3_sk = keys.usage_due_key(SWEEP_AT.date(), shard, user_id)
    return user


def _check_nobody_is_left(rules: Rules) -> None:
    for shard in range(rules.usage_due_shards):
        left = [user for page in DueUsers().on(SWEEP_AT.date(), shard) for user in page]
        if left:
            raise AssertionError(f"{len(left)} users are still due")


@contextmanager
def _counting(cost: Cost) -> Iterator[None]:
    events = shared_connection().connection.client.meta.events

    def count(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        cost.requests[model.name] += 1
        cost.items_read += parsed.get("Count", 0) + ("Item" in parsed)
        # A write that its condition refused wrote nothing.
        cost.items_written += model.name in _WRITES and parsed["ResponseMetadata"]["HTTPStatusCode"] == 200

    events.register("after-call.dynamodb", count, unique_id="bench")
    try:
        yield
    finally:
        events.unregister("after-call.dynamodb", unique_id="bench")


def main() -> int:
    """Measure on an embedded cloud and print both; 1 if they differ."""
    from dev.testing import embedded_cloud

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="200 due among 200 and among 1,000")
    due, everybody = (200, 1_000) if arguments.parse_args().quick else (1_000, 50_000)
    logging.disable(logging.INFO)
    costs = []
    with embedded_cloud("dynamodb") as endpoint:
        os.environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
        for users in (due, everybody):
            empty_table("bench-usage-reset", "eu-central-1")
            cost = measure(due, users - due)
            costs.append(cost)
            requests = ", ".join(f"{name} {number}" for name, number in sorted(cost.requests.items()))
            print(f"{due:,} due among {users:,} users: {requests}; items read {cost.items_read:,}, "
                  f"written {cost.items_written:,}; messages {cost.messages}; {cost.seconds:.1f} s")  # fmt: skip
    is_same = costs[0].counted() == costs[1].counted()
    print("The cost follows the users who are due." if is_same else "The cost differs: it must not.")
    return 0 if is_same else 1


if __name__ == "__main__":
    raise SystemExit(main())
