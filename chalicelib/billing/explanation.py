"""What is said over HTTP of why somebody has the plan that they have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib.billing.rule_names import RuleName
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class StandingInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of the subscription, and the instant at which it was judged."""

    asked_at: _Instant
    provider: SubscriptionProvider
    status: SubscriptionStatus
    tier: Tier
    subscription_type: SubscriptionType | None
    start_date: _Instant
    end_date: _Instant | None
    grace_end_date: _Instant | None
    next_billing_date: _Instant | None
    cancelled_at: _Instant | None
    auto_renew: bool | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why the subscription is as it is shown."""

    rule: Annotated[
        RuleName, msgspec.Meta(description="The rule that gave the present state.", examples=["renewing", "grace"])
    ]
    sentence: Annotated[str, msgspec.Meta(description="The rule in plain words.")]
    stored_rule: Annotated[
        RuleName,
        msgspec.Meta(
            description="The rule that decided when the store last told something. Another one than `rule` where only "
            "time has passed since."
        ),
    ]
    event_id: Annotated[
        str | None,
        msgspec.Meta(
            description="The store's notification behind it; null where it was none: nothing bought, granted."
        ),
    ]
    event_type: Annotated[
        str | None, msgspec.Meta(description="In the store's own words.", examples=["DID_RENEW/BILLING_RECOVERY"])
    ]
    happened_at: Annotated[_Instant | None, msgspec.Meta(description="When that happened at the store.")]
    decided_at: Annotated[
        _Instant,
        msgspec.Meta(description="Since when the state is so: the end of what was paid, where only time passed."),
    ]
    inputs: StandingInputs
