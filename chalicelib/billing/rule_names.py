"""The names of what decides about subscriptions."""

from __future__ import annotations

from enum import StrEnum


class RuleName(StrEnum):
    """What decided. Stored on profiles, so never renamed. The last three are no provider's word: see `explain.py` and
    `decision.granted`."""

    SHARING_STOPPED = "sharing_stopped"
    REVOKED = "revoked"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    REPLACED = "replaced"
    PENDING = "pending"
    EXPIRED = "expired"
    NOTHING_PAID = "nothing_paid"
    UNKNOWN_PRODUCT = "unknown_product"
    PAUSED = "paused"
    BILLING_RETRY = "billing_retry"
    GRACE = "grace"
    RENEWAL_OFF = "renewal_off"
    SHARED = "shared"
    RENEWING = "renewing"
    GRANTED = "granted"
    ENDED = "ended"
    FREE_PLAN = "free_plan"
