"""A profile and its ledger in memory, grown as the service grows them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.models.consent import ConsentEntryItem
from chalicelib.models.profile import Consent, ConsentChain, Consents
from chalicelib.models.states import ConsentSource, ConsentType
from chalicelib.privacy import consent_ledger

START = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


def consent(at: datetime, *, is_given: bool = True, version: str = "1", **changes: Any) -> Consent:
    """One consent as a form or the settings make it."""
    return Consent(
        **{
            "consent_given": is_given,
            "consent_version": version,
            "consent_method": "bundled_consent",
            "created_at": at,
            "updated_at": at,
            "withdrawn_at": None if is_given else at,
            **changes,
        }
    )


@dataclass
class Person:
    """What the table holds of one person."""

    user_id: str = "user-1"
    standing: Consents = field(default_factory=Consents)
    chain: ConsentChain | None = None
    items: list[ConsentEntryItem] = field(default_factory=list)

    def change(
        self, changed: dict[ConsentType, Consent], at: datetime, source: ConsentSource = ConsentSource.SETTINGS
    ) -> None:
        change = consent_ledger.appended(self.user_id, self.chain, self.standing, changed, source, at)
        for kind, one in change.consents.items():
            setattr(self.standing, kind, one)
        self.items.extend(change.entries)
        self.chain = change.after

    def faults(self) -> list[consent_ledger.Finding]:
        stored = sorted(self.items, key=lambda item: item.sk)
        return consent_ledger.faults(stored, self.chain, self.standing)

    def copied(self) -> Person:
        return copy.deepcopy(self)


def person() -> Person:
    """Somebody who signed up with all five, withdrew one, and gave it again for another version."""
    found = Person()
    found.change({kind: consent(START) for kind in ConsentType}, START, ConsentSource.SIGN_UP)
    kind = ConsentType.HEALTHCARE_CONSULTATION
    for days, is_given, version in ((1, False, "1"), (2, True, "2")):
        at = START + timedelta(days=days)
        found.change({kind: consent(at, is_given=is_given, version=version)}, at)
    return found
