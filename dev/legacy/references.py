"""What the legacy database holds besides people: tiers, prepared questions and versions of its schema."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final

from chalicelib.billing.tiers import TIERS
from chalicelib.chat.options import OPTIONS
from chalicelib.models.states import Tier
from dev.legacy.tables import Planted, Row, World, text

REFERENCE_DRIFT: Final = "reference_drift"
"""A row that says something else than the code. No defect of anybody's data: verification reports it."""
_CATEGORIES: Final = ("explanation", "doctor_prep", "clarification", "general", "metrics")
"""The database's enumeration has these, and its constraint one place for each question: others exist in the code
alone."""


def add_references(world: World) -> None:
    """Add them as they are in production: two of them drifted from the code, which is planted."""
    stamps = dict.fromkeys(("created_at", "updated_at"), text(world.now - timedelta(days=700)))
    tiers = [_tier(tier) | stamps for tier in (Tier.FREE, Tier.PREMIUM)]
    tiers[1]["yearly_price_usd"] = "89.99"
    options = [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, one.id)),
            "content_type": one.content_type.value,
            "category": one.category.value,
            "option_text": one.text,
            "full_prompt_text": one.prompt,
            "display_order": str(one.display_order),
            "has_sub_options": _bool(one.has_sub_options),
            "requires_health_data": _bool(one.requires_health_data),
            "is_active": "t",
            **stamps,
        }
        for one in {(one.content_type, one.category, one.display_order): one for one in reversed(OPTIONS)}.values()
        if one.category in _CATEGORIES
    ]
    options[3]["option_text"] = "What should I ask the doctor?"
    world.tables["subscription_tiers"] += tiers
    world.tables["chat_options"] += options
    world.tables["schema_versions"] += [
        {"version": f"1.{number}.0", "applied_at": stamps["created_at"], "description": f"Version {number}"}
        for number in range(3)
    ]
    world.planted += [
        Planted(REFERENCE_DRIFT, "subscription_tiers", ("premium",), "yearly_price_usd"),
        Planted(REFERENCE_DRIFT, "chat_options", (options[3]["id"],), "option_text"),
    ]


def _tier(tier: Tier) -> Row:
    terms = TIERS[tier]
    return {
        "tier_name": tier.value,
        "medical_reports": _bool(terms.features.medical_reports),
        "max_documents_per_month": None if terms.max_documents is None else str(terms.max_documents),
        "priority_processing": _bool(terms.features.priority_processing),
        "advanced_analytics": _bool(terms.features.advanced_analytics),
        "export_capabilities": _bool(terms.features.export_capabilities),
        "monthly_price_usd": str(terms.monthly_price.amount),
        "yearly_price_usd": str(terms.yearly_price.amount),
    }


def _bool(value: bool) -> str:
    return "t" if value else "f"
