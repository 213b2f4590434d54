"""A person who hands in documents and asks questions, over a real table; processes that end at a chosen call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pynamodb.exceptions import UpdateError

from chalicelib import errors
from chalicelib.billing.messages import MessageReservations, MessageUnit, message_name
from chalicelib.billing.usage import Reservations, carried_over, usage_at
from chalicelib.models import keys
from chalicelib.models.base import shared_connection
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.privacy.consents import require_processing
from chalicelib.rules import Rules
from chalicelib.stores.message_units import MessageUnits
from chalicelib.stores.reservation import Reserved, Unit
from chalicelib.stores.usage import UsageStore
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, job, person

T = TypeVar("T")


class Killed(BaseException):
    """The process ended here."""


def read(user_id: str = "u1") -> UserItem | None:
    """As the service reads a profile."""
    try:
        return UserItem.get(*keys.user_key(user_id), consistent_read=True)
    except UserItem.DoesNotExist:
        return None


@dataclass
class UsageWorld:
    """The rooms that count, with a clock of their own, and one person."""

    clock: SettableClock
    user_id: str = "u1"
    rules: Rules = field(default_factory=Rules)
    shards: int = 8

    def __post_init__(self) -> None:
        self.reservations = Reservations(
            UsageStore(), LiveSessions(), require_processing, read, self.clock, self.shards
        )
        self.messages = MessageReservations(self.reservations, MessageUnits(UsageStore()), self.clock, self.rules)

    def settle(self, documents: int = 0, messages: int = 0, subscription: Subscription | None = None) -> UserItem:
        """Let the person have used so much."""
        user = person(self.user_id, subscription)
        period = user.data.current_subscription.usage_current_period
        period.documents_processed, period.chat_messages_used = documents, messages
        user.save()
        return user

    def upload(self, name: str, user: UserItem | None = None) -> Reserved:
        """Reserve for a document."""
        caller = caller_of(self.user_id)
        return self.reservations.reserve(user or read(self.user_id), caller, job(self.user_id, name, self.clock.now()))

    def ask(self, words: str, key: str | None = "k", user: UserItem | None = None) -> MessageUnit:
        """Reserve for a question."""
        return self.messages.reserve(user or read(self.user_id), caller_of(self.user_id), message_name(key, words))

    def used(self, unit: Unit = Unit.DOCUMENT) -> int:
        """What the person is shown."""
        user = read(self.user_id)
        assert user is not None
        return usage_at(user.data.current_subscription, self.clock.now(), unit).used


def switch(user_id: str, new: Subscription, now: datetime) -> None:
    """Put another subscription in force as billing does it: conditionally, the counts left where they are."""
    current: Any = UserItem.data.current_subscription
    usage = current.usage_current_period
    for _ in range(50):
        old = _must_read(user_id).data.current_subscription
        period = carried_over(old, new.start_date, now)
        is_ended = period.carried_from is None and period.period_start != old.usage_current_period.period_start
        actions = [
            *(getattr(current, name).set(getattr(new, name)) for name in _REPLACED),
            current.updated_at.set(now),
            current.end_date.remove() if new.end_date is None else current.end_date.set(new.end_date),
            usage.period_start.set(period.period_start),
            usage.period_end.set(period.period_end),
            usage.carried_from.remove() if period.carried_from is None else usage.carried_from.set(period.carried_from),
            *(getattr(usage, unit.value).set(0) for unit in Unit if is_ended),
        ]
        as_read = (current.updated_at == old.updated_at) & (usage.period_start == old.usage_current_period.period_start)
        try:
            UserItem(*keys.user_key(user_id)).update(actions=actions, condition=as_read)
        except UpdateError:
            continue
        return
    raise AssertionError("the profile never stood still")


_REPLACED = ("subscription_id", "subscription_status", "tier", "provider", "start_date")


def _must_read(user_id: str) -> UserItem:
    user = read(user_id)
    assert user is not None
    return user


def a_world(now: datetime = SIGNED_UP) -> UsageWorld:
    return UsageWorld(SettableClock(now))


def at_once(number: int, act: Callable[[int], T]) -> list[T | errors.ServiceError]:
    """Run `act` on as many threads, which all begin at the same moment."""
    start = threading.Barrier(number)

    def run(index: int) -> T | errors.ServiceError:
        start.wait()
        try:
            return act(index)
        except errors.ServiceError as refusal:
            return refusal

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


def kinds(results: list[Any]) -> dict[str, int]:
    """How often each kind of outcome came."""
    names = [type(result).__name__ for result in results]
    return {name: names.count(name) for name in set(names)}


@contextmanager
def killed_at(number: int | None, when: str) -> Iterator[list[str]]:
    """End the process before or after its call number `number` to the table; yields the names of the calls."""
    names: list[str] = []
    events = shared_connection().connection.client.meta.events

    def before(model: Any, **_: Any) -> None:
        names.append(model.name)
        if len(names) == number and when == "before":
            raise Killed

    def after(**_: Any) -> None:
        if len(names) == number and when == "after":
            raise Killed

    events.register("before-call.dynamodb", before)
    events.register("after-call.dynamodb", after)
    try:
        yield names
    finally:
        events.unregister("before-call.dynamodb", before)
        events.unregister("after-call.dynamodb", after)
