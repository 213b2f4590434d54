"""Payments are shown newest first, also within a day, a page at a time, and to nobody else."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec import UNSET
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.billing_contract import PaymentsAnswer
from chalicelib.config import Settings
from chalicelib.models.states import PaymentStatus
from chalicelib.money import Money
from chalicelib.web.response import encode
from tests.rooms.billing_world import BillingWorld
from tests.unit.billing.people import caller_of
from tests.unit.billing.words import BOUGHT, payment, seen


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings) -> BillingWorld:
    found = BillingWorld(settings)
    found.settle("ada", "bob")
    return found


def page(world: BillingWorld, user_id: str = "ada", route: str = "/payments", **query: str) -> PaymentsAnswer:
    return world.payments.page(caller_of(user_id), route, query)


def pay(world: BillingWorld, number: int, after: timedelta) -> None:
    one = payment(transaction_id=f"in_{number}", purchased_at=BOUGHT + after, money=Money(Decimal(number), "JPY"))
    world.tell(f"e{number}", seen(number, account="ada"), one)


def test_a_day_s_payments_stand_in_order_whatever_the_order_in_which_they_came(world: BillingWorld) -> None:
    for number in (3, 1, 5, 2, 4):
        pay(world, number, timedelta(milliseconds=number))
    assert [int(one.amount) for one in page(world).payments] == [5, 4, 3, 2, 1]


def test_pages_follow_each_other_without_gap_or_overlap(world: BillingWorld) -> None:
    for number in range(1, 8):
        pay(world, number, timedelta(hours=number * 7))
    found: list[int] = []
    query: dict[str, str] = {"limit": "3"}
    for _ in range(3):
        answer = page(world, **query)
        found += [int(one.amount) for one in answer.payments]
        assert answer.has_more == (answer.next_cursor is not None)
        query["cursor"] = answer.next_cursor or ""
    assert found == [7, 6, 5, 4, 3, 2, 1]
    assert not answer.has_more


def test_a_payment_that_comes_while_pages_are_turned_disturbs_none(world: BillingWorld) -> None:
    for number in (1, 2, 3):
        pay(world, number, timedelta(hours=number))
    first = page(world, limit="2")
    pay(world, 9, timedelta(hours=9))
    rest = page(world, limit="2", cursor=first.next_cursor or "")
    assert [int(one.amount) for one in (*first.payments, *rest.payments)] == [3, 2, 1]


def test_the_last_page_that_is_full_has_no_cursor(world: BillingWorld) -> None:
    for number in (1, 2):
        pay(world, number, timedelta(hours=number))
    answer = page(world, limit="2")
    assert (len(answer.payments), answer.has_more, answer.next_cursor) == (2, False, None)


def test_a_cursor_of_somebody_else_is_refused(world: BillingWorld) -> None:
    for number in (1, 2):
        pay(world, number, timedelta(hours=number))
    cursor = page(world, limit="1").next_cursor or ""
    with pytest.raises(errors.InvalidRequest) as refusal:
        page(world, "bob", cursor=cursor)
    assert refusal.value.code == "INVALID_CURSOR"
    assert page(world, "bob").payments == []


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.0", "ten", "", "9" * 30, "٣"])
def test_a_limit_that_is_none_is_refused(world: BillingWorld, limit: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        page(world, limit=limit)
    assert refusal.value.code == "INVALID_LIMIT"


def test_amounts_have_their_digits_on_the_wire(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment(money=Money(Decimal("10.00"), "EUR"), refunded=Decimal("0.10")))
    world.tell("e2", payment(2, transaction_id="in_2", money=Money(Decimal("500"), "JPY"), purchased_at=BOUGHT))
    text = encode(page(world))
    assert '"amount":10.00,"currency":"EUR"' in text
    assert '"refunded_amount":0.10' in text
    assert '"amount":500,"currency":"JPY"' in text


def test_a_payment_that_has_not_come_was_not_processed(world: BillingWorld) -> None:
    world.tell("e1", seen(account="ada"), payment(status=PaymentStatus.PENDING, processed_at=None))
    [pending] = page(world).payments
    assert (pending.status, pending.created_at) == (PaymentStatus.PENDING, BOUGHT)
    assert pending.processed_at is None


def test_the_old_route_calls_them_records(world: BillingWorld) -> None:
    pay(world, 1, timedelta())
    answer = page(world, route="/subscriptions/billing-history")
    assert answer.records == answer.payments
    assert page(world).records is UNSET
