"""A simulated store on a port with our gateway in front of it, and books that keep in memory what it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib import errors
from chalicelib.billing.decision import Decision, choose, decide
from chalicelib.billing.drift import Drift, drift_between
from chalicelib.billing.known import Cause, Known
from chalicelib.billing.merge import learn
from chalicelib.billing.products import Products
from chalicelib.billing.standing import effective_tier
from chalicelib.gateways.provider_facts import Facts, Provider
from chalicelib.models.states import Tier
from chalicelib.rules import Rules
from dev.storefront.lives import Life, ids_in, live
from dev.storefront.post import PostOffice, Weather
from dev.storefront.server import Controls, StorefrontServer
from dev.storefront.words import Delivery, Shop, VirtualClock

ACCOUNT = "5f0c7f0e-3d6b-4b7e-9a53-0d7c2f3f1a11"
OTHER_ACCOUNT = "0e4c5a7d-91f2-4c0b-8a34-6b1d2e3f4a22"
RULES = Rules(billing_sweep_stretch=timedelta(days=30))


@dataclass(frozen=True, slots=True)
class FixedSecrets:
    """Gives out one secret."""

    value: Mapping[str, Any]

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        return self.value


@dataclass(frozen=True, slots=True)
class Counter:
    """One store that sells, and how we speak to it."""

    shop: Shop
    clock: VirtualClock
    provider: Provider
    products: Products


def apple(clock: VirtualClock, url: str) -> tuple[Shop, Provider, Mapping[str, str]]:
    from chalicelib.gateways.app_store import AppStore
    from dev.storefront.apple_shop import AppleShop

    shop = AppleShop(clock)
    stage = shop.settings(url)
    return shop, AppStore(stage, FixedSecrets(shop.secret()), "apple", clock, RULES), stage.products


def google(clock: VirtualClock, url: str) -> tuple[Shop, Provider, Mapping[str, str]]:
    from chalicelib.gateways.play_store import PlayStore
    from dev.storefront.google_shop import GoogleShop

    # Notifications come as late here as a test has them; Google would have forgotten old purchases by then.
    shop = GoogleShop(clock, memory=None)
    stage = shop.settings(url)
    return shop, PlayStore(stage, FixedSecrets(shop.api.secret()), "google", clock, RULES), stage.products


def stripe(clock: VirtualClock, url: str) -> tuple[Shop, Provider, Mapping[str, str]]:
    from chalicelib.config import Stripe as StripeSettings
    from chalicelib.gateways.stripe import Stripe
    from dev.storefront.stripe_shop import StripeShop

    shop = StripeShop(clock)
    stage = StripeSettings(shop.products, "https://a.example/paid", "https://a.example/plans", api_url=f"{url}/stripe")
    return shop, Stripe(stage, FixedSecrets(shop.secret()), "stripe", clock, RULES), stage.products


Opening = Callable[[VirtualClock, str], tuple[Shop, Provider, Mapping[str, str]]]
STORES: Mapping[str, Opening] = {"apple": apple, "google": google, "stripe": stripe}


class Street:
    """A port with the stores, each opened once: drawing keys takes long. Time goes on from life to life, until a store
    is so far ahead that another one opens."""

    def __init__(self, server: StorefrontServer) -> None:
        self._server = server
        self._open: dict[str, Counter] = {}

    def counter(self, name: str) -> Counter:
        """Return an open store, so long after all that happened in it that no reconciliation looks back there."""
        found = self._open.get(name)
        if found is None or found.clock.now().year > 2060:
            clock = VirtualClock()
            shop, provider, products = STORES[name](clock, self._server.url)
            found = self._open[name] = Counter(shop, clock, provider, Products({provider.name: products}))
        found.clock.advance(2 * RULES.billing_sweep_look_back)
        post = PostOffice(lambda _: None, found.clock)
        self._server.open([found.shop], Controls([found.shop], found.clock, post))
        return found


@contextmanager
def open_street() -> Iterator[Street]:
    """A port for the stores' APIs."""
    with StorefrontServer() as server:
        yield Street(server)


@dataclass
class Books:
    """What a service knows that keeps it in memory: verifies, reads and merges, as the rooms do."""

    provider: Provider
    known: Known = field(default_factory=Known)
    heard: set[str] = field(default_factory=set)

    def hear(self, delivery: Delivery) -> int:
        """Take a notification and return the status of our answer."""
        try:
            notice = self.provider.verify(delivery.body, delivery.headers)
            if notice.event_id not in self.heard:
                facts = self.provider.read(notice)
                self.heard.add(notice.event_id)
                self.learn(facts, Cause(notice.happened_at, notice.event_id, notice.event_type))
        except errors.ServiceError as refusal:
            return refusal.status
        return 200

    def learn(self, facts: Facts, cause: Cause) -> None:
        """Merge facts, and acknowledge the purchases that want it."""
        self.known = learn(self.known, facts, cause)
        for seen in facts.subscriptions:
            if seen.needs_acknowledgement:
                self.provider.acknowledge(seen)


def told_in_order(counter: Counter, life: Life, books: Books) -> tuple[list[tuple[str, str]], list[Delivery]]:
    """Live a life, each notification delivered once and at once; return the story and what was delivered."""
    delivered: list[Delivery] = []

    def deliver(_: str) -> None:
        taken = counter.shop.take_deliveries()
        post = PostOffice(books.hear, counter.clock, [counter.shop])
        post.post(taken)
        assert all(receipt.is_taken for receipt in post.carry())
        delivered.extend(taken)

    return live(life, counter.shop, counter.clock, ACCOUNT, deliver), delivered


def told_anyhow(counter: Counter, deliveries: Sequence[Delivery], books: Books, seed: int) -> None:
    """Deliver notifications in any order, some of them twice or thrice."""
    weather = Weather(repeats=0.4, longest_delay=timedelta(minutes=20), seed=seed)
    post = PostOffice(books.hear, counter.clock, [counter.shop], weather=weather)
    post.post(deliveries)
    assert all(receipt.is_taken for receipt in post.settle())


def differences(one: Known, other: Known) -> list[Drift]:
    """Return what two states know otherwise, in either direction."""
    return [*drift_between(one, other), *drift_between(other, one)]


def decided(known: Known, products: Products) -> Decision | None:
    """Return what counts of everything known."""
    payments = list(known.payments.values())
    return choose(decide(one, payments, products) for one in known.subscriptions.values())


def tier_of(decision: Decision | None, now: datetime) -> Tier:
    """Return what a decision is worth now."""
    if decision is None:
        return Tier.FREE
    return effective_tier(decision.tier, decision.status, decision.end_date, now, decision.grace_end_date)


def require_true(counter: Counter, story: Sequence[tuple[str, str]], decision: Decision | None) -> None:
    """Check a decision against what the store itself holds to be so."""
    truth = counter.shop.truth(ids_in(story)[-1])
    now = counter.clock.now()
    assert tier_of(decision, now) is truth.tier, (story, decision, truth)
    if truth.tier is not Tier.FREE:
        assert decision is not None
        assert decision.lasts_until == truth.until, (story, decision, truth)
        assert decision.auto_renew is truth.will_renew, (story, decision, truth)
