"""The jobs of one person, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from chalicelib.clock import iso
from chalicelib.models import keys
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.stores.failures import translated

_DATA: Final[Any] = JobItem.data
"""Paths in expressions; PynamoDB's types see values where the class has paths."""
_JOBS: Final = "JOB#"


class JobLists:
    """Reads the jobs of a person, by one query over their partition.

    Ids of jobs are derived from contents, so their order says nothing, and lists are sorted here. A person has the
    jobs of two days, of which one takes 0.2 of a read unit; a second index for a list that is seldom asked for would
    cost a write with every move of every job.
    """

    def newest(self, user_id: str, now: datetime, most: int, before: str | None = None) -> list[JobItem]:
        """Return up to `most` jobs for documents and reports, newest first, from a position on (that of the last one
        seen). What was removed by its owner, or has expired, is not among them.

        Raises:
            Unavailable: the table does not answer.
        """
        is_shown = (_DATA.state != JobState.CLEANED) & _DATA.kind.is_in(JobKind.RESULT, JobKind.REPORT)
        # The table removes what has expired hours later.
        is_there = JobItem.ttl.does_not_exist() | (JobItem.ttl > int(now.timestamp()))
        found = sorted(self._query(user_id, is_shown & is_there), key=position, reverse=True)
        return [job for job in found if before is None or position(job) < before][:most]

    @staticmethod
    def _query(user_id: str, condition: Any) -> list[JobItem]:
        partition, is_job = keys.user_partition(user_id), JobItem.sk.startswith(_JOBS)
        with translated():
            return list(JobItem.query(partition, is_job, filter_condition=condition, consistent_read=True))


def position(job: JobItem) -> str:
    """Where a job stands in the list: two of the same instant by their ids."""
    return f"{iso(job.data.uploaded_at)}#{job.data.job_id}"
