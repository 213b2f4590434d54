"""What the routes under `/gdpr` take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec

from chalicelib.web.links import Link
from chalicelib.web.response import Answer

_MOST_REASON_CHARACTERS = 1000


class ErasureRequest(msgspec.Struct, kw_only=True):
    """The wish to be erased. It cannot be taken back."""

    ERROR_CODES: ClassVar[dict[str, str]] = {"confirmation_text": "INVALID_CONFIRMATION"}

    confirmation_text: Annotated[str | None, msgspec.Meta(description="The word `DELETE`.", examples=["DELETE"])] = None
    deletion_reason: Annotated[
        Annotated[str, msgspec.Meta(max_length=_MOST_REASON_CHARACTERS)] | None,
        msgspec.Meta(description="Read by nobody and kept nowhere: it may hold anything."),
    ] = None
    include_audit_anonymization: Annotated[
        bool | None, msgspec.Meta(description="Without effect: the audit trail names nobody in the first place.")
    ] = None


class ErasureStartedAnswer(Answer, kw_only=True):
    """The account is closed from this moment on, and its erasure has begun."""

    ERRORS: ClassVar = ("400 INVALID_CONFIRMATION", "403 BIOMETRIC_REQUIRED", "409 ACTIVE_SUBSCRIPTION")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("show_erasure", {"id": "/erasure_request_id"}),)

    erasure_request_id: Annotated[
        str, msgspec.Meta(description="256 random bits; the only way to ask how it went. Shown once, kept nowhere.")
    ]
    status: str = "initiated"
    estimated_completion_hours: int
    deletion_categories: list[str]


class DeletionSummary(msgspec.Struct, kw_only=True):
    """What there was when the erasure began, in items by their kind and objects by theirs."""

    removed: dict[str, int]
    kept: Annotated[dict[str, int], msgspec.Meta(description="Kept by law, under a random key that leads to nobody.")]
    unconfirmed: Annotated[
        list[str], msgspec.Meta(description="Steps that somebody else did not confirm, although we asked for days.")
    ]


class ErasureStatusAnswer(Answer, kw_only=True):
    """How far an erasure has come; once it is completed, its receipt, for 90 days."""

    ERRORS: ClassVar = ("404 ERASURE_REQUEST_NOT_FOUND",)

    status: Annotated[str, msgspec.Meta(description="initiated, processing or completed")]
    requested_at: datetime
    progress: Annotated[dict[str, str], msgspec.Meta(description="By category: pending, processing or completed.")]
    completion_date: datetime | None = None
    verification_hash: Annotated[
        str | None,
        msgspec.Meta(
            description="SHA-256 (hex) of the receipt; `docs/decisions.md` says of which bytes, so that anybody can "
            "compute it. It also stands in our audit trail."
        ),
    ] = None
    deletion_summary: DeletionSummary | None = None


class ExportPart(msgspec.Struct, kw_only=True):
    """All items of one kind."""

    name: str
    description: str
    purpose: str
    retention: str
    after_erasure: str
    contains: Annotated[dict[str, str], msgspec.Meta(description="What the larger parts of an item are.")]
    items: list[dict[str, Any]]


class ExportFile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One stored file: with its content where it is small and readable, else with a link."""

    name: str
    kind: str
    size_bytes: int
    stored_at: datetime
    content: Any = None
    download_url: str | None = None
    link_expires_at: datetime | None = None


class ExportFiles(msgspec.Struct, kw_only=True):
    """All stored files. They leave by themselves after two days; the app keeps documents and results on the phone."""

    kinds: dict[str, str]
    items: list[ExportFile]


class ExportDownload(msgspec.Struct, kw_only=True):
    """Where a large export lies."""

    url: str
    expires_at: datetime
    size_bytes: int
    checksum_sha256: str


class ExportAnswer(Answer, kw_only=True):
    """Everything that is stored about the caller. A large one is a file, and `download` says where: it holds this same
    document."""

    ERRORS: ClassVar = ("403 BIOMETRIC_REQUIRED",)

    format: str
    generated_at: datetime
    user_id: str
    about: str
    parts: list[ExportPart]
    files: ExportFiles
    withheld: Annotated[dict[str, str], msgspec.Meta(description="What is stored and not shown, and why.")]
    not_included: Annotated[dict[str, str], msgspec.Meta(description="Kinds of items that say nothing of anybody.")]
    download: ExportDownload | None = None
