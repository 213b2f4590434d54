"""The scheduled reset: who is found, what is sent, what is repeated, what is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.billing.reset import BatchIncompleteError, NotAResetBatchError, ResetBatch, UsageReset
from chalicelib.billing.usage import Reservations
from chalicelib.models import keys
from chalicelib.models.profile import UserItem
from chalicelib.privacy.consents import require_processing
from chalicelib.rules import Rules
from chalicelib.stores.due import DueUsers
from chalicelib.stores.usage import ResetOutcome, UsageStore
from tests.support import SettableClock
from tests.unit.billing.people import SIGNED_UP, LiveSessions, caller_of, job, paid, person

DUE_ON = date(2026, 3, 1)
PERIOD_END = datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
RULES = Rules(usage_due_shards=2, usage_reset_batch=3, usage_sweep_look_back=timedelta(days=3))


class _Outbox:
    """A queue that keeps what it is given, and fails when it is told to."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.takes = 1_000

    def send_batch(self, queue_name: str, messages: Sequence[str]) -> None:
        assert queue_name == "resets"
        if len(self.sent) + len(messages) > self.takes:
            raise errors.Unavailable(message="The queue does not answer at the moment.")
        self.sent += messages

    def users(self) -> list[str]:
        return sorted(user for text in self.sent for user in json.loads(text)["user_ids"])


class _House:
    """The reset with a fake queue, and uploads beside it."""

    def __init__(self, now: datetime = SIGNED_UP, store: UsageStore | None = None) -> None:
        self.clock = SettableClock(now)
        self.outbox = _Outbox()
        self.reset = UsageReset(
            store=store or UsageStore(),
            due=DueUsers(),
            outbox=self.outbox,
            queue_name="resets",
            clock=self.clock,
            rules=RULES,
        )
        self.reservations = Reservations(
            UsageStore(), LiveSessions(), require_processing, _stored, self.clock, shards=RULES.usage_due_shards
        )

    def use(self, user_id: str, name: str = "a") -> None:
        self.reservations.reserve(_stored(user_id), caller_of(user_id), job(user_id, name, self.clock.now()))

    def deliver(self) -> None:
        """Hand over what was sent, as the queue does."""
        messages, self.outbox.sent = self.outbox.sent, []
        for message in messages:
            self.reset.reset_batch(message)


def _stored(user_id: str) -> UserItem:
    return UserItem.get(*keys.user_key(user_id), consistent_read=True)


def _used(user_id: str) -> int:
    return int(_stored(user_id).data.current_subscription.usage_current_period.documents_processed)


def _house_with_users(number: int, **options: Any) -> _House:
    house = _House(**options)
    for index in range(number):
        person(f"u{index}").save()
        house.use(f"u{index}")
    return house


def test_everybody_who_is_due_is_reset_and_leaves_the_index(any_engine_for_long: TableConnection) -> None:
    house = _house_with_users(7)
    house.clock.instant = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    house.reset.sweep()
    assert house.outbox.users() == [f"u{index}" for index in range(7)]
    house.deliver()
    assert [_used(f"u{index}") for index in range(7)] == [0] * 7
    assert [user for shard in range(2) for page in DueUsers().on(DUE_ON, shard) for user in page] == []


def test_nobody_is_found_before_the_period_is_over(table: TableConnection) -> None:
    house = _house_with_users(2)
    house.clock.instant = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    house.reset.sweep()
    assert house.outbox.sent == []


def test_a_user_without_a_counted_use_is_never_touched(table: TableConnection) -> None:
    house = _house_with_users(1)
    person("idle").save()
    person("premium", paid()).save()
    house.use("premium")
    house.clock.instant = PERIOD_END + timedelta(days=2)
    house.reset.sweep()
    assert house.outbox.users() == ["u0"]


@pytest.mark.parametrize(("days_late", "found"), [(3, ["u0"]), (4, [])])
def test_the_first_sweep_of_all_looks_back_and_whoever_it_misses_is_counted_rightly(
    table: TableConnection, days_late: int, found: list[str]
) -> None:
    house = _house_with_users(1)
    house.clock.instant = datetime(2026, 3, 1, 0, 10, tzinfo=UTC) + timedelta(days=days_late)
    house.reset.sweep()
    assert house.outbox.users() == found
    for number in range(5):
        house.use("u0", f"new {number}")
    assert _used("u0") == 5
    with pytest.raises(errors.QuotaSpent):
        house.use("u0", "one too many")


def test_messages_hold_users_of_one_partition_and_no_more_than_a_batch(table: TableConnection) -> None:
    house = _house_with_users(11)
    house.clock.instant = PERIOD_END + timedelta(days=1)
    house.reset.sweep()
    batches = [msgspec.json.decode(text, type=ResetBatch) for text in house.outbox.sent]
    for batch in batches:
        shard = int(batch.due_partition.rsplit("#", 1)[1])
        assert len(batch.user_ids) <= RULES.usage_reset_batch
        assert {keys.shard_of(user, 2) for user in batch.user_ids} == {shard}
        assert batch.due_partition == f"USAGE_DUE#2026-03-01#{shard}"
    assert len(batches) <= 11 // 3 + 2


def test_a_partition_of_several_pages_is_walked_to_its_end(any_engine_for_long: TableConnection) -> None:
    _house_with_users(9)
    for shard in range(2):
        pages = list(DueUsers().on(DUE_ON, shard, page_size=2))
        found = [user for page in pages for user in page]
        assert len(pages) > 1
        assert found == sorted(f"u{index}" for index in range(9) if keys.shard_of(f"u{index}", 2) == shard)


def test_a_sweep_after_days_without_one_finds_every_day(table: TableConnection) -> None:
    house = _house_with_users(1)
    house.clock.instant = PERIOD_END - timedelta(days=1)
    house.reset.sweep()
    late = person("late")
    late.data.current_subscription.start_date = SIGNED_UP + timedelta(days=5)
    late.save()
    house.use("late")
    house.clock.instant = PERIOD_END + timedelta(days=60)
    house.reset.sweep()
    assert house.outbox.users() == ["late", "u0"]
    assert DueUsers().swept_until() == (PERIOD_END + timedelta(days=60)).date()


def test_a_user_who_was_listed_late_on_a_swept_day_is_found_by_the_next_sweep(table: TableConnection) -> None:
    house = _house_with_users(1)
    house.clock.instant = PERIOD_END + timedelta(days=1)
    house.reset.sweep()
    house.deliver()
    behind = _House(PERIOD_END - timedelta(seconds=2))
    behind.use("u0", "by a clock that lags")
    house.clock.advance(timedelta(days=1))
    house.reset.sweep()
    assert house.outbox.users() == ["u0"]
    house.deliver()
    assert _stored("u0").gsi3_pk is None


def test_a_sweep_that_broke_off_goes_on_with_the_day_that_was_not_finished(table: TableConnection) -> None:
    house = _house_with_users(8)
    house.clock.instant = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
    house.outbox.takes = 2
    with pytest.raises(errors.Unavailable):
        house.reset.sweep()
    assert DueUsers().swept_until() == date(2026, 2, 28)
    house.outbox.takes = 1_000
    house.outbox.sent.clear()
    house.reset.sweep()
    assert house.outbox.users() == [f"u{index}" for index in range(8)]
    assert DueUsers().swept_until() == DUE_ON


def test_two_sweeps_of_one_day_send_twice_and_reset_once(table: TableConnection) -> None:
    house = _house_with_users(4)
    house.clock.instant = PERIOD_END + timedelta(days=1)
    house.reset.sweep()
    house.reset.sweep()
    assert len(house.outbox.users()) == 8
    house.deliver()
    assert [_used(f"u{index}") for index in range(4)] == [0] * 4


def test_progress_never_goes_back(any_engine_for_long: TableConnection) -> None:
    due = DueUsers()
    assert due.swept_until() is None
    due.record_swept(date(2026, 3, 5), SIGNED_UP)
    due.record_swept(date(2026, 3, 2), SIGNED_UP)
    assert due.swept_until() == date(2026, 3, 5)


def test_a_message_delivered_twice_does_not_clear_a_new_periods_uses(any_engine_for_long: TableConnection) -> None:
    house = _house_with_users(1)
    house.clock.instant = PERIOD_END + timedelta(days=1)
    house.reset.sweep()
    message = house.outbox.sent[0]
    house.reset.reset_batch(message)
    house.use("u0", "in the new period")
    house.reset.reset_batch(message)
    assert _used("u0") == 1
    assert _stored("u0").gsi3_pk is not None


def test_a_message_from_months_ago_changes_nothing(table: TableConnection) -> None:
    house = _house_with_users(1)
    house.clock.instant = PERIOD_END + timedelta(days=1)
    house.reset.sweep()
    message = house.outbox.sent[0]
    house.clock.advance(timedelta(days=100))
    house.use("u0", "much later")
    house.reset.reset_batch(message)
    assert _used("u0") == 1


def test_a_user_who_upgraded_keeps_the_count_of_the_paid_period(any_engine_for_long: TableConnection) -> None:
    house = _house_with_users(1)
    upgraded_at = SIGNED_UP + timedelta(days=14)
    subscription = paid(upgraded_at, updated_at=upgraded_at)
    UserItem(*keys.user_key("u0")).update(actions=[UserItem.data.current_subscription.set(subscription)])
    house.clock.instant = upgraded_at + timedelta(hours=1)
    house.use("u0", "as a paying user")
    house.clock.instant = PERIOD_END + timedelta(days=1)
    house.reset.sweep()
    house.deliver()
    assert _used("u0") == 1
    assert _stored("u0").gsi3_pk is None


class _Stumbling(UsageStore):
    """A store that cannot reset some users for a while."""

    def __init__(self) -> None:
        self.fails_for = {"u1"}
        self.tried: list[str] = []

    def reset(self, user_id: str, due_partition: str, now: datetime) -> ResetOutcome:
        self.tried.append(user_id)
        if user_id in self.fails_for:
            raise errors.Unavailable(message="The table does not answer at the moment.")
        return super().reset(user_id, due_partition, now)


def _one_message(*user_ids: str) -> str:
    message = ResetBatch(due_partition=f"USAGE_DUE#{DUE_ON}#0", user_ids=user_ids)
    return msgspec.json.encode(message).decode()


def test_one_user_who_cannot_be_reset_holds_up_nobody_and_comes_again(table: TableConnection) -> None:
    store = _Stumbling()
    house = _house_with_users(3, store=store)
    for index in range(3):
        UserItem(*keys.user_key(f"u{index}")).update(actions=[UserItem.gsi3_pk.set(f"USAGE_DUE#{DUE_ON}#0")])
    house.clock.instant = PERIOD_END + timedelta(days=1)
    message = _one_message("u0", "u1", "u2")
    with pytest.raises(BatchIncompleteError, match="1 of 3"):
        house.reset.reset_batch(message)
    assert [_used(f"u{index}") for index in range(3)] == [0, 1, 0]
    store.fails_for.clear()
    house.reset.reset_batch(message)
    assert [_used(f"u{index}") for index in range(3)] == [0, 0, 0]


def test_a_deleted_user_in_a_batch_is_no_failure(table: TableConnection) -> None:
    house = _House(PERIOD_END + timedelta(days=1))
    house.reset.reset_batch(_one_message("gone"))
    assert list(UserItem.query(keys.user_partition("gone"))) == []


GARBAGE = [
    "",
    "not json: secret@example.com",
    "[]",
    "{}",
    '{"version": 2, "due_partition": "USAGE_DUE#2026-03-01#0", "user_ids": ["u0"]}',
    '{"due_partition": "USAGE_DUE#2026-03-01#0", "user_ids": []}',
    '{"due_partition": "USAGE_DUE#2026-03-01#0", "user_ids": [""]}',
    '{"due_partition": "USAGE_DUE#2026-03-01#0", "user_ids": "u0"}',
    '{"due_partition": "JOB_DUE#2026-03-01#0", "user_ids": ["u0"]}',
    '{"due_partition": "USAGE_DUE#2026-03-01#0", "user_ids": ["u0"], "secret@example.com": 1}',
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_message_that_is_none_of_ours_is_refused_and_not_quoted(
    table: TableConnection, garbage: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    store = _Stumbling()
    with caplog.at_level(logging.INFO), pytest.raises(NotAResetBatchError) as refusal:
        _House(store=store).reset.reset_batch(garbage)
    printed = "".join(capfd.readouterr()) + caplog.text + str(refusal.value)
    assert store.tried == []
    assert "secret" not in printed


def test_the_numbers_of_the_reset_are_these() -> None:
    rules = Rules()
    assert (rules.usage_due_shards, rules.usage_reset_batch) == (8, 25)
    assert rules.usage_sweep_look_back == timedelta(days=62)


def test_the_sweep_says_how_far_it_came(table: TableConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr("chalicelib.billing.reset.log", lambda event, **fields: lines.append((event, fields)))
    house = _house_with_users(5)
    house.clock.instant = PERIOD_END + timedelta(days=1)
    house.reset.sweep()
    house.deliver()
    swept = {fields["day"]: fields["users"] for event, fields in lines if event == "usage_day_swept"}
    assert swept[DUE_ON.isoformat()] == 5
    assert sum(swept.values()) == 5
    assert [fields["users"] for event, fields in lines if event == "usage_sweep_ended"] == [5]
    days_left = [fields["days_left"] for event, fields in lines if event == "usage_day_swept"]
    assert days_left == list(reversed(range(len(days_left))))
    assert sum(fields["users"] for event, fields in lines if event == "usage_page_handed_over") == 5
    assert sum(fields["reset"] for event, fields in lines if event == "usage_batch_reset") == 5
