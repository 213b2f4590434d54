"""The real rooms of billing on a real table, in front of a simulated store; losses, and what is in the table then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib import errors
from chalicelib.billing.application import Application
from chalicelib.billing.drift import Drift
from chalicelib.billing.known import Cause, Known
from chalicelib.billing.looks import Looks
from chalicelib.billing.merge import payment_key, subscription_key
from chalicelib.billing.notices import Notices
from chalicelib.billing.reconciliation import Reconciliation
from chalicelib.billing.records import known_payment, known_subscription
from chalicelib.billing.standing import standing_of
from chalicelib.gateways.provider_facts import Facts, Notice, Provider
from chalicelib.models import keys
from chalicelib.models.base import Item, shared_connection
from chalicelib.models.payment import PaymentItem, UnclaimedPaymentItem
from chalicelib.models.profile import Subscription, UserItem
from chalicelib.models.provider_subscription import ProviderSubscriptionItem, UnclaimedSubscriptionItem
from chalicelib.models.states import SubscriptionProvider, Tier
from chalicelib.stores.billing_changes import BillingChanges
from chalicelib.stores.billing_events import BillingEvents
from chalicelib.stores.live_subscriptions import LiveSubscriptions
from chalicelib.stores.payments import Payments
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions
from chalicelib.stores.users import Users
from dev.storefront.lives import Life, ids_in, live
from dev.storefront.post import PostOffice, Weather
from dev.storefront.words import Delivery, Happening
from tests.rooms.lives_world import ACCOUNT, RULES, Counter, differences
from tests.unit.billing.people import person

_PLAN = (
    "subscription_id",
    "subscription_status",
    "tier",
    "subscription_type",
    "provider",
    "external_subscription_id",
    "start_date",
    "end_date",
    "next_billing_date",
    "grace_end_date",
    "auto_renew",
)


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the table in the end, but for the instants at which it got there."""

    plan: tuple[Any, ...]
    known: Known
    subscription: Subscription

    def differs_from(self, other: Found) -> list[tuple[Any, ...] | Drift]:
        """Return what the other has otherwise."""
        plans = [(one, another) for one, another in zip(self.plan, other.plan, strict=True) if one != another]
        return [*plans, *differences(self.known, other.known)]


@dataclass
class Office:
    """The rooms, for one store. The table forgets everything when an office opens."""

    counter: Counter
    replayed: list[str] = field(default_factory=list)
    corrected: int = 0
    dropped: int = 0
    _messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for item in list(Item.scan(consistent_read=True)):
            shared_connection().delete_item(item.pk, item.sk)
        person(ACCOUNT).save()
        clock, provider = self.counter.clock, self.counter.provider
        providers = {provider.name: provider}
        application = Application(
            BillingEvents(),
            ProviderSubscriptions(),
            Payments(),
            BillingChanges(),
            Users().by_id,
            lambda: self.counter.products,
            clock,
            RULES,
        )
        self.notices = Notices(lambda: providers, application)
        live_ones = LiveSubscriptions()
        self._reconciliation = Reconciliation(lambda: providers, self, live_ones, self, "looks", clock, RULES)
        self._looks = Looks(lambda: providers, live_ones, self, clock)

    def hear(self, delivery: Delivery) -> int:
        """Take a notification and return the status of the answer."""
        try:
            self.notices.receive(delivery.provider, delivery.body, delivery.headers)
        except errors.ServiceError as refusal:
            return refusal.status
        return 200

    def reconcile(self) -> None:
        """Run the reconciliation once, to the end of its queue."""
        self._reconciliation.sweep()
        messages, self._messages = self._messages, []
        for message in messages:
            self._looks.look_at_batch(message)

    # What the reconciliation asks of other rooms, counted on its way to them.

    def apply(self, notice: Notice) -> bool:
        is_new = self.notices.apply(notice)
        if is_new:
            self.replayed.append(notice.event_type)
        return is_new

    def known_about(self, facts: Facts) -> Known:
        return self.notices.known_about(facts)

    def enter(self, provider: Provider, facts: Facts, cause: Cause) -> None:
        self.corrected += 1
        self.notices.enter(provider, facts, cause)

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        self._messages += messages

    # Lives

    def lead(
        self,
        life: Life,
        *,
        drops: float = 0.0,
        seed: int = 0,
        among: frozenset[Happening] | None = None,
        is_reconciled_at_once: bool = False,
    ) -> tuple[list[tuple[str, str]], list[Delivery]]:
        """Live a life, each notification delivered at once, or dropped. Google's first word of a purchase always comes:
        it keeps no list, and in its stead the app would hand the purchase in.

        Returns the story, and what was delivered or dropped.
        """
        counter, made, known_ids = self.counter, [], set[str]()
        weather = PostOffice(self.hear, counter.clock, [counter.shop], weather=Weather(drops=drops, seed=seed))
        fair = PostOffice(self.hear, counter.clock, [counter.shop])

        def deliver(external_id: str) -> None:
            taken, before = counter.shop.take_deliveries(), len(weather.dropped)
            is_heard = counter.shop.name is not SubscriptionProvider.GOOGLE or external_id in known_ids
            known_ids.add(external_id)
            made.extend(taken)
            post = weather if is_heard else fair
            post.post(taken)
            assert all(receipt.is_taken for receipt in post.carry())
            if is_reconciled_at_once and len(weather.dropped) > before:
                self.reconcile()

        story = live(life, counter.shop, counter.clock, ACCOUNT, deliver, among or frozenset(Happening))
        self.dropped = len(weather.dropped)
        return story, made

    def told_anyhow(self, deliveries: Sequence[Delivery], weather: Weather) -> None:
        """Deliver notifications as the weather has it."""
        post = PostOffice(self.hear, self.counter.clock, [self.counter.shop], weather=weather)
        post.post(deliveries)
        assert all(receipt.is_taken for receipt in post.settle())

    def found(self) -> Found:
        """Return what is in the table."""
        subscriptions, payments = {}, {}
        for item in Item.scan(consistent_read=True):
            if isinstance(item, ProviderSubscriptionItem | UnclaimedSubscriptionItem):
                known = known_subscription(item)
                assert subscription_key(known) not in subscriptions, "a subscription stands in two places"
                subscriptions[subscription_key(known)] = known
            elif isinstance(item, PaymentItem | UnclaimedPaymentItem):
                paid = known_payment(item)
                assert payment_key(paid) not in payments, "a payment was recorded twice"
                payments[payment_key(paid)] = paid
        plan = UserItem.get(*keys.user_key(ACCOUNT), consistent_read=True).data.current_subscription
        rule = plan.decided_by.rule if plan.decided_by is not None else None
        values = (rule, plan.cancelled_at is None, *(getattr(plan, name) for name in _PLAN))
        return Found(values, Known(subscriptions, payments), plan)

    def require_true(self, story: Sequence[tuple[str, str]]) -> None:
        """Check what is in the table against what the store itself holds to be so."""
        truth = self.counter.shop.truth(ids_in(story)[-1])
        standing = standing_of(self.found().subscription, self.counter.clock.now())
        assert standing.tier is truth.tier, (story, standing, truth)
        if truth.tier is not Tier.FREE:
            assert standing.paid_until == truth.until, (story, standing, truth)
            assert standing.auto_renew is truth.will_renew, (story, standing, truth)
