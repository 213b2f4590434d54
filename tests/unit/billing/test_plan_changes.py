"""What a decision changes of a profile: the plan, its history, the usage period, and a granted plan kept beside."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.billing.decision import Decision, decide, granted
from chalicelib.billing.periods import period_at
from chalicelib.billing.plan_changes import PlanChange, plan_change
from chalicelib.ids import derived_id
from chalicelib.models import keys
from chalicelib.models.keys import HistoryKind
from chalicelib.models.profile import DecidedBy, Subscription, UserItem
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, SubscriptionType, Tier
from chalicelib.rules import Rules
from chalicelib.stores.billing_changes import DECIDED
from deploy.billing_page import PRODUCTS
from tests.unit.billing.people import SIGNED_UP, free, paid, person
from tests.unit.billing.words import BOUGHT, ENDS, STRIPE, cause, known, renewal, term

NOW = BOUGHT + timedelta(hours=1)
RULES = Rules()
TICK = timedelta(microseconds=1)


def bought(**words: Any) -> Decision:
    return decide(known(**{"term": term(product="premium_monthly"), **words}), (), PRODUCTS)


def after(user: UserItem, decision: Decision | None) -> PlanChange:
    return plan_change(user, decision, NOW, RULES)


def of_us(**changes: Any) -> Subscription:
    given = {"provider": SubscriptionProvider.INTERNAL, "end_date": None, "subscription_id": "granted", **changes}
    return paid(SIGNED_UP, **given)


def test_what_was_bought_becomes_the_plan_word_for_word() -> None:
    change = after(person("ada"), bought(renewal=renewal(2, will_renew=False, cancelled_at=NOW)))
    plan = change.profile.plan
    assert plan is not None
    assert (plan.tier, plan.subscription_type) == (Tier.PREMIUM, SubscriptionType.MONTHLY)
    assert (plan.subscription_status, plan.provider) == (SubscriptionStatus.CANCELLED, STRIPE)
    assert (plan.external_subscription_id, plan.external_subscription_id_hash) == ("sub_1", keys.digest_of("sub_1"))
    assert (plan.start_date, plan.end_date) == (BOUGHT, ENDS)
    assert plan.next_billing_date is None
    assert (plan.cancelled_at, plan.auto_renew) == (NOW, False)
    assert (plan.created_at, plan.updated_at) == (NOW, NOW)
    assert plan.decided_by is not None
    by = plan.decided_by
    assert (by.rule, by.event_id, by.event_type) == ("renewal_off", "evt_1", "customer.subscription.updated")
    assert by.happened_at == BOUGHT
    assert change.profile.user_id == "ada"
    assert change.profile.seen_plan_updated_at == free().updated_at
    assert change.profile.seen_revision is None


def test_the_revision_that_was_seen_is_told() -> None:
    user = person("ada")
    user.data.billing_revision = 4
    assert after(user, bought()).profile.seen_revision == 4


def test_the_plan_before_goes_into_history_when_another_takes_its_place() -> None:
    user = person("ada")
    history = after(user, bought()).history
    assert history is not None
    old = user.data.current_subscription
    assert history.data is old
    assert (history.pk, history.sk) == tuple(
        keys.history_key("ada", HistoryKind.SUBSCRIPTION, NOW, old.subscription_id)
    )
    assert history.ttl == int((NOW + RULES.history_life).timestamp())
    assert (history.created_at, history.updated_at) == (NOW, NOW)


def applied(user: UserItem, decision: Decision) -> UserItem:
    plan = after(user, decision).profile.plan
    assert plan is not None
    plan.usage_current_period = user.data.current_subscription.usage_current_period
    return person("ada", plan)


def test_news_of_the_same_subscription_keeps_its_birth_and_leaves_no_history() -> None:
    user = applied(person("ada"), bought())
    user.data.current_subscription.created_at = BOUGHT
    change = after(user, bought(renewal=renewal(2, will_renew=False)))
    assert change.history is None
    assert change.profile.plan is not None
    assert change.profile.plan.created_at == BOUGHT
    assert change.profile.plan.updated_at == user.data.current_subscription.updated_at + TICK
    assert change.profile.period is None


def test_what_changes_nothing_changes_nothing_but_is_told_all_the_same() -> None:
    change = after(applied(person("ada"), bought()), bought())
    assert (change.profile.plan, change.profile.period, change.history) == (None, None, None)
    assert change.profile.user_id == "ada"


@pytest.mark.parametrize("name", ["event_id", "event_type", "happened_at", "rule"])
def test_another_reason_is_a_change(name: str) -> None:
    user = applied(person("ada"), bought())
    by = user.data.current_subscription.decided_by
    assert by is not None
    values = {one: getattr(by, one) for one in ("rule", "event_id", "event_type", "happened_at")}
    values[name] = NOW if name == "happened_at" else "another"
    user.data.current_subscription.decided_by = DecidedBy(**values)
    assert after(user, bought()).profile.plan is not None


def test_who_has_nothing_any_more_is_back_on_the_free_plan_from_their_sign_up() -> None:
    user = person("ada", paid(BOUGHT, subscription_id="sub"))
    change = after(user, None)
    plan = change.profile.plan
    assert plan is not None
    assert (plan.tier, plan.provider, plan.subscription_status) == (
        Tier.FREE,
        SubscriptionProvider.INTERNAL,
        SubscriptionStatus.ACTIVE,
    )
    assert plan.subscription_id == derived_id("free-plan", "ada")
    assert (plan.start_date, plan.created_at, plan.updated_at) == (SIGNED_UP, NOW, NOW)
    assert change.history is not None
    assert after(person("ada"), None).profile.plan is None


def test_the_free_plan_of_another_person_has_another_name() -> None:
    plans = [after(person(name, paid(BOUGHT)), None).profile.plan for name in ("ada", "ben")]
    assert plans[0] is not None and plans[1] is not None
    assert plans[0].subscription_id != plans[1].subscription_id


def test_a_granted_plan_is_kept_beside_what_is_bought_and_comes_back_as_it_was() -> None:
    user = person("ada", of_us())
    change = after(user, bought())
    assert change.profile.granted is user.data.current_subscription
    later = applied(user, bought())
    later.data.granted_subscription = of_us()
    assert after(later, bought()).profile.granted is later.data.granted_subscription
    again = after(later, granted(of_us()))
    plan = again.profile.plan
    assert plan is not None
    unlike = {name for name in DECIDED if getattr(plan, name) != getattr(of_us(), name)}
    assert unlike == {"updated_at"}
    assert plan.updated_at == later.data.current_subscription.updated_at + TICK
    assert again.profile.granted is None
    assert again.history is not None


def test_a_granted_plan_in_force_is_kept_as_it_is() -> None:
    user = person("ada", of_us())
    change = after(user, granted(of_us()))
    assert (change.profile.plan, change.history, change.profile.granted) == (None, None, None)


def test_the_free_plan_is_no_plan_that_was_granted() -> None:
    assert after(person("ada"), bought()).profile.granted is None
    assert after(person("ada", paid(BOUGHT)), bought()).profile.granted is None


def test_a_count_that_runs_goes_on_under_the_new_months() -> None:
    user = person("ada")
    stored = user.data.current_subscription.usage_current_period
    right = period_at(SIGNED_UP, NOW)
    stored.period_start, stored.period_end = right.start, right.end
    move = after(user, bought()).profile.period
    months = period_at(BOUGHT, NOW)
    assert move is not None
    assert (move.seen_start, move.start, move.end) == (right.start, months.start, months.end)
    assert (move.is_ended, move.carried_from, move.due) == (False, right.start, None)


def test_a_count_that_has_ended_begins_anew() -> None:
    move = after(person("ada"), bought()).profile.period
    assert move is not None
    assert (move.seen_start, move.is_ended, move.carried_from) == (SIGNED_UP, True, None)


def test_who_stands_in_the_due_index_moves_to_the_day_on_which_the_new_period_ends() -> None:
    user = person("ada")
    user.gsi3_pk = "somewhere"
    move = after(user, bought()).profile.period
    assert move is not None
    shard = keys.shard_of("ada", RULES.usage_due_shards)
    assert move.due == keys.usage_due_key(period_at(BOUGHT, NOW).due_on, shard, "ada")


def test_months_that_are_counted_from_the_same_day_stay() -> None:
    user = person("ada", paid(BOUGHT))
    assert after(user, bought()).profile.period is None


def test_no_two_changes_have_the_same_instant() -> None:
    plan = paid(BOUGHT, updated_at=NOW + timedelta(days=1))
    new = after(person("ada", plan), bought()).profile.plan
    assert new is not None
    assert new.updated_at == NOW + timedelta(days=1) + TICK


def test_a_decision_without_an_event_tells_none() -> None:
    new = after(person("ada"), replace(bought(), cause=None)).profile.plan
    assert new is not None and new.decided_by is None
    new = after(person("ada"), replace(bought(), cause=cause(event_id=""))).profile.plan
    assert new is not None and new.decided_by is not None
    assert new.decided_by.event_id is None
