"""The App Store of the tests: a simulated shop that answers over HTTP, and the gateway that trusts its root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from chalicelib.gateways.app_store import AppStore
from chalicelib.gateways.provider_facts import Facts, Notice, PaymentSeen, RenewalSeen, SubscriptionSeen, TermSeen
from chalicelib.rules import Rules
from dev.storefront.apple_shop import AppleShop
from dev.storefront.post import PostOffice, over_http
from dev.storefront.server import Controls, StorefrontServer
from dev.storefront.words import Delivery, Happening, VirtualClock

ACCOUNT = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


class Held:
    """The secret as an operator put it in; `fresh` is what replaced it since it was read."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = dict(value)
        self.fresh: Mapping[str, Any] | None = None

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        if is_suspected_stale and self.fresh is not None:
            self.value = dict(self.fresh)
        return self.value


class World:
    """A shop, its clock, and the gateway. Nothing is asked over HTTP unless `url` is where the shop answers."""

    def __init__(self, url: str = "http://127.0.0.1:9", **changes: Any) -> None:
        self.url = url
        self.clock = VirtualClock()
        self.shop = AppleShop(self.clock)
        self.held = Held(self.shop.secret())
        self.store = self.gateway(**changes)

    def gateway(self, **changes: Any) -> AppStore:
        stage = msgspec.structs.replace(self.shop.settings(self.url), **changes)
        return AppStore(stage, self.held, "serenya/test/app-store", self.clock, Rules())

    def told(self, delivery: Delivery) -> Notice:
        return self.store.verify(delivery.body, delivery.headers)

    def facts(self, delivery: Delivery) -> Facts:
        return self.store.read(self.told(delivery))

    def last(self) -> Delivery:
        return self.shop.take_deliveries()[-1]

    def after(self, *happenings: Happening, plan_id: str = "premium_monthly", is_shared: bool = False) -> Delivery:
        """Buy, let things happen, and return the last notification."""
        external_id = self.shop.buy(ACCOUNT, plan_id, is_shared=is_shared)
        for happening in happenings:
            self.shop.happen(external_id, happening)
        return self.last()


@contextmanager
def world_over_http() -> Iterator[World]:
    """A world whose shop answers on a port of loopback."""
    with StorefrontServer() as server:
        world = World(server.url)
        post = PostOffice(over_http(server.url), world.clock, [world.shop])
        server.open([world.shop], Controls([world.shop], world.clock, post))
        yield world


def subscription(facts: Facts) -> SubscriptionSeen:
    [seen] = facts.subscriptions
    return seen


def term(facts: Facts) -> TermSeen:
    found = subscription(facts).term
    assert found is not None
    return found


def renewal(facts: Facts) -> RenewalSeen:
    found = subscription(facts).renewal
    assert found is not None
    return found


def payment(facts: Facts) -> PaymentSeen:
    [seen] = facts.payments
    return seen
