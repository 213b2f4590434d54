"""Tiers are what was agreed with the product side."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from chalicelib.billing.tiers import TIERS, on_the_wire, plan_of, plans
from chalicelib.models.states import SubscriptionType, Tier
from chalicelib.money import Money, usd

AGREED = Path(__file__).parents[2] / "data" / "subscription_tiers.json"


def _agreed() -> dict[str, dict[str, object]]:
    read: dict[str, dict[str, object]] = json.loads(AGREED.read_text(), parse_float=Decimal, parse_int=Decimal)
    return read


def test_the_constants_say_what_was_agreed() -> None:
    in_code = {
        tier.value: {
            "medical_reports": terms.features.medical_reports,
            "max_documents_per_month": terms.max_documents,
            "priority_processing": terms.features.priority_processing,
            "advanced_analytics": terms.features.advanced_analytics,
            "export_capabilities": terms.features.export_capabilities,
            "monthly_price_usd": terms.monthly_price.amount,
            "yearly_price_usd": terms.yearly_price.amount,
        }
        for tier, terms in TIERS.items()
    }
    assert in_code == _agreed()


def test_prices_are_exact_dollars() -> None:
    for terms in TIERS.values():
        for price in (terms.monthly_price, terms.yearly_price):
            assert price.currency == "USD"
            assert price.amount.as_tuple().exponent == -2


@pytest.mark.parametrize(
    ("tier", "chat_messages", "storage_gb"),
    [(Tier.FREE, 50, 1), (Tier.PREMIUM, -1, 100), (Tier.FAMILY, -1, 100)],
)
def test_the_app_is_told_its_own_limits(tier: Tier, chat_messages: int, storage_gb: int) -> None:
    assert on_the_wire(TIERS[tier].max_chat_messages) == chat_messages
    assert TIERS[tier].max_storage_gb == storage_gb


def test_only_paid_tiers_have_support() -> None:
    assert [terms.features.premium_support for terms in TIERS.values()] == [False, True, True]


def test_there_are_five_plans() -> None:
    assert [(plan.plan_id, str(plan.price.amount)) for plan in plans()] == [
        ("free", "0.00"),
        ("premium_monthly", "9.99"),
        ("premium_yearly", "99.99"),
        ("family_monthly", "19.99"),
        ("family_yearly", "199.99"),
    ]


def test_a_yearly_plan_shows_a_twelfth_in_whole_cents() -> None:
    assert plan_of(Tier.PREMIUM, SubscriptionType.YEARLY).monthly_price == usd("8.33")
    assert plan_of(Tier.FAMILY, SubscriptionType.YEARLY).monthly_price == usd("16.67")


def test_a_paid_tier_of_unknown_type_counts_as_monthly() -> None:
    assert plan_of(Tier.PREMIUM, None).plan_id == "premium_monthly"


def test_money_refuses_floats_and_what_is_no_currency() -> None:
    with pytest.raises(TypeError):
        Money(9.99, "USD")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="currency"):
        Money(Decimal("9.99"), "usd")
    with pytest.raises(ValueError, match="finite"):
        Money(Decimal("NaN"), "USD")


def test_money_keeps_its_digits() -> None:
    assert str(usd("10.00").amount) == "10.00"
