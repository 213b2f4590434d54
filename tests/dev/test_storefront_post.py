"""The post office of the simulated stores: what it delivers when, and what it does where it is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.models.states import SubscriptionProvider
from dev.storefront.post import RETRY_AFTER, PostOffice, Weather
from dev.storefront.words import Delivery, VirtualClock

START = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
NAMES = [f"event-{number}" for number in range(40)]


class Recipient:
    """Takes notifications, and refuses as many as it is told to."""

    def __init__(self, clock: VirtualClock, refusals: int = 0, status: int | None = 503) -> None:
        self.clock = clock
        self.refusals = refusals
        self.status = status
        self.got: list[str] = []
        self.times: list[datetime] = []

    def __call__(self, delivery: Delivery) -> int | None:
        self.got.append(delivery.event_id)
        self.times.append(self.clock.now())
        if self.refusals:
            self.refusals -= 1
            return self.status
        return 200


class TimedSeals:
    """Signs each attempt with its number."""

    name = SubscriptionProvider.STRIPE

    def __init__(self) -> None:
        self.attempts = 0

    def sealed_anew(self, delivery: Delivery) -> Delivery:
        self.attempts += 1
        return Delivery(
            delivery.provider, delivery.event_id, delivery.path, {"attempt": str(self.attempts)}, delivery.body
        )


def delivery(event_id: str, provider: SubscriptionProvider = SubscriptionProvider.APPLE) -> Delivery:
    return Delivery(provider, event_id, "/webhooks/apple", {"content-type": "application/json"}, b"{}")


def office(recipient: Recipient, **weather: object) -> PostOffice:
    return PostOffice(recipient, recipient.clock, weather=Weather(**weather))  # type: ignore[arg-type]  # narrower than its declared type


def test_in_fair_weather_everything_arrives_once_and_in_order() -> None:
    recipient = Recipient(VirtualClock(START))
    post = office(recipient)
    post.post([delivery(name) for name in NAMES])
    assert all(receipt.is_taken for receipt in post.carry())
    assert recipient.got == NAMES
    assert post.next_due_at is None


def test_what_may_be_late_is_overtaken_and_nothing_is_lost() -> None:
    recipient = Recipient(VirtualClock(START))
    post = office(recipient, longest_delay=timedelta(hours=2), seed=1)
    post.post([delivery(name) for name in NAMES])
    post.settle()
    assert recipient.got != NAMES
    assert sorted(recipient.got) == sorted(NAMES)
    assert recipient.times[-1] - START < timedelta(hours=2, minutes=1)


def test_some_are_repeated_and_some_are_lost_as_the_seed_has_it() -> None:
    def fates(seed: int) -> tuple[list[str], list[str]]:
        recipient = Recipient(VirtualClock(START))
        post = office(recipient, repeats=0.3, drops=0.2, seed=seed)
        post.post([delivery(name) for name in NAMES])
        post.settle()
        return recipient.got, [one.event_id for one in post.dropped]

    got, dropped = fates(7)
    assert dropped
    assert len(got) > len(set(got))
    assert sorted({*got, *dropped}) == sorted(NAMES)
    assert not set(got) & set(dropped)
    assert fates(7) == (got, dropped)
    assert fates(8) != (got, dropped)


@pytest.mark.parametrize("status", [503, 401, 500, 302, None])
def test_a_refusal_is_tried_again_as_the_app_store_does(status: int | None) -> None:
    clock = VirtualClock(START)
    recipient = Recipient(clock, refusals=2, status=status)
    post = office(recipient)
    post.post([delivery("a")])
    receipts = post.settle()
    assert [receipt.attempt for receipt in receipts] == [1, 2, 3]
    waits = [later - earlier for earlier, later in zip(recipient.times, recipient.times[1:], strict=False)]
    assert [round(wait / timedelta(hours=1)) for wait in waits] == [1, 12]


@pytest.mark.parametrize("provider", list(RETRY_AFTER))
def test_after_the_last_try_a_store_gives_up(provider: SubscriptionProvider) -> None:
    recipient = Recipient(VirtualClock(START), refusals=1000)
    post = office(recipient)
    post.post([delivery("a", provider)])
    post.settle()
    assert len(recipient.got) == len(RETRY_AFTER[provider]) + 1
    assert [one.event_id for one in post.given_up] == ["a"]


def test_a_store_that_signs_each_attempt_signs_each_attempt() -> None:
    recipient = Recipient(VirtualClock(START), refusals=1)
    seals = TimedSeals()
    post = PostOffice(recipient, recipient.clock, [seals])  # type: ignore[list-item]  # narrower than its declared type
    post.post([delivery("a", SubscriptionProvider.STRIPE), delivery("b")])
    seen = [(one.delivery.event_id, one.delivery.headers.get("attempt")) for one in post.settle()]
    assert seen == [("a", "1"), ("b", None), ("a", "2")]
