"""What somebody asks for who uploads straight to the object store: one document, or the pictures of its pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib import errors
from chalicelib.documents.contract import UploadUrlRequest
from chalicelib.documents.inspection import Declared, InspectionLimits, check_declared
from chalicelib.documents.inspection_sentences import PICTURES_ONLY, too_large
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.rules import Rules

_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One file that is to arrive: its type, its exact size, and its SHA-256 where one was declared."""

    file_type: FileType
    size: int
    checksum: bytes | None

    @property
    def checksum_base64(self) -> str | None:
        """The digest as S3 wants it."""
        return None if self.checksum is None else base64.b64encode(self.checksum).decode()

    @property
    def described(self) -> str:
        """The part in one word, as a job keeps it."""
        return f"{self.file_type}/{self.size}/{self.checksum.hex() if self.checksum else ''}"


def parts_of(request: UploadUrlRequest, rules: Rules) -> tuple[Part, ...]:
    """Check a request; one part is the document itself, several are its pages in order.

    Raises:
        InvalidRequest: UNSUPPORTED_FILE_TYPE or FILE_VALIDATION_FAILED. TooLarge: all together are too large.
    """
    if request.pages is None:
        return (_part(request.file_type, request.file_size, request.checksum_sha256, rules),)
    if not 1 <= len(request.pages) <= rules.upload_most_pages:
        raise wrong("pages", f"A document has up to {rules.upload_most_pages} pages. Please upload it in parts.")
    parts = tuple(_part(one.file_type, one.file_size, one.checksum_sha256, rules) for one in request.pages)
    if any(part.file_type is FileType.PDF for part in parts):
        raise wrong("pages", PICTURES_ONLY)
    most, size = rules.presigned_limit_bytes, sum(part.size for part in parts)
    if size > most:
        raise errors.TooLarge(
            "FILE_TOO_LARGE", user_message=too_large(most), details={"size_bytes": size, "limit_bytes": most}
        )
    return parts


def describe(parts: Sequence[Part]) -> str:
    """Write down pages as a job keeps them."""
    return ",".join(part.described for part in parts)


def read_described(described: str) -> tuple[Part, ...]:
    """Read what `describe` wrote."""
    fields = (one.split("/") for one in described.split(","))
    return tuple(Part(FileType(kind), int(size), bytes.fromhex(digest) or None) for kind, size, digest in fields)


def wrong(field: str, sentence: str) -> errors.InvalidRequest:
    """Return the refusal of a declared value."""
    return errors.InvalidRequest(
        "FILE_VALIDATION_FAILED", f"{field} is not valid.", user_message=sentence, details={"field": field}
    )


def _part(file_type: str | None, size: int | None, checksum: str | None, rules: Rules) -> Part:
    if size is None or size < 1:
        raise wrong("file_size", "The file is empty. Please choose it again.")
    limits = InspectionLimits(max_bytes=rules.presigned_limit_bytes)
    found = check_declared(Declared(file_type=file_type, file_size=size), limits)
    if found is None:
        raise errors.InvalidRequest("UNSUPPORTED_FILE_TYPE", details={"field": "file_type"})
    return Part(found, size, None if checksum is None else _digest(checksum))


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text) if _HEX.fullmatch(text) else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as mistake:
        raise wrong("checksum_sha256", "The file could not be prepared. Please try again.") from mistake
    if len(digest) != hashlib.sha256().digest_size:
        raise wrong("checksum_sha256", "The file could not be prepared. Please try again.")
    return digest
