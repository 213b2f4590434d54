"""Counters of calls on both engines."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pynamodb.connection.table import TableConnection

from chalicelib import errors
from chalicelib.models import keys
from chalicelib.models.history import LimitItem
from chalicelib.stores.limits import LimitStore
from chalicelib.web.limits import Limit, Limiter
from tests.support import SettableClock


def test_every_call_is_counted_once_under_threads(any_engine: TableConnection, clock: SettableClock) -> None:
    store = LimitStore(clock)
    with ThreadPoolExecutor(8) as pool:
        totals = sorted(pool.map(lambda _: store.add("upload", "user", 7, 1), range(16)))
    assert totals == list(range(1, 17))


def test_a_counter_leaves_by_itself(table: TableConnection, clock: SettableClock) -> None:
    LimitStore(clock).add("upload", "user", 7, 3)
    item = LimitItem.get(*keys.limit_key("upload", "user", 7))
    assert item.ttl == int((clock.now() + timedelta(minutes=10)).timestamp())
    assert item.created_at == clock.now()


class CountingCounters:
    """Counts in memory, and how often it was asked."""

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str, int], int] = {}
        self.questions = 0

    def add(self, limit: str, subject: str, window: int, calls: int) -> int:
        self.questions += 1
        key = (limit, subject, window)
        self.totals[key] = self.totals.get(key, 0) + calls
        return self.totals[key]


def _allowed(limiter: Limiter, limit: Limit, attempts: int) -> int:
    allowed = 0
    for _ in range(attempts):
        try:
            limiter.count(limit, "subject")
        except errors.TooManyRequests as refused:
            assert refused.retry_after_seconds is not None
            assert 1 <= refused.retry_after_seconds <= 61
        else:
            allowed += 1
    return allowed


@pytest.mark.parametrize("calls", [5, 10, 20, 30, 50, 100, 200])
def test_one_process_allows_exactly_the_limit(calls: int, clock: SettableClock) -> None:
    assert _allowed(Limiter(CountingCounters(), clock), Limit("any", calls), calls * 3) == calls


def test_a_spent_window_costs_no_more_questions(clock: SettableClock) -> None:
    counters = CountingCounters()
    limiter = Limiter(counters, clock)
    _allowed(limiter, Limit("any", 5), 20)
    asked = counters.questions
    _allowed(limiter, Limit("any", 5), 500)
    assert counters.questions == asked


def test_two_processes_overshoot_by_no_more_than_a_step_each(clock: SettableClock) -> None:
    counters = CountingCounters()
    limit = Limit("any", 100)
    processes = [Limiter(counters, clock), Limiter(counters, clock)]
    allowed = sum(_allowed(process, limit, 1) for _ in range(200) for process in processes)
    assert 100 <= allowed <= 100 + 2 * (limit.step + 1)


@pytest.mark.parametrize("calls", [5, 10, 20])
def test_what_is_repeated_once_costs_no_question(calls: int, clock: SettableClock) -> None:
    counters = CountingCounters()
    assert _allowed(Limiter(counters, clock), Limit("any", calls), 2) == 2
    assert counters.questions == 0


def test_a_quiet_subject_costs_no_question(clock: SettableClock) -> None:
    counters = CountingCounters()
    assert _allowed(Limiter(counters, clock), Limit("general", 100), 8) == 8
    assert counters.questions == 0


def test_the_next_minute_starts_anew(clock: SettableClock) -> None:
    limiter = Limiter(CountingCounters(), clock)
    assert _allowed(limiter, Limit("any", 5), 9) == 5
    clock.advance(timedelta(minutes=1))
    assert _allowed(limiter, Limit("any", 5), 9) == 5


def test_many_addresses_in_one_minute_cost_each_other_nothing(clock: SettableClock) -> None:
    limiter = Limiter(CountingCounters(), clock)
    began = time.process_time()
    for number in range(40_000):
        limiter.count(Limit("any", 5), f"address {number}")

    assert time.process_time() - began < 5  # a look at the others for each took a minute


def test_the_counts_of_a_minute_are_forgotten_with_it(clock: SettableClock) -> None:
    limiter = Limiter(CountingCounters(), clock)
    for number in range(1000):
        limiter.count(Limit("any", 5), f"address {number}")
    clock.advance(timedelta(minutes=1))
    limiter.count(Limit("any", 5), "another")

    assert len(limiter._tallies) == 1
