"""The process ends at every call to AWS, before and after it: the erasure goes on from there, and nothing is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.models import keys
from chalicelib.models.states import AccountStatus
from chalicelib.privacy.chain_check import ChainCheck
from chalicelib.stores.consents import ConsentStore
from tests.rooms.documents_world import Killed, World, empty_bucket, make_bucket
from tests.rooms.leaving_world import Leaving
from tests.support import SettableClock

MOST_CALLS = 100


@pytest.fixture
def leaving(any_engine_for_long: TableConnection, settings: Settings, clock: SettableClock) -> Iterator[Leaving]:
    make_bucket(settings)
    yield Leaving(settings, clock, World(settings, clock))
    empty_bucket(settings)


def kill_everywhere(
    leaving: Leaving, act: Callable[[Leaving], object], check: Callable[[Leaving, str], None], step: int = 1
) -> list[str]:
    """Run an act for a new person for each of its calls, or for each so many-th, end it right after that call, and
    check. Returns where it was ended. Ending it before a call leaves the same behind as ending it after the one
    before."""
    kills: list[str] = []
    for number in range(1, MOST_CALLS, step):
        one = leaving.another()
        one.world.deliver_event(one.world.uploaded())
        one.clock.advance(timedelta(seconds=1))
        with one.world.watched(number, "after") as calls:
            try:
                act(one)
            except Killed:
                kills.append(f"after call {number}, {calls.names[-1]}")
            else:
                return kills
        check(one, kills[-1])
    raise AssertionError("the act is longer than expected")


def message_of(leaving: Leaving) -> str:
    leaving.ask()
    ((_, message),) = leaving.queue.waiting
    return message


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.prove)])
def test_an_erasure_that_is_killed_anywhere_is_finished_by_its_message_or_by_the_sweep(
    leaving: Leaving, step: int
) -> None:
    requests: dict[str, str] = {}
    counts: set[str] = set()

    def act(one: Leaving) -> None:
        with one.world.uncounted():
            requests[one.user_id] = one.ask()
        one.deliver()

    def check(one: Leaving, killed_at: str) -> None:
        if len(requests) % 2:
            one.saga.carry_on(one.queue.sent[0][0])
        else:
            one.clock.advance(timedelta(minutes=11))
            one.saga.sweep()
            one.deliver()
        assert one.traces() == [], killed_at
        kept = Counter(item["PK"]["S"] for item in one.kept())
        assert list(kept.values()) == [7], killed_at
        (retained_id,) = (name.removeprefix(keys.retained_partition("")) for name in kept)
        check_of_chains = ChainCheck(one.world.users, ConsentStore(), one.erasures)
        assert check_of_chains.retained_findings(retained_id) == [], killed_at
        assert not list(one.erasures.due(one.clock.now() + timedelta(days=100))), killed_at
        summary = one.status(requests[one.user_id]).deletion_summary
        assert summary is not None, killed_at
        counts.add(f"{summary.removed} {summary.kept}")
        left = [keys.Key(item["PK"]["S"], item["SK"]["S"]) for item in one.items()]
        one.partitions.remove(left)  # keeps the table small for the next one

    kills = kill_everywhere(leaving, act, check, step)
    assert len(kills) > 40 // step
    assert len(counts) == 1, "wherever it was killed, a receipt counts what there was"
    assert "'job': 1" in counts.pop()
    assert step > 1 or {kill.rsplit(".", 1)[-1] for kill in kills} == {
        "GetItem", "Query", "BatchGetItem", "BatchWriteItem", "PutItem", "UpdateItem", "DeleteItem",
        "TransactWriteItems", "ListObjectVersions", "DeleteObjects",
    }  # fmt: skip


def test_a_request_that_is_killed_anywhere_has_closed_the_account_or_changed_nothing(leaving: Leaving) -> None:
    def check(one: Leaving, killed_at: str) -> None:
        user = one.world.users.by_id(one.user_id)
        assert user is not None
        is_closed = user.data.account_status is AccountStatus.DELETED
        assert is_closed == one.erasures.is_erased(one.user_id), killed_at
        assert is_closed == (user.data.current_session.status == "revoked"), killed_at
        assert is_closed == bool(list(one.erasures.due(one.clock.now() + timedelta(days=1)))), killed_at
        one.queue.waiting.clear()
        one.clock.advance(timedelta(minutes=11))
        one.saga.sweep()
        one.deliver()

    assert len(kill_everywhere(leaving, lambda one: one.ask(), check)) == 4


def test_a_table_that_does_not_answer_is_no_step_done(leaving: Leaving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not killed, but refused: the message has to come again."""
    leaving.settle()
    message = message_of(leaving)

    def refuse(*_: object) -> None:
        raise errors.Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(leaving.partitions), "remove", refuse)
        with pytest.raises(errors.Unavailable):
            leaving.saga.carry_on(message)
    leaving.saga.carry_on(message)
    assert leaving.traces() == []
