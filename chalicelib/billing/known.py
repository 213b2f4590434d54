"""What we know of subscriptions and payments: registers, each with the greatest word told, and the event that told it.

Plain values throughout: `msgspec.to_builtins` writes them and `msgspec.convert` reads them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from chalicelib.gateways.provider_facts import PaymentSeen, RenewalSeen, TermSeen, Version
from chalicelib.models.states import PaymentStatus, SubscriptionProvider

_Content = TypeVar("_Content")


class Cause(NamedTuple):
    """The event that brought a word: a notice of the provider, a purchase posted by the app, or a look of our own.

    `happened_at` is when it happened there. Compared field by field where two events bring the same word.
    """

    happened_at: datetime
    event_id: str
    event_type: str


@dataclass(frozen=True, slots=True)
class Told(Generic[_Content]):
    """The greatest word about one thing: what was said, its version, and the event that brought it."""

    content: _Content
    version: Version
    cause: Cause

    @property
    def rank(self) -> tuple[Version, Cause, str]:
        """Which of two words stands: the greater rank. The content itself settles what version and event leave open,
        so that no two different words are equal, whatever a provider sends."""
        return self.version, self.cause, repr(self.content)


@dataclass(frozen=True, slots=True)
class Claim:
    """A signed-in person who brought the purchase, where the store names no account. The first claim stands."""

    claimed_at: datetime
    user_id: str


@dataclass(frozen=True, slots=True)
class KnownSubscription:
    """Everything known of one provider subscription.

    `account` is the user id that the store names, `claim` who claimed it; `replaced_by` the external id of the
    subscription that took its place (Google's linked purchase tokens). `follows` is the one before it; `followed_by`
    are those that name this one as the one before them, be they paid or not.
    """

    provider: SubscriptionProvider
    external_id: str
    term: Told[TermSeen] | None = None
    renewal: Told[RenewalSeen] | None = None
    account: Told[str] | None = None
    claim: Claim | None = None
    replaced_by: Told[str] | None = None
    follows: Told[str] | None = None
    followed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """Everything known of one transaction. `came_at` is the earliest instant told at which the money came."""

    provider: SubscriptionProvider
    transaction_id: str
    told: Told[PaymentSeen]
    came_at: datetime | None = None

    @property
    def seen(self) -> PaymentSeen:
        """The word that stands."""
        return self.told.content

    @property
    def status(self) -> PaymentStatus:
        """Where the payment stands."""
        return self.told.content.status

    @property
    def processed_at(self) -> datetime | None:
        """When the money came; None while it has not (design, trap 9). Of money that came at an instant that nobody
        told: when it was bought."""
        if self.status in (PaymentStatus.PENDING, PaymentStatus.FAILED):
            return None
        return self.came_at or self.told.content.purchased_at


class ExternalKey(NamedTuple):
    """Names a subscription (by its external id) or a payment (by its transaction id) across providers."""

    provider: SubscriptionProvider
    external_id: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of several subscriptions and payments, by their keys."""

    subscriptions: Mapping[ExternalKey, KnownSubscription] = field(default_factory=dict)
    payments: Mapping[ExternalKey, KnownPayment] = field(default_factory=dict)
