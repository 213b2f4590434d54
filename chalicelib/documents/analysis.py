"""The pipeline: an uploaded document is claimed, read, analysed, and its result stored; each step is safe to repeat."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.documents.doors import Inspect, Objects, Profiles, RequireConsent
from chalicelib.documents.inspection import Declared, InspectionLimits
from chalicelib.documents.outcomes import JSON, Outcomes, RetryMessage, started_seconds
from chalicelib.documents.places import read_upload_key, result_key
from chalicelib.documents.results import Failure, compose, write
from chalicelib.gateways.analyst.findings import Analyst, Document, FileType
from chalicelib.ids import new_id
from chalicelib.models.job import JobItem
from chalicelib.models.states import AccountStatus, JobState
from chalicelib.observe.log import correlate, log
from chalicelib.rules import Rules
from chalicelib.stores.job_moves import Claim
from chalicelib.stores.jobs import JobStore

_CHANGED: Final = "The document has changed since it was uploaded. Please upload it again."
_MISSING: Final = "The document did not arrive. Please upload it again."


class OwnerGone(Exception):
    """The account was erased, or is being erased, while its document waited."""


class UploadMissing(errors.JobFailure):
    """There is a job, and no document."""

    code = "UPLOAD_INCOMPLETE"
    reason = _MISSING


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Works on documents. Of several workers with the same event, one gets the claim; the others do nothing."""

    jobs: JobStore
    objects: Objects
    outcomes: Outcomes
    profiles: Profiles
    require_consent: RequireConsent
    analyst: Analyst
    inspect: Inspect
    clock: Clock
    rules: Rules

    def on_upload(self, records: Sequence[dict[str, Any]]) -> None:
        """Analyse what an S3 event speaks of: all its records, each for itself.

        Raises:
            ExceptionGroup: the bookkeeping of some record failed; deliver the event again. What was done stays done.
        """
        troubles: list[Exception] = []
        for record in records:
            try:
                self._on_record(record)
            except Exception as trouble:  # noqa: BLE001  # one record must not lose the others; raised below
                log("upload_event_failed", level=logging.ERROR, error=trouble)
                troubles.append(trouble)
        if troubles:
            raise ExceptionGroup("some uploads could not be taken on", troubles)

    def retry(self, message: str) -> None:
        """Make the attempt that a message of the retries queue asks for. A message that was overtaken does nothing.

        Raises:
            msgspec.MsgspecError: not one of our messages; it ends among the dead letters. Unavailable: deliver again.
        """
        wanted = msgspec.json.decode(message, type=RetryMessage)
        self._work_on(wanted.user_id, wanted.job_id, wanted.retry)

    def _on_record(self, record: dict[str, Any]) -> None:
        upload = read_upload_key(unquote_plus(record["s3"]["object"]["key"]))
        if upload is None:
            log("foreign_object_ignored", level=logging.WARNING)
            return
        self._work_on(upload.user_id, upload.job_id, None)

    def _work_on(self, user_id: str, job_id: str, retry: int | None) -> None:
        job = self._claim(user_id, job_id, retry)
        if job is None:
            self._explain_refused_claim(user_id, job_id, retry)
            return
        correlate(job.data.correlation_id)
        log("analysis_started", job_id=job_id, attempt=job.data.attempt, retry=job.data.retry_count)
        try:
            self._attempt(job)
        except OwnerGone:
            self.jobs.drop(job, self.clock.now())
            self.outcomes.discard(user_id, job_id)
        except errors.JobFailure as failure:
            self.outcomes.fail(job, failure.code, failure.public_reason)
        except (errors.InvalidRequest, errors.TooLarge, errors.Forbidden) as refusal:
            self.outcomes.fail(job, refusal.code, refusal.user_message)
        except Exception as trouble:  # noqa: BLE001  # whatever it was, the job is tried again or fails with a reason
            self.outcomes.retry_or_fail(job, trouble)

    def _claim(self, user_id: str, job_id: str, retry: int | None) -> JobItem | None:
        now = self.clock.now()
        lease_until, deadline = now + self.rules.job_lease, now + self.rules.job_deadline
        return self.jobs.claim(user_id, job_id, Claim(new_id(), now, lease_until, deadline, retry))

    def _explain_refused_claim(self, user_id: str, job_id: str, retry: int | None) -> None:
        """Somebody else has it, or it is done: fine. A document without a living job is removed."""
        job = self.jobs.find(user_id, job_id)
        if job is None or job.data.state == JobState.CLEANED:
            self.outcomes.discard(user_id, job_id)
            return
        log("analysis_not_due", job_id=job_id, state=job.data.state.value, retry=retry)

    def _attempt(self, job: JobItem) -> None:
        if job.data.attempt > 1:
            earlier = self.outcomes.earlier(job)
            if isinstance(earlier, Failure):
                self.outcomes.fail(job, earlier.error_code, earlier.error_message)
                return
            if earlier:
                self.outcomes.complete(job)
                return
        self._require_consent(job)
        document = self._document(job)
        analysis = self.analyst.analyse(document, job.data.lease_until - self.rules.job_storing_time)
        now = self.clock.now()
        result = compose(
            analysis,
            job_id=job.data.job_id,
            analyst=analysis.analyst or self.analyst.name,
            at=now,
            seconds=started_seconds(job, now),
        )
        # Not replacing: of two answers the first one stands, whoever was late.
        self.objects.put(result_key(job.data.user_id, job.data.job_id), write(result), JSON)
        self.outcomes.complete(job)

    def _require_consent(self, job: JobItem) -> None:
        user = self.profiles.by_id(job.data.user_id)
        if user is None or user.data.account_status is AccountStatus.DELETED:
            raise OwnerGone
        self.require_consent(user)

    def _document(self, job: JobItem) -> Document:
        content = self.objects.get(str(job.data.object_key), self.rules.presigned_limit_bytes)
        if content is None:
            raise UploadMissing
        self._require_same_bytes(job, content)
        file_type = FileType(str(job.data.file_type))
        if not job.data.is_inspected:
            declared = Declared(file_type=file_type.value, file_size=int(job.data.file_size or 0))
            limits = InspectionLimits(max_bytes=self.rules.presigned_limit_bytes)
            file_type = self.inspect(content, declared, limits).file_type
        return Document(content, file_type, job.data.user_id)

    @staticmethod
    def _require_same_bytes(job: JobItem, content: bytes) -> None:
        """Hold the bytes against the checksum that was declared, inspected, or seen at the first attempt.

        A presigned form can be posted again for minutes: without this, a document whose unit was given back could be
        exchanged for another one and tried again for nothing.
        """
        checksum = hashlib.sha256(content).hexdigest()
        if job.data.file_checksum is None:
            job.data.file_checksum = checksum
        elif job.data.file_checksum != checksum:
            raise errors.Unreadable(_CHANGED)
