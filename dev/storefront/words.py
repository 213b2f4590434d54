"""What the simulated stores have in common: a clock of their own, what can happen, and what they send."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from chalicelib.models.states import SubscriptionProvider, Tier


class VirtualClock:
    """A clock that stands until it is moved. Every word of a store is dated by it, and no two alike: reading it moves
    it by a millisecond. Safe under threads."""

    def __init__(self, start: datetime = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)) -> None:
        self._instant = start
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the next instant."""
        with self._lock:
            self._instant += timedelta(milliseconds=1)
            return self._instant

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        with self._lock:
            self._instant += by


class Happening(StrEnum):
    """What can happen to a subscription once it was bought."""

    RENEW = "renew"
    CANCEL = "cancel"
    UNCANCEL = "uncancel"
    FAIL_INTO_GRACE = "fail_into_grace"
    FAIL_INTO_RETRY = "fail_into_retry"
    RECOVER = "recover"
    EXPIRE = "expire"
    RESUBSCRIBE = "resubscribe"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    PAUSE = "pause"
    RESUME = "resume"
    REFUND = "refund"
    REVERSE_REFUND = "reverse_refund"
    DISPUTE = "dispute"
    WIN_DISPUTE = "win_dispute"
    LOSE_DISPUTE = "lose_dispute"
    STOP_SHARING = "stop_sharing"
    UNKNOWN_NEWS = "unknown_news"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification on its way to the service, exactly as it goes over the wire. Header names are lower case."""

    provider: SubscriptionProvider
    event_id: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a store's API answers."""

    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Truth:
    """What the store itself holds to be so: the oracle that the service is compared with.

    `tier` is what the buyer may use at the store's present instant, `until` the end of what is paid or forgiven.
    """

    tier: Tier
    will_renew: bool
    until: datetime | None
    account: str | None


class Shop(Protocol):
    """One simulated store. Every method is safe under threads."""

    @property
    def name(self) -> SubscriptionProvider:
        """Which one it is."""
        ...

    def buy(self, account: str | None, plan_id: str, *, is_shared: bool = False) -> str:
        """Let somebody buy a plan (`premium_monthly` …); return the external id of the subscription. What is shared is
        had by somebody whom the store does not name, and `account` is who paid; where a store knows no family sharing,
        it is refused with `ValueError`."""
        ...

    def can(self, external_id: str, happening: Happening) -> bool:
        """Whether that can happen to this subscription as it stands."""
        ...

    def happen(self, external_id: str, happening: Happening) -> str:
        """Let it happen; return the external id under which the subscription goes on. Moves the clock where time has to
        pass (a renewal: to the end of the term)."""
        ...

    def truth(self, external_id: str) -> Truth:
        """Return what the store holds to be so now."""
        ...

    def take_deliveries(self) -> list[Delivery]:
        """Return the notifications since the last time, in the order in which they were made."""
        ...

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        """Answer a call of the store's API; None for a path that is not this store's. `path` carries the query."""
        ...


@runtime_checkable
class Sealer(Protocol):
    """A store that signs each attempt to deliver anew, with the time of the attempt: Stripe its signature, Google the
    token of its push. The App Store sends the same signed text each time, and is none."""

    def sealed_anew(self, delivery: Delivery) -> Delivery:
        """Return the same notification as it goes over the wire now: event id and body as before, new headers."""
        ...
