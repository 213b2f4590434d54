"""`make buy`: somebody buys a plan in a simulated store, and the service hears of it by a real signed notification."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from chalicelib.billing.tiers import plans
from chalicelib.models.states import SubscriptionProvider
from dev.journey import TERMINAL_EMAIL, Backend
from dev.stage import Ports
from dev.supervision import CommandFailedError

PLANS: Final = tuple(plan.plan_id for plan in plans() if plan.subscription_type is not None)
STORES: Final = tuple(one.value for one in SubscriptionProvider if one is not SubscriptionProvider.INTERNAL)


class Buyer(Backend):
    """The local user: the one whose token is in TOKEN, or else the one of `make token`."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self._storefront_url = ports.storefront_url

    def user_id(self) -> str:
        """Return who it is, signing in where there is no token."""
        self.access_token = os.environ.get("TOKEN", "")
        if not self.access_token:
            return str(self.sign_in(TERMINAL_EMAIL)["user"]["id"])
        return str(self._service("GET", "/user/profile")["user"]["id"])

    def buy(self, user_id: str, plan_id: str, store: str) -> dict[str, Any]:
        """Have the store sell a plan to somebody; the service has heard of it when this returns."""
        asked = {"provider": store, "plan_id": plan_id, "account": user_id}
        return self._call("POST", f"{self._storefront_url}/control/buy", json=asked)


def buy(plan_id: str, store: str, ports: Ports, say: Callable[[str], None]) -> None:
    """Buy a plan, and tell what the subscription was before and is afterwards.

    Raises:
        CommandFailedError: there is no such plan or store, nothing runs, or the service did not take the notification.
    """
    if plan_id not in PLANS:
        raise CommandFailedError(f"PLAN must be one of {', '.join(PLANS)}, not {plan_id!r}.")
    if store not in STORES:
        raise CommandFailedError(f"PROVIDER must be one of {', '.join(STORES)}, not {store!r}.")
    buyer = Buyer(ports)
    user_id = buyer.user_id()
    say(f"user {user_id}")
    say(f"  before   {told(buyer.subscription())}")
    bought = buyer.buy(user_id, plan_id, store)
    for one in bought["deliveries"]:
        say(f"  {store} told the service {one['event_id']}: {one['status'] or 'no answer'}")
    refused = [one for one in bought["deliveries"] if one["status"] != 200]
    if refused or not bought["deliveries"]:
        raise CommandFailedError("The service did not take the notification; .run/service.log says why.")
    after = buyer.subscription()
    say(f"  after    {told(after)}")
    if after["tier"] == "free":
        raise CommandFailedError("The service took the notification, but the plan is still the free one.")
    if after["plan_id"] != plan_id:
        say(f"  {plan_id} was bought too; of several the one that lasts longest counts.")
    say(f"  subscription at {store}: {bought['external_id']}")


def told(subscription: dict[str, Any]) -> str:
    """Write a subscription as one line."""
    until = f", until {subscription['current_period_end']}" if subscription.get("current_period_end") else ""
    renews = "renews" if subscription["auto_renew"] else "does not renew"
    usage = subscription["usage"]
    limit = "unlimited" if usage["limit"] < 0 else f"{usage['documents_processed']} of {usage['limit']}"
    standing = f"{subscription['tier']}, {subscription['status']}, by {subscription['provider']}, {renews}{until}"
    return f"{subscription['plan_name']} ({standing}); documents: {limit}"
