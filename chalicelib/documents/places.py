"""Where a job's objects lie in the bucket (design, section 4). Keys hold ids only, never a file name."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from chalicelib.gateways.analyst.findings import FileType
from chalicelib.ids import is_job_id

UPLOADS: Final = "uploads/"
_UPLOAD: Final = re.compile(r"uploads/([A-Za-z0-9_-]{1,64})/([a-z0-9_-]{1,64})\.(pdf|jpg|png)")


class Upload(NamedTuple):
    """What the key of an uploaded document says."""

    user_id: str
    job_id: str
    file_type: FileType


def upload_key(user_id: str, job_id: str, file_type: FileType) -> str:
    """The document; the only prefix that fires an event."""
    return f"{UPLOADS}{user_id}/{job_id}.{file_type}"


def upload_prefix(user_id: str, job_id: str) -> str:
    """What the document's key begins with, whatever its type."""
    return f"{UPLOADS}{user_id}/{job_id}."


def result_key(user_id: str, job_id: str) -> str:
    """The analysis."""
    return f"results/{user_id}/{job_id}.json"


def request_key(user_id: str, job_id: str) -> str:
    """What was sent for a job that needs no document. Fires no event."""
    return f"requests/{user_id}/{job_id}.json"


def failure_key(user_id: str, job_id: str) -> str:
    """Why there is none."""
    return f"failures/{user_id}/{job_id}.json"


def all_keys(user_id: str, job_id: str) -> list[str]:
    """Every key that a job's objects can have."""
    uploads = [upload_key(user_id, job_id, file_type) for file_type in FileType]
    return [*uploads, *(key(user_id, job_id) for key in (request_key, result_key, failure_key))]


def read_upload_key(key: str) -> Upload | None:
    """Read an uploaded document's key; None for anything that we did not hand out."""
    found = _UPLOAD.fullmatch(key)
    if found is None or not is_job_id(found[2]):
        return None
    return Upload(found[1], found[2], FileType(found[3]))
