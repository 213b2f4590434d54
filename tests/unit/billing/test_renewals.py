"""Who will charge somebody again: the plan in force first, then all else that they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.billing import records
from chalicelib.billing.known import KnownSubscription
from chalicelib.billing.renewals import Renewals
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models.profile import Subscription
from chalicelib.models.states import SubscriptionProvider
from deploy.billing_page import PRODUCTS
from tests.support import SettableClock
from tests.unit.billing.people import free, paid, person
from tests.unit.billing.words import BOUGHT, ENDS, STRIPE, known, renewal, term

NOW = BOUGHT + timedelta(days=5)


@dataclass(slots=True)
class Kept:
    """Subscriptions of one person, and how often they were asked for."""

    known: tuple[KnownSubscription, ...]
    asked: list[str] = field(default_factory=list)

    def of(self, user_id: str) -> list[Any]:
        self.asked.append(user_id)
        return [records.owned_subscription(one, user_id, 1, BOUGHT, BOUGHT) for one in self.known]


def running(external_id: str = "sub_1", **words: Any) -> KnownSubscription:
    return known(external_id, **{"term": term(product="premium_monthly"), **words})


def renewals(*kept: KnownSubscription, now: datetime = NOW) -> tuple[Renewals, Kept]:
    store: Any = Kept(kept)
    return Renewals(store, lambda: PRODUCTS, SettableClock(now)), store


def plan(**changes: Any) -> Subscription:
    return paid(BOUGHT, **{"end_date": ENDS, "next_billing_date": ENDS, "auto_renew": True, **changes})


def test_a_plan_in_force_that_renews_is_answered_without_a_query() -> None:
    found, store = renewals(running())
    assert found.charged_by(person("ada", plan())) is SubscriptionProvider.APPLE
    assert store.asked == []


@pytest.mark.parametrize(
    ("one", "now", "is_charged"),
    [
        (running(), NOW, True),
        (running(), ENDS - timedelta(seconds=1), True),
        (running(), ENDS, False),
        (running(renewal=renewal(will_renew=False)), NOW, False),
        (running(renewal=renewal(phase=Phase.GRACE, grace_ends_at=ENDS + timedelta(days=6))), ENDS, True),
        (
            running(renewal=renewal(phase=Phase.GRACE, grace_ends_at=ENDS + timedelta(days=6))),
            ENDS + timedelta(days=6),
            False,
        ),
        (running(renewal=renewal(phase=Phase.PAUSED, resumes_at=ENDS)), NOW, True),
        (running(renewal=renewal(phase=Phase.RETRY)), NOW, False),
        (running(renewal=renewal(phase=Phase.EXPIRED, will_renew=False)), NOW, False),
    ],
)
def test_what_stands_behind_a_plan_that_does_not_renew_may_be_charged(
    one: KnownSubscription, now: datetime, is_charged: bool
) -> None:
    found, store = renewals(one, now=now)
    assert found.charged_by(person("ada", free())) == (STRIPE if is_charged else None)
    assert store.asked == ["ada"]


def test_the_first_that_is_charged_is_found_among_others() -> None:
    off = running("sub_0", renewal=renewal(will_renew=False))
    assert renewals(off, running())[0].charged_by(person("ada", free())) is STRIPE
    assert renewals()[0].charged_by(person("ada", free())) is None


def test_all_that_goes_on_at_a_provider_is_named_and_nothing_of_another() -> None:
    off = running("sub_0", renewal=renewal(will_renew=False))
    paused = running("sub_2", renewal=renewal(phase=Phase.PAUSED, resumes_at=ENDS))
    retried = running("sub_3", renewal=renewal(phase=Phase.RETRY))
    found, store = renewals(off, running(), paused, retried)
    assert found.going_on_at(STRIPE, person("ada")) == ("sub_1", "sub_2", "sub_3")
    assert store.asked == ["ada"]
    assert found.going_on_at(SubscriptionProvider.APPLE, person("ada")) == ()
