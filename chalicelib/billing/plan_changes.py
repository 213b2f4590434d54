"""What a decision changes of a person's profile: the plan in force, its history, the usage period under it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.billing.decision import Decision
from chalicelib.billing.periods import Period
from chalicelib.billing.rule_names import RuleName
from chalicelib.billing.usage import carried_over, usage_at
from chalicelib.ids import derived_id
from chalicelib.models import keys
from chalicelib.models.history import SubscriptionHistoryItem
from chalicelib.models.keys import HistoryKind, Key
from chalicelib.models.profile import DecidedBy, Subscription, UserItem
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, Tier
from chalicelib.rules import Rules
from chalicelib.stores.billing_changes import DECIDED, PeriodMove, ProfileChange

_TICK = timedelta(microseconds=1)
_NOT_DECIDED = frozenset({"created_at", "updated_at"})


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What changes of a profile, and what goes into history with it."""

    profile: ProfileChange
    history: SubscriptionHistoryItem | None


def plan_change(user: UserItem, decision: Decision | None, now: datetime, rules: Rules) -> PlanChange:
    """Return what a decision changes for a person as they were read; None is the free plan. Where it changes nothing
    the profile is marked all the same: whoever decided at the same time has to look again."""
    old = user.data.current_subscription
    if decision is None:
        new = None if old.tier is Tier.FREE else _free(user, now)
    elif decision.rule is RuleName.GRANTED:
        # A plan that is kept without any store's word is kept as it is, or comes back as it was.
        new = None if decision.subscription_id == old.subscription_id else _granted_again(user, now)
    else:
        new = _decided(old, decision, now)
    if new is not None and _values(new) == _values(old):
        new = None
    is_replaced = new is not None and new.subscription_id != old.subscription_id
    return PlanChange(
        ProfileChange(
            user_id=user.data.id,
            seen_revision=None if user.data.billing_revision is None else int(user.data.billing_revision),
            seen_plan_updated_at=old.updated_at,
            plan=new,
            period=None if new is None else _period_move(user, new, now, rules),
            granted=_kept_beside(user, decision),
        ),
        _history(user, now, rules) if is_replaced else None,
    )


def _decided(old: Subscription, decision: Decision, now: datetime) -> Subscription:
    external_id, cause = decision.external_id, decision.cause
    is_same = decision.subscription_id == old.subscription_id
    return Subscription(
        subscription_id=decision.subscription_id,
        subscription_status=decision.status,
        tier=decision.tier,
        subscription_type=decision.subscription_type,
        provider=decision.provider,
        external_subscription_id=external_id,
        external_subscription_id_hash=keys.digest_of(external_id) if external_id is not None else None,
        start_date=decision.start_date,
        end_date=decision.end_date,
        next_billing_date=decision.next_billing_date,
        grace_end_date=decision.grace_end_date,
        cancelled_at=decision.cancelled_at,
        auto_renew=decision.auto_renew,
        decided_by=DecidedBy(
            rule=decision.rule.value,
            event_id=cause.event_id or None,
            event_type=cause.event_type,
            happened_at=cause.happened_at,
        )
        if cause is not None
        else None,
        created_at=old.created_at if is_same else now,
        updated_at=_later(old, now),
    )


def _granted_again(user: UserItem, now: datetime) -> Subscription | None:
    kept = user.data.granted_subscription
    if kept is None:
        return None
    values = {name: getattr(kept, name) for name in DECIDED}
    return Subscription(**{**values, "updated_at": _later(user.data.current_subscription, now)})


def _kept_beside(user: UserItem, decision: Decision | None) -> Subscription | None:
    """Return the plan granted by us that something bought stands before: it must not be lost with that, or the end
    would depend on which word of the store came first."""
    old = user.data.current_subscription
    if decision is None or decision.rule is RuleName.GRANTED:
        return None
    is_granted = old.provider is SubscriptionProvider.INTERNAL and old.tier is not Tier.FREE
    return old if is_granted else user.data.granted_subscription


def _free(user: UserItem, now: datetime) -> Subscription:
    """The free plan of somebody who has nothing else any more, its months counted from their sign-up."""
    return Subscription(
        subscription_id=derived_id("free-plan", user.data.id),
        subscription_status=SubscriptionStatus.ACTIVE,
        tier=Tier.FREE,
        provider=SubscriptionProvider.INTERNAL,
        start_date=user.created_at,
        created_at=now,
        updated_at=_later(user.data.current_subscription, now),
    )


def _later(old: Subscription, now: datetime) -> datetime:
    """The instant of a change: whoever decided on the subscription as it was compares it, so no two are alike."""
    return max(now, old.updated_at + _TICK)


def _period_move(user: UserItem, new: Subscription, now: datetime, rules: Rules) -> PeriodMove | None:
    """Return how the usage period moves; None where months are counted from the same day as before."""
    old = user.data.current_subscription
    if new.start_date == old.start_date:
        return None
    stored, carried = old.usage_current_period, carried_over(old, new.start_date, now)
    period = Period(carried.period_start, carried.period_end)
    is_running = usage_at(old, now).period == Period(stored.period_start, stored.period_end)
    return PeriodMove(
        seen_start=stored.period_start,
        start=period.start,
        end=period.end,
        is_ended=not is_running,
        carried_from=carried.carried_from,
        due=_due(user, period, rules),
    )


def _due(user: UserItem, period: Period, rules: Rules) -> Key | None:
    """Whoever stands in the due index goes on standing there, under the day on which the period ends now."""
    if user.gsi3_pk is None:
        return None
    shard = keys.shard_of(user.data.id, rules.usage_due_shards)
    return keys.usage_due_key(period.due_on, shard, user.data.id)


def _history(user: UserItem, now: datetime, rules: Rules) -> SubscriptionHistoryItem:
    old = user.data.current_subscription
    key = keys.history_key(user.data.id, HistoryKind.SUBSCRIPTION, now, old.subscription_id)
    return SubscriptionHistoryItem(
        *key, created_at=now, updated_at=now, ttl=int((now + rules.history_life).timestamp()), data=old
    )


def _values(subscription: Subscription) -> dict[str, Any]:
    """Everything that is decided, to compare."""
    values = {name: getattr(subscription, name) for name in DECIDED if name not in _NOT_DECIDED}
    by = subscription.decided_by
    values["decided_by"] = None if by is None else (by.rule, by.event_id, by.event_type, by.happened_at)
    return values
