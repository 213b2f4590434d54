"""The transaction of a store's word: all of it or nothing, and nothing of what is not as it was read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.billing.merge import payment_in
from chalicelib.billing.records import (
    known_payment,
    known_subscription,
    owned_subscription,
    payment_data,
    payment_id_of,
    payment_sort_key,
    unclaimed_subscription,
)
from chalicelib.models import keys
from chalicelib.models.guard import GuardItem
from chalicelib.models.payment import PaymentItem
from chalicelib.stores.billing_changes import BillingChange, BillingChanges, GuardChange, ProfileChange, Put, Removal
from chalicelib.stores.payments import PaymentMissingError, Payments
from chalicelib.stores.provider_subscriptions import ProviderSubscriptions
from tests.unit.billing import words
from tests.unit.billing.people import person

NOW = words.BOUGHT
KNOWN = words.known(account=None)
GUARD = keys.subscription_guard_key("stripe", words.EXTERNAL_ID)
changes, subscriptions, payments = BillingChanges(), ProviderSubscriptions(), Payments()
pytestmark = pytest.mark.usefixtures("any_engine")


def owned(revision: int = 1) -> Put:
    seen = revision - 1 or None
    return Put(owned_subscription(KNOWN, "ada", revision, NOW, NOW), seen)


def paid(user_id: str = "ada") -> PaymentItem:
    known = payment_in(words.payment(), words.cause())
    return PaymentItem(
        keys.user_partition(user_id),
        payment_sort_key(known),
        created_at=NOW,
        updated_at=NOW,
        data=payment_data(known, user_id, 1, payment_id_of(known)),
    )


def apply(**parts: object) -> bool:
    return changes.apply(BillingChange(NOW, None, **parts))  # type: ignore[arg-type]  # narrower than its declared type


def claim(owner: str | None, seen: str | None = None) -> GuardChange:
    return GuardChange(GUARD, seen, owner)


def test_what_is_written_is_read_back_as_it_was(any_engine: TableConnection) -> None:
    known = payment_in(words.payment(), words.cause())
    assert apply(puts=[owned(), Put(paid(), None)], guards=[claim("ada")])
    [item] = subscriptions.of("ada")
    assert known_subscription(item) == KNOWN
    assert known_payment(payments.newest("ada", 5)[0]) == known
    assert subscriptions.owner_of("stripe", words.EXTERNAL_ID) == "ada"


def test_of_two_that_read_the_same_revision_one_writes() -> None:
    assert apply(puts=[owned()])
    assert not apply(puts=[owned()])
    assert apply(puts=[owned(2)])
    assert not apply(puts=[owned(2)])
    assert [item.data.revision for item in subscriptions.of("ada")] == [2]


def test_one_condition_that_fails_leaves_everything_as_it_was() -> None:
    assert apply(puts=[owned()], guards=[claim("bob")])
    assert not apply(puts=[Put(paid(), None)], guards=[claim("ada")])
    assert payments.newest("ada", 5) == ()
    assert subscriptions.owner_of("stripe", words.EXTERNAL_ID) == "bob"


def test_a_guard_changes_hands_only_from_whom_it_was_read_of() -> None:
    assert apply(guards=[claim("bob")])
    assert not apply(guards=[claim("ada", "eve")])
    assert apply(guards=[claim("ada", "bob")])
    assert not apply(guards=[claim(None)])
    assert apply(guards=[claim(None, "ada")])
    assert apply(puts=[owned()], guards=[claim(None)])


def test_a_place_that_is_to_stay_empty_is_looked_at() -> None:
    waiting = unclaimed_subscription(KNOWN, 1, 2_000_000_000, NOW, NOW)
    assert apply(puts=[Put(waiting, None)])
    place = keys.Key(waiting.pk, waiting.sk)
    assert not apply(puts=[owned()], removals=[Removal(place, None)])
    assert not apply(puts=[owned()], removals=[Removal(place, 2)])
    assert apply(puts=[owned()], removals=[Removal(place, 1)])
    assert subscriptions.unclaimed("stripe", words.EXTERNAL_ID).subscription is None


def test_a_profile_that_was_decided_on_by_somebody_else_is_not_written() -> None:
    user = person("ada")
    user.save()
    seen = user.data.current_subscription.updated_at
    change = ProfileChange("ada", None, seen, None, None)
    assert apply(profiles=[change])
    assert not apply(profiles=[change])
    assert apply(profiles=[replace(change, seen_revision=1)])
    assert not apply(profiles=[replace(change, seen_revision=2, plan=user.data.current_subscription,
                                       seen_plan_updated_at=words.ENDS)])  # fmt: skip


def test_nobody_is_made_by_a_change() -> None:
    assert not apply(profiles=[ProfileChange("nobody", None, NOW, None, None)])


def test_a_payment_is_found_by_its_transaction_wherever_it_stands() -> None:
    item = paid()
    guard = GuardChange(keys.transaction_guard_key("stripe", "in_1"), None, "ada", item.sk)
    assert payments.recorded("stripe", "in_1") is None
    assert apply(puts=[Put(item, None)], guards=[guard])
    found = payments.recorded("stripe", "in_1")
    assert found is not None
    assert (found.owner_id, found.is_retained) == ("ada", False)

    moved = PaymentItem(keys.retained_partition("r"), item.sk, created_at=NOW, updated_at=NOW, data=item.data)
    moved.save()
    GuardItem(*guard.key, data={"user_id": "r", "sort_key": item.sk}, created_at=NOW, updated_at=NOW).save()
    found = payments.recorded("stripe", "in_1")
    assert found is not None
    assert (found.owner_id, found.is_retained) == ("r", True)
    moved.delete()
    with pytest.raises(PaymentMissingError):
        payments.recorded("stripe", "in_1")


def test_payments_of_a_day_stand_in_the_order_of_their_instants() -> None:
    from datetime import timedelta

    for number in (2, 0, 1):
        seen = words.payment(transaction_id=f"in_{number}", purchased_at=NOW + timedelta(milliseconds=number))
        known = payment_in(seen, words.cause())
        data = payment_data(known, "ada", 1, payment_id_of(known))
        partition, sort_key = keys.user_partition("ada"), payment_sort_key(known)
        PaymentItem(partition, sort_key, created_at=NOW, updated_at=NOW, data=data).save()
    found = payments.newest("ada", 2)
    assert [item.data.provider_transaction_id for item in found] == ["in_2", "in_1"]
    rest = payments.newest("ada", 2, found[-1].sk)
    assert [item.data.provider_transaction_id for item in rest] == ["in_0"]
