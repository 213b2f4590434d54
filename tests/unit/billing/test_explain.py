"""Why somebody has the plan that they have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.billing.explain import explain, sentence_of
from chalicelib.billing.rule_names import RuleName
from chalicelib.billing.rules_of_standing import RULES
from chalicelib.billing.standing import standing_of
from chalicelib.billing.subscriptions import Subscriptions
from chalicelib.models.profile import DecidedBy, Subscription
from chalicelib.models.states import SubscriptionProvider, SubscriptionStatus, Tier
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, free, paid, person

END = SIGNED_UP + timedelta(days=28)
TICK = timedelta(microseconds=1)


def decided_by(rule: RuleName, **changes: Any) -> Subscription:
    by = DecidedBy(rule=rule.value, event_id="event 7", event_type="DID_RENEW", happened_at=SIGNED_UP)
    return paid(decided_by=by, **changes)


def test_a_plan_in_force_names_the_rule_and_the_event_behind_it() -> None:
    told = explain(decided_by(RuleName.RENEWING, auto_renew=True), END - TICK)
    assert (told.rule, told.stored_rule) == (RuleName.RENEWING, RuleName.RENEWING)
    assert (told.event_id, told.event_type, told.happened_at) == ("event 7", "DID_RENEW", SIGNED_UP)
    assert (told.decided_at, told.inputs.asked_at) == (SIGNED_UP, END - TICK)
    assert told.sentence == sentence_of(RuleName.RENEWING)


@pytest.mark.parametrize(
    ("rule", "status", "grace", "ended_at"),
    [
        (RuleName.RENEWING, SubscriptionStatus.ACTIVE, None, END),
        (RuleName.RENEWAL_OFF, SubscriptionStatus.CANCELLED, None, END),
        (RuleName.GRACE, SubscriptionStatus.ACTIVE, END + timedelta(days=7), END + timedelta(days=7)),
    ],
)
def test_a_plan_that_time_ended_says_so_and_since_when(
    rule: RuleName, status: SubscriptionStatus, grace: object, ended_at: object
) -> None:
    told = explain(decided_by(rule, subscription_status=status, grace_end_date=grace), END + timedelta(days=7))
    assert (told.rule, told.stored_rule, told.decided_at) == (RuleName.ENDED, rule, ended_at)
    assert told.event_id == "event 7"


@pytest.mark.parametrize("rule", [RuleName.REVOKED, RuleName.DISPUTED, RuleName.PENDING, RuleName.BILLING_RETRY])
def test_a_plan_that_a_store_ended_keeps_the_stores_reason(rule: RuleName) -> None:
    status = SubscriptionStatus.PENDING if rule is RuleName.PENDING else SubscriptionStatus.EXPIRED
    told = explain(decided_by(rule, subscription_status=status), END + timedelta(days=7))
    assert (told.rule, told.decided_at) == (rule, SIGNED_UP)


def test_a_product_that_nobody_knows_is_the_reason_for_the_free_plan() -> None:
    stored = decided_by(RuleName.UNKNOWN_PRODUCT, tier=Tier.FREE, subscription_status=SubscriptionStatus.PENDING)
    assert explain(stored, SIGNED_UP).rule is RuleName.UNKNOWN_PRODUCT


def test_the_free_plan_needs_no_event() -> None:
    told = explain(free(), END)
    assert (told.rule, told.event_id, told.event_type, told.happened_at) == (RuleName.FREE_PLAN, None, None, None)


def test_a_plan_that_no_store_told_of_was_granted() -> None:
    by_us = paid(provider=SubscriptionProvider.INTERNAL, end_date=None)
    assert explain(by_us, END).rule is RuleName.GRANTED


@pytest.mark.parametrize("rule", RuleName)
def test_every_rule_can_be_said_in_a_sentence(rule: RuleName) -> None:
    assert sentence_of(rule).endswith(".")
    assert rule in {one.name for one in RULES} | {RuleName.GRANTED, RuleName.ENDED, RuleName.FREE_PLAN}


@pytest.mark.parametrize("status", SubscriptionStatus)
def test_what_is_explained_is_what_is_shown(status: SubscriptionStatus) -> None:
    for now in (END - TICK, END, END + TICK):
        stored = decided_by(RuleName.RENEWING, subscription_status=status)
        is_free = standing_of(stored, now).tier is Tier.FREE
        was_ended_by_time = explain(stored, now).rule is RuleName.ENDED
        says_it_counts = status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.CANCELLED)
        assert was_ended_by_time is (is_free and says_it_counts)


@dataclass(frozen=True, slots=True)
class StoppedClock:
    at: datetime

    def now(self) -> datetime:
        return self.at


def test_the_answer_explains_itself_only_where_that_is_asked_for() -> None:
    somebody = person("anna", decided_by(RuleName.RENEWING, auto_renew=True))
    room = Subscriptions(LiveSessions(), lambda _: somebody, StoppedClock(END - TICK))
    plain = msgspec.json.decode(msgspec.json.encode(room.current(caller_of("anna"))))
    explained = msgspec.json.decode(msgspec.json.encode(room.current(caller_of("anna"), is_explained=True)))
    assert "explanation" not in plain
    told = explained.pop("explanation")
    assert explained == plain
    assert (told["rule"], told["event_id"], told["event_type"]) == ("renewing", "event 7", "DID_RENEW")
    assert told["inputs"]["end_date"] == "2026-02-28T15:00:00Z"
