"""A store that sells subscriptions to people on a journey."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.billing.doors import Stores
from chalicelib.billing.products import Products
from chalicelib.gateways.provider_facts import Facts, Notice, Phase
from chalicelib.models.states import PaymentStatus
from tests.api.service import Service
from tests.rooms.billing_world import APPLE, GOOGLE, PRODUCTS, STRIPE, ScriptedStore, of_store
from tests.unit.billing.words import BOUGHT, payment, renewal, seen, term

LONG = term(ends_at=BOUGHT + timedelta(days=60))


@dataclass
class Shop:
    """The App Store, which says what it is told to say."""

    service: Service
    apple: ScriptedStore

    def sells(self, transaction: str, buyer: str) -> None:
        facts = Facts((seen(term=LONG, external_id=f"sub-{buyer}"),), (payment(**_paid_by(buyer)),))
        self.apple.sold[transaction] = of_store(APPLE, facts)

    def refunds(self, buyer: str) -> None:
        event = f"refund-{buyer}"
        over = seen(
            term=term(5, ends_at=BOUGHT + timedelta(days=1)),
            renewal=renewal(5, phase=Phase.EXPIRED, will_renew=False),
            external_id=f"sub-{buyer}",
        )
        told = Facts((over,), (payment(5, status=PaymentStatus.REFUNDED, **_paid_by(buyer)),))
        notice = Notice(APPLE, event, event_type="refund", happened_at=BOUGHT, is_known=True, payload={})
        self.apple.notices[event], self.apple.facts[event] = notice, of_store(APPLE, told)
        answer = self.service.call("POST", f"/webhooks/{APPLE}", event.encode(), headers={"Signature": "good"})
        assert answer.status_code == 200, answer.body

    @classmethod
    @contextmanager
    def opened(cls, service: Service) -> Iterator[Shop]:
        """Let the service know the store."""
        apple, google, stripe = (ScriptedStore(name) for name in (APPLE, GOOGLE, STRIPE))
        stores, products = Stores(apple, google, stripe), Products(dict.fromkeys((APPLE, GOOGLE, STRIPE), PRODUCTS))
        billing = wiring.rooms().billing
        application = replace(billing.purchases.application, products=lambda: products)
        notices = replace(billing.notices, providers=lambda: stores.providers, application=application)
        purchases = replace(billing.purchases, stores=lambda: stores, notices=notices, application=application)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(billing, "notices", notices)
            patch.setattr(billing, "purchases", purchases)
            yield cls(service, apple)


def _paid_by(buyer: str) -> dict[str, Any]:
    return {"transaction_id": f"paid-{buyer}", "subscription_external_id": f"sub-{buyer}"}
