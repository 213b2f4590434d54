"""Paying through Stripe: a page to pay on is opened, and a subscription there is ended."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chalicelib import errors
from chalicelib.billing.amounts import require_fitting
from chalicelib.billing.billing_contract import CancelAnswer, CancelRequest, CheckoutAnswer, CheckoutRequest
from chalicelib.billing.doors import Cashier, FreshProof, Stores
from chalicelib.billing.known import Cause
from chalicelib.billing.notices import Notices
from chalicelib.billing.renewals import Renewals
from chalicelib.billing.standing import renews, standing_of
from chalicelib.billing.subscriptions import project
from chalicelib.billing.tiers import plans
from chalicelib.billing.usage import ProfileReader, SessionRule
from chalicelib.clock import Clock
from chalicelib.gateways.provider_facts import AmountRefusedError, Facts
from chalicelib.ids import new_id
from chalicelib.models.profile import UserItem
from chalicelib.models.states import SubscriptionProvider, Tier
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.observe.log import log
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
    renewals: Renewals
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
        provider = self.renewals.charged_by(user)
        if provider is not None:
            raise errors.Conflict(
                "ALREADY_SUBSCRIBED",
                "A subscription renews already.",
                user_message="You have a subscription that renews. Cancel it first, or change it where you bought it.",
                details={"provider": provider.value},
            )
        session = cashier.checkout(caller.user_id, request.plan_id, _key(idempotency_key))
        audit.record(AuditEvent.CHECKOUT_OPENED, user_id=caller.user_id, provider=cashier.name.value)
        return CheckoutAnswer(session_id=session.session_id, checkout_url=session.url, expires_at=session.expires_at)

    def cancel(self, caller: Caller, request: CancelRequest) -> CancelAnswer:
        """End what the caller pays through Stripe, with what is paid or at once: also what goes on there behind a plan
        that lasts longer. Twice is fine.

        Raises:
            Conflict: MANAGED_BY_STORE: only the store can; `details.manage_url` is where. NO_PAID_SUBSCRIPTION.
            Unauthenticated, Forbidden: the session has ended; ACCOUNT_SUSPENDED.
            Unavailable: Stripe or the table does not answer.
        """
        user = self.sessions.require_live(self.read_profile(caller.user_id), caller)
        cashier, external_ids = self.stores().stripe, self._at_stripe(user)
        if cashier is None or not external_ids:
            raise self._refusal(user)
        for external_id in external_ids:
            facts = _cancelled(cashier, external_id, request)
            self.notices.enter(cashier, facts, Cause(self.clock.now(), "", CANCELLATION))
        audit.record(AuditEvent.SUBSCRIPTION_CANCELLED, user_id=caller.user_id, provider=cashier.name.value)
        after = self.sessions.require_live(self.read_profile(caller.user_id), caller)
        return CancelAnswer(subscription=project(after.data.current_subscription, self.clock.now()))

    def _at_stripe(self, user: UserItem) -> tuple[str, ...]:
        """Return what there is to end: everything that goes on there, and the plan in force even if it is cancelled
        already, because a repetition, or the wish to end it at once after all, is answered by Stripe."""
        plan, now = user.data.current_subscription, self.clock.now()
        external_id = plan.external_subscription_id if plan.provider is SubscriptionProvider.STRIPE else None
        is_paid = renews(plan, now) or standing_of(plan, now).tier is not Tier.FREE
        in_force = (external_id,) if external_id is not None and is_paid else ()
        return tuple(dict.fromkeys(in_force + self.renewals.going_on_at(SubscriptionProvider.STRIPE, user)))

    def _refusal(self, user: UserItem) -> errors.Conflict:
        """Return why nothing can be ended here: it is managed elsewhere, or there is nothing."""
        in_force = standing_of(user.data.current_subscription, self.clock.now())
        provider = self.renewals.charged_by(user) or in_force.provider
        if provider not in _MANAGED_AT:
            return errors.Conflict("NO_PAID_SUBSCRIPTION", "There is no subscription to cancel.")
        return errors.Conflict(
            "MANAGED_BY_STORE",
            "This subscription was bought in a store, and can only be cancelled there.",
            user_message="You bought this subscription in your phone's store. Please cancel it there.",
            details={"provider": provider.value, "manage_url": _MANAGED_AT[provider]},
        )


def _cancelled(cashier: Cashier, external_id: str, request: CancelRequest) -> Facts:
    """End a subscription and return how it stands then. That is so, and shown, also where Stripe tells with it of an
    amount that cannot be: of the payments nothing is taken then."""
    try:
        facts = cashier.cancel(
            external_id,
            immediately=request.cancel_immediately,
            reason=request.cancellation_reason,
            idempotency_key=new_id(),
        )
        require_fitting(facts)
    except AmountRefusedError as refusal:
        log("cancellation_without_payments", level=logging.ERROR, reason=str(refusal))
        return Facts(refusal.subscriptions)
    return facts


def _key(given: str | None) -> str:
    if given is None:
        return new_id()
    if not _KEY.fullmatch(given):
        raise errors.InvalidRequest("INVALID_IDEMPOTENCY_KEY", "An idempotency key has 1 to 255 visible characters.")
    return given
