"""Erasures: how far one has come, what is left of it as a receipt, and the tombstone of who was erased."""

from __future__ import annotations

from enum import StrEnum

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from chalicelib.models.attributes import InstantAttribute, Part, StateAttribute
from chalicelib.models.base import Item


class ErasureStatus(StrEnum):
    """Where an erasure stands."""

    INITIATED = "initiated"
    PROCESSING = "processing"
    COMPLETED = "completed"


class ErasureStep(StrEnum):
    """The steps in their order. Each is safe to run twice, and the names are what the person is shown.

    Jobs go before objects: with its job a worker loses the claim to what it is about to store. What the profile is
    needed for comes before the profile, which is the last thing to go.
    """

    SESSIONS = "sessions"
    JOBS = "jobs"
    DOCUMENTS = "documents"
    RETAINED = "payments_and_consent_proof"
    PROVIDER_TOKENS = "provider_tokens"
    HISTORY = "history"
    PROFILE = "profile"


class ErasureProgress(Part):
    """When each step was done, by its name."""

    sessions = InstantAttribute(null=True)
    jobs = InstantAttribute(null=True)
    documents = InstantAttribute(null=True)
    payments_and_consent_proof = InstantAttribute(null=True)
    provider_tokens = InstantAttribute(null=True)
    history = InstantAttribute(null=True)
    profile = InstantAttribute(null=True)


class ErasureData(Part):
    """The entity itself. `user_id` and `retained_id` (the random key of what is kept) are there while the erasure runs,
    and are removed by the write that completes it: a receipt leads to nobody.

    `inventory` counts what there was before anything was removed: `{"removed": {kind: n}, "kept": {kind: n}}`.
    `quiet_at` is when no worker and no upload form of the person can store an object any more.
    """

    user_id = UnicodeAttribute(null=True)
    retained_id = UnicodeAttribute(null=True)
    status = StateAttribute(ErasureStatus)
    requested_at = InstantAttribute()
    progress = ErasureProgress()
    inventory = JSONAttribute(null=True)
    quiet_at = InstantAttribute(null=True)
    is_revocation_unconfirmed = BooleanAttribute(default=False)
    completed_at = InstantAttribute(null=True)
    verification_hash = UnicodeAttribute(null=True)


class ErasureItem(Item, discriminator="erasure"):
    """One erasure. Carries a `ttl`, and stands in the due index until it is completed."""

    data = ErasureData()


class TombstoneData(Part):
    """When the person asked to be erased."""

    erased_at = InstantAttribute()


class TombstoneItem(Item, discriminator="tombstone"):
    """Stands where somebody was erased. Carries a `ttl`."""

    data = TombstoneData()
