"""Which of somebody's subscriptions go on being charged: all that they have, not only the one in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.billing.decision import Decision, decide
from chalicelib.billing.products import Products
from chalicelib.billing.records import known_subscription
from chalicelib.billing.standing import renews
from chalicelib.clock import Clock
from chalicelib.models.profile import UserItem
from chalicelib.models.states import SubscriptionProvider
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions


@dataclass(frozen=True, slots=True)
class Renewals:
    """Finds what will be charged. The plan in force hides the others: one that ends later, or one that we granted, may
    stand before a subscription that is paid for month after month."""

    subscriptions: ProviderSubscriptions
    products: Callable[[], Products]
    clock: Clock

    def charged_by(self, user: UserItem) -> SubscriptionProvider | None:
        """Return who will charge somebody again, of several first the one of the plan in force; None for nobody. One
        query, and none where the plan in force renews.

        Raises:
            Unavailable: the table does not answer.
        """
        now = self.clock.now()
        if renews(user.data.current_subscription, now):
            return user.data.current_subscription.provider
        return next((one.provider for one in self._of(user) if _is_charged(one, now)), None)

    def going_on_at(self, provider: SubscriptionProvider, user: UserItem) -> tuple[str, ...]:
        """Return the external ids of what goes on at one provider until it is cancelled there: also what is paused, and
        what the provider keeps trying to charge. One query.

        Raises:
            Unavailable: the table does not answer.
        """
        own = (one for one in self._of(user) if one.provider is provider)
        return tuple(one.external_id for one in own if one.auto_renew and one.external_id is not None)

    def _of(self, user: UserItem) -> list[Decision]:
        """What was paid is left out: money that went back ends a tier, and no renewal."""
        return [decide(known_subscription(item), (), self.products()) for item in self.subscriptions.of(user.data.id)]


def _is_charged(one: Decision, now: datetime) -> bool:
    """As `standing.renews` says it of the plan in force."""
    billed_at = one.next_billing_date
    return one.auto_renew and billed_at is not None and (now < billed_at or (one.opens and now < one.lasts_until))
