"""Pages: a document is one file, or pictures of its pages, which become one PDF; either way it is stored clean."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from chalicelib import errors
from chalicelib.documents.binding import Pages
from chalicelib.documents.cleaning import clean
from chalicelib.documents.doors import Inspect
from chalicelib.documents.inspection import Declared, Inspected, InspectionLimits
from chalicelib.documents.inspection_sentences import NOT_READABLE, PICTURES_ONLY, RETRY, TOOK_TOO_LONG
from chalicelib.gateways import confined
from chalicelib.gateways.analyst.findings import FileType

_CHILD: Final = "chalicelib.documents.binding_child"
_INSPECTING_SECONDS: Final = 15.0
"""For all pages together: API Gateway gives up at 29 s, and what follows takes its time too."""
_BINDING: Final = confined.Limits(
    wall_seconds=8.0, cpu_seconds=7, memory_bytes=768 * 1024 * 1024, output_bytes=32 * 1024 * 1024
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document as it is stored and analysed: `content` is clean. `sent_sha256` is the digest of what was sent,
    `pages` how many it has."""

    file_type: FileType
    content: bytes
    sent_sha256: str
    sent_bytes: int
    pages: int

    @property
    def sha256(self) -> str:
        """The digest of what is stored."""
        return hashlib.sha256(self.content).hexdigest()


def prepare(
    inspect: Inspect, contents: Sequence[bytes], declared: Sequence[Declared], limits: InspectionLimits
) -> Prepared:
    """Inspect a document, or the pictures of its pages, and return it as one document without what cameras add.

    Raises:
        InvalidRequest, TooLarge, Unavailable, Unexpected: as `inspection.inspect`; FILE_VALIDATION_FAILED too where one
            of several pages is no picture.
    """
    found = _inspected(inspect, contents, declared, limits)
    cleaned = [(one.file_type, clean(content, one.file_type)) for one, content in zip(found, contents, strict=True)]
    if len(found) == 1:
        file_type, content = cleaned[0]
        return Prepared(file_type, content, found[0].sha256, found[0].size, found[0].page_count)
    together = hashlib.sha256("\n".join(one.sha256 for one in found).encode()).hexdigest()
    return Prepared(FileType.PDF, _bound(cleaned), together, sum(one.size for one in found), len(found))


def _inspected(
    inspect: Inspect, contents: Sequence[bytes], declared: Sequence[Declared], limits: InspectionLimits
) -> list[Inspected]:
    until = time.monotonic() + _INSPECTING_SECONDS
    found: list[Inspected] = []
    for content, said in zip(contents, declared, strict=True):
        left = until - time.monotonic()
        if left < 1:
            raise _refused("too_complex", TOOK_TOO_LONG)
        seconds = min(limits.confinement.wall_seconds, left)
        one = inspect(content, said, replace(limits, confinement=replace(limits.confinement, wall_seconds=seconds)))
        if len(contents) > 1 and one.file_type is FileType.PDF:
            raise _refused("pages_differ", PICTURES_ONLY)
        found.append(one)
    return found


def _bound(pictures: list[tuple[FileType, bytes]]) -> bytes:
    try:
        return confined.run_confined(_CHILD, msgspec.msgpack.encode(Pages(pictures)), _BINDING)
    except confined.ChildNotStarted as error:
        raise errors.Unavailable(user_message=RETRY) from error
    except confined.ChildFailed as error:
        raise errors.Unexpected(message=f"binding failed: {error}") from error
    except confined.ConfinedError as error:
        raise _refused("expands_too_much", NOT_READABLE) from error


def _refused(reason: str, sentence: str) -> errors.InvalidRequest:
    return errors.InvalidRequest("FILE_VALIDATION_FAILED", user_message=sentence, details={"reason": reason})
