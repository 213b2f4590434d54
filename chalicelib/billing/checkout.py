"""Paying through Stripe: a page to pay on is opened, and a subscription there is ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib import errors
from chalicelib.billing.billing_contract import CancelAnswer, CancelRequest, CheckoutAnswer, CheckoutRequest
from chalicelib.billing.doors import Cashier, FreshProof, Stores
from chalicelib.billing.known import Cause
from chalicelib.billing.notices import Notices
from chalicelib.billing.standing import renews, standing_of
from chalicelib.billing.subscriptions import project
from chalicelib.billing.tiers import plans
from chalicelib.billing.usage import ProfileReader, SessionRule
from chalicelib.clock import Clock
from chalicelib.ids import new_id
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionProvider, Tier
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.web.request import Caller

CANCELLATION: Final = "cancellation"
"""The event type of a cancellation that the caller asked us for."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_MANAGED_AT: Final = {
    SubscriptionProvider.APPLE: "https://apps.apple.com/account/subscriptions",
    SubscriptionProvider.GOOGLE: "https://play.google.com/store/account/subscriptions",
}


@dataclass(frozen=True, slots=True)
class Checkout:
    """Opens pages to pay on, and ends what is paid there."""

    stores: Callable[[], Stores]
    notices: Notices
    read_profile: ProfileReader
    sessions: SessionRule
    fresh_proof: FreshProof
    clock: Clock

    def open(self, caller: Caller, request: CheckoutRequest, idempotency_key: str | None) -> CheckoutAnswer:
        """Open a page where the caller pays for a plan. With an `Idempotency-Key` a repetition gives the same page.

        Raises:
            InvalidRequest: UNKNOWN_PLAN, INVALID_IDEMPOTENCY_KEY.
            Conflict: ALREADY_SUBSCRIBED: they would pay twice; `details.provider` says where they pay.
            Unauthenticated, Forbidden: the session has ended; ACCOUNT_SUSPENDED; BIOMETRIC_REQUIRED.
            Unavailable: Stripe or the table does not answer.
        """
        user = self.sessions.require_live(self.read_profile(caller.user_id), caller)
        self.fresh_proof.require(user, caller)
        cashier = self.stores().stripe
        is_for_sale = any(plan.plan_id == request.plan_id and plan.tier is not Tier.FREE for plan in plans())
        if cashier is None or not is_for_sale:
            raise errors.InvalidRequest("UNKNOWN_PLAN", "There is no such plan to buy.")
        subscription = user.data.current_subscription
        if renews(subscription, self.clock.now()):
            raise errors.Conflict(
                "ALREADY_SUBSCRIBED",
                "A subscription renews already.",
                user_message="You have a subscription that renews. Cancel it first, or change it where you bought it.",
                details={"provider": subscription.provider.value},
            )
        session = cashier.checkout(caller.user_id, request.plan_id, _key(idempotency_key))
        audit.record(AuditEvent.CHECKOUT_OPENED, user_id=caller.user_id, provider=cashier.name.value)
        return CheckoutAnswer(session_id=session.session_id, checkout_url=session.url, expires_at=session.expires_at)

    def cancel(self, caller: Caller, request: CancelRequest) -> CancelAnswer:
        """End the caller's subscription at Stripe, with what is paid or at once. Twice is fine.

        Raises:
            Conflict: MANAGED_BY_STORE: only the store can; `details.manage_url` is where. NO_PAID_SUBSCRIPTION.
            Unauthenticated, Forbidden: the session has ended; ACCOUNT_SUSPENDED.
            Unavailable: Stripe or the table does not answer.
        """
        user = self.sessions.require_live(self.read_profile(caller.user_id), caller)
        subscription, now = user.data.current_subscription, self.clock.now()
        external_id, cashier = self._at_stripe(subscription, now)
        facts = cashier.cancel(
            external_id,
            immediately=request.cancel_immediately,
            reason=request.cancellation_reason,
            idempotency_key=new_id(),
        )
        self.notices.enter(cashier, facts, Cause(now, "", CANCELLATION))
        audit.record(AuditEvent.SUBSCRIPTION_CANCELLED, user_id=caller.user_id, provider=cashier.name.value)
        after = self.sessions.require_live(self.read_profile(caller.user_id), caller)
        return CancelAnswer(subscription=project(after.data.current_subscription, self.clock.now()))

    def _at_stripe(self, subscription: Subscription, now: datetime) -> tuple[str, Cashier]:
        """Return the subscription there that can be ended."""
        provider, external_id = subscription.provider, subscription.external_subscription_id
        is_paid = renews(subscription, now) or standing_of(subscription, now).tier is not Tier.FREE
        if is_paid and provider in _MANAGED_AT:
            raise errors.Conflict(
                "MANAGED_BY_STORE",
                "This subscription was bought in a store, and can only be cancelled there.",
                user_message="You bought this subscription in your phone's store. Please cancel it there.",
                details={"provider": provider.value, "manage_url": _MANAGED_AT[provider]},
            )
        cashier = self.stores().stripe
        if not is_paid or provider is not SubscriptionProvider.STRIPE or external_id is None or cashier is None:
            raise errors.Conflict("NO_PAID_SUBSCRIPTION", "There is no subscription to cancel.")
        return external_id, cashier


def _key(given: str | None) -> str:
    if given is None:
        return new_id()
    if not _KEY.fullmatch(given):
        raise errors.InvalidRequest("INVALID_IDEMPOTENCY_KEY", "An idempotency key has 1 to 255 visible characters.")
    return given
