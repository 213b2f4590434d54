"""What lies under one person's prefixes in the bucket: listed, linked to, counted, and removed in all its versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from chalicelib import errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MOST_ROUNDS: Final = 1_000
"""Each removes up to a thousand versions; more than that is no person but a defect."""


@dataclass(frozen=True, slots=True)
class OwnedObject:
    """An object as a listing shows it."""

    key: str
    size_bytes: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class OwnedObjects:
    """One bucket, by prefixes. A prefix ends with `/`, so that no id is the beginning of another one's."""

    bucket: str
    client: Callable[[], S3Client]

    def listed(self, prefix: str) -> Iterator[OwnedObject]:
        """Return every object under a prefix in key order; one request per thousand.

        Raises:
            Unavailable: S3 does not answer.
        """
        token: str | None = None
        while True:
            more: Any = {} if token is None else {"ContinuationToken": token}
            with _translated():
                page = self.client().list_objects_v2(Bucket=self.bucket, Prefix=prefix, **more)
            for found in page.get("Contents", []):
                yield OwnedObject(found["Key"], found["Size"], found["LastModified"])
            token = page.get("NextContinuationToken")
            if not token:
                return

    def link(self, key: str, expires_in_seconds: int) -> str:
        """Return an address at which this object can be read for a while. Signed in process, without a request."""
        return self.client().generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=expires_in_seconds
        )

    def count_versions(self, prefix: str) -> int:
        """Return how many versions of objects lie under a prefix, markers of deletions included.

        Raises:
            Unavailable: S3 does not answer.
        """
        total = 0
        marker: Any = {}
        while True:
            with _translated():
                page = self.client().list_object_versions(Bucket=self.bucket, Prefix=prefix, **marker)
            total += len(_versions_of(page))
            if not page.get("IsTruncated"):
                return total
            marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def remove_all(self, prefix: str) -> None:
        """Remove every version of every object under a prefix, until a listing finds none. Safe to repeat.

        Raises:
            Unavailable: not everything is known to be gone.
        """
        for _ in range(_MOST_ROUNDS):
            with _translated():
                page = self.client().list_object_versions(Bucket=self.bucket, Prefix=prefix)
                versions: Any = _versions_of(page)
                if not versions:
                    return
                answer = self.client().delete_objects(Bucket=self.bucket, Delete={"Objects": versions, "Quiet": True})
            if answer.get("Errors"):
                raise errors.Unavailable(message="Not every object could be removed.")
        raise errors.Unavailable(message="More objects than one person can have.")


def _versions_of(page: Any) -> list[dict[str, str]]:
    """Without versioning every object has one version, named `null`."""
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


@contextmanager
def _translated() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as failure:
        raise errors.Unavailable(message="The bucket does not answer at the moment.") from failure
