"""What the billing room says over HTTP."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.billing.explanation import Explanation
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier
from chalicelib.web.links import Link
from chalicelib.web.response import Answer

_UNLIMITED = "-1 means unlimited."
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class PlanLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the app may let people do in this plan."""

    max_documents: Annotated[int, msgspec.Meta(description=f"Documents per usage period. {_UNLIMITED}", examples=[5])]
    max_chat_messages: Annotated[int, msgspec.Meta(description=f"Chat messages per usage period. {_UNLIMITED}")]
    max_storage_gb: Annotated[int, msgspec.Meta(description="Gigabytes on the phone.", examples=[1])]
    premium_support: bool
    advanced_analysis: bool


class PlanFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """The tier's flags."""

    medical_reports: bool
    priority_processing: bool
    advanced_analytics: bool
    export_capabilities: bool


class UsageOfPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """Units used in the running usage period."""

    documents_processed: int
    limit: Annotated[int, msgspec.Meta(description=f"Documents per usage period. {_UNLIMITED}", examples=[5])]
    resets_at: Annotated[_Instant, msgspec.Meta(description="When the next period begins, with nothing used.")]


class CurrentSubscriptionAnswer(Answer, kw_only=True):
    """The subscription in force: a cancelled one while it is paid up, and the free plan once a paid one has ended."""

    subscription_id: str
    plan_id: Annotated[str, msgspec.Meta(examples=["free", "premium_monthly"])]
    plan_name: Annotated[str, msgspec.Meta(examples=["Free", "Premium Monthly"])]
    status: SubscriptionStatus
    tier: Tier
    subscription_type: Annotated[
        SubscriptionType | None, msgspec.Meta(description="How a paid tier is paid; null for the free plan.")
    ]
    provider: SubscriptionProvider
    monthly_price: Annotated[
        Decimal,
        msgspec.Meta(
            description="What a month costs; of a yearly plan a twelfth, rounded to cents.",
            examples=[9.99],
        ),
    ]
    currency: Annotated[str, msgspec.Meta(examples=["USD"])]
    current_period_start: _Instant
    current_period_end: Annotated[
        _Instant, msgspec.Meta(description="Until when the plan is paid; of the free plan the end of the usage period.")
    ]
    auto_renew: bool
    cancelled_at: _Instant | None
    limits: PlanLimits
    features: PlanFeatures
    usage: UsageOfPeriod
    explanation: Annotated[
        Explanation | UnsetType, msgspec.Meta(description="Only where `?explain=true` asks for it.")
    ] = UNSET


class PlanShown(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that can be had, and what it allows."""

    plan_id: Annotated[str, msgspec.Meta(examples=["free", "premium_monthly"])]
    plan_name: Annotated[str, msgspec.Meta(examples=["Free", "Premium Monthly"])]
    tier: Tier
    subscription_type: Annotated[
        SubscriptionType | None, msgspec.Meta(description="How it is paid; null for the free plan.")
    ]
    price: Annotated[Decimal, msgspec.Meta(description="What is charged at once.", examples=[99.99])]
    monthly_price: Annotated[
        Decimal,
        msgspec.Meta(description="What a month costs; of a yearly plan a twelfth, rounded to cents.", examples=[8.33]),
    ]
    currency: Annotated[str, msgspec.Meta(examples=["USD"])]
    limits: PlanLimits
    features: PlanFeatures


class PlansAnswer(Answer, kw_only=True):
    """Every plan, the free one first. Stores charge in their own currencies; these are the prices in dollars."""

    LINKS: ClassVar[tuple[Link, ...]] = (Link("open_checkout", body={"plan_id": "/plans/1/plan_id"}),)

    plans: list[PlanShown]


class UsageAnswer(Answer, kw_only=True):
    """What is used of the running usage period, and how much there is."""

    documents_used: int
    documents_limit: Annotated[int, msgspec.Meta(description=f"Documents per usage period. {_UNLIMITED}", examples=[5])]
    chat_messages_used: int
    chat_messages_limit: Annotated[
        int, msgspec.Meta(description=f"Chat messages per usage period. {_UNLIMITED}", examples=[50])
    ]
    storage_used_gb: Annotated[
        int,
        msgspec.Meta(
            description="Always 0: documents are kept on the phone, and what passes through here is gone in two days."
        ),
    ]
    storage_limit_gb: Annotated[int, msgspec.Meta(description="Gigabytes on the phone.", examples=[1])]
    period_start: _Instant
    period_end: Annotated[_Instant, msgspec.Meta(description="When the next period begins, with nothing used.")]


class SubscriptionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile says of the subscription in force."""

    subscription_id: str
    plan_id: str
    status: SubscriptionStatus
    tier: Tier
    subscription_type: SubscriptionType | None
    provider: SubscriptionProvider
    current_period_end: _Instant
    auto_renew: bool
