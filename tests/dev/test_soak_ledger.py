"""The soak's ledger: what the table says of people, held against what they were told."""

from __future__ import annotations

from typing import Any

import pytest

from bench.soak.ledger import Ledger, erasing, unsettled
from bench.soak.person import Person, Tally
from dev.stage import Ports


def somebody(**book: Any) -> Person:
    person = Person(Ports(1, 2, 3, 4), 1, Tally(), b"")
    person.user_id = "u1"
    for name, value in book.items():
        setattr(person.book, name, value)
    return person


def item(entity_type: str, data: dict[str, Any], sort_key: str = "PROFILE") -> dict[str, Any]:
    return {"PK": {"S": "USER#u1"}, "SK": {"S": sort_key}, "entity_type": {"S": entity_type}, "data": {"M": data}}


def profile(documents: int = 0, tier: str = "free", session: str = "active") -> dict[str, Any]:
    period = {"documents_processed": {"N": str(documents)}}
    subscription = {"tier": {"S": tier}, "usage_current_period": {"M": period}}
    return item(
        "user", {"current_session": {"M": {"status": {"S": session}}}, "current_subscription": {"M": subscription}}
    )


def paid(amount: str, number: int = 1) -> dict[str, Any]:
    return item("payment", {"amount": {"S": amount}}, f"PAYMENT#{number}")


BOUGHT = [("apple", "premium_monthly", "sub")]


@pytest.mark.parametrize(
    ("items", "book"),
    [
        ([profile()], {}),
        ([profile(2)], {"documents": {"a": "completed", "b": "cleaned", "c": "failed"}}),
        ([profile(tier="premium"), paid("9.99")], {"purchases": BOUGHT}),
        ([], {"is_erased": True}),
    ],
)
def test_a_table_and_a_book_that_say_the_same_do_not_differ(items: list[Any], book: dict[str, Any]) -> None:
    assert Ledger(items).differences([somebody(**book)]) == []


@pytest.mark.parametrize(
    ("items", "book", "what"),
    [
        ([profile(1)], {}, "documents counted"),
        ([profile()], {"documents": {"a": "completed"}}, "documents counted"),
        ([profile()], {"questions": 1}, "questions counted"),
        ([profile(session="revoked")], {}, "sessions in use"),
        ([profile(tier="premium")], {"purchases": BOUGHT}, "payments"),
        ([profile(tier="premium"), paid("9.99"), paid("9.99", 2)], {"purchases": BOUGHT}, "payments"),
        ([profile(), paid("9.99")], {"purchases": BOUGHT}, "tiers"),
        ([profile()], {"is_erased": True}, "erased people"),
        ([], {}, "profiles"),
        ([profile(), item("user", {}, "PROFILE-2")], {}, "2 profiles"),
    ],
)
def test_a_difference_is_told(items: list[Any], book: dict[str, Any], what: str) -> None:
    person = somebody(**book)
    for one in items:
        one["data"]["M"].setdefault("user_id", {"S": "u1"})
    assert any(what in told for told in Ledger(items).differences([person]))


def test_what_has_not_ended_is_named() -> None:
    person = somebody(documents={"a": "completed", "b": "processing", "c": "failed"}, later={"d": "complete"})
    assert [one.rpartition(": ")[2] for one in unsettled([person])] == ["b is processing", "c is failed"]
    running, done = (item("erasure", {"status": {"S": status}}, status) for status in ("in_progress", "completed"))
    assert erasing([running, done]) == ["USER#u1"]
