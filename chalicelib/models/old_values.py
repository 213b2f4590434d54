"""Old data mixed what somebody may use with how they pay; a value of the wrong kind is read as what it means
(decision 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.models.states import SubscriptionType, Tier


def meant_plan(tier: str | None, subscription_type: str | None) -> tuple[Tier, SubscriptionType | None]:
    """Return tier and subscription type out of two fields, each of which may hold either.

    A tier named in the type's place counts, and the higher one wins; a type without any tier was paid for, and
    everything that was paid for under the old rules was premium. The free tier has no type.

    Raises:
        ValueError: a value is neither.
    """
    stated = [text.strip().casefold() for text in (tier, subscription_type) if text and text.strip()]
    known_kinds = {kind.value for kind in SubscriptionType}
    tiers = [Tier(text) for text in stated if text not in known_kinds]
    kinds = [SubscriptionType(text) for text in stated if text in known_kinds]
    rank = list(Tier)
    meant = max(tiers, key=rank.index) if tiers else (Tier.PREMIUM if kinds else Tier.FREE)
    return meant, (kinds[0] if kinds and meant is not Tier.FREE else None)


def with_meant_plan(stored: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return a stored subscription (DynamoDB's own notation) with both fields holding their own kind."""
    tier, kind = meant_plan(_text(stored, "tier"), _text(stored, "subscription_type"))
    read: dict[str, Mapping[str, Any]] = {**stored, "tier": {"S": tier.value}}
    read["subscription_type"] = {"S": kind.value} if kind is not None else {"NULL": True}
    return read


def _text(stored: Mapping[str, Mapping[str, Any]], field: str) -> str | None:
    text = stored.get(field, {}).get("S")
    return str(text) if text is not None else None
