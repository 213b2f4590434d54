"""Notices of stores that were received: kept so that a repetition is known, and an unknown one can be read later."""

from __future__ import annotations

from enum import StrEnum

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.attributes import InstantAttribute, Part, StateAttribute
from chalicelib.models.base import Item
from chalicelib.models.states import SubscriptionProvider


class EventOutcome(StrEnum):
    """What became of a notice: it changed something, it told nothing new, nobody knows its type, or it says something
    that cannot be so."""

    APPLIED = "applied"
    NOTHING_NEW = "nothing_new"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class BillingEventData(Part):
    """The entity itself. Names nobody: it outlives an erasure. `rule` is what the decision came to, where there was
    one; `raw` is kept of types and subtypes that nobody knows."""

    provider = StateAttribute(SubscriptionProvider)
    event_id = UnicodeAttribute()
    event_type = UnicodeAttribute()
    happened_at = InstantAttribute()
    outcome = StateAttribute(EventOutcome)
    rule = UnicodeAttribute(null=True)
    raw = UnicodeAttribute(null=True)


class BillingEventItem(Item, discriminator="billing_event"):
    """One notice. Put with `attribute_not_exists(PK)` in the transaction that applies it. Carries a `ttl`."""

    data = BillingEventData()
