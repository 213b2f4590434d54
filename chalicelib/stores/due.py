"""The due index: who or what has to be looked at, and how far a scheduled sweep over it has come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from chalicelib.models import keys
from chalicelib.models.base import shared_connection
from chalicelib.models.history import SweepData, SweepItem
from chalicelib.stores.failures import is_condition_failure, retried, translated

_USAGE_SWEEP: Final = "USAGE"
_PROGRESS: Final[Any] = SweepItem.data


def pages(
    partition: str, sort_key: Condition | None = None, *, page_size: int | None = None
) -> Iterator[tuple[keys.Key, ...]]:
    """Return the table keys of what stands in one partition of the due index, page by page, in the order of the index.

    Eventually consistent, as indexes are: it may still name what has just left. One request per page, empty pages
    included. The models' own query is of no use here: it filters by `entity_type`, which a KEYS_ONLY index does not
    hold, so DynamoDB finds nothing.

    Raises:
        Unavailable: the table does not answer.
    """
    start: Any = None
    while True:
        with translated():
            answer = shared_connection().query(
                partition,
                range_key_condition=sort_key,
                index_name=keys.DUE_INDEX,
                exclusive_start_key=start,
                limit=page_size,
            )
        yield tuple(keys.Key(item["PK"]["S"], item["SK"]["S"]) for item in answer["Items"])
        start = answer.get("LastEvaluatedKey")
        if not start:
            return


class DueUsers:
    """Users whose counted uses end on a day, and the days that were swept."""

    def on(self, day: date, shard: int, *, page_size: int | None = None) -> Iterator[tuple[str, ...]]:
        """Return user ids, page by page.

        Raises:
            Unavailable: the table does not answer.
        """
        for page in pages(self.partition(day, shard), page_size=page_size):
            yield tuple(key.pk.removeprefix(keys.user_partition("")) for key in page)

    @staticmethod
    def partition(day: date, shard: int) -> str:
        """Return the partition of the index in which they stand."""
        return keys.usage_due_key(day, shard, "").pk

    def swept_until(self) -> date | None:
        """Return the last day that was swept to its end; None before the first sweep.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.sweep_key(_USAGE_SWEEP)
        with translated():
            try:
                return SweepItem.get(key.pk, key.sk, consistent_read=True).data.swept_on
            except SweepItem.DoesNotExist:
                return None

    def record_swept(self, day: date, at: datetime) -> None:
        """Remember that a day was swept to its end. A sweep that was overtaken by another changes nothing.

        Raises:
            Unavailable: the table does not answer.
        """
        key = keys.sweep_key(_USAGE_SWEEP)
        item = SweepItem(key.pk, key.sk, created_at=at, updated_at=at, data=SweepData(swept_on=day, name=_USAGE_SWEEP))
        # Progress never goes back: two sweeps at once end at the later day.
        is_later = SweepItem.pk.does_not_exist() | (_PROGRESS.swept_on < day)
        try:
            retried(lambda: item.save(condition=is_later))
        except PutError as refusal:
            if not is_condition_failure(refusal):
                raise
