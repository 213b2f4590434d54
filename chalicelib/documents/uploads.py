"""Uploads: a document is inspected, its unit reserved together with its job, and only then is it stored."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import re
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
from chalicelib.documents.inspection import Declared, Inspected, InspectionLimits, check_declared
from chalicelib.documents.jobs import MIME_TYPES, UNFINISHED, NewJob, new_job
from chalicelib.documents.places import upload_key
from chalicelib.documents.results import document_id
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.ids import derived_id, new_id
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
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")


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
        """Take a document from a multipart body; header names are in lower case. The answer's headers have the quota.

        The same user, bytes and timestamp (or, without one, `Idempotency-Key`) are the same job, however often they
        arrive. Nothing is stored or counted unless the file passes inspection.

        Raises:
            InvalidRequest, TooLarge: the form or the file. Forbidden: CONSENT_REQUIRED. QuotaSpent: no unit is left.
            Conflict: this upload was cleaned up before. Unavailable: not stored, and not counted.
        """
        user = self._admit(caller)
        form = read_form(headers.get("content-type"), body, FormLimits(max_file_bytes=self.rules.upload_limit_bytes))
        inspected = self.inspect(
            form.file.content, _declared(form), InspectionLimits(max_bytes=self.rules.upload_limit_bytes)
        )
        now = self.clock.now()
        job_id = _job_id(caller.user_id, inspected.sha256, _repeat_key(form, headers))
        new = NewJob(caller.user_id, job_id, inspected.file_type, inspected.size, inspected.sha256, is_inspected=True)
        reserved, job = self._begin(user, caller, new, now, deadline=now + self.rules.job_deadline)
        if job.data.state in UNFINISHED:
            self._store(job, form.file.content, inspected.file_type)
        return WithStatus(self._taken(job, form.file, inspected), headers=_quota(reserved, now))

    def presign(
        self, caller: Caller, headers: Mapping[str, str], request: UploadUrlRequest
    ) -> WithStatus[UploadUrlAnswer]:
        """Reserve a unit and give out a form with which exactly the declared document can go to the object store. The
        answer's headers have the quota.

        With the same `Idempotency-Key` and values it is the same job. The unit of a form that is not used in time
        goes back. The bytes are inspected when they are there.

        Raises:
            InvalidRequest, TooLarge: the declared values. Forbidden: CONSENT_REQUIRED. QuotaSpent: no unit is left.
            Conflict: with this key a document arrived already, or its time is over.
        """
        user = self._admit(caller)
        file_type, checksum = self._check_request(request)
        now = self.clock.now()
        key = headers.get("idempotency-key")
        described = f"presigned/{file_type}/{request.file_size}/{checksum.hex() if checksum else ''}"
        job_id = _job_id(caller.user_id, described, _bounded(key) if key else None)
        new = NewJob(
            caller.user_id,
            job_id,
            file_type,
            request.file_size,
            checksum.hex() if checksum else None,
            is_inspected=False,
        )
        usable = self.rules.presigned_life
        reserved, job = self._begin(user, caller, new, now, deadline=now + usable + self.rules.job_deadline)
        expires_at = _expiry(job, now, self.rules)
        url, fields = self.objects.presign(
            upload_key(caller.user_id, job_id, file_type),
            content_type=MIME_TYPES[file_type],
            size=request.file_size,
            checksum_sha256=base64.b64encode(checksum).decode() if checksum else None,
            expires_in_seconds=int((expires_at - now).total_seconds()),
        )
        log("upload_presigned", job_id=job_id, file_type=file_type.value, size=request.file_size)
        answer = UploadUrlAnswer(job_id=job_id, upload=PresignedForm(url=url, fields=fields), expires_at=expires_at)
        return WithStatus(answer, headers=_quota(reserved, now))

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

    def _taken(self, job: JobItem, file: FilePart, inspected: Inspected) -> UploadAnswer:
        return UploadAnswer(
            job_id=job.data.job_id,
            # Also of a repeated upload that is done already: to the app it is the sign to ask.
            status=ShownState.PROCESSING,
            estimated_completion_seconds=self.rules.estimated_analysis_seconds,
            polling_endpoint=f"/api/v1/process/status/{job.data.job_id}",
            document_id=document_id(job.data.job_id),
            file_name=safe_file_name(file.file_name),
            mime_type=MIME_TYPES[inspected.file_type],
            file_size_bytes=inspected.size,
            uploaded_at=job.data.uploaded_at,
        )

    def _check_request(self, request: UploadUrlRequest) -> tuple[FileType, bytes | None]:
        limits = InspectionLimits(max_bytes=self.rules.presigned_limit_bytes)
        if request.file_size < 1:
            raise _wrong("file_size", "The file is empty. Please choose it again.")
        file_type = check_declared(Declared(file_type=request.file_type, file_size=request.file_size), limits)
        if file_type is None:
            raise errors.InvalidRequest("UNSUPPORTED_FILE_TYPE", details={"field": "file_type"})
        return file_type, None if request.checksum_sha256 is None else _digest(request.checksum_sha256)


def _quota(reserved: Reserved, now: datetime) -> dict[str, str]:
    return quota_headers(reserved.used, reserved.limit, reserved.resets_at, now)


def _declared(form: Form) -> Declared:
    size = form.fields.get("file_size", "").strip()
    if size and not (size.isascii() and size.isdigit() and len(size) <= 12):
        raise _wrong("file_size", "The file did not arrive completely. Please try again.")
    return Declared(
        file_name=form.file.file_name,
        file_type=form.fields.get("file_type"),
        content_type=form.file.content_type,
        file_size=int(size) if size else None,
    )


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
    return f"{JobKind.RESULT}_{unique}"


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text) if _HEX.fullmatch(text) else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise _wrong("checksum_sha256", "The file could not be prepared. Please try again.") from wrong
    if len(digest) != hashlib.sha256().digest_size:
        raise _wrong("checksum_sha256", "The file could not be prepared. Please try again.")
    return digest


def _wrong(field: str, sentence: str) -> errors.InvalidRequest:
    return errors.InvalidRequest(
        "FILE_VALIDATION_FAILED", f"{field} is not valid.", user_message=sentence, details={"field": field}
    )


def _expiry(job: JobItem, now: datetime, rules: Rules) -> datetime:
    """Until when a form may be used: its job must still wait for a while after that."""
    if job.data.state != JobState.UPLOADED:
        raise errors.Conflict("UPLOAD_ALREADY_RECEIVED", user_message="This document has arrived already.", details={})
    expires_at: datetime = job.data.deadline_at - rules.job_deadline
    if expires_at <= now:
        raise errors.Conflict("UPLOAD_EXPIRED", user_message="This upload took too long. Please start it again.")
    return expires_at
