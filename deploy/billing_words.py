"""Words of stores for the page about billing: the shapes that the gateways make of notifications, with dates to read
at a glance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Protocol

from chalicelib.gateways.provider_facts import (
    Facts,
    PaymentSeen,
    Phase,
    RenewalSeen,
    SubscriptionSeen,
    TermSeen,
    Version,
)
from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.money import usd

APPLE: Final = SubscriptionProvider.APPLE
GOOGLE: Final = SubscriptionProvider.GOOGLE
STRIPE: Final = SubscriptionProvider.STRIPE
STORES: Final = (APPLE, GOOGLE, STRIPE)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ANNA: Final = "anna"


def on(month: int, day: int) -> datetime:
    """Return an instant in 2026, the year of every example."""
    return datetime(2026, month, day, tzinfo=UTC)


MARCH, APRIL, MAY, JUNE = on(3, 1), on(4, 1), on(5, 1), on(6, 1)


class Says(Protocol):
    """Makes the facts that a store tells at an instant."""

    def __call__(self, store: SubscriptionProvider, at: datetime) -> Facts:
        """Return them."""
        ...


@dataclass(frozen=True, slots=True)
class Word:
    """What a store says of one subscription and the payment for its term. `paid` None: it says nothing of a payment."""

    product: str = "premium_monthly"
    began: datetime | None = MARCH
    ends: datetime = APRIL
    phase: Phase | None = Phase.ACTIVE
    will_renew: bool = True
    external_id: str = "first"
    account: str | None = ANNA
    replaces: tuple[str, ...] = ()
    is_shared: bool = False
    revoked: datetime | None = None
    grace_until: datetime | None = None
    next_product: str | None = None
    resumes: datetime | None = None
    paid: PaymentStatus | None = PaymentStatus.COMPLETED
    amount: str = "9.99"
    refunded: str | None = None
    changed: datetime | None = None

    def __call__(self, store: SubscriptionProvider, at: datetime) -> Facts:
        """Return the facts as that store's gateway makes them: Apple speaks of transactions, old ones too, the others
        of the present state."""
        seen = SubscriptionSeen(
            store, self.external_id, self._term(store, at), self._renewal(store, at), self.account, self.replaces
        )
        return Facts((seen,), self._payments(store, at))

    def _term(self, store: SubscriptionProvider, at: datetime) -> TermSeen | None:
        if self.began is None:
            return None
        return TermSeen(
            transaction_id=self._transaction(self.began),
            product=self.product,
            began_at=self.began,
            ends_at=self.ends,
            anchor_at=self.began if store is APPLE else MARCH,
            version=self._version(self.began if store is APPLE else MARCH, at),
            revoked_at=self.revoked,
            revocation="REFUND" if self.revoked else None,
            is_family_shared=self.is_shared,
        )

    def _renewal(self, store: SubscriptionProvider, at: datetime) -> RenewalSeen | None:
        if self.phase is None:
            return None
        return RenewalSeen(
            phase=self.phase,
            phase_given=self.phase.value,
            will_renew=self.will_renew,
            version=self._version(_EPOCH if store is APPLE else MARCH, at),
            next_product=self.next_product,
            grace_ends_at=self.grace_until,
            cancelled_at=None if self.will_renew else at,
            resumes_at=self.resumes,
        )

    def _payments(self, store: SubscriptionProvider, at: datetime) -> tuple[PaymentSeen, ...]:
        if self.paid is None or self.began is None:
            return ()
        return (
            PaymentSeen(
                provider=store,
                transaction_id=self._transaction(self.began),
                subscription_external_id=self.external_id,
                money=usd(self.amount),
                status=self.paid,
                purchased_at=self.began,
                processed_at=None if self.paid in (PaymentStatus.PENDING, PaymentStatus.FAILED) else self.began,
                version=self._version(self.began, at),
                refunded=Decimal(self.refunded) if self.refunded is not None else None,
                changed_at=self.changed,
            ),
        )

    def _transaction(self, began: datetime) -> str:
        return f"{self.external_id}/{began:%m-%d}"

    def _version(self, about: datetime, at: datetime) -> Version:
        return Version(about, at, hashlib.sha256(repr(self).encode()).hexdigest())


def of_old_term(word: Word) -> Says:
    """Return what is said of an old term while a newer one runs: Apple tells of the transaction, the others of the
    payment beside the present state, `word` of the same subscription."""

    def facts(store: SubscriptionProvider, at: datetime) -> Facts:
        told = word(store, at)
        if store is APPLE:
            return told
        present = replace(word, began=APRIL, ends=MAY, revoked=None)(store, at)
        return Facts(present.subscriptions, told.payments)

    return facts


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, the notifications by which each store tells it, and what they say. A store that knows no
    such thing has no notifications."""

    at: datetime
    tells: Mapping[SubscriptionProvider, str]
    says: Says | Mapping[SubscriptionProvider, Says]

    def facts(self, store: SubscriptionProvider) -> Facts:
        """Return what that store says."""
        said = self.says[store] if isinstance(self.says, Mapping) else self.says
        return said(store, self.at)
