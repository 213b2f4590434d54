"""Google Play as the tests meet it: the simulated shop behind real HTTP, and the gateway that talks to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from chalicelib.gateways.play_store import PlayStore
from chalicelib.gateways.provider_facts import Facts, Notice, SubscriptionSeen
from chalicelib.rules import Rules
from dev.storefront.google_shop import GoogleShop
from dev.storefront.post import PostOffice
from dev.storefront.server import Controls, StorefrontServer
from dev.storefront.words import VirtualClock

ACCOUNT = "6a1f4c0e-52f5-4c59-9a60-0f8f5e1b7a11"


class Held:
    """A secret as an operator put it in; it counts how often it was suspected to be stale."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = dict(value)
        self.suspicions = 0

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        self.suspicions += is_suspected_stale
        return self.value


class PlayWorld:
    """A shop, the clock that shop and service share, and the service's gateway."""

    def __init__(self, url: str, shop: GoogleShop, clock: VirtualClock) -> None:
        self.url = url
        self.shop = shop
        self.clock = clock
        self.held = Held(shop.api.secret())
        self.store = self.gateway()

    def gateway(self, **changes: Any) -> PlayStore:
        """Return a gateway with its own caches, and settings changed."""
        return PlayStore(self.shop.settings(self.url, **changes), self.held, "play-store", self.clock, Rules())

    def notices(self) -> list[Notice]:
        """Return what the shop sent since the last time, verified."""
        return [self.store.verify(one.body, one.headers) for one in self.shop.take_deliveries()]

    def facts(self) -> Facts:
        """Return what the last notification leads to."""
        return self.store.read(self.notices()[-1])

    def seen(self, token: str) -> SubscriptionSeen:
        """Return what Google says of a purchase."""
        facts = self.store.look(token)
        assert facts is not None
        return facts.subscriptions[0]

    def bought(self, plan_id: str = "premium_monthly") -> str:
        """Buy, acknowledge, and forget the notification."""
        token = self.shop.buy(ACCOUNT, plan_id)
        self.shop.book.acknowledge(token)
        self.shop.take_deliveries()
        return token

    def wait(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))


@contextmanager
def play_world(**options: Any) -> Iterator[PlayWorld]:
    """A world of its own on a free port."""
    clock = VirtualClock()
    shop = GoogleShop(clock, **options)
    with StorefrontServer() as server:
        server.open([shop], Controls([shop], clock, PostOffice(lambda _: None, clock)))
        yield PlayWorld(server.url, shop, clock)
