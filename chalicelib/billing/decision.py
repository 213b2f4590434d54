"""Decides what a provider subscription is worth, and which of several counts: pure, and free of the present instant.

Whether a decision still holds at an instant (an end that has come, a grace that is over) is for `standing.py` to say
whenever it is read, so that nothing has to be written when time passes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from chalicelib.billing.evidence import Evidence
from chalicelib.billing.known import Cause, ExternalKey, KnownPayment, KnownSubscription
from chalicelib.billing.products import Products
from chalicelib.billing.rule_names import RuleName
from chalicelib.billing.rules_of_standing import RULES, Rule
from chalicelib.ids import derived_id
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a subscription is, as the profile keeps it.

    `grace_end_date` is set while a failed renewal is forgiven: the tier counts until then. `next_billing_date` is set
    only where this very person will be charged. `cause` is the event behind it, None for what no provider told.
    `product` is the provider's id of a product that no plan is known for, to be logged as an error.
    """

    rule: RuleName
    status: SubscriptionStatus
    tier: Tier
    subscription_type: SubscriptionType | None
    provider: SubscriptionProvider
    external_id: str | None
    subscription_id: str
    start_date: datetime
    end_date: datetime | None
    next_billing_date: datetime | None = None
    grace_end_date: datetime | None = None
    cancelled_at: datetime | None = None
    auto_renew: bool = False
    cause: Cause | None = None
    unknown_product: str | None = None

    @property
    def opens(self) -> bool:
        """Whether it opens a paid tier, while it lasts."""
        is_open = self.status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED)
        return is_open and self.tier is not Tier.FREE

    @property
    def lasts_until(self) -> datetime:
        """When it ends, a grace counted in; the end of time where it has none."""
        if self.end_date is None:
            return _FOR_EVER
        return max(self.end_date, self.grace_end_date or self.end_date)


def decide(known: KnownSubscription, payments: Collection[KnownPayment], products: Products) -> Decision:
    """Return what a provider subscription is worth: the first rule that applies decides.

    `payments` must hold the payment of the term in force (`payment_behind`), if there is one; others do not matter.
    """
    evidence = _evidence(known, payments, products)
    rule = next(rule for rule in RULES if rule.applies(evidence))
    outcome = rule.decides(evidence)
    plan, term, renewal = evidence.plan, evidence.term, evidence.renewal
    return Decision(
        rule=rule.name,
        status=outcome.status,
        tier=plan.tier if plan is not None else Tier.FREE,
        subscription_type=plan.subscription_type if plan is not None else None,
        provider=known.provider,
        external_id=known.external_id,
        subscription_id=subscription_id_of(known.provider, known.external_id),
        start_date=_start(evidence),
        end_date=outcome.end_date,
        next_billing_date=outcome.next_billing_date,
        grace_end_date=outcome.grace_end_date,
        cancelled_at=renewal.cancelled_at if renewal is not None and not renewal.will_renew else None,
        auto_renew=outcome.auto_renew,
        cause=_cause(rule, evidence),
        unknown_product=term.product if term is not None and plan is None else None,
    )


def payment_behind(known: KnownSubscription) -> ExternalKey | None:
    """Return which payment paid for the term in force; None where no term is known, or somebody else paid for it."""
    if known.term is None or known.term.content.is_family_shared:
        return None
    return ExternalKey(known.provider, known.term.content.transaction_id)


def granted(subscription: Subscription) -> Decision | None:
    """Return a paid plan on the profile as a candidate, where it is one that no provider's word stands behind: granted
    by us, or moved here from the old service. None for the free plan. Not to be asked of a profile whose subscription
    has an item of its own: that one is decided anew."""
    if subscription.tier is Tier.FREE:
        return None
    return Decision(
        rule=RuleName.GRANTED,
        status=subscription.subscription_status,
        tier=subscription.tier,
        subscription_type=subscription.subscription_type,
        provider=subscription.provider,
        external_id=subscription.external_subscription_id,
        subscription_id=subscription.subscription_id,
        start_date=subscription.start_date,
        end_date=subscription.end_date,
        next_billing_date=subscription.next_billing_date,
        cancelled_at=subscription.cancelled_at,
        auto_renew=subscription.provider is not SubscriptionProvider.INTERNAL and subscription.cancelled_at is None,
    )


def choose(candidates: Iterable[Decision]) -> Decision | None:
    """Return the one that counts, of all that somebody has: of those that open a tier the one that lasts longest, else
    the one that ended last. None for somebody who has none: they are back on the free plan.

    Between two that last equally long the higher tier counts, then provider and external id, so that everybody
    chooses alike.
    """
    return max(candidates, key=_weight, default=None)


def subscription_id_of(provider: SubscriptionProvider, external_id: str) -> str:
    """Return our id of a provider's subscription: the same whoever tells of it first."""
    return derived_id("subscription", provider.value, external_id)


def _weight(one: Decision) -> tuple[bool, datetime, int, str, str, str]:
    return (
        one.opens,
        one.lasts_until,
        list(Tier).index(one.tier),
        one.provider.value,
        one.external_id or "",
        one.subscription_id,
    )


def _evidence(known: KnownSubscription, payments: Collection[KnownPayment], products: Products) -> Evidence:
    term = known.term.content if known.term is not None else None
    behind = payment_behind(known)
    payment = next((one for one in payments if (one.provider, one.transaction_id) == behind), None)
    return Evidence(
        known=known,
        payment=payment,
        plan=products.plan_for(known.provider, term.product) if term is not None else None,
    )


def _start(evidence: Evidence) -> datetime:
    """From when months are counted. Of one without a term: what its provider gives for its start."""
    if evidence.term is not None:
        return evidence.term.anchor_at
    return evidence.renewal.version.about if evidence.renewal is not None else _LONG_AGO


def _cause(rule: Rule, evidence: Evidence) -> Cause | None:
    """The latest of the events behind what the rule looked at."""
    told = [source(evidence) for source in rule.sources]
    return max((cause for cause in told if cause is not None), default=None)
