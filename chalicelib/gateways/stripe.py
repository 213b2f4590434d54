"""Stripe as a provider of subscriptions: signed events come in, the present state is asked for, and people go to pay.

An event is a trigger alone. Whatever it says, the subscription is read again with its invoices and what became of their
money; so order and repetition do not matter, and an event that was lost is healed by any later one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from chalicelib import config, errors, ids
from chalicelib.clock import Clock
from chalicelib.gateways import stripe_events, stripe_signature
from chalicelib.gateways.provider_facts import Facts, Notice, SubscriptionSeen
from chalicelib.gateways.stripe_api import Feedback, StripeApi
from chalicelib.gateways.stripe_calls import SecretReader, StripeCalls
from chalicelib.gateways.stripe_facts import PHASES, USER_ID, Answers, facts_in
from chalicelib.gateways.stripe_objects import Invoice, Schedule, Subscription, id_of, instant
from chalicelib.models.states import SubscriptionProvider
from chalicelib.observe.log import log
from chalicelib.rules import Rules

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

_SIGNATURE_HEADER: Final = "stripe-signature"
_SLICE: Final = timedelta(days=1)
_MOST_TYPES: Final = 20


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A page of Stripe's where somebody pays. `expires_at` is until when it can be used."""

    session_id: str
    url: str
    expires_at: datetime


class Stripe:
    """A `Provider`. Safe under threads."""

    def __init__(
        self, settings: config.Stripe, secrets: SecretReader, secret_id: str, clock: Clock, rules: Rules
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._secret_id = secret_id
        self._clock = clock
        self._rules = rules
        self._api = StripeApi(StripeCalls(secrets, secret_id, settings.api_url))

    @property
    def name(self) -> SubscriptionProvider:
        """Which one it is."""
        return SubscriptionProvider.STRIPE

    def verify(self, raw_body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check that Stripe sent this to us just now, and about our mode; decode it.

        Raises:
            Unauthenticated: INVALID_SIGNATURE, or WRONG_ENVIRONMENT for test mode in production, the reverse, and
                another account's events.
            Unavailable: the secret could not be had.
        """
        header = headers.get(_SIGNATURE_HEADER)
        tolerance = self._rules.stripe_signature_tolerance
        signature = stripe_signature.signature_in(header, self._clock.now(), tolerance)
        # A secret that was rolled a moment ago may not have reached this process.
        if not any(signature.is_by(self._signers(is_suspected_stale=stale), raw_body) for stale in (False, True)):
            raise stripe_signature.invalid_signature()
        event = stripe_events.decoded(raw_body)
        if event is None:
            return stripe_events.malformed(raw_body, signature.signed_at)
        if event["livemode"] is not self._settings.is_live or event.get("account") is not None:
            raise errors.Unauthenticated("WRONG_ENVIRONMENT", "This is about another environment.")
        return stripe_events.notice_of(event, signature.signed_at)

    def read(self, notice: Notice) -> Facts:
        """Return how the subscription that an event names stands now; nothing where it names none of ours.

        Raises:
            Unavailable: Stripe does not answer.
        """
        if not notice.is_known:
            return Facts()
        subscription_id, invoice_id = self._named(notice.payload)
        found = self._asked(subscription_id, invoice_id) if subscription_id is not None else None
        return found if found is not None else Facts()

    def missed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        """Return the events of that time, oldest first, whether they were delivered or not. Stripe keeps them for 30
        days; what is older is found by looking at the subscription.

        Raises:
            Unavailable: Stripe does not answer.
        """
        types = stripe_events.ASKED_FOR
        begin, end = int(since.timestamp()), int(until.timestamp()) + 1
        for start in range(begin, end, int(_SLICE.total_seconds())):
            stop = min(start + int(_SLICE.total_seconds()), end)
            found = [
                event
                for first in range(0, len(types), _MOST_TYPES)
                for event in self._api.events(start, stop, types[first : first + _MOST_TYPES])
            ]
            for event in sorted(found, key=lambda one: (one["created"], one["id"])):
                if event["livemode"] is self._settings.is_live:
                    yield stripe_events.notice_of(event, instant(event["created"]))

    def look(self, external_id: str) -> Facts | None:
        """Return how a subscription stands now; None where Stripe knows none of that id.

        Raises:
            Unavailable: Stripe does not answer.
        """
        return self._asked(external_id, None)

    def acknowledge(self, seen: SubscriptionSeen) -> None:
        """Do nothing: Stripe wants to hear nothing."""

    def checkout(self, user_id: str, plan_id: str, idempotency_key: str) -> CheckoutSession:
        """Open a page on which somebody pays for a plan. The same key gives the same page.

        Stripe learns the user id and nothing else of the person; what it asks them for is between the two.

        Raises:
            InvalidRequest: UNKNOWN_PLAN; it is not sold here.
            Conflict: IDEMPOTENCY_KEY_REUSED; the key was for another plan.
            Unavailable: Stripe does not answer.
        """
        price = next((price for price, plan in self._settings.products.items() if plan == plan_id), None)
        if price is None:
            raise errors.InvalidRequest("UNKNOWN_PLAN", "There is no such plan to buy.")
        params: SessionCreateParams = {
            "mode": "subscription",
            "line_items": [{"price": price, "quantity": 1}],
            "client_reference_id": user_id,
            "metadata": {USER_ID: user_id},
            "subscription_data": {"metadata": {USER_ID: user_id}},
            "success_url": self._settings.success_url,
            "cancel_url": self._settings.cancel_url,
        }
        # Keys are one space for the whole account at Stripe: one person's must not meet another's.
        session = self._api.create_session(params, ids.derived_id("stripe-checkout", user_id, idempotency_key))
        return CheckoutSession(session.id, session.url, instant(session.expires_at))

    def cancel(self, external_id: str, *, immediately: bool, reason: str | None, idempotency_key: str) -> Facts:
        """End a subscription, at once or with the paid period, and return how it stands then. Safe to repeat.

        Of the reason Stripe is told only what is one of its own words: free text may name people.

        Raises:
            NotFound: Stripe knows no such subscription.
            Unavailable: Stripe does not answer.
        """
        subscription = self._subscription(external_id)
        if subscription is None:
            raise errors.NotFound()
        key = ids.derived_id("stripe-cancel", external_id, str(immediately), idempotency_key)
        if subscription.ended_at is None and (immediately or not subscription.cancel_at_period_end):
            schedule = subscription.schedule
            if schedule is not None and not immediately:
                self._api.release(schedule.id if isinstance(schedule, Schedule) else schedule, f"{key}-release")
            self._api.cancel(external_id, immediately=immediately, feedback=_feedback(reason), idempotency_key=key)
        return self._asked(external_id, None) or Facts()

    def _signers(self, *, is_suspected_stale: bool) -> tuple[str, ...]:
        """The secrets that may have signed: while one is rolled, Stripe signs with both."""
        secret = self._secrets.json(self._secret_id, is_suspected_stale=is_suspected_stale)
        found = [secret.get(name) for name in ("webhook_secret", "previous_webhook_secret")]
        signers = tuple(one for one in found if isinstance(one, str) and one)
        if not signers:
            raise errors.Unavailable(message="The service has no usable secret of Stripe's webhook.")
        return signers

    def _named(self, payload: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """Return the subscription and the invoice that an event is about. From a charge, a refund or a dispute the way
        leads through the invoice that the payment was for."""
        subscription_id, invoice_id = payload.get("subscription"), payload.get("invoice")
        if subscription_id is None and invoice_id is None:
            intent, charge_id = payload.get("payment_intent"), payload.get("charge")
            if intent is None and charge_id is not None:
                charge = self._api.charge(charge_id)
                intent = id_of(charge.payment_intent) if charge is not None else None
            invoice_id = self._api.invoice_paid_by(intent) if intent is not None else None
        if subscription_id is None and invoice_id is not None:
            invoice = self._api.invoice(invoice_id)
            subscription_id = invoice.subscription_id if invoice is not None else None
        return subscription_id, invoice_id

    def _asked(self, subscription_id: str, invoice_id: str | None) -> Facts | None:
        """Read a subscription, its newest invoices, and the one that was asked about where it is an older one."""
        asked_at = self._clock.now()
        subscription = self._subscription(subscription_id)
        if subscription is None:
            return None
        invoices = self._api.invoices(subscription_id)
        if invoice_id is not None and invoice_id not in {one.id for one in invoices}:
            older = self._api.invoice(invoice_id)
            invoices += (older,) if older is not None and older.subscription_id == subscription_id else ()
        return facts_in(
            self._with_money(asked_at, subscription, invoices), self._settings.products, self._rules.stripe_grace
        )

    def _with_money(self, asked_at: datetime, subscription: Subscription, invoices: tuple[Invoice, ...]) -> Answers:
        customer = id_of(subscription.customer)
        if customer is None or not any(one.amount_paid > 0 or one.attempt_count > 0 for one in invoices):
            return Answers(asked_at, subscription, invoices)
        charges = self._api.charges(customer, min(one.created for one in invoices))
        disputes = {one.id: self._api.disputes(one.id) for one in charges if one.disputed}
        return Answers(asked_at, subscription, invoices, charges, disputes)

    def _subscription(self, subscription_id: str) -> Subscription | None:
        found = self._api.subscription(subscription_id)
        if found is None:
            return None
        if found.livemode is not self._settings.is_live:
            # A key of the other mode: what it sees must neither open nor end anything here.
            log("stripe_key_of_other_mode", level=logging.ERROR)
            raise errors.Unavailable("PROVIDER_UNAVAILABLE", "Stripe does not answer at the moment.")
        if found.status not in PHASES:
            log("stripe_status_unknown", level=logging.ERROR, subscription=found.id, status=found.status)
        return found


def _feedback(reason: str | None) -> Feedback | None:
    if not reason:
        return None
    return next((one for one in Feedback if one.value == reason), Feedback.OTHER)
