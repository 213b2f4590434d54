"""Messages that are not counted: what stands in for the quota of messages until billing counts them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from chalicelib import errors
from chalicelib.chat.doors import RequireConsent, SessionRule
from chalicelib.clock import Clock
from chalicelib.ids import new_id
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.stores.report_orders import Order, OrderOutcome, ReportOrders
from chalicelib.web.request import Caller


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A unit that is none."""

    is_repeat: bool = False


def message_name(idempotency_key: str | None, content: str) -> str:
    """Return the name under which a message would be counted."""
    if not idempotency_key:
        return new_id()
    return hashlib.sha256(f"message/1:{len(idempotency_key)}:{idempotency_key}:{content}".encode()).hexdigest()


class UncountedMessages:
    """Lets every message pass. The limit per minute and the daily cap of the models hold nevertheless."""

    def reserve(self, user: UserItem | None, caller: Caller, name: str) -> Uncounted:  # noqa: ARG002
        """Count nothing."""
        return Uncounted()

    def keep(self, unit: Uncounted) -> None:
        """Nothing was counted."""

    def give_back(self, unit: Uncounted) -> None:
        """Nothing was counted."""


@dataclass(frozen=True, slots=True)
class UncountedJobs:
    """Puts jobs without counting them, on the same conditions: session, consent, and one job per request."""

    orders: ReportOrders
    sessions: SessionRule
    require_consent: RequireConsent
    clock: Clock

    def reserve(self, user: UserItem | None, caller: Caller, job: JobItem) -> Uncounted:
        """Put the job, unless it is there.

        Raises:
            Unauthenticated, Forbidden: the session or the consent is gone. Unavailable: the profile kept changing.
        """
        live = self.sessions.require_live(user, caller)
        self.require_consent(live)
        subscription = live.data.current_subscription
        order = Order(
            user_id=caller.user_id,
            session_id=caller.session_id,
            subscription_id=subscription.subscription_id,
            subscription_updated_at=subscription.updated_at,
            is_free=False,
            at=self.clock.now(),
        )
        outcome = self.orders.order(order, job)
        if outcome is OrderOutcome.CHANGED:
            raise errors.Unavailable(message="The profile changed at this moment.")
        return Uncounted(is_repeat=outcome is OrderOutcome.REPEATED)
