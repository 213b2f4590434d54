"""Arrivals: what the bucket says of new documents is handed on to the queue that each belongs in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.clock import Clock
from chalicelib.documents.doors import Objects
from chalicelib.documents.outcomes import Outcomes
from chalicelib.documents.places import Upload, page_key, read_upload_key
from chalicelib.documents.sources import Sources, has_arrived
from chalicelib.models.job import JobItem
from chalicelib.models.states import JobState
from chalicelib.observe.log import correlate, correlated_apart, log
from chalicelib.rules import Rules
from chalicelib.stores.jobs import JobStore


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Hands documents on. The same event twice sends a second message, which starts nothing."""

    jobs: JobStore
    objects: Objects
    sources: Sources
    outcomes: Outcomes
    clock: Clock
    rules: Rules

    def take(self, records: Sequence[dict[str, Any]]) -> None:
        """Hand on what an S3 event speaks of: all its records, each for itself.

        Raises:
            ExceptionGroup: some record was not handed on; deliver the event again. What was done stays done.
        """
        troubles: list[Exception] = []
        for record in records:
            try:
                with correlated_apart():
                    self._on_record(record)
            except Exception as trouble:  # noqa: BLE001  # one record must not lose the others; raised below
                log("upload_event_failed", level=logging.ERROR, error=trouble)
                troubles.append(trouble)
        if troubles:
            raise ExceptionGroup("some uploads could not be taken on", troubles)

    def _on_record(self, record: dict[str, Any]) -> None:
        upload = read_upload_key(unquote_plus(record["s3"]["object"]["key"]))
        if upload is None:
            log("foreign_object_ignored", level=logging.WARNING)
            return
        if upload.page is not None and not self._is_last_page(upload, upload.page):
            return
        now = self.clock.now()
        job = self.jobs.arrive(upload.user_id, upload.job_id, now, now + self.rules.job_deadline)
        if job is None:
            job = self._waiting_still(upload)
        if job is not None:
            correlate(job.data.correlation_id)
            queue = self.outcomes.hand_on(job)
            log("document_handed_on", job_id=upload.job_id, queue=queue)

    def _is_last_page(self, upload: Upload, page: int) -> bool:
        job = self.jobs.find(upload.user_id, upload.job_id)
        if job is None or job.data.state != JobState.UPLOADED:
            return True  # What becomes of it is decided as for any other document.
        this_one = page_key(upload.user_id, upload.job_id, page, upload.file_type)
        return job.data.pages is not None and has_arrived(self.objects, job, this_one)

    def _waiting_still(self, upload: Upload) -> JobItem | None:
        """Return a job that arrived before and was perhaps not handed on; None where there is nothing to do any more.

        A document without a living job is removed, and what is uploaded a second time when there is a clean copy.
        """
        job = self.jobs.find(upload.user_id, upload.job_id)
        if job is None or job.data.state == JobState.CLEANED:
            self.outcomes.discard(upload.user_id, upload.job_id)
            return None
        if job.data.state == JobState.UPLOADED:
            return job
        if not job.data.is_inspected and self.sources.is_prepared(job):
            self.sources.remove_uploaded(job)
        log("document_not_awaited", job_id=upload.job_id, state=job.data.state.value)
        return None
