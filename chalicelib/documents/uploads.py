"""Uploads: a document is inspected, its unit reserved together with its job, and only then is it stored."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.documents.contract import (
    PresignedForm,
    ShownState,
    UploadAnswer,
    UploadUrlAnswer,
    UploadUrlRequest,
)
from chalicelib.documents.doors import Inspect, Objects, Profiles, RequireConsent, Reservations, Reserved, SessionRule
from chalicelib.documents.inspection import Declared, InspectionLimits
from chalicelib.documents.jobs import MIME_TYPES, UNFINISHED, NewJob, new_job
from chalicelib.documents.pages import Prepared, prepare
from chalicelib.documents.places import page_key, upload_key
from chalicelib.documents.requested import Part, describe, parts_of, wrong
from chalicelib.documents.results import document_id
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.ids import derived_id, job_id_of, new_id
from chalicelib.models.job import JobItem
from chalicelib.models.profile import UserItem
from chalicelib.models.states import JobKind, JobState
from chalicelib.observe.log import log
from chalicelib.rules import Rules
from chalicelib.stores.jobs import JobStore
from chalicelib.web.limits import quota_headers
from chalicelib.web.multipart import FilePart, Form, FormLimits, read_form, safe_file_name
from chalicelib.web.request import Caller
from chalicelib.web.response import WithStatus

_MOST_REPEAT_CHARACTERS: Final = 200
_MOST_DIGITS: Final = 12
_INCOMPLETE: Final = "The file did not arrive completely. Please try again."


@dataclass(frozen=True, slots=True)
class Uploads:
    """Takes documents in. Three calls to AWS: the profile, the reservation with the job, the object."""

    profiles: Profiles
    sessions: SessionRule
    require_consent: RequireConsent
    reservations: Reservations
    jobs: JobStore
    objects: Objects
    inspect: Inspect
    clock: Clock
    rules: Rules

    def upload(self, caller: Caller, headers: Mapping[str, str], body: bytes) -> WithStatus[UploadAnswer]:
        """Take a document from a multipart body, a file or pictures of its pages; header names are in lower case. The
        answer's headers have the quota.

        The same user, bytes and timestamp (or, without one, `Idempotency-Key`) are the same job, however often they
        arrive. Nothing is stored or counted unless the file passes inspection, and what is stored is clean.

        Raises:
            InvalidRequest, TooLarge: the form or the file. Forbidden: CONSENT_REQUIRED. QuotaSpent: no unit is left.
            Conflict: this upload was cleaned up before. Unavailable: not stored, and not counted.
        """
        user = self._admit(caller)
        most = self.rules.upload_limit_bytes
        form_limits = FormLimits(max_file_bytes=most, max_files=self.rules.upload_most_pages)
        form = read_form(headers.get("content-type"), body, form_limits)
        contents = [file.content for file in form.files]
        inspected = prepare(self.inspect, contents, _declared(form), InspectionLimits(max_bytes=most))
        now = self.clock.now()
        job_id = _job_id(caller.user_id, inspected.sent_sha256, _repeat_key(form, headers))
        size = len(inspected.content)
        new = NewJob(caller.user_id, job_id, inspected.file_type, size, inspected.sha256, is_inspected=True)
        reserved, job = self._begin(user, caller, new, now, deadline=now + self.rules.job_deadline)
        if job.data.state in UNFINISHED:
            self._store(job, inspected.content, inspected.file_type)
        return WithStatus(self._taken(job, form.file, inspected), headers=_quota(reserved, now))

    def presign(
        self, caller: Caller, headers: Mapping[str, str], request: UploadUrlRequest
    ) -> WithStatus[UploadUrlAnswer]:
        """Reserve a unit and give out a form with which exactly the declared document can go to the object store; for
        pictures of several pages, a form for each. The answer's headers have the quota.

        With the same `Idempotency-Key` and values it is the same job. The unit of a form that is not used in time
        goes back. The bytes are inspected when they are there.

        Raises:
            InvalidRequest, TooLarge: the declared values. Forbidden: CONSENT_REQUIRED. QuotaSpent: no unit is left.
            Conflict: with this key a document arrived already, or its time is over.
        """
        user = self._admit(caller)
        parts = parts_of(request, self.rules)
        now = self.clock.now()
        key = headers.get("idempotency-key")
        job_id = _job_id(
            caller.user_id,
            f"presigned/{'pages/' if request.pages is not None else ''}{describe(parts)}",
            _bounded(key) if key else None,
        )
        new = _presigned(caller.user_id, job_id, parts, is_paged=request.pages is not None)
        usable = self.rules.presigned_life
        reserved, job = self._begin(user, caller, new, now, deadline=now + usable + self.rules.job_deadline)
        expires_at = _expiry(job, now, self.rules)
        seconds = int((expires_at - now).total_seconds())
        forms = [self._form(job, number, part, seconds) for number, part in enumerate(parts, 1)]
        log("upload_presigned", job_id=job_id, file_type=new.file_type.value, size=new.file_size, pages=len(parts))
        answer = UploadUrlAnswer(job_id=job_id, upload=forms[0], expires_at=expires_at)
        if new.pages is not None:
            answer.uploads = forms
        return WithStatus(answer, headers=_quota(reserved, now))

    def _form(self, job: JobItem, number: int, part: Part, seconds: int) -> PresignedForm:
        owner, job_id = job.data.user_id, job.data.job_id
        is_page = job.data.pages is not None
        url, fields = self.objects.presign(
            page_key(owner, job_id, number, part.file_type) if is_page else upload_key(owner, job_id, part.file_type),
            content_type=MIME_TYPES[part.file_type],
            size=part.size,
            checksum_sha256=part.checksum_base64,
            expires_in_seconds=seconds,
        )
        return PresignedForm(url=url, fields=fields)

    def _admit(self, caller: Caller) -> UserItem:
        user = self.sessions.require_live(self.profiles.by_id(caller.user_id), caller)
        self.require_consent(user)
        return user

    def _begin(
        self, user: UserItem, caller: Caller, new: NewJob, now: datetime, deadline: datetime
    ) -> tuple[Reserved, JobItem]:
        """Reserve the unit and create the job; for a repeated upload, return the job that is there."""
        job = new_job(new, self.jobs.due_key(new.job_id, deadline), deadline, now, self.rules)
        reserved = self.reservations.reserve(user, caller, job)
        if not reserved.is_repeat:
            log("unit_reserved", job_id=new.job_id)
            return reserved, job
        found = self.jobs.find(new.user_id, new.job_id)
        if found is None:
            raise errors.Unavailable(message="The job of this upload is being removed.")
        if found.data.state == JobState.CLEANED:
            raise errors.Conflict(
                "UPLOAD_ALREADY_CLEANED_UP",
                "This upload was analysed and removed before.",
                user_message="This document was removed. To have it analysed again, please choose it again.",
            )
        log("upload_repeated", job_id=new.job_id, state=found.data.state.value)
        return reserved, found

    def _store(self, job: JobItem, content: bytes, file_type: FileType) -> None:
        """Store the document; where it is there already no second event is fired.

        If that fails, unit and job go back, unless they have moved on; if even that fails, the sweep does it when the
        job's deadline has passed.
        """
        try:
            is_new = self.objects.put(str(job.data.object_key), content, MIME_TYPES[file_type])
        except errors.Unavailable:
            is_dropped = job.data.state == JobState.UPLOADED and self._drop(job)
            log("upload_not_stored", level=logging.WARNING, job_id=job.data.job_id, is_dropped=is_dropped)
            raise
        if is_new:
            log("document_uploaded", job_id=job.data.job_id, file_type=file_type.value, size=len(content))

    def _drop(self, job: JobItem) -> bool:
        try:
            return self.jobs.drop(job, self.clock.now())
        except errors.Unavailable:
            return False

    def _taken(self, job: JobItem, file: FilePart, inspected: Prepared) -> UploadAnswer:
        return UploadAnswer(
            job_id=job.data.job_id,
            # Also of a repeated upload that is done already: to the app it is the sign to ask.
            status=ShownState.PROCESSING,
            estimated_completion_seconds=self.rules.estimated_analysis_seconds,
            polling_endpoint=f"/api/v1/process/status/{job.data.job_id}",
            document_id=document_id(job.data.job_id),
            file_name=safe_file_name(file.file_name),
            mime_type=MIME_TYPES[inspected.file_type],
            file_size_bytes=inspected.sent_bytes,
            page_count=inspected.pages,
            uploaded_at=job.data.uploaded_at,
        )


def _declared(form: Form) -> list[Declared]:
    """What is said about each file. The declared size is that of all of them."""
    size, pages = (_number(form, name) for name in ("file_size", "pages"))
    received = sum(len(file.content) for file in form.files)
    if pages is not None and pages != len(form.files):
        raise wrong("pages", "Not all pages arrived. Please try again.")
    if len(form.files) > 1 and size not in (None, received):
        raise wrong("file_size", _INCOMPLETE)
    is_one = len(form.files) == 1
    return [
        Declared(file.file_name, form.fields.get("file_type"), file.content_type, size if is_one else None)
        for file in form.files
    ]


def _quota(reserved: Reserved, now: datetime) -> dict[str, str]:
    return quota_headers(reserved.used, reserved.limit, reserved.resets_at, now)


def _number(form: Form, name: str) -> int | None:
    text = form.fields.get(name, "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise wrong(name, _INCOMPLETE)
    return int(text) if text else None


def _presigned(user_id: str, job_id: str, parts: tuple[Part, ...], *, is_paged: bool) -> NewJob:
    """A document whose bytes are to come; pages become a PDF once all are there."""
    first = parts[0]
    if is_paged:
        size = sum(part.size for part in parts)
        return NewJob(user_id, job_id, FileType.PDF, size, None, is_inspected=False, pages=describe(parts))
    checksum = first.checksum.hex() if first.checksum else None
    return NewJob(user_id, job_id, first.file_type, first.size, checksum, is_inspected=False)


def _repeat_key(form: Form, headers: Mapping[str, str]) -> str | None:
    """What makes a repeated upload the same one: its timestamp, else the caller's key, else nothing."""
    timestamp = form.fields.get("upload_timestamp", "").strip()
    if timestamp:
        return f"timestamp/{_bounded(timestamp)}"
    key = headers.get("idempotency-key", "").strip()
    return f"key/{_bounded(key)}" if key else None


def _bounded(text: str) -> str:
    return text if len(text) <= _MOST_REPEAT_CHARACTERS else hashlib.sha256(text.encode()).hexdigest()


def _job_id(user_id: str, content: str, repeat_key: str | None) -> str:
    unique = new_id() if repeat_key is None else derived_id("upload", user_id, content, repeat_key)
    return job_id_of(user_id, JobKind.RESULT, unique)


def _expiry(job: JobItem, now: datetime, rules: Rules) -> datetime:
    """Until when a form may be used: its job must still wait for a while after that."""
    if job.data.state != JobState.UPLOADED or job.data.arrived_at is not None:
        raise errors.Conflict("UPLOAD_ALREADY_RECEIVED", user_message="This document has arrived already.", details={})
    expires_at: datetime = job.data.deadline_at - rules.job_deadline
    if expires_at <= now:
        raise errors.Conflict("UPLOAD_EXPIRED", user_message="This upload took too long. Please start it again.")
    return expires_at
