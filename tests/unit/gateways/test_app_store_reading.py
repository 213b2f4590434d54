"""Prices, refunds, anchors, families and phases, as Apple writes them and as we read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.billing.periods import months_after
from chalicelib.gateways.app_store_reading import anchor_of
from chalicelib.gateways.provider_facts import Facts, Phase
from chalicelib.models.states import PaymentStatus
from dev.storefront.apple_subscriptions import milliseconds
from dev.storefront.words import Happening
from tests.unit.gateways.app_store_world import ACCOUNT, World, payment, renewal, subscription, term


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def read(world: World, *, renewal_changes: dict[str, Any] | None = None, status: int = 1, **changes: Any) -> Facts:
    """Read a notification about a fresh purchase with changes to what is signed within it."""
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    bought = world.shop._subscriptions[external_id]
    signed = world.shop.signed_of(bought, bought.last, **changes)
    stated = bought.renewal_payload(world.clock.now()) | {"environment": "Production"} | (renewal_changes or {})
    data = world.shop.data_of(
        external_id, signedTransactionInfo=signed, signedRenewalInfo=world.shop.chain.sign(stated), status=status
    )
    return world.facts(world.shop.tell({"notificationType": "DID_RENEW", "data": data}))


@pytest.mark.parametrize(
    ("price", "currency", "amount"),
    [
        (9990, "USD", "9.99"),
        (10000, "EUR", "10.00"),
        (1_500_000, "JPY", "1500"),
        (14_900_000, "KRW", "14900"),
        (3490, "KWD", "3.490"),
        (1, "KWD", "0.001"),
        # More digits than the currency has: kept, never rounded away.
        (9995, "USD", "9.995"),
        (1_500_500, "JPY", "1500.5"),
    ],
)
def test_a_price_in_thousandths_becomes_an_exact_amount(world: World, price: int, currency: str, amount: str) -> None:
    money = payment(read(world, price=price, currency=currency)).money
    assert (str(money.amount), money.currency) == (amount, currency)


@pytest.mark.parametrize(
    "changes",
    [{"price": 0}, {"price": None}, {"currency": None}, {"inAppOwnershipType": "FAMILY_SHARED"}],
    ids=["a trial", "signed before 2024", "without a currency", "lent by the family"],
)
def test_what_nobody_paid_is_no_payment(world: World, changes: dict[str, Any]) -> None:
    facts = read(world, **changes)
    assert facts.payments == ()
    assert term(facts).product == "app.serenya.premium.monthly"


def test_a_trial_is_a_term_and_no_payment() -> None:
    world = World()
    world.shop.buy(ACCOUNT, "premium_yearly", is_trial=True)
    facts = world.facts(world.last())
    assert (facts.payments, renewal(facts).phase) == ((), Phase.ACTIVE)


def test_a_payment_is_dated_by_apples_charge(world: World) -> None:
    facts = read(world)
    paid = payment(facts)
    assert paid.purchased_at == paid.processed_at == term(facts).began_at
    assert (paid.status, paid.refunded, paid.changed_at) == (PaymentStatus.COMPLETED, None, None)
    assert paid.subscription_external_id == subscription(facts).external_id
    assert paid.transaction_id == term(facts).transaction_id


REFUNDS = [
    ({"revocationType": "REFUND_FULL", "revocationPercentage": 100_000}, PaymentStatus.REFUNDED, "9.99"),
    # Signed before Apple told the type and the share.
    ({}, PaymentStatus.REFUNDED, "9.99"),
    ({"revocationType": "REFUND_PRORATED", "revocationPercentage": 67_932}, PaymentStatus.COMPLETED, "6.79"),
    ({"revocationType": "REFUND_PRORATED", "revocationPercentage": 15}, PaymentStatus.COMPLETED, "0.00"),
    ({"revocationType": "REFUND_PRORATED", "revocationPercentage": 100_000}, PaymentStatus.REFUNDED, "9.99"),
    ({"revocationType": "REFUND_PRORATED"}, PaymentStatus.REFUNDED, None),
    ({"revocationType": "REFUND_PRORATED", "revocationPercentage": 100_001}, PaymentStatus.REFUNDED, None),
    ({"revocationType": "REFUND_TO_COME"}, PaymentStatus.REFUNDED, "9.99"),
]


@pytest.mark.parametrize(("changes", "status", "refunded"), REFUNDS)
def test_a_refund_takes_back_the_term_and_says_how_much_of_the_payment(
    world: World, changes: dict[str, Any], status: PaymentStatus, refunded: str | None
) -> None:
    at = datetime(2026, 3, 20, tzinfo=UTC)
    facts = read(world, revocationDate=milliseconds(at), revocationReason=1, **changes)
    paid = payment(facts)
    assert (paid.status, paid.refunded) == (status, None if refunded is None else Decimal(refunded))
    assert (paid.changed_at, term(facts).revoked_at) == (at, at)
    assert term(facts).revocation == f"{changes.get('revocationType', 'REFUND_FULL')}/1"


def test_a_family_that_stops_sharing_takes_back_the_term_and_no_money() -> None:
    world = World()
    facts = world.facts(world.after(Happening.STOP_SHARING, plan_id="family_monthly", is_shared=True))
    assert facts.payments == ()
    assert term(facts).is_family_shared
    assert term(facts).revocation == "FAMILY_REVOKE/0"
    assert term(facts).revoked_at is not None


def test_an_upgraded_term_is_older_than_the_one_that_replaced_it() -> None:
    world = World()
    external_id = world.shop.buy(ACCOUNT, "premium_monthly")
    world.shop.happen(external_id, Happening.UPGRADE)
    upgrade = world.facts(world.last())
    bought = world.shop._subscriptions[external_id]
    late = world.shop.signed_of(bought, bought.transactions[0])
    data = world.shop.data_of(external_id, signedTransactionInfo=late)
    old = world.facts(world.shop.tell({"notificationType": "DID_RENEW", "data": data}))
    assert term(old).product == "app.serenya.premium.monthly"
    assert term(old).version < term(upgrade).version
    assert term(old).revoked_at is None
    assert {payment(old).status, payment(upgrade).status} == {PaymentStatus.COMPLETED}


PHASES: list[tuple[dict[str, Any], int, Phase, str]] = [
    ({}, 1, Phase.ACTIVE, "active"),
    ({}, 2, Phase.EXPIRED, "expired"),
    ({}, 3, Phase.RETRY, "billing_retry"),
    ({}, 4, Phase.GRACE, "billing_grace_period"),
    ({}, 5, Phase.EXPIRED, "revoked"),
    # A status that Apple may add one day: the renewal information says it, too.
    ({}, 6, Phase.ACTIVE, "active"),
    ({"expirationIntent": 1}, 6, Phase.EXPIRED, "expired"),
    ({"isInBillingRetryPeriod": True}, 6, Phase.RETRY, "billing_retry"),
    ({"gracePeriodExpiresDate": 2_000_000_000_000}, 6, Phase.GRACE, "billing_grace_period"),
    ({"gracePeriodExpiresDate": 5, "isInBillingRetryPeriod": True}, 6, Phase.RETRY, "billing_retry"),
]


@pytest.mark.parametrize(("changes", "status", "phase", "given"), PHASES)
def test_the_phase_is_apples_status(
    world: World, changes: dict[str, Any], status: int, phase: Phase, given: str
) -> None:
    found = renewal(read(world, renewal_changes=changes, status=status))
    assert (found.phase, found.phase_given) == (phase, given)


def test_the_end_of_the_grace_period_is_told() -> None:
    world = World()
    facts = world.facts(world.after(Happening.FAIL_INTO_GRACE))
    assert renewal(facts).grace_ends_at == term(facts).ends_at + timedelta(days=16)


def test_an_account_is_the_token_in_small_letters(world: World) -> None:
    assert subscription(read(world, appAccountToken=ACCOUNT.upper())).account == ACCOUNT
    assert subscription(read(world, appAccountToken=None)).account is None


def test_what_a_family_shares_names_nobody_whatever_token_it_carries(world: World) -> None:
    shared = subscription(read(world, appAccountToken=ACCOUNT, inAppOwnershipType="FAMILY_SHARED"))
    assert shared.account is None
    assert shared.term is not None and shared.term.is_family_shared


ANCHORS = [
    # first purchase, term begins, whether the first purchase is still the anchor
    ("2026-01-31T09:30", "2026-01-31T09:30", True),
    ("2026-01-31T09:30", "2026-02-28T09:30", True),
    ("2026-01-31T09:30", "2026-03-31T09:30", True),
    ("2024-02-29T09:30", "2027-02-28T09:30", True),
    ("2026-01-15T09:30", "2026-06-15T08:30", True),  # summer time
    ("2026-01-01T00:30", "2026-06-30T23:30", True),  # and over midnight, into the month before
    ("2026-01-31T23:30", "2026-03-01T00:30", True),
    ("2026-01-15T09:30", "2026-06-18T09:30", False),  # bought again after a lapse, or upgraded
    ("2026-01-31T09:30", "2026-03-28T09:30", False),
    ("2026-01-15T09:30", "2026-06-15T18:00", False),
]


@pytest.mark.parametrize(("original", "began", "is_kept"), ANCHORS)
def test_months_are_counted_from_the_first_purchase_while_terms_follow_it(
    original: str, began: str, is_kept: bool
) -> None:
    first, start = datetime.fromisoformat(original + "Z"), datetime.fromisoformat(began + "Z")
    assert anchor_of(first, start) == (first if is_kept else start)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(0, 200))
def test_every_renewal_in_time_keeps_the_anchor(first: datetime, months: int) -> None:
    original = first.replace(tzinfo=UTC)
    assert anchor_of(original, months_after(original, months)) == original


def test_an_anchor_after_a_lapse_is_the_terms_own_start() -> None:
    world = World()
    facts = world.facts(world.after(Happening.CANCEL, Happening.EXPIRE, Happening.RESUBSCRIBE))
    assert term(facts).anchor_at == term(facts).began_at


def test_two_words_of_one_millisecond_are_settled_alike_by_everybody(world: World) -> None:
    at = milliseconds(world.clock.now())
    one = read(world, transactionId="5", originalTransactionId="5", renewal_changes={"originalTransactionId": "5"})
    assert term(one).version.digest
    assert term(one).version.digest != payment(one).version.digest
    same = [
        read(
            world,
            transactionId="5",
            originalTransactionId="5",
            purchaseDate=at,
            originalPurchaseDate=at,
            expiresDate=at + 1,
            signedDate=at,
            revocationDate=revoked,
            renewal_changes={"originalTransactionId": "5"},
        )
        for revoked in (None, None, at)
    ]
    first, again, other = (term(facts).version for facts in same)
    assert first == again != other
