"""Payments: one per transaction of a store, whoever tells of it first and however often."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.models.attributes import DecimalAttribute, InstantAttribute, Part, StateAttribute
from chalicelib.models.base import Item
from chalicelib.models.provider_subscription import WordCause, WordVersion
from chalicelib.models.states import PaymentStatus, SubscriptionProvider


class PaymentData(Part):
    """The entity itself. Amounts have exactly the store's digits; `refunded` is how much of it went back.

    `processed_at` is when the money came, absent while it has not; `came_at` the earliest instant told of that,
    `told_at` what the word that stands says of it. `changed_at` is when it was refunded or disputed, as the store dates
    it. `revision` counts the changes: a write is conditional on the one that was read.
    """

    payment_id = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    subscription_id = UnicodeAttribute(null=True)
    external_subscription_id = UnicodeAttribute(null=True)
    amount = DecimalAttribute()
    currency = UnicodeAttribute()
    refunded = DecimalAttribute(null=True)
    payment_status = StateAttribute(PaymentStatus)
    provider = StateAttribute(SubscriptionProvider)
    provider_transaction_id = UnicodeAttribute()
    provider_transaction_id_hash = UnicodeAttribute()
    payment_method = UnicodeAttribute(null=True)
    purchased_at = InstantAttribute()
    processed_at = InstantAttribute(null=True)
    came_at = InstantAttribute(null=True)
    told_at = InstantAttribute(null=True)
    changed_at = InstantAttribute(null=True)
    version = WordVersion()
    cause = WordCause()
    revision = NumberAttribute()


class PaymentItem(Item, discriminator="payment"):
    """A payment of somebody's. Lives for ever, under a random key once the person is erased."""

    data = PaymentData()


class UnclaimedPaymentItem(Item, discriminator="unclaimed_payment"):
    """A payment for a subscription of nobody we know. Carries a `ttl`."""

    data = PaymentData()
