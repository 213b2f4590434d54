"""What a sign-in asks of others: the store, the provider, and the rooms for consents, plans and grants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.gateways.oidc import Identity
from chalicelib.models.base import Item
from chalicelib.models.guard import GuardItem
from chalicelib.models.keys import GuardKind
from chalicelib.models.profile import Consent, Subscription, UserItem
from chalicelib.models.states import AuthProvider, ConsentType
from chalicelib.stores.consent_changes import ConsentChange
from chalicelib.stores.users import SignedIn


class UserStore(Protocol):
    """The questions that a sign-in asks."""

    def owner_of(self, kind: GuardKind, *parts: str) -> str | None:
        """Return who holds a guard."""
        ...

    def by_id(self, user_id: str) -> UserItem | None:
        """Return somebody, read consistently."""
        ...

    def create(self, user: UserItem, guards: Sequence[GuardItem], added: Sequence[Item] = ()) -> bool:
        """Put somebody new, or return False if a guard is held already."""
        ...

    def sign_in(self, signed_in: SignedIn) -> bool:
        """Replace session and device, or return False if the person changed since they were read."""
        ...


class IdTokens(Protocol):
    """Verifies ID tokens."""

    def verify(self, provider: AuthProvider, token: str, nonce: str | None = None) -> Identity:
        """Return who the token vouches for, or raise INVALID_TOKEN."""
        ...


class ConsentForms(Protocol):
    """Reads consents; the privacy room knows how."""

    def given(self, acknowledged: Mapping[str, object], at: datetime) -> dict[ConsentType, Consent]:
        """Return a consent for each type that was ticked."""
        ...

    def require_all(self, given: Mapping[ConsentType, Consent]) -> None:
        """Raise MISSING_CONSENT unless all five were given."""
        ...

    def opened(self, user_id: str, given: Mapping[ConsentType, Consent], at: datetime) -> ConsentChange:
        """Return somebody new's consents with the beginning of their ledger."""
        ...

    def news(self, user: UserItem, given: Mapping[ConsentType, Consent], at: datetime) -> ConsentChange | None:
        """Return what changes for somebody known, if anything does."""
        ...

    def announce(self, user_id: str, change: ConsentChange) -> None:
        """Write the audit trail of a change that is stored."""
        ...


class FreePlan(Protocol):
    """Starts subscriptions; the billing room knows how."""

    def start(self, at: datetime) -> Subscription:
        """Return the free subscription of somebody who signs up now, its usage period anchored there."""
        ...


class Grants(Protocol):
    """What people allow us at their provider."""

    def keep(self, user: UserItem, code: str) -> None:
        """Exchange an authorization code and keep what it gives. A failure is logged, never raised."""
        ...
