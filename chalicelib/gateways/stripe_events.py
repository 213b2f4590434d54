"""Stripe's events: which types there are for us, and which ids an event names. Its content is never believed.

An event is written in the API version of the endpoint that it is sent to, which an operator may change at any time; so
nothing is taken from it but its type, its ids and its dates, and the present state is asked for in our own version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.gateways.provider_facts import Notice
from chalicelib.gateways.stripe_objects import instant
from chalicelib.models.states import SubscriptionProvider

ASKED_FOR: Final = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "refund.created",
    "refund.failed",
    "refund.updated",
    "subscription_schedule.aborted",
    "subscription_schedule.canceled",
    "subscription_schedule.created",
    "subscription_schedule.released",
    "subscription_schedule.updated",
)
"""The types after which something may be different. An endpoint should be given these; reconciliation asks for them."""
KNOWN: Final = frozenset(ASKED_FOR) | {
    "charge.refund.updated",
    "checkout.session.expired",
    "customer.subscription.trial_will_end",
    "invoice.created",
    "invoice.finalization_failed",
    "invoice.overdue",
    "invoice.overpaid",
    "invoice.payment_action_required",
    "invoice.payment_succeeded",
    "invoice.upcoming",
    "invoice.updated",
    "invoice_payment.paid",
    "subscription_schedule.completed",
    "subscription_schedule.expiring",
}
"""Read as well where an endpoint is sent them."""
MALFORMED: Final = "malformed"
_MOST_ID_CHARACTERS: Final = 255
_LAST_SECOND: Final = 2**37
"""In the year 6325: what is beyond it is no date that this language knows."""


def decoded(raw_body: bytes) -> dict[str, Any] | None:
    """Decode an event whose signature was checked; None for what has not the shape of one."""
    try:
        event = json.loads(raw_body)
    except (ValueError, RecursionError):
        return None
    is_event = isinstance(event, dict) and _text(event.get("id")) and _text(event.get("type"))
    return event if is_event and isinstance(event.get("livemode"), bool) else None


def malformed(raw_body: bytes, signed_at: datetime) -> Notice:
    """Return the notice of what Stripe signed and nobody here can read: kept as unknown, by a hash of its bytes."""
    digest = hashlib.sha256(raw_body).hexdigest()
    return Notice(SubscriptionProvider.STRIPE, f"{MALFORMED}-{digest}", MALFORMED, signed_at, False, {}, digest)


def notice_of(event: Mapping[str, Any], otherwise: datetime) -> Notice:
    """Return the notice that an event is, `otherwise` its date where it has none."""
    named = names_in(event)
    created, event_type, is_known = event.get("created"), event["type"], event["type"] in KNOWN
    return Notice(
        provider=SubscriptionProvider.STRIPE,
        event_id=event["id"],
        event_type=event_type,
        happened_at=instant(created) if isinstance(created, int) and 0 <= created < _LAST_SECOND else otherwise,
        is_known=is_known,
        payload=named,
        raw=None if is_known else json.dumps({"type": event_type, **named}),
    )


def names_in(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids that an event names, by what they are of: what leads to a subscription, and the object's own."""
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    if not isinstance(thing, dict):
        return {}
    kind = thing.get("object")
    # Until 2025-03-31 an invoice named its subscription itself, and a charge its invoice.
    named = {name: thing.get(name) for name in ("subscription", "invoice", "payment_intent", "charge")}
    parent = thing.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    if isinstance(details, dict):
        named["subscription"] = details.get("subscription")
    if kind == "subscription_schedule":
        named["subscription"] = thing.get("subscription") or thing.get("released_subscription")
    named["id" if kind not in ("subscription", "invoice", "charge") else str(kind)] = thing.get("id")
    return {name: found for name, value in named.items() if (found := _id(value)) is not None}


def _id(value: Any) -> str | None:
    value = value.get("id") if isinstance(value, dict) else value
    return value if _text(value) else None


def _text(value: Any) -> bool:
    # Half a surrogate pair can be written in JSON, and in no key of the table.
    return isinstance(value, str) and 0 < len(value) <= _MOST_ID_CHARACTERS and value.isprintable()
