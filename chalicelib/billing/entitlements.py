"""What a tier opens beyond counting: one question for every room that has something only some tiers may use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from chalicelib import errors
from chalicelib.billing.standing import standing_of
from chalicelib.clock import Clock
from chalicelib.models.profile import Subscription, UserItem


class Feature(StrEnum):
    """What a tier may have, by the name of its flag.

    `advanced_analytics` is trends across the values that somebody sends; `export_capabilities` the values of a result
    as a table for other programs. A person's own data (`GET /gdpr/export`) is a right in every tier, and is never asked
    for here. `priority_processing` is nothing to be refused: whoever has it goes first.
    """

    MEDICAL_REPORTS = "medical_reports"
    PRIORITY_PROCESSING = "priority_processing"
    ADVANCED_ANALYTICS = "advanced_analytics"
    EXPORT_CAPABILITIES = "export_capabilities"


_SENTENCES: Final = {
    Feature.MEDICAL_REPORTS: "Reports for your doctor are part of Premium.",
    Feature.PRIORITY_PROCESSING: "Being served first is part of Premium.",
    Feature.ADVANCED_ANALYTICS: "Trends across your values are part of Premium.",
    Feature.EXPORT_CAPABILITIES: "Exporting your values as a table is part of Premium.",
}


def allows(subscription: Subscription, feature: Feature, now: datetime) -> bool:
    """Whether a subscription opens a feature at an instant: by the effective tier, so that what has ended opens
    nothing and what is cancelled and paid up still does."""
    return bool(getattr(standing_of(subscription, now).terms.features, feature.value))


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Lets in whose tier has a feature. `upgrade_url` is where the app goes to have it; asks the table nothing."""

    clock: Clock
    upgrade_url: str

    def has(self, user: UserItem, feature: Feature) -> bool:
        """Whether somebody has a feature now."""
        return allows(user.data.current_subscription, feature, self.clock.now())

    def require(self, user: UserItem, feature: Feature) -> None:
        """Pass whoever has a feature now.

        Raises:
            Forbidden: PREMIUM_REQUIRED; `details` has the feature and `upgrade_url`.
        """
        if not self.has(user, feature):
            raise errors.Forbidden(
                "PREMIUM_REQUIRED",
                f"The tier does not include {feature.value}.",
                user_message=_SENTENCES[feature],
                details={"feature": feature.value, "upgrade_url": self.upgrade_url},
            )
