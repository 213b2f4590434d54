"""Lines: one document of each person is the first in line, whoever asks, and however many at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from pynamodb.exceptions import PutError

from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.line import LineData, LineItem
from chalicelib.models.states import JobState
from chalicelib.stores.failures import is_condition_failure, retried, translated

_DATA: Final[Any] = LineItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""
_UNFINISHED: Final = frozenset({JobState.UPLOADED, JobState.PROCESSING, JobState.RETRYING})


class Lines:
    """Keeps places. The order in which documents arrived was not taken for it: clocks of two machines differ, and two
    documents that arrive at once would each take itself for the first."""

    def is_first(self, job: JobItem, at: datetime, life: timedelta) -> bool:
        """Whether a job is its owner's first in line; it takes the place where that is free, or its holder is done.

        Safe to ask again: who has the place keeps it. A place that nobody asks about again leaves after `life`.

        Raises:
            Unavailable: the table does not answer.
        """
        user_id, job_id = job.data.user_id, job.data.job_id
        key = keys.line_key(user_id)
        with translated():
            try:
                holder = LineItem.get(*key, consistent_read=True).data.job_id
            except LineItem.DoesNotExist:
                holder = None
        if holder == job_id:
            return True
        if holder is not None and _is_unfinished(user_id, holder):
            return False
        ttl = int((at + life).timestamp())
        item = LineItem(*key, created_at=at, updated_at=at, ttl=ttl, data=LineData(job_id=job_id))
        # Of two that find the place free, one gets it; the other one finds it taken.
        is_as_read = LineItem.pk.does_not_exist() if holder is None else _DATA.job_id == holder
        # The answer to a write that worked may be lost, and its repetition is refused.
        is_ours = _DATA.job_id == job_id
        try:
            retried(lambda: item.save(condition=is_as_read | is_ours))
        except PutError as refusal:
            if is_condition_failure(refusal):
                return False
            raise
        return True


def _is_unfinished(user_id: str, job_id: str) -> bool:
    with translated():
        try:
            found = JobItem.get(*keys.job_key(user_id, job_id), consistent_read=True)
        except JobItem.DoesNotExist:
            return False
    return found.data.state in _UNFINISHED
