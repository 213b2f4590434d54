"""The reconciliation with stores, a room of notices and books that live in memory; the due index is real."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib import errors
from chalicelib.billing.known import Cause, Known
from chalicelib.billing.liveness import live_key
from chalicelib.billing.looks import Looks
from chalicelib.billing.merge import learn
from chalicelib.billing.reconciliation import Reconciliation
from chalicelib.gateways.provider_facts import Facts, Notice, Provider
from chalicelib.models import keys
from chalicelib.models.provider_subscription import ProviderSubscriptionData, ProviderSubscriptionItem
from chalicelib.models.states import SubscriptionProvider
from chalicelib.rules import Rules
from chalicelib.stores.live_subscriptions import LiveSubscriptions
from tests.support import SettableClock
from tests.unit.billing.words import BOUGHT, ENDS, STRIPE, known

RULES = Rules(
    billing_sweep_overlap=timedelta(hours=3),
    billing_sweep_stretch=timedelta(days=1),
    billing_sweep_look_back=timedelta(days=4),
    billing_look_batch=4,
)


@dataclass
class Store:
    """A store that kept what it sent, and says of each subscription what it is told to say."""

    name: SubscriptionProvider = STRIPE
    sent: list[Notice] = field(default_factory=list)
    states: dict[str, Facts] = field(default_factory=dict)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    is_down: bool = False

    def missed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        if self.is_down:
            raise errors.Unavailable(message="The store does not answer at the moment.")
        self.asked.append((since, until))
        yield from (notice for notice in self.sent if since <= notice.happened_at < until)

    def look(self, external_id: str) -> Facts | None:
        self.looked.append(external_id)
        if self.is_down:
            raise errors.Unavailable(message="The store does not answer at the moment.")
        return self.states.get(external_id)


@dataclass
class Room:
    """The room of notices: remembers what it applied."""

    applied: list[str] = field(default_factory=list)
    refuses: str | None = None
    silent_about: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def apply(self, notice: Notice) -> bool:
        self.asked.append(notice.event_id)
        if notice.event_id in self.silent_about:
            raise errors.Unavailable(message="told to be silent")
        if notice.event_id == self.refuses:
            raise ValueError("told to refuse it")
        is_new = notice.event_id not in self.applied
        if is_new:
            self.applied.append(notice.event_id)
        return is_new


@dataclass
class Books:
    """What is known, in memory."""

    known: Known = field(default_factory=Known)
    entered: int = 0

    def known_about(self, facts: Facts) -> Known:
        return self.known

    def enter(self, provider: Provider, facts: Facts, cause: Cause) -> None:
        self.entered += 1
        self.known = learn(self.known, facts, cause)


@dataclass
class Outbox:
    """A queue that keeps what it is given."""

    sent: list[str] = field(default_factory=list)

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        assert queue_name == "looks"
        self.sent += messages


class House:
    """The sweep and the looks of some stores."""

    def __init__(self, *stores: Store) -> None:
        self.clock = SettableClock(ENDS - timedelta(days=3))
        self.stores = {store.name: store for store in stores or (Store(),)}
        self.room, self.outbox, self.books = Room(), Outbox(), Books()
        providers: Any = lambda: self.stores  # noqa: E731  # what the class takes: something to call
        self.live = LiveSubscriptions()
        self.reconciliation = Reconciliation(providers, self.room, self.live, self.outbox, "looks", self.clock, RULES)
        self.looks = Looks(providers, self.live, self.books, self.clock)

    def looked_at(self) -> list[str]:
        """Carry what was handed over, and return what was looked at."""
        messages, self.outbox.sent = self.outbox.sent, []
        for message in messages:
            self.looks.look_at_batch(message)
        return sorted(external_id for store in self.stores.values() for external_id in store.looked)


def stand(external_id: str, **words: Any) -> keys.Key:
    """Put a subscription into the table, in the due index where it lives."""
    place = live_key(known(external_id, **words))
    key = keys.provider_subscription_key("u1", STRIPE, external_id)
    item = ProviderSubscriptionItem(
        *key,
        created_at=BOUGHT,
        updated_at=BOUGHT,
        gsi3_pk=place.pk if place else None,
        gsi3_sk=place.sk if place else None,
        data=ProviderSubscriptionData(provider=STRIPE, external_id=external_id, revision=1),
    )
    item.save()
    return key
