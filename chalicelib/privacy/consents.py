"""Consents: read from what the app sends, and asked for before anything medical is processed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from chalicelib import errors
from chalicelib.models.profile import Consent, Consents, UserItem
from chalicelib.models.states import PROCESSING_CONSENTS, ConsentSource, ConsentType
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent
from chalicelib.privacy import consent_ledger
from chalicelib.stores.consent_changes import ConsentChange

UNSPECIFIED_VERSION: Final = "unspecified"
"""Recorded where the app did not say which version of a text was agreed to: honest, and findable."""
BUNDLED_METHOD: Final = "bundled_consent"
"""All boxes on one page, which is how the app asks unless it says otherwise."""


_OTHER_NAMES: Final[Mapping[ConsentType, tuple[str, ...]]] = {
    ConsentType.MEDICAL_DISCLAIMERS: ("medical_disclaimer",),
}
_MOST_VERSION_CHARACTERS: Final = 50
_MOST_METHOD_CHARACTERS: Final = 20
MOST_CHECKBOX_GROUP: Final = 9_999


def is_given(consents: Consents, kind: ConsentType) -> bool:
    """Whether a consent stands now: given, and not withdrawn. One that is absent was never given."""
    consent: Consent | None = getattr(consents, kind)
    return consent is not None and bool(consent.consent_given) and consent.withdrawn_at is None


def require_processing(user: UserItem) -> None:
    """Let pass whoever agreed to the processing of medical data.

    Raises:
        Forbidden: CONSENT_REQUIRED; `details.missing_consents` names what is absent or withdrawn.
    """
    missing = [kind for kind in PROCESSING_CONSENTS if not is_given(user.data.consents, kind)]
    if missing:
        raise errors.Forbidden(
            "CONSENT_REQUIRED",
            "Your consent to the processing of medical data is needed for this.",
            details={"missing_consents": [str(kind) for kind in missing]},
        )


def type_named(name: str) -> ConsentType:
    """Return the type of that name, in any spelling that the app uses.

    Raises:
        InvalidRequest: INVALID_CONSENT_TYPE.
    """
    for kind in ConsentType:
        if name == kind or name in _OTHER_NAMES.get(kind, ()):
            return kind
    raise errors.InvalidRequest(
        "INVALID_CONSENT_TYPE",
        "There is no such consent.",
        details={"consent_types": [str(kind) for kind in ConsentType]},
    )


def announce(user_id: str, change: ConsentChange) -> None:
    """Write the audit trail of a change that is stored. The hashes are the second witness of the ledger."""
    for item in change.entries:
        entry = item.data
        if entry.source is ConsentSource.CARRIED_OVER:
            continue
        audit.record(
            AuditEvent.CONSENT_GIVEN if entry.consent_given else AuditEvent.CONSENT_WITHDRAWN,
            user_id=user_id,
            consent_type=str(entry.consent_type),
            sequence=int(entry.sequence),
            entry_hash=consent_ledger.hash_of(entry),
        )


class ConsentForms:
    """Turns what was ticked at sign-in into consents."""

    def given(self, acknowledged: Mapping[str, object], at: datetime) -> dict[ConsentType, Consent]:
        """Return a consent for each type that was ticked: JSON `true`, and nothing that merely looks like it.

        The instant is ours, not the phone's: a consent must be provable. What is not ticked is not in the answer; at
        sign-in that withdraws nothing (a withdrawal is a deliberate act with its own call).

        Raises:
            InvalidRequest: version or method is no text, or longer than a version or method is.
        """
        version = _text(acknowledged, "version", _MOST_VERSION_CHARACTERS) or UNSPECIFIED_VERSION
        method = _text(acknowledged, "consent_method", _MOST_METHOD_CHARACTERS) or BUNDLED_METHOD
        group = _group(acknowledged)
        ticked = {name for name, value in acknowledged.items() if value is True}
        return {
            kind: Consent(
                consent_given=True,
                consent_version=version,
                consent_method=method,
                ui_checkbox_group=group,
                created_at=at,
                updated_at=at,
            )
            for kind in ConsentType
            if kind in ticked or not ticked.isdisjoint(_OTHER_NAMES.get(kind, ()))
        }

    def require_all(self, given: Mapping[ConsentType, Consent]) -> None:
        """Let pass whoever gave all five, as somebody new must.

        Raises:
            InvalidRequest: MISSING_CONSENT; `details.missing_consents` names the others.
        """
        missing = [str(kind) for kind in ConsentType if kind not in given]
        if missing:
            raise errors.InvalidRequest(
                "MISSING_CONSENT",
                "All five consents are needed to create an account.",
                user_message="Please agree to all of the terms to create your account.",
                details={"missing_consents": missing},
            )

    def opened(self, user_id: str, given: Mapping[ConsentType, Consent], at: datetime) -> ConsentChange:
        """Return the first consents of somebody new, with the beginning of their ledger."""
        return consent_ledger.appended(user_id, None, Consents(), given, ConsentSource.SIGN_UP, at)

    def news(self, user: UserItem, given: Mapping[ConsentType, Consent], at: datetime) -> ConsentChange | None:
        """Return what changes for somebody known: types never given before, withdrawn since, or given for another
        version. They keep the instant at which the type was first given. None if nothing changes."""
        standing, changed = user.data.consents, dict[ConsentType, Consent]()
        for kind, consent in given.items():
            before: Consent | None = getattr(standing, kind)
            if before is None:
                changed[kind] = consent
            elif not is_given(standing, kind) or before.consent_version != consent.consent_version:
                changed[kind] = Consent(**{**consent.attribute_values, "created_at": before.created_at})
        if not changed:
            return None
        return consent_ledger.appended(
            user.data.id, user.data.consent_chain, standing, changed, ConsentSource.SIGN_IN, at
        )

    def announce(self, user_id: str, change: ConsentChange) -> None:
        """Write the audit trail of a change that is stored."""
        announce(user_id, change)


def _text(acknowledged: Mapping[str, object], field: str, most: int) -> str | None:
    value = acknowledged.get(field)
    if value is not None and (not isinstance(value, str) or len(value) > most):
        name = f"consent_acknowledgments.{field}"
        message = f"The field {name} is not valid: it must be a text of at most {most} characters."
        raise errors.InvalidRequest(message=message, details={"field": name})
    return value


def _group(acknowledged: Mapping[str, object]) -> int | None:
    value = acknowledged.get("ui_checkbox_group")
    if value is not None and (type(value) is not int or not 0 <= value <= MOST_CHECKBOX_GROUP):
        name = "consent_acknowledgments.ui_checkbox_group"
        message = f"The field {name} is not valid: it must be a whole number from 0 to {MOST_CHECKBOX_GROUP}."
        raise errors.InvalidRequest(message=message, details={"field": name})
    return value if isinstance(value, int) else None
