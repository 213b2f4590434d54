"""What the privacy room takes and gives over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chalicelib.models.states import ConsentSource, ConsentType
from chalicelib.web.links import Link
from chalicelib.web.response import Answer


class ConsentRequest(msgspec.Struct, kw_only=True):
    """A consent to give or to withdraw."""

    consent_given: Annotated[bool | None, Meta(description="Required: `true` gives, `false` withdraws.")] = None
    consent_version: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=50,
                description="Version of the text. Required to give; a withdrawal speaks of the version that stands.",
                examples=["2.1"],
            ),
        ]
        | None
    ) = None
    consent_method: Annotated[str, Meta(min_length=1, max_length=20, examples=["settings"])] | None = None
    ui_checkbox_group: (
        Annotated[int, Meta(ge=0, le=9_999, description="Which group of boxes on the page it was ticked in.")] | None
    ) = None


class ConsentView(msgspec.Struct, kw_only=True):
    """A consent as it stands."""

    consent_given: bool
    consent_version: str
    consent_method: str
    ui_checkbox_group: int | None
    created_at: Annotated[datetime, Meta(description="When this type was first spoken of.")]
    updated_at: datetime
    withdrawn_at: datetime | None


class ConsentsView(msgspec.Struct, kw_only=True):
    """The five consents; null where one was never given."""

    medical_disclaimers: ConsentView | None
    terms_of_service: ConsentView | None
    privacy_policy: ConsentView | None
    healthcare_consultation: ConsentView | None
    emergency_care_limitation: ConsentView | None


class ConsentEntryView(msgspec.Struct, kw_only=True):
    """One change out of the ledger."""

    sequence: int
    consent_type: ConsentType
    consent_given: bool
    consent_version: str
    consent_method: str
    ui_checkbox_group: int | None
    source: ConsentSource
    changed_at: datetime
    previous_hash: Annotated[str, Meta(description="SHA-256 (hex) of the entry before.")]
    entry_hash: Annotated[str, Meta(description="SHA-256 (hex) of this entry; the next one holds it.")]


class ConsentAnswer(Answer, kw_only=True):
    """The caller's consents after a change."""

    ERRORS: ClassVar[tuple[str, ...]] = ("400 INVALID_CONSENT_TYPE", "404 PROFILE_NOT_FOUND")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("show_consents", {"history": "true"}),)

    consents: ConsentsView


class ConsentsAnswer(Answer, kw_only=True):
    """The caller's consents, with how they came about if asked for: newest first, page by page."""

    ERRORS: ClassVar[tuple[str, ...]] = ("400 INVALID_CURSOR", "404 PROFILE_NOT_FOUND")
    LINKS: ClassVar[tuple[Link, ...]] = (Link("show_consents", {"history": "true", "cursor": "/next_cursor"}),)

    consents: ConsentsView
    history: list[ConsentEntryView] | UnsetType = UNSET
    next_cursor: Annotated[str | UnsetType | None, Meta(description="Asks for older changes; null at the end.")] = UNSET
