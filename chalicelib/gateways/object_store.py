"""The bucket: documents, results and failures. Only "no such key" means absent; anything else is `Unavailable`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from chalicelib import errors
from chalicelib.observe.log import correlation_id

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ENCRYPTION: Final = "AES256"
_ABSENT: Final = frozenset({"NoSuchKey", "404"})
"""GET names it, HEAD has no body and gives the status alone. S3 says 403 instead to whoever may not list the bucket,
and 403 is never read as absent (design, trap 11); `NoSuchBucket` is not absent either, it is a broken stage."""
_TAKEN: Final = "PreconditionFailed"
_BUSY: Final = "ConditionalRequestConflict"
_CONNECT_SECONDS: Final = 2
_READ_SECONDS: Final = 10


@cache
def s3_client(region: str) -> S3Client:
    """Return this process's S3 client. Built at first use: boto3 is slow to import."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return Session().client("s3", region_name=region, config=config)


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """One bucket."""

    bucket: str
    client: Callable[[], S3Client]

    def put(self, key: str, content: bytes, content_type: str, *, is_replacing: bool = False) -> bool:
        """Store an object, encrypted, with a SHA-256 that S3 checks on arrival.

        Returns False where the key is taken and the object is not to be replaced: a repeat then fires no second event.

        Raises:
            Unavailable: it is not known to be stored.
        """
        condition: Any = {} if is_replacing else {"IfNoneMatch": "*"}
        with _translated("stored"):
            try:
                self.client().put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=content,
                    ContentType=content_type,
                    ServerSideEncryption=_ENCRYPTION,
                    ChecksumAlgorithm="SHA256",
                    Metadata=_metadata(),
                    **condition,
                )
            except self.client().exceptions.ClientError as refusal:
                if _code(refusal) == _TAKEN:
                    return False
                raise
        return True

    def get(self, key: str, limit_bytes: int) -> bytes | None:
        """Return an object's bytes, or None where there is none.

        Raises:
            TooLarge: FILE_TOO_LARGE; nothing was read into memory. Unavailable: S3 does not answer, or not with it.
        """
        with _translated("read"):
            try:
                found = self.client().get_object(Bucket=self.bucket, Key=key)
            except self.client().exceptions.ClientError as refusal:
                if _code(refusal) in _ABSENT:
                    return None
                raise
            # Not `with found["Body"]`: that hands out the stream beneath, past botocore's check of length and checksum.
            with closing(found["Body"]) as body:
                if found["ContentLength"] > limit_bytes:
                    raise errors.TooLarge("FILE_TOO_LARGE", details={"limit_bytes": limit_bytes})
                return body.read()

    def exists(self, key: str) -> bool:
        """Whether there is an object.

        Raises:
            Unavailable: S3 does not answer, or does not let us look.
        """
        with _translated("looked for"):
            try:
                self.client().head_object(Bucket=self.bucket, Key=key)
            except self.client().exceptions.ClientError as refusal:
                if _code(refusal) in _ABSENT:
                    return False
                raise
        return True

    def any_under(self, prefix: str) -> bool:
        """Whether any key begins so; one request.

        Raises:
            Unavailable: S3 does not answer.
        """
        with _translated("listed"):
            return self.client().list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=1)["KeyCount"] > 0

    def delete(self, keys: list[str]) -> None:
        """Remove up to 1,000 objects in one request. Absent ones are fine, so it is safe to run twice.

        Raises:
            Unavailable: not all of them are known to be gone.
        """
        with _translated("deleted"):
            answer = self.client().delete_objects(
                Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        if answer.get("Errors"):
            raise errors.Unavailable(message="Not every object could be deleted.")

    def presign(
        self, key: str, *, content_type: str, size: int, checksum_sha256: str | None, expires_in_seconds: int
    ) -> tuple[str, dict[str, str]]:
        """Return address and fields of a POST form that can store exactly this key, type, size and (base64) checksum.

        Signed in process, without a request. S3 holds every condition of the policy against the form (AWS, "Creating
        a POST policy"): a field that the policy does not name is refused.
        """
        fields = {"Content-Type": content_type, "x-amz-server-side-encryption": _ENCRYPTION}
        fields |= {f"x-amz-meta-{name}": value for name, value in _metadata().items()}
        if checksum_sha256 is not None:
            fields |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": checksum_sha256}
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions.append(["content-length-range", size, size])
        form = self.client().generate_presigned_post(
            Bucket=self.bucket, Key=key, Fields=dict(fields), Conditions=conditions, ExpiresIn=expires_in_seconds
        )
        return form["url"], form["fields"]


def _metadata() -> dict[str, str]:
    """What an object says of the request that it comes from; S3 keeps it beside the object and shows it in a HEAD."""
    found = correlation_id()
    return {} if found is None else {"correlation-id": found}


@contextmanager
def _translated(verb: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (BotoCoreError, ClientError, HTTPError) as failure:
        raise errors.Unavailable(message=f"The document could not be {verb} at the moment.") from failure


def _code(refusal: Any) -> str:
    return str(refusal.response.get("Error", {}).get("Code", ""))
