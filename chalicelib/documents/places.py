"""Where a job's objects lie in the bucket (design, section 4). Keys hold ids only, never a file name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from chalicelib.gateways.analyst.findings import FileType
from chalicelib.ids import is_job_id

UPLOADS: Final = "uploads/"
MOST_PAGES: Final = 20
"""So many pictures can there be under one job; what users may send stands in the rules, and is not more."""
_UPLOAD: Final = re.compile(r"uploads/([A-Za-z0-9_-]{1,64})/([a-z0-9_-]{1,64})(?:\.([1-9][0-9]?))?\.(pdf|jpg|png)")


class Upload(NamedTuple):
    """What the key of an uploaded document says. `page` is None where it is the whole document."""

    user_id: str
    job_id: str
    file_type: FileType
    page: int | None = None


def upload_key(user_id: str, job_id: str, file_type: FileType) -> str:
    """The document; the only prefix that fires an event."""
    return f"{UPLOADS}{user_id}/{job_id}.{file_type}"


def page_key(user_id: str, job_id: str, page: int, file_type: FileType) -> str:
    """One picture of a document that is sent page by page, from 1."""
    return f"{UPLOADS}{user_id}/{job_id}.{page}.{file_type}"


def prepared_key(user_id: str, job_id: str, file_type: FileType) -> str:
    """A presigned document after its inspection: clean, in one piece. It takes the place of what was uploaded, and
    fires no event."""
    return f"prepared/{user_id}/{job_id}.{file_type}"


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


def upload_keys(user_id: str, job_id: str) -> list[str]:
    """Every key that what was uploaded can have."""
    whole = [upload_key(user_id, job_id, file_type) for file_type in FileType]
    pictures: Sequence[FileType] = (FileType.JPG, FileType.PNG)
    return [
        *whole,
        *(page_key(user_id, job_id, page, one) for page in range(1, MOST_PAGES + 1) for one in pictures),
    ]


def all_keys(user_id: str, job_id: str) -> list[str]:
    """Every key that a job's objects can have; one request removes them all."""
    prepared = [prepared_key(user_id, job_id, file_type) for file_type in FileType]
    others = (key(user_id, job_id) for key in (request_key, result_key, failure_key))
    return [*upload_keys(user_id, job_id), *prepared, *others]


def read_upload_key(key: str) -> Upload | None:
    """Read an uploaded document's key; None for anything that we did not hand out."""
    found = _UPLOAD.fullmatch(key)
    if found is None or not is_job_id(found[2]):
        return None
    return Upload(found[1], found[2], FileType(found[4]), int(found[3]) if found[3] else None)
