"""Sources: where the bytes of a job's document are, whether all are there, and the document that a worker reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from chalicelib import errors
from chalicelib.documents.doors import Inspect, Objects
from chalicelib.documents.inspection import Declared, InspectionLimits
from chalicelib.documents.jobs import MIME_TYPES
from chalicelib.documents.pages import prepare
from chalicelib.documents.places import page_key, prepared_key, upload_keys
from chalicelib.documents.requested import Part, read_described
from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.models.job import JobItem
from chalicelib.rules import Rules

_CHANGED: Final = "The document has changed since it was uploaded. Please upload it again."
_MISSING: Final = "The document did not arrive. Please upload it again."
_PREPARED_LIMIT_BYTES: Final = 40 * 1024 * 1024
"""Above anything that binding pictures can give."""


class UploadMissing(errors.JobFailure):
    """There is a job, and no document."""

    code = "UPLOAD_INCOMPLETE"
    reason = _MISSING


def parts_of(job: JobItem) -> list[tuple[str, Part]]:
    """Return the keys under which a job's document arrives, and what is to arrive there."""
    data = job.data
    if data.pages is None:
        checksum = bytes.fromhex(data.file_checksum) if data.file_checksum else None
        return [(str(data.object_key), Part(FileType(str(data.file_type)), int(data.file_size or 0), checksum))]
    parts = enumerate(read_described(data.pages), 1)
    return [(page_key(data.user_id, data.job_id, number, part.file_type), part) for number, part in parts]


def has_arrived(objects: Objects, job: JobItem, seen: str | None = None) -> bool:
    """Whether everything that a job waits for is there; `seen` is a key that need not be looked for.

    Of pages that arrive at once, the event of the last one finds all the others: S3 shows what was written.

    Raises:
        Unavailable: S3 does not answer.
    """
    return all(key == seen or objects.exists(key) for key, _ in parts_of(job))


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads documents. What was presigned is inspected, cleaned and stored anew before anybody else sees it."""

    objects: Objects
    inspect: Inspect
    rules: Rules

    def read(self, job: JobItem) -> Document:
        """Return the document of a claimed job.

        Raises:
            UploadMissing: it is not there. Unreadable: it is not what was declared, inspected or seen before.
            InvalidRequest, TooLarge: the inspection's refusals. Unavailable: try again later.
        """
        if job.data.is_inspected:
            (content,) = self._contents(job)
            self._require_same_bytes(job, content)
            return Document(content, FileType(str(job.data.file_type)), job.data.user_id)
        # An earlier attempt may have got further; the first one need not look.
        found = self._prepared(job) if job.data.attempt > 1 else None
        return found or self._prepare(job)

    def is_prepared(self, job: JobItem) -> bool:
        """Whether a clean copy of a presigned document is stored, so that what was uploaded can go.

        Raises:
            Unavailable: S3 does not answer.
        """
        return any(self.objects.exists(key) for key, _ in _prepared_keys(job))

    def remove_uploaded(self, job: JobItem) -> None:
        """Remove what was uploaded, of which there is a clean copy.

        Raises:
            Unavailable: it may still be there.
        """
        self.objects.delete(upload_keys(job.data.user_id, job.data.job_id))

    def _prepared(self, job: JobItem) -> Document | None:
        for key, file_type in _prepared_keys(job):
            content = self.objects.get(key, _PREPARED_LIMIT_BYTES)
            if content is not None:
                self.remove_uploaded(job)
                return Document(content, file_type, job.data.user_id)
        return None

    def _prepare(self, job: JobItem) -> Document:
        contents = self._contents(job)
        self._require_same_bytes(job, *contents)
        declared = [Declared(file_type=part.file_type.value, file_size=part.size) for _, part in parts_of(job)]
        prepared = prepare(
            self.inspect, contents, declared, InspectionLimits(max_bytes=self.rules.presigned_limit_bytes)
        )
        key = prepared_key(job.data.user_id, job.data.job_id, prepared.file_type)
        # Not replacing: two workers make the same of the same bytes.
        self.objects.put(key, prepared.content, MIME_TYPES[prepared.file_type])
        self.remove_uploaded(job)
        return Document(prepared.content, prepared.file_type, job.data.user_id)

    def _contents(self, job: JobItem) -> list[bytes]:
        contents: list[bytes] = []
        for key, part in parts_of(job):
            content = self.objects.get(key, self.rules.presigned_limit_bytes)
            if content is None:
                raise UploadMissing
            if job.data.pages is not None and part.checksum not in (None, hashlib.sha256(content).digest()):
                raise errors.Unreadable(_CHANGED)
            contents.append(content)
        return contents

    @staticmethod
    def _require_same_bytes(job: JobItem, *contents: bytes) -> None:
        """Hold the bytes against the checksum that was declared, inspected, or seen at the first attempt.

        A presigned form can be posted again for minutes: without this, a document whose unit was given back could be
        exchanged for another one and tried again for nothing.
        """
        checksum = hashlib.sha256(b"".join(contents)).hexdigest()
        if job.data.file_checksum is None:
            job.data.file_checksum = checksum
        elif job.data.file_checksum != checksum:
            raise errors.Unreadable(_CHANGED)


def _prepared_keys(job: JobItem) -> list[tuple[str, FileType]]:
    file_type = FileType.PDF if job.data.pages is not None else FileType(str(job.data.file_type))
    return [(prepared_key(job.data.user_id, job.data.job_id, file_type), file_type)]
