"""The process ends at every call to the table, before and after it: the repetition ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.config import Settings
from chalicelib.gateways.provider_facts import Facts
from chalicelib.models.states import PaymentStatus
from tests.rooms.billing_world import APPLE, BillingWorld, of_store
from tests.rooms.usage_world import Killed, killed_at
from tests.support import ask, stored_items
from tests.unit.billing.words import BOUGHT, EXTERNAL_ID, payment, seen, term

MOST_CALLS = 60
Act = Callable[[BillingWorld], object]


@pytest.fixture
def world(any_engine_for_long: TableConnection, settings: Settings) -> BillingWorld:
    return BillingWorld(settings)


class Beginning:
    """The table as it is now, to begin from again and again."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.table_name
        self._items = stored_items()

    def again(self) -> None:
        """Put everything back, and take away what is new."""
        kept = {(item["PK"]["S"], item["SK"]["S"]) for item in self._items}
        gone = [item for item in stored_items() if (item["PK"]["S"], item["SK"]["S"]) not in kept]
        wanted: list[Any] = [{"PutRequest": {"Item": item}} for item in self._items]
        wanted += [{"DeleteRequest": {"Key": {"PK": item["PK"], "SK": item["SK"]}}} for item in gone]
        for first in range(0, len(wanted), 25):
            ask("BatchWriteItem", RequestItems={self._name: wanted[first : first + 25]})


def kill_everywhere(world: BillingWorld, prepare: Act, act: Act) -> int:
    """Do it once undisturbed; then end it at each of its calls and repeat it. Returns the number of kills."""
    world.settle("ada", "bob")
    prepare(world)
    beginning, kills = Beginning(world.settings), 0
    act(world)
    expected = world.state()
    for when in ("before", "after"):
        for number in range(1, MOST_CALLS):
            beginning.again()
            with killed_at(number, when) as calls:
                try:
                    act(world)
                except Killed:
                    kills += 1
                else:
                    break
            act(world)
            assert world.state() == expected, f"{when} call {number}, {calls[-1]}"
        else:
            raise AssertionError("the act is longer than expected")
    return kills


def of_apple(world: BillingWorld, event_id: str, *facts: object, hours: int = 0) -> object:
    told = Facts(
        tuple(one for one in facts if hasattr(one, "external_id")),  # type: ignore[misc]  # narrower than its declared type
        tuple(one for one in facts if hasattr(one, "money")),  # type: ignore[misc]  # narrower than its declared type
    )
    return world.notices.apply(world.notice(event_id, of_store(APPLE, told), hours=hours))


def nothing(_: BillingWorld) -> None:
    """Begin with two people and no purchase."""


def test_a_first_notice_that_is_killed_anywhere(world: BillingWorld) -> None:
    assert kill_everywhere(world, nothing, lambda one: of_apple(one, "e1", seen(account="ada"), payment())) > 10


def test_a_refund_that_is_killed_anywhere(world: BillingWorld) -> None:
    refund = payment(5, status=PaymentStatus.REFUNDED, refunded=Decimal("9.99"))
    kill_everywhere(
        world,
        lambda one: of_apple(one, "e1", seen(account="ada"), payment()),
        lambda one: of_apple(one, "e2", refund, hours=5),
    )


def test_an_upgrade_to_another_purchase_that_is_killed_anywhere(world: BillingWorld) -> None:
    upgrade = term(4, transaction_id="in_2", product="price_fm")
    kill_everywhere(
        world,
        lambda one: of_apple(one, "e1", seen(account="ada"), payment()),
        lambda one: of_apple(
            one, "e2", seen(4, "sub_2", term=upgrade, account="ada", superseded=(EXTERNAL_ID,)),
            payment(4, transaction_id="in_2"), hours=4,
        ),
    )  # fmt: skip


def test_a_transfer_that_is_killed_anywhere(world: BillingWorld) -> None:
    kill_everywhere(
        world,
        lambda one: of_apple(one, "e1", seen(account="ada"), payment()),
        lambda one: of_apple(one, "e2", seen(5, account="bob"), payment(5, transaction_id="in_2"), hours=5),
    )


def waiting(world: BillingWorld) -> None:
    for number in range(6):
        at = BOUGHT + timedelta(days=number)
        of_apple(world, f"e{number}", seen(number), payment(transaction_id=f"in_{number}", purchased_at=at))


def test_a_purchase_whose_payments_waited_that_is_killed_anywhere(world: BillingWorld) -> None:
    world.sell("signed", seen(12))
    assert kill_everywhere(world, waiting, lambda one: one.claim("ada", "signed")) > 20
    assert (len(world.paid("ada")), world.items("UNCLAIMED#")) == (6, [])


def test_a_notice_that_names_whose_the_waiting_purchase_is_and_is_killed_anywhere(world: BillingWorld) -> None:
    kill_everywhere(world, waiting, lambda one: of_apple(one, "named", seen(20, account="ada"), hours=20))
    assert (len(world.paid("ada")), world.items("UNCLAIMED#")) == (6, [])
