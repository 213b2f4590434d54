"""Says why somebody has the plan that they have: which rule gave it, and which event the rule looked at."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from chalicelib.billing.explanation import Explanation, StandingInputs
from chalicelib.billing.rule_names import RuleName
from chalicelib.billing.rules_of_standing import RULES
from chalicelib.billing.standing import counts_until, standing_of
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionStatus, Tier

_NO_WORD_OF_A_STORE: Final = {
    RuleName.FREE_PLAN: "Nothing was bought: it is the free plan, which never ends.",
    RuleName.GRANTED: "It was granted by us, or carried over from before stores told us of purchases.",
    RuleName.ENDED: "What was paid or forgiven has ended, and the store has told of no renewal.",
}


def explain(subscription: Subscription, now: datetime) -> Explanation:
    """Return why a stored subscription is worth what it is worth now: the answer of the same function that decides it
    (`standing.py`), and what was written down when it was stored."""
    stored = stored_rule(subscription)
    rule, decided_at = _present_rule(subscription, stored, now)
    by = subscription.decided_by
    return Explanation(
        rule=rule,
        sentence=sentence_of(rule),
        stored_rule=stored,
        event_id=by.event_id if by is not None else None,
        event_type=by.event_type if by is not None else None,
        happened_at=by.happened_at if by is not None else None,
        decided_at=decided_at,
        inputs=_inputs(subscription, now),
    )


def sentence_of(rule: RuleName) -> str:
    """Return a rule in plain words."""
    said = {one.name: one.sentence for one in RULES}
    return said.get(rule) or _NO_WORD_OF_A_STORE[rule]


def stored_rule(subscription: Subscription) -> RuleName:
    """Return the rule that decided what is stored. Of what no rule decided: whether it is the free plan or a paid one
    that we know no reason for."""
    if subscription.decided_by is not None:
        return RuleName(subscription.decided_by.rule)
    return RuleName.FREE_PLAN if subscription.tier is Tier.FREE else RuleName.GRANTED


def _present_rule(subscription: Subscription, stored: RuleName, now: datetime) -> tuple[RuleName, datetime]:
    """An end that has come needs no word of a store: nothing was written when it came."""
    is_said_to_count = subscription.subscription_status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED)
    is_over = standing_of(subscription, now).tier is Tier.FREE
    until = counts_until(subscription.subscription_status, subscription.end_date, subscription.grace_end_date)
    if subscription.tier is not Tier.FREE and is_said_to_count and is_over:
        return RuleName.ENDED, until or subscription.updated_at
    return stored, subscription.updated_at


def _inputs(subscription: Subscription, now: datetime) -> StandingInputs:
    return StandingInputs(
        asked_at=now,
        provider=subscription.provider,
        status=subscription.subscription_status,
        tier=subscription.tier,
        subscription_type=subscription.subscription_type,
        start_date=subscription.start_date,
        end_date=subscription.end_date,
        grace_end_date=subscription.grace_end_date,
        next_billing_date=subscription.next_billing_date,
        cancelled_at=subscription.cancelled_at,
        auto_renew=subscription.auto_renew,
    )
