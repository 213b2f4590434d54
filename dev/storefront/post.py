"""The post office of the simulated stores: carries their notifications over HTTP, and tries again as each store does.

It can repeat, reorder, delay and drop; which notification meets which fate is decided by a seed alone.
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import urllib3

from chalicelib.models.states import SubscriptionProvider
from dev.storefront.words import Delivery, Sealer, Shop, VirtualClock

Send = Callable[[Delivery], int | None]
"""Takes a notification to the service and returns the status that it answered; None where nobody answers."""

RETRY_AFTER: Final[Mapping[SubscriptionProvider, tuple[timedelta, ...]]] = {
    # Apple, "Responding to App Store Server Notifications": five times, counted from the attempt before.
    SubscriptionProvider.APPLE: tuple(timedelta(hours=hours) for hours in (1, 12, 24, 48, 72)),
    # Pub/Sub, "Handle message failures": from 10 s to 10 min apart, for as long as the message is kept, seven days.
    # Nine steps reach the ten minutes; the rest of the week is drawn together into one attempt a day.
    SubscriptionProvider.GOOGLE: (
        *(timedelta(seconds=min(600, 10 * 2**step)) for step in range(8)),
        *(timedelta(days=1) for _ in range(6)),
    ),
    # Stripe, "Webhooks": growing waits over three days. It does not say which; these are near what is seen.
    SubscriptionProvider.STRIPE: tuple(timedelta(hours=hours) for hours in (1, 2, 4, 8, 12, 18, 24)),
}
_TAKEN: Final[Mapping[SubscriptionProvider, frozenset[int]]] = {
    SubscriptionProvider.APPLE: frozenset(range(200, 207)),
    SubscriptionProvider.GOOGLE: frozenset({102, 200, 201, 202, 204}),
    SubscriptionProvider.STRIPE: frozenset(range(200, 300)),
}
"""Which statuses each store takes for a yes."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What may befall a notification on its way. Chances lie between 0 and 1.

    `repeats` is the chance that it is delivered once more though it was taken, `drops` that it is lost with all its
    retries, `longest_delay` up to how much each delivery comes late: with some, notifications overtake each other.
    """

    repeats: float = 0.0
    drops: float = 0.0
    longest_delay: timedelta = timedelta(0)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """One attempt: what was carried when, for the how-many-eth time, and what the service answered."""

    delivery: Delivery
    attempt: int
    at: datetime
    status: int | None

    @property
    def is_taken(self) -> bool:
        """Whether the store regards it as delivered."""
        return self.status in _TAKEN[self.delivery.provider]


@dataclass(frozen=True, slots=True, order=True)
class _Letter:
    due_at: datetime
    number: int
    attempt: int
    delivery: Delivery


class PostOffice:
    """Holds what is on its way, and carries what is due. Safe under threads."""

    def __init__(
        self, send: Send, clock: VirtualClock, shops: Iterable[Shop] = (), *, weather: Weather | None = None
    ) -> None:
        self._send = send
        self._clock = clock
        self._sealers = {shop.name: shop for shop in shops if isinstance(shop, Sealer)}
        self._weather = weather or Weather()
        self._chance = random.Random(self._weather.seed)
        self._letters: list[_Letter] = []
        self._numbers = 0
        self._lock = threading.RLock()
        self.dropped: list[Delivery] = []
        self.given_up: list[Delivery] = []

    def post(self, deliveries: Iterable[Delivery]) -> None:
        """Take notifications in; the weather decides what becomes of each."""
        with self._lock:
            for delivery in deliveries:
                if self._chance.random() < self._weather.drops:
                    self.dropped.append(delivery)
                    continue
                self._plan(delivery, 1, self._delay())
                if self._chance.random() < self._weather.repeats:
                    self._plan(delivery, 1, self._delay())

    def turn(self, weather: Weather) -> None:
        """Let another weather come, for what is taken in from now on."""
        with self._lock:
            self._weather, self._chance = weather, random.Random(weather.seed)

    @property
    def next_due_at(self) -> datetime | None:
        """When the next one is due; None while nothing is on its way."""
        with self._lock:
            return self._letters[0].due_at if self._letters else None

    def carry(self) -> list[Receipt]:
        """Deliver what is due by now, in the order in which it is due; what is not taken is planned anew, as its store
        does."""
        now, receipts = self._clock.now(), []
        while (letter := self._due(now)) is not None:
            receipts.append(self._carried(letter))
        return receipts

    def settle(self) -> list[Receipt]:
        """Deliver everything, retries and all, moving the clock to when each is due."""
        receipts = self.carry()
        while (due_at := self.next_due_at) is not None:
            self._clock.advance(max(due_at - self._clock.now(), timedelta(0)))
            receipts += self.carry()
        return receipts

    def _due(self, now: datetime) -> _Letter | None:
        with self._lock:
            return heapq.heappop(self._letters) if self._letters and self._letters[0].due_at <= now else None

    def _carried(self, letter: _Letter) -> Receipt:
        sealer = self._sealers.get(letter.delivery.provider)
        delivery = sealer.sealed_anew(letter.delivery) if sealer is not None else letter.delivery
        # Never while holding the lock: the service asks the shops, and the shops' happenings post.
        receipt = Receipt(delivery, letter.attempt, self._clock.now(), self._send(delivery))
        if not receipt.is_taken:
            self._try_later(letter)
        return receipt

    def _try_later(self, letter: _Letter) -> None:
        waits = RETRY_AFTER[letter.delivery.provider]
        with self._lock:
            if letter.attempt > len(waits):
                self.given_up.append(letter.delivery)
            else:
                self._plan(letter.delivery, letter.attempt + 1, waits[letter.attempt - 1])

    def _plan(self, delivery: Delivery, attempt: int, wait: timedelta) -> None:
        self._numbers += 1
        heapq.heappush(self._letters, _Letter(self._clock.now() + wait, self._numbers, attempt, delivery))

    def _delay(self) -> timedelta:
        return self._weather.longest_delay * self._chance.random()


def over_http(service_url: str) -> Send:
    """Return what takes notifications to a service over HTTP."""
    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=35), retries=False)

    def send(delivery: Delivery) -> int | None:
        try:
            return http.request(
                "POST", service_url + delivery.path, headers=dict(delivery.headers), body=delivery.body
            ).status
        except urllib3.exceptions.HTTPError:
            return None

    return send
