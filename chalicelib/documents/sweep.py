"""The sweep: finds jobs whose time has come and tries them again, or ends them. Nothing is "processing" for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.clock import Clock
from chalicelib.documents.doors import Objects
from chalicelib.documents.jobs import UNFINISHED
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.sources import has_arrived
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import correlate, correlated_apart, log
from chalicelib.rules import Rules
from chalicelib.stores.jobs import JobStore

MOST_JOBS: Final = 200
"""Jobs that one run looks at in each partition; the next run, a minute later, goes on."""
_NEVER_ARRIVED: Final = (
    "UPLOAD_INCOMPLETE",
    "The document did not arrive. It does not count against your documents. Please upload it again.",
)


@dataclass(frozen=True, slots=True)
class JobSweep:
    """Looks after jobs that lost their event, their message or their worker. Safe to run twice, also at once."""

    jobs: JobStore
    objects: Objects
    outcomes: Outcomes
    clock: Clock
    rules: Rules
    # Kinds of jobs that belong to other rooms, and what those do with one that is due.
    others: Mapping[JobKind, Callable[[JobItem], None]] = field(default_factory=dict)

    def sweep(self) -> None:
        """Move on every job that is due.

        Raises:
            ExceptionGroup: some jobs could not be moved on; the others were, and the next run tries again.
        """
        now = self.clock.now()
        troubles: list[Exception] = []
        seen = 0
        for user_id, job_id in list(self.jobs.due(now, self.rules.job_life, MOST_JOBS)):
            seen += 1
            try:
                with correlated_apart():
                    self._look_at(self.jobs.find(user_id, job_id), now)
            except Exception as trouble:  # noqa: BLE001  # one job must not keep the others waiting; raised below
                log("job_sweep_failed", level=logging.ERROR, error=trouble, job_id=job_id)
                troubles.append(trouble)
        if seen:
            log("jobs_swept", jobs=seen, failed=len(troubles))
        if troubles:
            raise ExceptionGroup("some jobs could not be moved on", troubles)

    def _look_at(self, job: JobItem | None, now: datetime) -> None:
        if job is None or job.data.state not in UNFINISHED or due_at(job) > now:
            return  # The index is a moment behind: somebody has moved it on.
        correlate(job.data.correlation_id)
        if job.data.kind in self.others:
            self.others[job.data.kind](job)
            return
        is_waiting_for_bytes = job.data.state == JobState.UPLOADED
        if is_waiting_for_bytes and not has_arrived(self.objects, job):
            self.outcomes.fail(job, *_NEVER_ARRIVED)
            return
        log("overdue_job_found", job_id=job.data.job_id, state=job.data.state.value, attempt=job.data.attempt)
        self.outcomes.redrive_or_time_out(job)


def due_at(job: JobItem) -> datetime:
    """When a job is looked at: a worker's when its lease ends, one that waits when its deadline passes."""
    lease: datetime | None = job.data.lease_until
    deadline: datetime = job.data.deadline_at
    return lease if job.data.state == JobState.PROCESSING and lease is not None else deadline
