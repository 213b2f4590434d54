"""What the code says where the legacy database has rows: tiers and prepared questions, as PostgreSQL writes them."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.billing.tiers import TIERS, TierTerms
from chalicelib.chat.options import OPTIONS, PromptOption

Row = Mapping[str, str | None]


def constants() -> Mapping[str, Mapping[str, Row]]:
    """Return tables, names of rows, and columns, for a verification to compare with."""
    return {
        "subscription_tiers": {tier.value: _tier(terms) for tier, terms in TIERS.items()},
        "chat_options": {
            f"{one.content_type}/{one.category}/{one.display_order}": _option(one) for one in reversed(OPTIONS)
        },
    }


def _tier(terms: TierTerms) -> Row:
    return {
        "medical_reports": _flag(terms.features.medical_reports),
        "max_documents_per_month": None if terms.max_documents is None else str(terms.max_documents),
        "priority_processing": _flag(terms.features.priority_processing),
        "advanced_analytics": _flag(terms.features.advanced_analytics),
        "export_capabilities": _flag(terms.features.export_capabilities),
        "monthly_price_usd": str(terms.monthly_price.amount),
        "yearly_price_usd": str(terms.yearly_price.amount),
    }


def _option(one: PromptOption) -> Row:
    return {
        "option_text": one.text,
        "full_prompt_text": one.prompt,
        "has_sub_options": _flag(one.has_sub_options),
        "requires_health_data": _flag(one.requires_health_data),
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"
