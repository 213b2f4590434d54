"""Listing: the caller's jobs, newest first, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.clock import Clock
from chalicelib.documents.contract import JobsAnswer, JobShown, ShownState
from chalicelib.documents.doors import Cursors, Profiles, SessionRule
from chalicelib.documents.jobs import progress, shown_state
from chalicelib.models.job import JobItem
from chalicelib.rules import Rules
from chalicelib.stores.job_lists import JobLists, position
from chalicelib.web.request import Caller, page_size

_LIST: Final = "jobs"


@dataclass(frozen=True, slots=True)
class JobListing:
    """Lists jobs. A cursor is good for its caller alone, and goes on where the page ended, whatever came since."""

    profiles: Profiles
    sessions: SessionRule
    jobs: JobLists
    cursors: Cursors
    clock: Clock
    rules: Rules

    def page(self, caller: Caller, query: Mapping[str, str]) -> JobsAnswer:
        """Return a page by `limit` and `cursor` of the query: one read of the profile, one query.

        Raises:
            InvalidRequest: INVALID_LIMIT (1 to 100), INVALID_CURSOR. Unauthenticated, Forbidden: the session has ended.
        """
        self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        most, cursor = page_size(query.get("limit")), query.get("cursor")
        before = None if cursor is None else self.cursors.position(_LIST, caller.user_id, cursor)
        # One more than is shown tells whether there is more.
        found = self.jobs.newest(caller.user_id, self.clock.now(), most + 1, before)
        has_more = len(found) > most
        last = position(found[most - 1]) if has_more else ""
        return JobsAnswer(
            jobs=[self._shown(job) for job in found[:most]],
            next_cursor=self.cursors.make(_LIST, caller.user_id, last) if has_more else None,
        )

    def _shown(self, job: JobItem) -> JobShown:
        now = self.clock.now()
        state = shown_state(job, now, self.rules)
        shown = JobShown(
            job_id=job.data.job_id,
            content_type=job.data.kind.value,
            status=state,
            retry_count=int(job.data.retry_count),
            uploaded_at=job.data.uploaded_at,
            finished_at=job.data.finished_at,
        )
        if state in {ShownState.PROCESSING, ShownState.COMPLETED}:
            shown.progress = progress(job, now, self.rules)
        else:
            shown.error_code = job.data.error_code or "PROCESSING_TIMEOUT"
            shown.error_message = job.data.error_message or "The analysis is taking longer than expected."
        return shown
