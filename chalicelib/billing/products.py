"""Which plan a provider's product is: a stage's settings say so, in the provider's own ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.billing.tiers import Plan, plans
from chalicelib.models.states import SubscriptionProvider, Tier


@dataclass(frozen=True, slots=True)
class Products:
    """The products that a stage sells. `plan_ids` maps, per provider, product id to plan id (`premium_monthly`).

    Raises:
        ValueError: a plan is named that there is not, or that nobody can buy.
    """

    plan_ids: Mapping[SubscriptionProvider, Mapping[str, str]]

    def __post_init__(self) -> None:
        named = {plan_id for products in self.plan_ids.values() for plan_id in products.values()}
        unknown = sorted(named - _for_sale().keys())
        if unknown:
            raise ValueError(f"no plan for sale is called {', '.join(unknown)}")

    def plan_for(self, provider: SubscriptionProvider, product: str) -> Plan | None:
        """Return the plan that a product is; None for a product that the settings do not know."""
        plan_id = self.plan_ids.get(provider, {}).get(product)
        return _for_sale()[plan_id] if plan_id is not None else None


def _for_sale() -> dict[str, Plan]:
    return {plan.plan_id: plan for plan in plans() if plan.tier is not Tier.FREE}
