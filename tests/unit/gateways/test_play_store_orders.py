"""Orders of Google Play read as payments: exact amounts, states, refunds, and the orders before an order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.gateways.play_store_orders import instant, payments, recent
from chalicelib.gateways.provider_facts import PaymentSeen
from chalicelib.models.states import PaymentStatus

TOKEN, SEEN_AT = "abcdefgh.AO-J1O", datetime(2026, 3, 1, tzinfo=UTC)
CREATED, PROCESSED, REFUNDED = "2026-02-14T09:30:00Z", "2026-02-14T09:30:05Z", "2026-02-20T08:00:00Z"


def order(**changes: Any) -> dict[str, Any]:
    usual = {
        "orderId": "GPA.1",
        "purchaseToken": TOKEN,
        "state": "PROCESSED",
        "createTime": CREATED,
        "total": {"currencyCode": "USD", "units": "9", "nanos": 990_000_000},
        "orderHistory": {"processedEvent": {"eventTime": PROCESSED}},
        "lineItems": [{"productId": "x", "subscriptionDetails": {}}],
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def payment(**changes: Any) -> PaymentSeen:
    (found,) = payments([order(**changes)], "another.token", SEEN_AT)
    return found


@pytest.mark.parametrize(
    ("total", "amount", "currency"),
    [
        ({"currencyCode": "USD", "units": "9", "nanos": 990_000_000}, "9.99", "USD"),
        ({"currencyCode": "USD", "units": "10"}, "10.00", "USD"),
        ({"currencyCode": "EUR", "nanos": 500_000_000}, "0.50", "EUR"),
        ({"currencyCode": "JPY", "units": "1200"}, "1200", "JPY"),
        ({"currencyCode": "KWD", "units": "3", "nanos": 125_000_000}, "3.125", "KWD"),
        ({"currencyCode": "IDR", "units": "159000"}, "159000.00", "IDR"),
        ({"currencyCode": "USD"}, "0.00", "USD"),
        ({"currencyCode": "USD", "units": "9", "nanos": 995_000_000}, "9.995", "USD"),
        ({"currencyCode": "USD", "units": 9, "nanos": 1}, "9.000000001", "USD"),
        ({"currencyCode": "USD", "units": "-1", "nanos": -750_000_000}, "-1.75", "USD"),
    ],
    ids=str,
)
def test_an_amount_has_exactly_the_digits_of_google(total: dict[str, Any], amount: str, currency: str) -> None:
    money = payment(total=total).money
    assert (str(money.amount), money.currency) == (amount, currency)


@pytest.mark.parametrize(
    ("state", "status", "has_come"),
    [
        ("PENDING", PaymentStatus.PENDING, False),
        ("PROCESSED", PaymentStatus.COMPLETED, True),
        ("CANCELED", PaymentStatus.FAILED, False),
        ("PENDING_REFUND", PaymentStatus.COMPLETED, True),
        ("PARTIALLY_REFUNDED", PaymentStatus.COMPLETED, True),
        ("REFUNDED", PaymentStatus.REFUNDED, True),
    ],
)
def test_each_state_of_an_order_is_a_status(state: str, status: PaymentStatus, has_come: bool) -> None:
    found = payment(state=state)
    assert found.status is status
    assert found.purchased_at == datetime(2026, 2, 14, 9, 30, tzinfo=UTC)
    assert found.processed_at == (datetime(2026, 2, 14, 9, 30, 5, tzinfo=UTC) if has_come else None)


def test_a_refund_is_the_whole_amount_and_dated() -> None:
    found = payment(state="REFUNDED", orderHistory={"refundEvent": {"eventTime": REFUNDED, "refundReason": "OTHER"}})
    assert (found.refunded, found.changed_at) == (Decimal("9.99"), datetime(2026, 2, 20, 8, tzinfo=UTC))


def test_partial_refunds_add_up_once_they_are_processed() -> None:
    def part(nanos: int, state: str = "PROCESSED_SUCCESSFULLY", currency: str = "USD") -> dict[str, Any]:
        return {"state": state, "refundDetails": {"total": {"currencyCode": currency, "units": "1", "nanos": nanos}}}

    events = [part(250_000_000), part(500_000_000), part(0, "PENDING"), part(0, currency="EUR")]
    found = payment(state="PARTIALLY_REFUNDED", orderHistory={"partialRefundEvents": events})
    assert (found.status, str(found.refunded)) == (PaymentStatus.COMPLETED, "2.75")
    assert payment().refunded is None


def test_a_payment_belongs_to_the_purchase_that_its_order_names() -> None:
    assert payment().subscription_external_id == TOKEN
    assert payment(purchaseToken=None).subscription_external_id == "another.token"


@pytest.mark.parametrize(
    "changes",
    [
        {"orderId": None},
        {"state": "SOMETHING_NEW"},
        {"createTime": "yesterday"},
        {"total": None},
        {"total": {"units": "9"}},
        {"total": {"currencyCode": "dollars", "units": "9"}},
        {"total": {"currencyCode": "USD", "units": "9.99"}},
        {"total": {"currencyCode": "USD", "units": "9", "nanos": 0.99}},
        {"total": {"currencyCode": "USD", "units": "9", "nanos": 1_000_000_000}},
        {"total": "9.99 USD"},
    ],
    ids=str,
)
def test_an_order_that_cannot_be_read_is_no_payment_and_logged(
    changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert payments([order(**changes), order(orderId="GPA.2")], TOKEN, SEEN_AT)[0].transaction_id == "GPA.2"
    assert "play_store_order_not_readable" in caplog.messages


def test_an_order_of_a_one_time_product_is_no_payment_of_a_subscription() -> None:
    assert payments([order(lineItems=[{"productId": "x", "oneTimePurchaseDetails": {}}])], TOKEN, SEEN_AT) == ()


@pytest.mark.parametrize(
    ("order_id", "expected"),
    [
        ("GPA.1", ("GPA.1",)),
        ("GPA.1..0", ("GPA.1..0", "GPA.1")),
        ("GPA.1..2", ("GPA.1..2", "GPA.1..1", "GPA.1..0", "GPA.1")),
        ("GPA.1..11", ("GPA.1..11", "GPA.1..10", "GPA.1..9", "GPA.1..8")),
        ("GPA.1..x", ("GPA.1..x",)),
    ],
)
def test_the_orders_before_an_order_follow_from_its_number(order_id: str, expected: tuple[str, ...]) -> None:
    assert recent(order_id, 4) == expected


@pytest.mark.parametrize("digits", ["", ".5", ".120", ".123456", ".123456789"])
def test_instants_are_read_with_any_number_of_digits(digits: str) -> None:
    found = instant(f"2026-02-14T09:30:00{digits}Z")
    assert found is not None and found.replace(microsecond=0) == datetime(2026, 2, 14, 9, 30, tzinfo=UTC)
    assert found.microsecond == int((digits[1:] + "000000")[:6])


@pytest.mark.parametrize("value", [None, 5, "", "soon", {}])
def test_what_is_no_instant_is_none(value: Any) -> None:
    assert instant(value) is None
