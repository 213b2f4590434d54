"""What a job is when it begins, and what of it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chalicelib import errors
from chalicelib.documents.contract import ShownState
from chalicelib.documents.places import upload_key
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.models import keys
from chalicelib.models.job import JobData, JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import correlation_id
from chalicelib.rules import Rules

UNFINISHED: Final = frozenset({JobState.UPLOADED, JobState.PROCESSING, JobState.RETRYING})
MIME_TYPES: Final = {FileType.PDF: "application/pdf", FileType.JPG: "image/jpeg", FileType.PNG: "image/png"}
RESULT_LIMIT_BYTES: Final = 20 * 1024 * 1024
"""Far above any result; a bound on what is read into memory."""

_PROGRESS_WAITING: Final = 10
_PROGRESS_MOST: Final = 95


@dataclass(frozen=True, slots=True)
class NewJob:
    """A document that is about to be analysed. The bytes of a presigned upload were not inspected yet."""

    user_id: str
    job_id: str
    file_type: FileType
    file_size: int
    checksum: str | None
    is_inspected: bool
    pages: str | None = None


def new_job(new: NewJob, due: keys.Key, deadline: datetime, now: datetime, rules: Rules) -> JobItem:
    """Return the item of a job that begins now, not stored yet."""
    return JobItem(
        *keys.job_key(new.user_id, new.job_id),
        created_at=now,
        updated_at=now,
        ttl=int((now + rules.job_life).timestamp()),
        gsi3_pk=due.pk,
        gsi3_sk=due.sk,
        data=JobData(
            job_id=new.job_id,
            user_id=new.user_id,
            kind=JobKind.RESULT,
            state=JobState.UPLOADED,
            file_type=new.file_type.value,
            file_size=new.file_size,
            file_checksum=new.checksum,
            object_key=upload_key(new.user_id, new.job_id, new.file_type),
            is_inspected=new.is_inspected,
            pages=new.pages,
            deadline_at=deadline,
            uploaded_at=now,
            correlation_id=correlation_id(),
        ),
    )


def not_found() -> errors.NotFound:
    """Somebody else's job, one that never was, and one that is gone: the same answer."""
    return errors.NotFound("JOB_NOT_FOUND", "There is no such job.", user_message="We could not find this document.")


def is_gone(job: JobItem | None, now: datetime) -> bool:
    """Whether a job is not there: never was, or its `ttl` has passed and the table has not removed it yet."""
    return job is None or (job.ttl is not None and job.ttl <= now.timestamp())


def shown_state(job: JobItem, now: datetime, rules: Rules) -> ShownState:
    """Where a job stands, in the app's words. Overdue is "timeout": nothing is "processing" for ever."""
    if job.data.state not in UNFINISHED:
        return ShownState(job.data.state.value)
    is_overdue = now > job.data.deadline_at + rules.job_overdue_grace
    return ShownState.TIMEOUT if is_overdue else ShownState.PROCESSING


def progress(job: JobItem, now: datetime, rules: Rules) -> int:
    """Percent done: an estimate from the time that an analysis usually takes."""
    if job.data.state == JobState.COMPLETED:
        return 100
    if job.data.state != JobState.PROCESSING or job.data.started_at is None:
        return _PROGRESS_WAITING
    share = (now - job.data.started_at) / timedelta(seconds=rules.estimated_analysis_seconds)
    return min(_PROGRESS_MOST, _PROGRESS_WAITING + int(share * (100 - _PROGRESS_WAITING)))


def automatic_retries(job: JobItem) -> int:
    """How often the service itself has tried again."""
    return int(job.data.retry_count) - int(job.data.manual_retries)
