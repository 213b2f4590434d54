"""Chat messages: counted before they are answered, kept once they are, given back when they are not."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.messages import MessageUnit, message_name
from chalicelib.models import keys
from chalicelib.models.message_unit import MessageUnitItem
from chalicelib.rules import Rules
from chalicelib.stores.reservation import Unit
from dev.faults import Attempt, Fault
from dev.faulty import Faults
from tests.rooms.usage_world import Killed, UsageWorld, a_world, at_once, killed_at, kinds
from tests.unit.billing.people import SIGNED_UP, paid

PERIOD_END = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
PAST_LEASE = Rules().message_lease + timedelta(seconds=1)


def _asked(world: UsageWorld) -> int:
    return world.used(Unit.MESSAGE)


def _units() -> int:
    prefix = MessageUnitItem.sk.startswith(keys.MESSAGE_UNIT_PREFIX)
    return sum(1 for _ in MessageUnitItem.query(keys.user_partition("u1"), prefix, consistent_read=True))


def test_fifty_messages_pass_and_the_next_is_told_why_not(table: TableConnection) -> None:
    world = a_world()
    world.settle(documents=5, messages=48)
    granted = [world.ask(words) for words in ("a", "b")]
    assert [(one.used, one.limit, one.resets_at) for one in granted] == [(49, 50, PERIOD_END), (50, 50, PERIOD_END)]
    with pytest.raises(errors.QuotaSpent) as refusal:
        world.ask("c")
    assert (refusal.value.status, refusal.value.code) == (402, "USAGE_LIMIT_EXCEEDED")
    assert refusal.value.details == {"used": 50, "limit": 50, "resets_at": PERIOD_END}
    assert "questions" in refusal.value.user_message
    assert (world.used(), _asked(world), _units()) == (5, 50, 2)


def test_spent_messages_leave_documents_alone_and_the_other_way_round(table: TableConnection) -> None:
    world = a_world()
    world.settle(documents=4, messages=50)
    world.upload("a")
    with pytest.raises(errors.QuotaSpent, match="documents"):
        world.upload("b")
    with pytest.raises(errors.QuotaSpent, match="messages"):
        world.ask("c")


def test_a_paid_tier_asks_without_end_and_is_counted(table: TableConnection) -> None:
    world = a_world()
    world.settle(messages=500, subscription=paid())
    granted = world.ask("a")
    assert (granted.used, granted.limit) == (501, None)


def test_a_new_period_begins_with_all_messages(table: TableConnection) -> None:
    world = a_world(PERIOD_END)
    world.settle(documents=5, messages=50)
    assert world.ask("a").used == 1
    assert (world.used(), _asked(world)) == (0, 1)


def test_a_message_that_is_not_answered_gives_its_unit_back_once(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle(messages=49)
    unit = world.ask("a")
    world.messages.give_back(unit)
    world.messages.give_back(unit)
    assert (_asked(world), _units()) == (49, 0)
    assert world.ask("a").used == 50


def test_a_message_that_is_answered_stays_counted(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle()
    unit = world.ask("a")
    world.messages.keep(unit)
    world.messages.keep(unit)
    world.messages.give_back(unit)
    assert _asked(world) == 1


def test_an_answer_that_got_lost_is_asked_for_again_for_nothing_and_not_without_end(
    any_engine_for_long: TableConnection,
) -> None:
    world = a_world()
    world.settle(messages=49)
    world.messages.keep(world.ask("a"))
    for _ in range(Rules().message_most_answers - 1):
        again = world.ask("a")
        assert again.is_answered_again
        world.messages.give_back(again)
    with pytest.raises(errors.Conflict) as refusal:
        world.ask("a")
    assert refusal.value.code == "MESSAGE_IN_PROGRESS"
    assert _asked(world) == 50


@pytest.mark.second_engine
def test_a_reservation_that_was_not_heard_of_holds_up_nobody_who_asks_again(
    second_engine: TableConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = a_world()
    lost: list[dict[str, Any]] = []
    world.settle(messages=7)

    def plan(attempt: Attempt) -> Fault | None:
        if attempt.is_first and not lost and attempt.operation == "dynamodb:TransactWriteItems":
            lost.append(attempt.call)
        return Fault.LOST_ANSWER if attempt.call in lost else None

    monkeypatch.setattr(time, "sleep", lambda _: None)
    with Faults(plan).in_force(), pytest.raises(errors.Unavailable):
        world.ask("a")
    assert (_asked(world), _units()) == (7, 0), "it was reserved, and went back"
    assert world.ask("a").used == 8


def test_a_message_that_is_being_answered_is_not_answered_twice_at_once(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle()
    world.ask("a")
    with pytest.raises(errors.Conflict):
        world.ask("a")
    assert _asked(world) == 1


def test_whoever_died_over_an_answer_is_taken_over_for_the_same_unit(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle(messages=49)
    lost = world.ask("a")
    world.clock.advance(PAST_LEASE)
    again = world.ask("a")
    assert not again.is_answered_again
    assert _asked(world) == 50
    world.messages.give_back(lost)
    assert _asked(world) == 50, "it is no longer theirs"
    world.messages.give_back(again)
    assert _asked(world) == 49


def test_a_unit_of_somebody_who_died_is_there_again_after_the_lease(any_engine_for_long: TableConnection) -> None:
    world = a_world()
    world.settle(messages=48)
    world.ask("lost")
    world.messages.keep(world.ask("answered"))
    with pytest.raises(errors.QuotaSpent):
        world.ask("next")
    world.clock.advance(PAST_LEASE)
    assert world.ask("next").used == 50
    with pytest.raises(errors.QuotaSpent):
        world.ask("one more")


def test_the_same_key_with_other_words_is_another_message() -> None:
    names = {message_name("k", "a"), message_name("k", "b"), message_name("l", "a"), message_name("ka", "")}
    assert len(names) == 4
    assert message_name("k", "a") == message_name("k", "a")
    assert message_name(None, "a") != message_name(None, "a")
    assert "HIV" not in message_name("k", "HIV")


def _answer(world: UsageWorld) -> None:
    world.messages.keep(world.ask("a"))


def _fail(world: UsageWorld) -> None:
    world.messages.give_back(world.ask("a"))


@pytest.mark.parametrize(("journey", "left"), [(_answer, 1), (_fail, 0)])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_is_killed_at_any_call_costs_one_unit_or_none(
    any_engine_for_long: TableConnection, journey: Callable[[UsageWorld], None], left: int, when: str
) -> None:
    """After the lease the last of five units is there again, unless the message was answered."""
    for number in range(1, 20):
        world = a_world()
        world.settle(messages=49)
        MessageUnitItem(*keys.message_unit_key("u1", message_name("k", "a"))).delete()
        with killed_at(number, when) as calls:
            was_killed = True
            with suppress(Killed):
                journey(world)
                was_killed = False
        is_spent = _was_kept()
        assert is_spent <= left
        world.clock.advance(PAST_LEASE)
        if is_spent:
            with pytest.raises(errors.QuotaSpent):
                world.ask("another", key="other")
        else:
            unit = world.ask("another", key="other")
            assert (unit.used, _asked(world)) == (50, 50), calls
            world.messages.give_back(unit)
        MessageUnitItem(*keys.message_unit_key("u1", message_name("other", "another"))).delete()
        if not was_killed:
            assert number == 3 + 1, calls
            assert is_spent == left
            return
    raise AssertionError("the journey is longer than expected")


def _was_kept() -> int:
    prefix = MessageUnitItem.sk.startswith(keys.MESSAGE_UNIT_PREFIX)
    found = MessageUnitItem.query(keys.user_partition("u1"), prefix, consistent_read=True)
    return sum(1 for unit in found if unit.data.claim_token is None)


@pytest.mark.second_engine
def test_sixty_messages_at_once_get_exactly_fifty(second_engine: TableConnection) -> None:
    world = a_world()
    user = world.settle(documents=5)
    results = at_once(60, lambda number: world.ask(f"{number}", user=user))
    assert kinds(results) == {"MessageUnit": 50, "QuotaSpent": 10}
    assert (world.used(), _asked(world), _units()) == (5, 50, 50)


@pytest.mark.second_engine
def test_one_message_sent_twenty_times_at_once_is_answered_once(second_engine: TableConnection) -> None:
    world = a_world()
    user = world.settle(messages=49)
    results = at_once(20, lambda _: world.ask("the same", user=user))
    assert kinds(results) == {"MessageUnit": 1, "Conflict": 19}
    assert _asked(world) == 50


@pytest.mark.second_engine
def test_units_of_the_dead_are_reclaimed_once_however_many_ask(second_engine: TableConnection) -> None:
    world = a_world()
    world.settle(messages=45)
    for number in range(5):
        world.ask(f"dead {number}")
    world.clock.instant = SIGNED_UP + PAST_LEASE
    results = at_once(12, lambda number: world.ask(f"alive {number}"))
    granted = [one for one in results if isinstance(one, MessageUnit)]
    assert len(granted) <= 5
    assert _asked(world) == 45 + len(granted)
    # Whoever was refused while the others were still giving back asks again.
    left = [world.ask(f"later {number}") for number in range(5 - len(granted))]
    assert _asked(world) == 45 + len(granted) + len(left) == 50
    with pytest.raises(errors.QuotaSpent):
        world.ask("one too many")
