"""Marks: how long they stand for a writer who may be gone, and that many of them are looked at together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from chalicelib.migration import places
from chalicelib.migration.marks import LONGEST_LEASE, MARGIN, DynamoMarks, lease_within
from chalicelib.migration.ports import RawItem
from chalicelib.migration.replay import Replayer
from chalicelib.web.run_time import watched
from chalicelib.wiring_migration import _lease
from tests.migration.engine.memory import MemoryPostgres, MemoryTable
from tests.support import SettableClock


class _Asked(MemoryTable):
    """Counts the partitions that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.partitions: list[str] = []

    def partition(self, name: str, limit: int | None = None, *, is_newest_first: bool = False) -> Sequence[RawItem]:
        self.partitions.append(name)
        return super().partition(name, limit, is_newest_first=is_newest_first)


class _OfApi:
    """Lambda's context of a call that may take 29 seconds."""

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def test_a_mark_lasts_as_long_as_its_function_may_run_and_a_margin() -> None:
    assert lease_within(timedelta(seconds=29)) == timedelta(seconds=29) + MARGIN
    assert lease_within(None) == lease_within(timedelta(hours=1)) == LONGEST_LEASE
    assert _lease() == LONGEST_LEASE, "outside of Lambda nobody knows when a writer is ended"
    with watched(_OfApi(), "rename"):
        assert timedelta(seconds=85) < _lease() <= timedelta(seconds=89)


def test_keys_that_are_held_back_are_let_go_with_a_look_at_each_share_of_the_marks_and_no_more() -> None:
    table, postgres = _Asked(), MemoryPostgres()
    marks = DynamoMarks(table, SettableClock())
    keys = [f"p{number}" for number in range(300)]
    postgres.held_back = set(keys)
    for key in keys[:3]:
        marks.put(key, 0)
    home: object = None
    replayer = Replayer(postgres, home, marks, postgres)  # type: ignore[arg-type]  # nothing is asked of home here

    assert replayer.release_done() == 297

    assert postgres.held() == sorted(keys[:3])
    assert len(table.partitions) == places.MARK_SHARDS
    for mark in marks.waiting(10):
        marks.clear(mark)
    assert replayer.release_done() == 3
    assert replayer.release_done() == 0
