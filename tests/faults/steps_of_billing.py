"""What stores tell, what people buy, what schedules reset, and what must be so then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from chalicelib.gateways.provider_facts import Facts, Notice
from chalicelib.models.states import PaymentStatus
from tests.faults.house import House
from tests.faults.steps import Act, asks, must_be, settled
from tests.faults.steps_of_documents import has_result
from tests.rooms.billing_world import of_store
from tests.unit.billing.words import BOUGHT, payment, seen, term

PAID_UNTIL: Final = BOUGHT + timedelta(days=60)


def posts(house: House, store: str, event_id: str, *facts: Any, hours: int = 0) -> None:
    shop = house.stores[store]
    told = Facts(
        tuple(one for one in facts if hasattr(one, "external_id")), tuple(one for one in facts if hasattr(one, "money"))
    )
    at = BOUGHT + timedelta(hours=hours)
    shop.notices[event_id] = Notice(shop.name, event_id, "news", at, is_known=True, payload={})
    shop.facts[event_id] = of_store(shop.name, told)
    answer = house.service.call("POST", f"/webhooks/{store}", event_id.encode(), headers={"Signature": "good"})
    house.read(answer, f"webhook of {store}")


def hears_of_a_purchase(store: str) -> Act:
    def act(house: House) -> None:
        account = house.notes["first"]["user"]["id"]
        posts(house, store, "e1", seen(term=term(ends_at=PAID_UNTIL), account=account), payment())

    return act


def has_bought(house: House) -> None:
    settled(house)
    hears_of_a_purchase("stripe")(house)


def hears_of_a_refund(house: House) -> None:
    paid = payment()
    posts(house, "stripe", "e2", payment(5, status=PaymentStatus.REFUNDED, refunded=paid.money.amount), hours=5)


def claims(house: House) -> None:
    bought = Facts((seen(term=term(ends_at=PAID_UNTIL)),), (payment(),))
    house.stores["apple"].sold["x.y.z"] = of_store(house.stores["apple"].name, bought)
    asks(house, "POST", "/subscriptions/purchases", {"provider": "apple", "signed_transaction": "x.y.z"})


def one_payment(status: str, tier: str) -> Act:
    def check(house: House) -> None:
        must_be([one["status"] for one in asks(house, "GET", "/payments")["payments"]], [status], "the payments")
        must_be(asks(house, "GET", "/subscriptions/current")["tier"], tier, "the tier")

    return check


def month_ended(house: House) -> None:
    """Somebody used a unit, and five weeks passed; the sweep has run until a day before."""
    has_result(house)
    house.service.clock.advance(timedelta(days=31))
    house.tick("sweep_usage")
    house.service.clock.advance(timedelta(days=2))


def resets(house: House) -> None:
    house.tick("sweep_usage")
    house.carry()


def is_reset(house: House) -> None:
    (user,) = house.items("user")
    period = user["data"]["M"]["current_subscription"]["M"]["usage_current_period"]["M"]
    must_be(int(period["documents_processed"]["N"]), 0, "the stored count")
    must_be("GSI3PK" in user, False, "whether somebody is still listed as due")


def sweeps_again(house: House) -> None:
    house.service.clock.advance(timedelta(days=1))
    house.tick("sweep_usage")
    house.settle(3)
