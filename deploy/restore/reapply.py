"""Erases from a restored table whoever was erased since the instant that it shows, by the real steps of an erasure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.clock import Clock
from chalicelib.ids import new_id
from chalicelib.models import keys
from chalicelib.models.erasure import ErasureStatus
from chalicelib.models.profile import UserItem
from chalicelib.models.states import AccountStatus
from chalicelib.privacy.erasure_saga import ErasureSaga, written_message
from chalicelib.rules import Rules
from chalicelib.stores.erasures import Beginning, Erasures
from chalicelib.stores.users import Users
from deploy.restore.known import Known, RawItem

_MOST_READS = 5


@dataclass
class KeptBack:
    """Takes the place of the queue: nothing is sent to functions that work on another table."""

    messages: list[str] = field(default_factory=list)

    def send(self, queue_name: str, message: str, delay_seconds: int = 0) -> None:
        """Keep a message."""
        del queue_name, delay_seconds
        self.messages.append(message)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: how many are erased now, how many wait for an hour or so, and how many could not be begun."""

    erased: int
    waiting: int
    failed: int


@dataclass(frozen=True, slots=True)
class Reapplication:
    """Works on the restored table, to which the models are connected. Every method is safe to run again."""

    client: Any
    table: str
    saga: ErasureSaga
    erasures: Erasures
    users: Users
    clock: Clock
    rules: Rules

    def affected(self, known: Known) -> list[str]:
        """Return who is in the restored table and must not be: erased since, or in the middle of it then."""
        return [
            user_id
            for item in scan(self.client, self.table)
            if item["entity_type"]["S"] == "user"
            for user_id in [item["PK"]["S"].removeprefix("USER#")]
            if known.is_erased(user_id) or item["data"]["M"]["account_status"]["S"] == AccountStatus.DELETED
        ]

    def apply(self, known: Known, progress: Callable[[int], None] = lambda _: None) -> Done:
        """Put the tombstones, erase everybody who is affected, and put the receipts that people were given.

        Tombstones go first, so that nobody can come back while the rest is done.
        """
        for tombstone in known.tombstones:
            # One that is there is younger, and stays for longer.
            self._put(tombstone, ConditionExpression="attribute_not_exists(PK)")
        here = known_here(self.client, self.table)
        affected, outcomes = self.affected(known), []
        for number, user_id in enumerate(affected, 1):
            name = here.get(user_id) or known.running.get(user_id) or keys.erasure_name(secrets.token_urlsafe(32))
            outcomes.append(self._erase(user_id, name))
            progress(number)
        for receipt in known.receipts:
            # The person holds its id. Never over an erasure that runs.
            is_no_running_one = "attribute_not_exists(#d.user_id)"
            self._put(receipt, ConditionExpression=is_no_running_one, ExpressionAttributeNames={"#d": "data"})
        return Done(outcomes.count(True), outcomes.count(False), outcomes.count(None))

    def _erase(self, user_id: str, name: str) -> bool | None:
        """Erase one person. True: done; False: something has to pass first; None: the profile did not hold still."""
        for _ in range(_MOST_READS):
            user = self.users.by_id(user_id)
            if user is None or self.erasures.find(name) is not None or self.erasures.begin(self._beginning(user, name)):
                break
        else:
            return None
        self.saga.carry_on(written_message(name))
        erasure = self.erasures.find(name)
        return erasure is None or erasure.data.status is ErasureStatus.COMPLETED

    def _beginning(self, user: UserItem, name: str) -> Beginning:
        """Unlike a wish of today, one that was granted before is not asked whether a subscription still renews."""
        session = user.data.current_session
        at = self.clock.now()
        return Beginning(
            name=name,
            user_id=user.data.id,
            session_id=None if session is None else session.session_id,
            is_by_caller=False,
            subscription=user.data.current_subscription,
            billing_revision=user.data.billing_revision,
            retained_id=new_id(),
            at=at,
            due_at=at + self.rules.erasure_overdue_after,
            ttl=int((at + self.rules.erasure_record_life).timestamp()),
        )

    def _put(self, item: RawItem, **condition: Any) -> None:
        """Put an item as it was in the other table, where the condition holds."""
        try:
            self.client.put_item(TableName=self.table, Item=item, **condition)
        except ClientError as refusal:
            if refusal.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def known_here(client: Any, table: str) -> dict[str, str]:
    """Return the erasures that run in a table: their name by the person's id."""
    return {
        item["data"]["M"]["user_id"]["S"]: item["PK"]["S"].removeprefix("ERASURE#")
        for item in scan(client, table)
        if item["entity_type"]["S"] == "erasure" and "user_id" in item["data"]["M"]
    }


def scan(client: Any, table: str) -> Iterator[RawItem]:
    """Return every item of a table, read consistently."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return (item for page in pages for item in page["Items"])
