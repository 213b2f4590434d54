"""A page of payments: as many as were asked for, whether there are more, and every word of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import errors
from chalicelib.billing import records
from chalicelib.billing.known import KnownPayment, Told
from chalicelib.billing.payments import PaymentHistory
from chalicelib.models.payment import PaymentItem
from chalicelib.models.states import PaymentStatus
from tests.unit.billing.people import LiveSessions, caller_of, person
from tests.unit.billing.words import BOUGHT, STRIPE, cause, payment


@dataclass(slots=True)
class Shelf:
    """So many payments, and what was asked."""

    number: int
    asked: list[tuple[str, int, str | None]] = field(default_factory=list)

    def newest(self, user_id: str, most: int, before: str | None) -> list[PaymentItem]:
        self.asked.append((user_id, most, before))
        return [item(number) for number in range(self.number)][:most]


class Cursors:
    """Cursors that can be read."""

    def make(self, list_name: str, caller_id: str, position: str) -> str:
        return f"{list_name}/{caller_id}/{position}"

    def position(self, list_name: str, caller_id: str, cursor: str) -> str:
        return cursor.removeprefix(f"{list_name}/{caller_id}/")


def item(number: int) -> PaymentItem:
    seen = payment(
        transaction_id=f"in_{number}",
        status=PaymentStatus.REFUNDED,
        refunded=Decimal("4.00"),
        method="card",
        purchased_at=BOUGHT - timedelta(days=number),
    )
    known = KnownPayment(STRIPE, f"in_{number}", Told(seen, seen.version, cause()), came_at=BOUGHT)
    return PaymentItem("PK", f"SK{number}", data=records.payment_data(known, "ada", 1, f"payment-{number}"))


def page(shelf: Shelf, route: str = "/", **query: str) -> Any:
    store: Any = shelf
    return PaymentHistory(store, LiveSessions(), {"ada": person("ada")}.get, Cursors()).page(
        caller_of("ada"), route, query
    )


@pytest.mark.parametrize(("there", "shown", "has_more"), [(3, 2, True), (2, 2, False), (1, 1, False), (0, 0, False)])
def test_as_many_are_shown_as_were_asked_for(there: int, shown: int, has_more: bool) -> None:
    shelf = Shelf(there)
    answer = page(shelf, limit="2")
    assert (len(answer.payments), answer.has_more) == (shown, has_more)
    assert shelf.asked == [("ada", 3, None)]
    assert (answer.next_cursor is not None) is has_more
    assert answer.next_cursor == ("payments/ada/SK1" if has_more else None)


def test_twenty_are_shown_where_nobody_says_and_a_cursor_goes_on() -> None:
    shelf = Shelf(0)
    cursor = page(Shelf(3), limit="1").next_cursor
    page(shelf, cursor=cursor)
    assert shelf.asked == [("ada", 21, "SK0")]


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1000", "ten", "", "١", "1.0", "0001"])
def test_a_limit_is_a_number_from_one_to_a_hundred(limit: str) -> None:
    shelf = Shelf(1)
    with pytest.raises(errors.InvalidRequest) as refused:
        page(shelf, limit=limit)
    assert refused.value.code == "INVALID_LIMIT"
    assert shelf.asked == []


@pytest.mark.parametrize("limit", ["1", "100", "099"])
def test_both_ends_are_numbers_that_pass(limit: str) -> None:
    shelf = Shelf(0)
    page(shelf, limit=limit)
    assert shelf.asked == [("ada", int(limit) + 1, None)]


def test_a_payment_is_shown_word_for_word() -> None:
    (shown,) = page(Shelf(1)).payments
    data = item(0).data
    assert (shown.payment_id, shown.subscription_id) == ("payment-0", data.subscription_id)
    assert (shown.amount, shown.currency, shown.refunded_amount) == (Decimal("9.99"), "USD", Decimal("4.00"))
    assert (shown.status, shown.provider, shown.payment_method) == (PaymentStatus.REFUNDED, STRIPE, "card")
    assert (shown.created_at, shown.processed_at) == (BOUGHT, data.processed_at)


def test_who_has_signed_out_sees_nothing() -> None:
    shelf = Shelf(1)
    store: Any = shelf
    history = PaymentHistory(store, LiveSessions(), lambda _: None, Cursors())
    with pytest.raises(errors.Unauthenticated):
        history.page(caller_of("ada"), "/", {})
    assert shelf.asked == []
