"""Units of messages in the table, and units whose count another subscription took over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.message_unit import MessageUnitData, MessageUnitItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobKind
from chalicelib.stores.message_units import MessageUnits
from chalicelib.stores.reservation import Reservation, Unit, unit_of
from chalicelib.stores.transactions import Cancelled, commit
from chalicelib.stores.usage import ReserveOutcome, ResetOutcome, UsageStore
from tests.unit.billing.people import SIGNED_UP, caller_of, job, person

STORE = UsageStore()
UNITS = MessageUnits(STORE)
PERIOD_END = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
DURING = SIGNED_UP + timedelta(days=1)
AFTER = PERIOD_END + timedelta(days=1)
LEASE = timedelta(seconds=60)
DUE = keys.usage_due_key(PERIOD_END.date() + timedelta(days=1), 3, "u1")


def _saved(documents: int = 0, messages: int | None = 0) -> UserItem:
    user = person("u1")
    period = user.data.current_subscription.usage_current_period
    period.documents_processed, period.chat_messages_used = documents, messages
    user.save()
    return user


def _reservation(user: UserItem, unit: Unit = Unit.MESSAGE, limit: int | None = 50, **changes: Any) -> Reservation:
    subscription = user.data.current_subscription
    period = subscription.usage_current_period
    wanted = Reservation(
        user_id="u1",
        session_id=caller_of("u1").session_id,
        subscription_id=subscription.subscription_id,
        subscription_updated_at=subscription.updated_at,
        seen_period_start=period.period_start,
        period_start=period.period_start,
        period_end=period.period_end,
        limit=limit,
        due=DUE,
        at=DURING,
        carried_from=period.carried_from,
        unit=unit,
    )
    return replace(wanted, **changes)


def _message(name: str = "a", token: str = "token", at: datetime = DURING) -> MessageUnitItem:
    return MessageUnitItem(
        *keys.message_unit_key("u1", name),
        created_at=at,
        updated_at=at,
        ttl=int(at.timestamp()) + 172_800,
        data=MessageUnitData(user_id="u1", claim_token=token, lease_until=at + LEASE),
    )


def _stored() -> UserItem:
    return UserItem.get(*keys.user_key("u1"), consistent_read=True)


def _counts() -> tuple[int, int]:
    period = _stored().data.current_subscription.usage_current_period
    return int(period.documents_processed), int(period.chat_messages_used or 0)


def _unit(name: str = "a") -> MessageUnitItem | None:
    try:
        return MessageUnitItem.get(*keys.message_unit_key("u1", name), consistent_read=True)
    except MessageUnitItem.DoesNotExist:
        return None


def _move_to_new_subscription(at: datetime, carried_from: datetime) -> UserItem:
    """As billing does it: the count stays where it is, the period's dates and its name change."""
    subscription: Any = UserItem.data.current_subscription
    UserItem(*keys.user_key("u1")).update(
        actions=[
            subscription.updated_at.set(at),
            subscription.start_date.set(at),
            subscription.usage_current_period.period_start.set(at),
            subscription.usage_current_period.period_end.set(at + timedelta(days=28)),
            subscription.usage_current_period.carried_from.set(carried_from),
        ]
    )
    return _stored()


def test_a_message_is_counted_beside_documents_and_not_among_them(any_engine: TableConnection) -> None:
    assert STORE.reserve(_reservation(_saved(3, 7)), _message()) is ReserveOutcome.RESERVED
    assert _counts() == (3, 8)
    unit = _unit()
    assert unit is not None
    assert (unit.data.has_unit, unit.data.unit_period_start) == (True, SIGNED_UP)
    assert (_stored().gsi3_pk, _stored().gsi3_sk) == DUE


def test_a_profile_from_before_messages_were_counted_begins_with_none(any_engine: TableConnection) -> None:
    user = _saved(3, None)
    assert STORE.reserve(_reservation(user), _message("a")) is ReserveOutcome.RESERVED
    assert STORE.reserve(_reservation(user), _message("b")) is ReserveOutcome.RESERVED
    assert _counts() == (3, 2)


@pytest.mark.parametrize(("unit", "left"), [(Unit.MESSAGE, (5, 50)), (Unit.DOCUMENT, (5, 50))])
def test_each_counter_has_a_limit_of_its_own(any_engine: TableConnection, unit: Unit, left: tuple[int, int]) -> None:
    user = _saved(5, 50)
    holder = _message() if unit is Unit.MESSAGE else job("u1", "a", DURING)
    limit = 50 if unit is Unit.MESSAGE else 5
    assert STORE.reserve(_reservation(user, unit, limit), holder) is ReserveOutcome.CHANGED
    assert STORE.reserve(_reservation(user, unit, limit + 1), holder) is ReserveOutcome.RESERVED
    assert _counts() == ((left[0] + 1, left[1]) if unit is Unit.DOCUMENT else (left[0], left[1] + 1))


def test_the_same_message_costs_one_unit(any_engine: TableConnection) -> None:
    user = _saved()
    assert STORE.reserve(_reservation(user), _message()) is ReserveOutcome.RESERVED
    assert STORE.reserve(_reservation(user), _message(token="another")) is ReserveOutcome.REPEATED
    assert _counts() == (0, 1)


def test_a_message_that_opens_a_period_leaves_nothing_of_the_old_one(any_engine: TableConnection) -> None:
    user = _saved(5, 50)
    opened = _reservation(user, period_start=PERIOD_END, period_end=PERIOD_END + timedelta(days=31), at=AFTER)
    assert STORE.reserve(opened, _message(at=AFTER)) is ReserveOutcome.RESERVED
    assert _counts() == (0, 1)


def test_a_document_that_opens_a_period_leaves_no_messages_of_the_old_one(any_engine: TableConnection) -> None:
    user = _saved(5, 50)
    opened = _reservation(
        user, Unit.DOCUMENT, 5, period_start=PERIOD_END, period_end=PERIOD_END + timedelta(days=31), at=AFTER
    )
    assert STORE.reserve(opened, job("u1", "a", AFTER)) is ReserveOutcome.RESERVED
    assert _counts() == (1, 0)


def test_a_reset_clears_both_counts(any_engine: TableConnection) -> None:
    STORE.reserve(_reservation(_saved(3, 20)), _message())
    assert STORE.reset("u1", DUE.pk, AFTER) is ResetOutcome.RESET
    assert _counts() == (0, 0)


def test_an_asynchronous_chat_job_holds_a_message_and_gives_one_back(any_engine: TableConnection) -> None:
    chat = job("u1", "chat", DURING)
    chat.data.kind = JobKind.CHAT
    assert STORE.reserve(_reservation(_saved(2, 5), unit_of(chat)), chat) is ReserveOutcome.RESERVED
    assert _counts() == (2, 6)
    commit(lambda transaction: STORE.add_release(transaction, chat, DURING))
    assert _counts() == (2, 5)


def test_a_report_holds_no_unit() -> None:
    report = job("u1", "report", DURING)
    report.data.kind = JobKind.REPORT
    with pytest.raises(KeyError):
        unit_of(report)


def test_a_unit_given_back_is_gone_and_can_be_reserved_again(any_engine: TableConnection) -> None:
    user, unit = _saved(1, 49), _message()
    STORE.reserve(_reservation(user), unit)
    assert UNITS.give_back(unit, DURING)
    assert (_counts(), _unit()) == ((1, 49), None)
    assert not UNITS.give_back(unit, DURING)
    assert _counts() == (1, 49)
    assert STORE.reserve(_reservation(user), _message()) is ReserveOutcome.RESERVED


def test_a_unit_that_was_kept_is_not_given_back(any_engine: TableConnection) -> None:
    unit = _message()
    STORE.reserve(_reservation(_saved()), unit)
    assert UNITS.keep(_message(), DURING)
    assert not UNITS.give_back(_message(), DURING)
    assert UNITS.reclaim("u1", AFTER) == 0
    assert _counts() == (0, 1)


def test_whoever_lost_the_claim_changes_nothing(any_engine: TableConnection) -> None:
    late = _message()
    STORE.reserve(_reservation(_saved()), late)
    over = DURING + LEASE + timedelta(seconds=1)
    taken = UNITS.take_over(_message(token="another", at=over), over)
    assert taken is not None
    assert not UNITS.keep(_message(), over)
    assert not UNITS.give_back(_message(), over)
    assert _counts() == (0, 1)
    assert UNITS.give_back(taken, over)
    assert _counts() == (0, 0)


def test_a_claim_is_taken_over_when_its_lease_is_over_and_not_before(any_engine: TableConnection) -> None:
    STORE.reserve(_reservation(_saved()), _message())
    assert UNITS.take_over(_message(token="another"), DURING + LEASE) is None
    assert UNITS.take_over(_message(token="another"), DURING + LEASE + timedelta(microseconds=1)) is not None
    assert UNITS.take_over(_message("never reserved"), AFTER) is None


def test_an_answered_message_is_answered_again_so_often_and_no_more(any_engine: TableConnection) -> None:
    STORE.reserve(_reservation(_saved()), _message())
    assert not UNITS.answer_again(_message(), 3, DURING), "it is still being answered"
    UNITS.keep(_message(), DURING)
    assert [UNITS.answer_again(_message(), 3, DURING) for _ in range(3)] == [True, True, False]
    assert not UNITS.answer_again(_message("never reserved"), 3, DURING)
    assert _unit("never reserved") is None


def test_units_of_the_dead_are_reclaimed_and_no_others(any_engine: TableConnection) -> None:
    user = _saved()
    for name in ("dead 1", "dead 2", "kept"):
        STORE.reserve(_reservation(user), _message(name))
    UNITS.keep(_message("kept"), DURING)
    at_work = _message("at work", at=DURING + timedelta(seconds=30))
    STORE.reserve(_reservation(user), at_work)
    assert UNITS.reclaim("u1", DURING + LEASE + timedelta(seconds=1)) == 2
    assert _counts() == (0, 2)
    assert [_unit(name) is None for name in ("dead 1", "dead 2", "kept", "at work")] == [True, True, False, False]


def test_a_reclaimed_unit_of_an_earlier_period_takes_nothing_from_this_one(any_engine: TableConnection) -> None:
    user = _saved(0, 4)
    STORE.reserve(_reservation(user), _message("dead"))
    opened = _reservation(user, period_start=PERIOD_END, period_end=PERIOD_END + timedelta(days=31), at=AFTER)
    STORE.reserve(opened, _message("new", at=AFTER))
    assert UNITS.reclaim("u1", AFTER) == 1
    assert (_counts(), _unit("dead")) == ((0, 1), None)


def test_a_unit_reserved_before_a_switch_is_given_back_after_it(any_engine: TableConnection) -> None:
    held, message = job("u1", "a", DURING), _message()
    user = _saved(2, 10)
    STORE.reserve(_reservation(user, Unit.DOCUMENT, 5), held)
    STORE.reserve(_reservation(user), message)
    _move_to_new_subscription(DURING, carried_from=SIGNED_UP)
    commit(lambda transaction: STORE.add_release(transaction, held, DURING))
    assert UNITS.give_back(message, DURING)
    assert _counts() == (2, 10)


def test_units_of_each_of_several_subscriptions_are_given_back_in_any_order(any_engine: TableConnection) -> None:
    jobs: list[JobItem] = []
    user = _saved(1)
    for number in range(3):
        held = job("u1", f"under subscription {number}", DURING)
        assert STORE.reserve(_reservation(user, Unit.DOCUMENT, 5), held) is ReserveOutcome.RESERVED
        jobs.append(held)
        user = _move_to_new_subscription(DURING + timedelta(hours=number + 1), carried_from=SIGNED_UP)
    for held in (jobs[1], jobs[2], jobs[0]):
        assert held.data.unit_period_start == SIGNED_UP
        commit(lambda transaction, held=held: STORE.add_release(transaction, held, DURING))  # type: ignore[misc]  # mypy does not infer a lambda's default
    assert _counts()[0] == 1


def test_a_unit_from_before_a_switch_is_not_taken_from_the_period_after(any_engine: TableConnection) -> None:
    held = job("u1", "a", DURING)
    STORE.reserve(_reservation(_saved(2), Unit.DOCUMENT, 5), held)
    user = _move_to_new_subscription(DURING, carried_from=SIGNED_UP)
    later, end = DURING + timedelta(days=28), DURING + timedelta(days=56)
    opened = _reservation(user, Unit.DOCUMENT, 5, period_start=later, period_end=end, at=later)
    STORE.reserve(opened, job("u1", "b", later))
    assert _stored().data.current_subscription.usage_current_period.carried_from is None
    with pytest.raises(Cancelled):
        commit(lambda transaction: STORE.add_release(transaction, held, later))
    assert _counts()[0] == 1
