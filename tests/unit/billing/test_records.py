"""What is known of subscriptions and payments is written in items and read back as it was, every word of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.billing import records
from chalicelib.billing.decision import subscription_id_of
from chalicelib.billing.known import Claim, KnownPayment, KnownSubscription, Told
from chalicelib.billing.liveness import live_key
from chalicelib.gateways.provider_facts import Phase
from chalicelib.models import keys
from chalicelib.models.payment import PaymentItem
from chalicelib.models.states import PaymentStatus
from tests.unit.billing.words import BOUGHT, ENDS, STRIPE, cause, known, payment, renewal, term, version

LATER = BOUGHT + timedelta(days=2)


def told(content: Any, hours: int) -> Told[Any]:
    return Told(content, version(hours), cause(f"evt_{hours}", BOUGHT + timedelta(hours=hours)))


def everything() -> KnownSubscription:
    return KnownSubscription(
        STRIPE,
        "sub_1",
        term=told(replace(term(1), version=version(1)), 1),
        renewal=told(renewal(2, phase=Phase.GRACE, grace_ends_at=ENDS), 2),
        account=told("user-1", 3),
        claim=Claim(LATER, "user-2"),
        replaced_by=None,
        follows=told("sub_0", 5),
        followed_by=("sub_2", "sub_3"),
    )


@pytest.mark.parametrize(
    "one",
    [everything(), replace(everything(), replaced_by=told("sub_4", 4)), KnownSubscription(STRIPE, "sub_1"), known()],
)
def test_a_subscription_is_read_back_as_it_was_written(one: KnownSubscription) -> None:
    owned = records.owned_subscription(one, "user-1", 7, BOUGHT, LATER)
    waiting = records.unclaimed_subscription(one, 8, 1_900_000_000, BOUGHT, LATER)
    assert records.known_subscription(owned) == one
    assert records.known_subscription(waiting) == one
    assert (owned.data.revision, waiting.data.revision) == (7, 8)
    assert (owned.created_at, owned.updated_at) == (waiting.created_at, waiting.updated_at) == (BOUGHT, LATER)
    assert waiting.ttl == 1_900_000_000


def test_an_owned_subscription_stands_at_its_owner_and_where_news_is_due() -> None:
    item, due = records.owned_subscription(everything(), "user-1", 1, BOUGHT, LATER), live_key(everything())
    assert due is not None
    assert (item.pk, item.sk) == tuple(keys.provider_subscription_key("user-1", STRIPE, "sub_1"))
    assert (item.gsi3_pk, item.gsi3_sk) == (due.pk, due.sk)


def test_one_that_is_over_stands_in_no_index() -> None:
    over = known(renewal=renewal(phase=Phase.EXPIRED, will_renew=False))
    item = records.owned_subscription(over, "user-1", 1, BOUGHT, LATER)
    assert item.gsi3_pk is None
    assert item.gsi3_sk is None


def test_one_of_nobody_waits_under_its_own_name() -> None:
    item = records.unclaimed_subscription(known(), 1, 1, BOUGHT, LATER)
    assert item.pk == keys.unclaimed_partition(STRIPE, "sub_1")
    assert item.sk == keys.provider_subscription_sort_key(STRIPE, "sub_1")
    assert (item.pk, item.sk) == tuple(records.unclaimed_key(known()))


def paid(**changes: Any) -> KnownPayment:
    seen = payment(
        3,
        status=PaymentStatus.REFUNDED,
        refunded=Decimal("4.00"),
        method="card",
        changed_at=LATER,
        processed_at=BOUGHT + timedelta(minutes=1),
        **changes,
    )
    return KnownPayment(STRIPE, "in_1", told(seen, 3), came_at=BOUGHT + timedelta(minutes=2))


def test_a_payment_is_read_back_as_it_was_written() -> None:
    data = records.payment_data(paid(), "user-1", 4, "payment-1")
    assert records.known_payment(PaymentItem("PK", "SK", data=data)) == paid()
    assert (data.payment_id, data.user_id, data.revision) == ("payment-1", "user-1", 4)
    assert data.provider_transaction_id_hash == keys.digest_of("in_1")
    assert data.subscription_id == subscription_id_of(STRIPE, "sub_1")
    assert (data.amount, data.currency) == (Decimal("9.99"), "USD")


def test_a_payment_for_no_subscription_names_none() -> None:
    data = records.payment_data(paid(subscription_external_id=None), None, 1, "payment-1")
    assert data.subscription_id is None
    assert data.external_subscription_id is None
    assert data.user_id is None


def test_the_id_of_a_payment_is_the_same_whoever_tells_and_in_the_order_of_time() -> None:
    first, again = (
        records.payment_id_of(paid()),
        records.payment_id_of(KnownPayment(STRIPE, "in_1", told(payment(9), 9))),
    )
    later = records.payment_id_of(paid(purchased_at=LATER))
    other = records.payment_id_of(replace(paid(), transaction_id="in_2"))
    assert first == again
    assert len({first, later, other}) == 3
    assert first < later
    assert records.payment_sort_key(paid()) == keys.payment_sort_key(BOUGHT.date(), first)


def test_our_id_of_a_subscription_is_its_own() -> None:
    assert subscription_id_of(STRIPE, "sub_1") == subscription_id_of(STRIPE, "sub_1")
    assert subscription_id_of(STRIPE, "sub_1") != subscription_id_of(STRIPE, "sub_2")
