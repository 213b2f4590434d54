"""The real rooms of billing on a real table, in front of a simulated store; losses, and what is in the table then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib import errors
from chalicelib.billing.application import Application
from chalicelib.billing.known import Cause, Known
from chalicelib.billing.looks import Looks
from chalicelib.billing.merge import payment_key, subscription_key
from chalicelib.billing.notices import Notices
from chalicelib.billing.reconciliation import Reconciliation
from chalicelib.billing.records import known_payment, known_subscription
from chalicelib.billing.standing import standing_of
from chalicelib.billing.words import PURCHASE, Word
from chalicelib.gateways.app_store import AppStore
from chalicelib.gateways.provider_facts import Facts, Notice, Provider
from chalicelib.ids import derived_id
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
from dev.storefront.apple_shop import AppleShop
from dev.storefront.lives import Life, ids_in, live
from dev.storefront.post import PostOffice, Weather
from dev.storefront.words import Delivery, Happening
from tests.rooms.lives_world import ACCOUNT, OTHER_ACCOUNT, RULES, Counter, differences
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


class Ownership(StrEnum):
    """Whose a subscription is said to be: the store names its account, or nobody, and the app hands the purchase in.
    Where it moves, what is bought again after an end names another account of ours."""

    NAMED = "named"
    CLAIMED = "claimed"
    MOVED = "moved"
    CLAIMED_AND_MOVED = "claimed and moved"

    @property
    def is_claimed(self) -> bool:
        """Whether the store names nobody at first."""
        return self in (Ownership.CLAIMED, Ownership.CLAIMED_AND_MOVED)

    @property
    def moves(self) -> bool:
        """Whether it comes to another account."""
        return self in (Ownership.MOVED, Ownership.CLAIMED_AND_MOVED)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A purchase as the app handed it in: what the store said of it then."""

    facts: Facts
    cause: Cause


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the table in the end, but for the instants at which it got there. `whose` says who has each
    subscription, `payers` who made each payment."""

    plans: Mapping[str, tuple[Any, ...]]
    known: Known
    subscriptions: Mapping[str, Subscription]
    whose: Mapping[str, str]
    payers: Mapping[str, str]

    def differs_from(self, other: Found) -> list[Any]:
        """Return what the other has otherwise. Whom the store named is compared by whose it is: Google names the
        account of a new sign-up once it was told that by us, so whoever asks later is told more."""
        pairs = ((self.plans, other.plans), (self.whose, other.whose), (self.payers, other.payers))
        told = (one for one in differences(self.known, other.known) if one.fields != ("account",))
        return [*(pair for pair in pairs if pair[0] != pair[1]), *told]


@dataclass
class Office:
    """The rooms, for one store. The table forgets everything when an office opens."""

    counter: Counter
    replayed: list[str] = field(default_factory=list)
    corrected: int = 0
    dropped: int = 0
    handed_in: HandedIn | None = None
    payers: dict[str, str] = field(default_factory=dict)
    _messages: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for item in list(Item.scan(consistent_read=True)):
            shared_connection().delete_item(item.pk, item.sk)
        for account in (ACCOUNT, OTHER_ACCOUNT):
            user = person(account)
            # Who had a plan and lost it has a free plan of this id, others that of their sign-up: no difference here.
            user.data.current_subscription.subscription_id = derived_id("free-plan", account)
            user.save()
        clock, provider = self.counter.clock, self.counter.provider
        providers = {provider.name: provider}
        application = self._application = Application(
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
        ownership: Ownership = Ownership.NAMED,
        claimed_at: int = 0,
    ) -> tuple[list[tuple[str, str]], list[Delivery]]:
        """Live a life, each notification delivered at once, or dropped. Google's first word of a purchase always comes:
        it keeps no list, and in its stead the app would hand the purchase in. What names nobody is handed in after so
        many happenings, at the latest before it is bought again, and what a family shares at once.

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
            self._go_on(external_id, ownership, is_to_hand_in and len(made) > claimed_at)

        is_to_hand_in = ownership.is_claimed or life.is_shared
        account = OTHER_ACCOUNT if life.is_shared else None if ownership.is_claimed else ACCOUNT
        story = live(life, counter.shop, counter.clock, account, deliver, among or frozenset(Happening))
        if is_to_hand_in:
            self._hand_in(ids_in(story)[-1])
        self.dropped = len(weather.dropped)
        return story, made

    def _go_on(self, external_id: str, ownership: Ownership, is_handed_in: bool) -> None:
        """Do what people do beside what happens in the store, and note who paid what is paid now."""
        shop, is_over = self.counter.shop, self.counter.shop.can(external_id, Happening.RESUBSCRIBE)
        if is_handed_in or (is_over and ownership.is_claimed):
            self._hand_in(external_id)
        if isinstance(shop, AppleShop):
            payer = shop.truth(external_id).account or ACCOUNT
            self.payers.setdefault(shop.transaction_ids(external_id)[-1], payer)
            if is_over and ownership.moves:
                shop.hand_over(external_id, OTHER_ACCOUNT)

    def _hand_in(self, external_id: str) -> None:
        """Let the app hand in a purchase, once."""
        if self.handed_in is None:
            facts = facts_handed_in(self.counter, external_id)
            self.handed_in = HandedIn(facts, Cause(self.counter.clock.now(), "", PURCHASE))
            self._claim(self.handed_in)

    def _claim(self, purchase: HandedIn) -> None:
        applied = self._application.apply(Word(purchase.facts, purchase.cause, claimant=ACCOUNT))
        self.notices.acknowledge(self.counter.provider, purchase.facts, applied)

    def told_anyhow(
        self,
        deliveries: Sequence[Delivery],
        weather: Weather,
        handed_in: HandedIn | None = None,
        handed_in_after: int = 0,
    ) -> None:
        """Deliver notifications as the weather has it, a purchase that was handed in after so many of them."""
        for some in (deliveries[:handed_in_after], deliveries[handed_in_after:]):
            post = PostOffice(self.hear, self.counter.clock, [self.counter.shop], weather=weather)
            post.post(some)
            assert all(receipt.is_taken for receipt in post.settle())
            if handed_in is not None:
                self._claim(handed_in)

    def found(self) -> Found:
        """Return what is in the table."""
        subscriptions, payments, whose, payers = {}, {}, {}, {}
        for item in Item.scan(consistent_read=True):
            if isinstance(item, ProviderSubscriptionItem | UnclaimedSubscriptionItem):
                known = known_subscription(item)
                assert subscription_key(known) not in subscriptions, "a subscription stands in two places"
                subscriptions[subscription_key(known)] = known
                whose[known.external_id] = item.pk
            elif isinstance(item, PaymentItem | UnclaimedPaymentItem):
                paid = known_payment(item)
                assert payment_key(paid) not in payments, "a payment was recorded twice"
                payments[payment_key(paid)] = paid
                payers[paid.transaction_id] = item.data.user_id
        plans = {one: _plan_of(one) for one in (ACCOUNT, OTHER_ACCOUNT)}
        shown = {one: _shown(plan) for one, plan in plans.items()}
        return Found(shown, Known(subscriptions, payments), plans, whose, payers)

    def require_true(self, story: Sequence[tuple[str, str]]) -> None:
        """Check what is in the table against what the store itself holds to be so: of whom it names, else of whoever
        handed the purchase in."""
        external_id = ids_in(story)[-1]
        truth, found = self.counter.shop.truth(external_id), self.found()
        owner = truth.account or ACCOUNT
        other = OTHER_ACCOUNT if owner == ACCOUNT else ACCOUNT
        assert found.whose[external_id] == keys.user_partition(owner), (story, found.whose)
        standing = standing_of(found.subscriptions[owner], self.counter.clock.now())
        assert standing.tier is truth.tier, (story, standing, truth)
        assert standing_of(found.subscriptions[other], self.counter.clock.now()).tier is Tier.FREE
        if truth.tier is not Tier.FREE:
            assert standing.paid_until == truth.until, (story, standing, truth)
            assert standing.auto_renew is truth.will_renew, (story, standing, truth)


def facts_handed_in(counter: Counter, external_id: str) -> Facts:
    """Return what a store says of a purchase that the app hands in."""
    shop, provider = counter.shop, counter.provider
    if isinstance(shop, AppleShop) and isinstance(provider, AppStore):
        return provider.claim(shop.signed_transaction(external_id))
    found = provider.look(external_id)
    assert found is not None
    return found


def _plan_of(user_id: str) -> Subscription:
    return UserItem.get(*keys.user_key(user_id), consistent_read=True).data.current_subscription


def _shown(plan: Subscription) -> tuple[Any, ...]:
    rule = plan.decided_by.rule if plan.decided_by is not None else None
    return (rule, plan.cancelled_at is None, *(getattr(plan, name) for name in _PLAN))
