"""Subscriptions as people see them: the plan in force, its limits, and what is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from chalicelib.billing.contract import (
    CurrentSubscriptionAnswer,
    PlanFeatures,
    PlanLimits,
    PlansAnswer,
    PlanShown,
    SubscriptionSummary,
    UsageAnswer,
    UsageOfPeriod,
)
from chalicelib.billing.periods import Period, period_at
from chalicelib.billing.standing import Standing, billing_months, standing_of
from chalicelib.billing.tiers import TIERS, Plan, TierTerms, on_the_wire, plans
from chalicelib.billing.usage import ProfileReader, SessionRule, Usage, usage_at
from chalicelib.clock import Clock
from chalicelib.ids import new_id
from chalicelib.models.profile import Subscription, UsagePeriod
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, Tier
from chalicelib.stores.reservation import Unit
from chalicelib.web.request import Caller


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Shows subscriptions. `read_profile` reads a profile consistently."""

    sessions: SessionRule
    read_profile: ProfileReader
    clock: Clock

    def current(self, caller: Caller, *, is_explained: bool = False) -> CurrentSubscriptionAnswer:
        """Return the caller's subscription in force, with the reason why it is as it is where that is asked for; one
        read.

        Raises:
            Unauthenticated: the session was revoked, or nobody has this id.
            Forbidden: the account is suspended.
            Unavailable: the table does not answer.
        """
        user = self.sessions.require_live(self.read_profile(caller.user_id), caller)
        subscription, now = user.data.current_subscription, self.clock.now()
        answer = project(subscription, now)
        if not is_explained:
            return answer
        # The rules and all that they judge by, for an answer that is seldom asked for.
        from chalicelib.billing.explain import explain

        return msgspec.structs.replace(answer, explanation=explain(subscription, now))

    def plans(self) -> PlansAnswer:
        """Return every plan, with its exact price; asks nobody anything."""
        return PlansAnswer(plans=[show_plan(plan) for plan in plans()])

    def usage(self, caller: Caller) -> UsageAnswer:
        """Return what the caller used of the running period; one read.

        Raises:
            Unauthenticated: the session was revoked, or nobody has this id.
            Forbidden: the account is suspended.
            Unavailable: the table does not answer.
        """
        user = self.sessions.require_live(self.read_profile(caller.user_id), caller)
        return show_usage(user.data.current_subscription, self.clock.now())

    def summary(self, subscription: Subscription, at: datetime) -> SubscriptionSummary:
        """Return what a profile says of its subscription at an instant; no question to the table."""
        standing = standing_of(subscription, at)
        return SubscriptionSummary(
            subscription_id=subscription.subscription_id,
            plan_id=standing.plan.plan_id,
            status=standing.status,
            tier=standing.tier,
            subscription_type=standing.plan.subscription_type,
            provider=standing.provider,
            current_period_end=_paid_period(subscription, standing, at).end,
            auto_renew=standing.auto_renew,
        )


@dataclass(frozen=True, slots=True)
class FreePlan:
    """The plan that everybody begins with."""

    def start(self, at: datetime) -> Subscription:
        """Return a free subscription that begins at `at`, has no end, and has nothing used; for a profile about to be
        made."""
        first = period_at(at, at)
        return Subscription(
            subscription_id=new_id(),
            subscription_status=SubscriptionStatus.ACTIVE,
            tier=Tier.FREE,
            provider=SubscriptionProvider.INTERNAL,
            start_date=at,
            usage_current_period=UsagePeriod(
                documents_processed=0, period_start=first.start, period_end=first.end, last_updated=at
            ),
            created_at=at,
            updated_at=at,
        )


def project(subscription: Subscription, now: datetime) -> CurrentSubscriptionAnswer:
    """Map a stored subscription to what the contract shows of it at an instant: the one place where that happens."""
    standing = standing_of(subscription, now)
    period = _paid_period(subscription, standing, now)
    price = standing.plan.monthly_price
    return CurrentSubscriptionAnswer(
        subscription_id=subscription.subscription_id,
        plan_id=standing.plan.plan_id,
        plan_name=standing.plan.name,
        status=standing.status,
        tier=standing.tier,
        subscription_type=standing.plan.subscription_type,
        provider=standing.provider,
        monthly_price=price.amount,
        currency=price.currency,
        current_period_start=period.start,
        current_period_end=period.end,
        auto_renew=standing.auto_renew,
        cancelled_at=standing.cancelled_at,
        limits=_limits(standing.terms),
        features=_features(standing.terms),
        usage=_usage(usage_at(subscription, now)),
    )


def show_plan(plan: Plan) -> PlanShown:
    """Map a plan to what the contract shows of it."""
    terms = TIERS[plan.tier]
    return PlanShown(
        plan_id=plan.plan_id,
        plan_name=plan.name,
        tier=plan.tier,
        subscription_type=plan.subscription_type,
        price=plan.price.amount,
        monthly_price=plan.monthly_price.amount,
        currency=plan.price.currency,
        limits=_limits(terms),
        features=_features(terms),
    )


def show_usage(subscription: Subscription, now: datetime) -> UsageAnswer:
    """Map a stored subscription to what is used of it at an instant."""
    documents, messages = usage_at(subscription, now), usage_at(subscription, now, Unit.MESSAGE)
    limits = _limits(standing_of(subscription, now).terms)
    return UsageAnswer(
        documents_used=documents.used,
        documents_limit=limits.max_documents,
        chat_messages_used=messages.used,
        chat_messages_limit=limits.max_chat_messages,
        storage_used_gb=0,
        storage_limit_gb=limits.max_storage_gb,
        period_start=documents.period.start,
        period_end=documents.period.end,
    )


def _paid_period(subscription: Subscription, standing: Standing, now: datetime) -> Period:
    """The period that is paid for; a store's own end counts. The free plan's is the usage period."""
    if standing.tier is Tier.FREE:
        return usage_at(subscription, now).period
    months = billing_months(standing.plan.subscription_type)
    period = period_at(subscription.start_date, now, months=months)
    return Period(period.start, standing.paid_until or period.end)


def _limits(terms: TierTerms) -> PlanLimits:
    return PlanLimits(
        max_documents=on_the_wire(terms.max_documents),
        max_chat_messages=on_the_wire(terms.max_chat_messages),
        max_storage_gb=terms.max_storage_gb,
        premium_support=terms.features.premium_support,
        advanced_analysis=terms.features.advanced_analytics,
    )


def _features(terms: TierTerms) -> PlanFeatures:
    return PlanFeatures(
        medical_reports=terms.features.medical_reports,
        priority_processing=terms.features.priority_processing,
        advanced_analytics=terms.features.advanced_analytics,
        export_capabilities=terms.features.export_capabilities,
    )


def _usage(usage: Usage) -> UsageOfPeriod:
    return UsageOfPeriod(documents_processed=usage.used, limit=on_the_wire(usage.limit), resets_at=usage.period.end)
