"""Subscriptions at a store, as their store tells of them: the newest word on each thing, and which word it was."""

from __future__ import annotations

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.models.attributes import InstantAttribute, Part, StateAttribute
from chalicelib.models.base import Item
from chalicelib.models.states import SubscriptionProvider


class WordVersion(Part):
    """Which of two words about the same thing stands: the greater one, compared in this order."""

    about = InstantAttribute()
    seen_at = InstantAttribute()
    digest = UnicodeAttribute()


class WordCause(Part):
    """The event that brought a word: a notice of the store, a purchase that the app handed in, a look of our own."""

    happened_at = InstantAttribute()
    event_id = UnicodeAttribute()
    event_type = UnicodeAttribute()


class StoredTerm(Part):
    """A paid (or promised) stretch of a subscription."""

    transaction_id = UnicodeAttribute()
    product = UnicodeAttribute()
    began_at = InstantAttribute()
    ends_at = InstantAttribute()
    anchor_at = InstantAttribute()
    revoked_at = InstantAttribute(null=True)
    revocation = UnicodeAttribute(null=True)
    is_family_shared = BooleanAttribute(default=False)
    version = WordVersion()
    cause = WordCause()


class StoredRenewal(Part):
    """What is to become of a subscription. `phase_given` is the store's own word, beside ours."""

    phase = UnicodeAttribute()
    phase_given = UnicodeAttribute()
    will_renew = BooleanAttribute()
    next_product = UnicodeAttribute(null=True)
    grace_ends_at = InstantAttribute(null=True)
    cancelled_at = InstantAttribute(null=True)
    resumes_at = InstantAttribute(null=True)
    version = WordVersion()
    cause = WordCause()


class StoredName(Part):
    """What a store names: the account that a purchase was made for, or another subscription: the one before
    this one, the one that took its place."""

    name = UnicodeAttribute()
    version = WordVersion()
    cause = WordCause()


class StoredClaim(Part):
    """Who handed the purchase in, where the store names nobody."""

    claimed_at = InstantAttribute()
    user_id = UnicodeAttribute()


class ProviderSubscriptionData(Part):
    """The entity itself. `revision` counts the changes: a write is conditional on the one that was read."""

    provider = StateAttribute(SubscriptionProvider)
    external_id = UnicodeAttribute()
    term = StoredTerm(null=True)
    renewal = StoredRenewal(null=True)
    account = StoredName(null=True)
    claim = StoredClaim(null=True)
    replaced_by = StoredName(null=True)
    follows = StoredName(null=True)
    followed_by = ListAttribute(of=UnicodeAttribute, null=True)
    revision = NumberAttribute()


class ProviderSubscriptionItem(Item, discriminator="provider_subscription"):
    """A subscription of somebody's. Stands in the due index while its store may have news of it."""

    data = ProviderSubscriptionData()


class UnclaimedSubscriptionItem(Item, discriminator="unclaimed_subscription"):
    """A subscription of nobody we know. Carries a `ttl`."""

    data = ProviderSubscriptionData()
