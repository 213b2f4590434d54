"""Inspection: is this upload what it says it is, and a document that can be worked with? The real parse is confined."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

from chalicelib import errors
from chalicelib.documents.file_kinds import READ_KINDS, Kind, kind_of
from chalicelib.documents.inspection_sentences import (
    NOT_READABLE,
    OTHER_KINDS,
    REFUSALS,
    RETRY,
    SUPPORTED,
    TOOK_TOO_LONG,
    too_large,
)
from chalicelib.documents.inspection_terms import Bounds, Refusal, Task, Verdict
from chalicelib.gateways import confined
from chalicelib.gateways.analyst.findings import FileType
from chalicelib.observe.log import log

_CHILD: Final = "chalicelib.documents.inspection_child"
_NAMES: Final = {
    **dict.fromkeys(("pdf", "application/pdf", "application/x-pdf"), FileType.PDF),
    **dict.fromkeys(("jpg", "jpeg", "image/jpeg", "image/jpg", "image/pjpeg"), FileType.JPG),
    **dict.fromkeys(("png", "image/png", "image/x-png"), FileType.PNG),
}
# Content types that clients send when they do not know.
_NEUTRAL: Final = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/binary"})
# What counts as an extension: ".exe" does, the ".2024" of a date and the ". Smith" of a doctor do not.
_EXTENSION: Final = re.compile(r"\.((?=[0-9]*[a-z])[a-z0-9]{2,5})\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the client says about the file. None where it says nothing; whatever it says is checked."""

    file_name: str | None = None
    file_type: str | None = None
    content_type: str | None = None
    file_size: int | None = None


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is known of a file that passed. A picture has one page, and its dimensions in pixels."""

    file_type: FileType
    page_count: int
    width: int | None
    height: int | None
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """How large a file may be, how much it may hold, and what its examination may use (see tests/hostile)."""

    max_bytes: int = 5 * 1024 * 1024
    bounds: Bounds = field(default_factory=Bounds)
    confinement: confined.Limits = field(
        default_factory=lambda: confined.Limits(wall_seconds=9.0, cpu_seconds=6, memory_bytes=512 * 1024 * 1024)
    )


def inspect(content: bytes, declared: Declared, limits: InspectionLimits | None = None) -> Inspected:
    """Check the file against what is declared of it, and parse it in a process that can be killed. At most 10 s.

    Raises:
        InvalidRequest: NO_FILE_PROVIDED, UNSUPPORTED_FILE_TYPE or FILE_VALIDATION_FAILED, with a sentence for the
            user and, for the last, `details.reason`.
        TooLarge: FILE_TOO_LARGE. Unavailable: no process could be started; another try may work.
        Unexpected: the examination itself is broken.
    """
    limits = limits or InspectionLimits()
    if not content:
        raise errors.InvalidRequest("NO_FILE_PROVIDED", user_message="The file is empty. Please choose it again.")
    _check_size(len(content), limits.max_bytes)
    kind = kind_of(content)
    check_declared(declared, limits, kind)
    if declared.file_size is not None and declared.file_size != len(content):
        raise _invalid(
            "size_differs", "The file did not arrive completely. Please try again.",
            declared=declared.file_size, received=len(content),
        )  # fmt: skip
    if kind not in READ_KINDS:
        raise errors.InvalidRequest(
            "UNSUPPORTED_FILE_TYPE",
            user_message=OTHER_KINDS.get(kind) or SUPPORTED,
            details={"found": kind.value},
        )
    verdict = _examine(FileType(kind.value), content, limits)
    return Inspected(
        file_type=FileType(kind.value),
        page_count=verdict.page_count,
        width=verdict.width,
        height=verdict.height,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


def check_declared(
    declared: Declared, limits: InspectionLimits | None = None, kind: Kind | None = None
) -> FileType | None:
    """Check declared values against each other and, where the bytes are known, against their kind.

    Returns the type that they declare, None where they declare none. Useful by itself before a presigned upload,
    when there are no bytes yet.

    Raises:
        InvalidRequest: UNSUPPORTED_FILE_TYPE or FILE_VALIDATION_FAILED. TooLarge: FILE_TOO_LARGE.
    """
    if declared.file_size is not None:
        _check_size(declared.file_size, (limits or InspectionLimits()).max_bytes)
    extension = _EXTENSION.search(declared.file_name or "")
    claims = {
        "file_type": (declared.file_type or "").strip().lower().removeprefix("."),
        "extension": extension[1].lower() if extension else "",
        "content_type": (declared.content_type or "").partition(";")[0].strip().lower(),
    }
    claimed = {_claim(name, value, kind) for name, value in claims.items() if value not in _NEUTRAL}
    if len(claimed) > 1:
        raise _invalid("types_differ", "The file's name and its type do not agree. Please choose the file again.")
    found = next(iter(claimed), None)
    if found and kind and kind != found.value:
        sentence = OTHER_KINDS.get(kind) or f"This is not a {found.value.upper()} file. {SUPPORTED}"
        raise _invalid("content_differs", sentence, declared=found.value)
    return found


def _claim(name: str, value: str, kind: Kind | None) -> FileType:
    if value in _NAMES:
        return _NAMES[value]
    if name == "content_type" and kind in READ_KINDS:
        raise _invalid("types_differ", "The file and its content type do not agree. Please choose the file again.")
    sentence = OTHER_KINDS.get(kind or Kind.UNKNOWN) or SUPPORTED
    raise errors.InvalidRequest("UNSUPPORTED_FILE_TYPE", user_message=sentence, details={"field": name})


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise errors.TooLarge(
            "FILE_TOO_LARGE",
            user_message=too_large(most),
            details={"size_bytes": size, "limit_bytes": most},
        )


def _invalid(reason: str, sentence: str, **numbers: object) -> errors.InvalidRequest:
    return errors.InvalidRequest("FILE_VALIDATION_FAILED", user_message=sentence, details={"reason": reason, **numbers})


def _examine(file_type: FileType, content: bytes, limits: InspectionLimits) -> Verdict:
    task = msgspec.json.encode(Task(file_type.value, limits.bounds))
    try:
        answer = confined.run_confined(_CHILD, task + b"\n" + content, limits.confinement)
        verdict = msgspec.json.decode(answer, type=Verdict)
    except confined.ChildNotStarted as error:
        raise errors.Unavailable(user_message=RETRY) from error
    except confined.ChildFailed as error:
        raise errors.Unexpected(message=f"inspection failed: {error}") from error
    except (confined.ConfinedError, msgspec.MsgspecError) as error:
        log("inspection_ended_early", level=logging.WARNING, error=error, file_type=file_type.value)
        is_slow = isinstance(error, confined.ChildTimedOut)
        reason = Refusal.TOO_COMPLEX if is_slow else Refusal.EXPANDS_TOO_MUCH
        raise _invalid(reason.value, TOOK_TOO_LONG if is_slow else NOT_READABLE) from error
    if verdict.refusal is not None:
        raise _refused(verdict, verdict.refusal)
    return verdict


def _refused(verdict: Verdict, refusal: Refusal) -> errors.InvalidRequest:
    numbers = {"found": verdict.found, "limit": verdict.limit}
    return _invalid(
        refusal.value,
        REFUSALS[refusal].format(**numbers),
        **{name: number for name, number in numbers.items() if number is not None},
    )
