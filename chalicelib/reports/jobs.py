"""The job of a report when it begins, the message that has it written, and what is said where there is nothing."""

from __future__ import annotations

from datetime import datetime

import msgspec

from chalicelib import errors
from chalicelib.models import keys
from chalicelib.models.job import JobData, JobItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import correlation_id
from chalicelib.rules import Rules


class JobMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the retries queue, in the shape that documents use too: whose job, and which of its retries.
    A report's first attempt is the retry numbered nought; None is a document's."""

    user_id: str
    job_id: str
    retry: int | None = None


def new_job(
    user_id: str, job_id: str, request_key: str, due: keys.Key, deadline: datetime, now: datetime, rules: Rules
) -> JobItem:
    """Return the item of a report's job, not stored yet.

    It waits for its first message as others wait for a retry (the one numbered nought): a report has no upload whose
    event could start it.
    """
    return JobItem(
        *keys.job_key(user_id, job_id),
        created_at=now,
        updated_at=now,
        ttl=int((now + rules.job_life).timestamp()),
        gsi3_pk=due.pk,
        gsi3_sk=due.sk,
        data=JobData(
            job_id=job_id,
            user_id=user_id,
            kind=JobKind.REPORT,
            state=JobState.RETRYING,
            object_key=request_key,
            deadline_at=deadline,
            uploaded_at=now,
            correlation_id=correlation_id(),
        ),
    )


def is_report(job_id: str) -> bool:
    """Whether an id is that of a report's job."""
    return job_id.startswith(f"{JobKind.REPORT}_")


def write_message(job: JobItem) -> str:
    """Write the message that starts the job's next attempt."""
    message = JobMessage(user_id=job.data.user_id, job_id=job.data.job_id, retry=int(job.data.retry_count))
    return msgspec.json.encode(message).decode()


def asks_for_report(message: str) -> bool:
    """Whether a message of the retries queue is about a report.

    Raises:
        msgspec.MsgspecError: it is none of our messages.
    """
    return is_report(msgspec.json.decode(message, type=JobMessage).job_id)


def missing() -> errors.InvalidRequest:
    """Nothing to report on was sent."""
    return errors.InvalidRequest(
        "MISSING_HEALTH_DATA",
        "health_data, medical_data or document_ids must hold at least one value.",
        user_message="There are no values to report on yet. Add a result or choose a document first.",
    )
