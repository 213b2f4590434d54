"""What the App Store, Google Play and Stripe tell us of subscriptions and payments, in one shape for the three of them.

A provider's word is a *notice*: verified, and not yet read. Reading it gives *facts*: what the provider said of
subscriptions and payments, each with a `version`. Facts merge by their versions alone, so that it does not matter in
which order, or how often, they arrive: the greater version stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from chalicelib.models.states import PaymentStatus, SubscriptionProvider
from chalicelib.money import Money


class Phase(StrEnum):
    """Where a subscription stands at its provider.

    `pending` is not paid yet, `grace` is a failed renewal that still opens the tier, `retry` one that does not,
    `paused` has no access until it resumes, `expired` is over.
    """

    PENDING = "pending"
    ACTIVE = "active"
    GRACE = "grace"
    RETRY = "retry"
    PAUSED = "paused"
    EXPIRED = "expired"


class Version(NamedTuple):
    """Which of two words about the same thing stands: the greater one, compared field by field.

    `about` orders what is spoken of (the App Store speaks of old transactions too; providers that are asked for the
    present state give the same instant always), `seen_at` when the provider said it (or when we began to ask),
    `digest` settles ties: a hash of the content, so that everybody settles them alike.
    """

    about: datetime
    seen_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class TermSeen:
    """A paid (or promised) stretch of a subscription. `product` is the provider's id of what was bought.

    `anchor_at` is the day from which months are counted. `revoked_at` says that it was taken back (a refund, a family
    that no longer shares); `revocation` is the provider's word for why. A shared term was paid by somebody else.
    """

    transaction_id: str
    product: str
    began_at: datetime
    ends_at: datetime
    anchor_at: datetime
    version: Version
    revoked_at: datetime | None = None
    revocation: str | None = None
    is_family_shared: bool = False


@dataclass(frozen=True, slots=True)
class RenewalSeen:
    """What is to become of a subscription. `phase_given` is the provider's own word, kept beside ours.

    `next_product` is what renews, where that is another one; `grace_ends_at` until when a failed renewal is forgiven;
    `cancelled_at` when renewal was turned off (the instant of the word itself where the provider tells no better).
    """

    phase: Phase
    phase_given: str
    will_renew: bool
    version: Version
    next_product: str | None = None
    grace_ends_at: datetime | None = None
    cancelled_at: datetime | None = None
    resumes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionSeen:
    """What a provider says of one subscription.

    `external_id` is its id there: the App Store's original transaction id, Google's purchase token, Stripe's
    subscription id. `account` is the user id that the purchase was made for, where the app or we told the provider;
    it proves nothing by itself but what the provider signed. `superseded` are external ids that this one replaces
    (Google's linked purchase tokens). `follows` is the one before it of the same buyer: this one has replaced
    it, is going to once it is paid, or came after its end. Where it is not given it is the first of `superseded`.
    """

    provider: SubscriptionProvider
    external_id: str
    term: TermSeen | None = None
    renewal: RenewalSeen | None = None
    account: str | None = None
    superseded: tuple[str, ...] = ()
    needs_acknowledgement: bool = False
    follows: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """What a provider says of one payment: one per transaction of theirs, however often and by whomever it is told.

    `money` has exactly the provider's digits, `refunded` how much of it went back. `purchased_at` never changes;
    `processed_at` is when the money came, None while it has not. `changed_at` is when it was refunded or disputed,
    where the provider dates that. `account` is who this transaction was made for, where it tells that by itself: it is
    no part of what is said of the money, and is not kept.
    """

    provider: SubscriptionProvider
    transaction_id: str
    subscription_external_id: str | None
    money: Money
    status: PaymentStatus
    purchased_at: datetime
    processed_at: datetime | None
    version: Version
    refunded: Decimal | None = None
    method: str | None = None
    changed_at: datetime | None = None
    account: str | None = field(default=None, compare=False, repr=False)


class AmountRefusedError(Exception):
    """A store tells of an amount that cannot be so; nothing of what it says is applied. The text names no amount.

    `subscriptions` is what else it said, for whoever knows that much to be so because they brought it about.
    """

    def __init__(self, reason: str, subscriptions: tuple[SubscriptionSeen, ...] = ()) -> None:
        super().__init__(reason)
        self.subscriptions = subscriptions


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one notice, purchase or question brought to light."""

    subscriptions: tuple[SubscriptionSeen, ...] = ()
    payments: tuple[PaymentSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified word of a provider, not yet read.

    `event_id` is unique within the provider, `event_type` the provider's own word (`DID_RENEW/BILLING_RECOVERY`).
    Where `is_known` is false nobody here knows the type: `raw` is kept, and nothing is done. `payload` is for the
    provider's own `read`.
    """

    provider: SubscriptionProvider
    event_id: str
    event_type: str
    happened_at: datetime
    is_known: bool
    payload: Mapping[str, Any]
    raw: str | None = None


class Provider(Protocol):
    """What the billing room asks of each of the three. Never says 400 for "later": it raises `Unavailable`."""

    @property
    def name(self) -> SubscriptionProvider:
        """Which one it is."""
        ...

    def verify(self, raw_body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check who sent this, for which app and environment; decode it. Header names are lower case.

        Raises:
            Unauthenticated: INVALID_SIGNATURE, or WRONG_ENVIRONMENT for a genuine word about another app or
            environment.
            Unavailable: keys or secrets could not be had.
        """
        ...

    def read(self, notice: Notice) -> Facts:
        """Return what a notice says, asking the provider where the notice alone does not say it.

        Raises:
            AmountRefusedError: it tells of an amount that no money can be.
            Unavailable: the provider does not answer.
        """
        ...

    def missed(self, since: datetime, until: datetime) -> Iterator[Notice]:
        """Return the notices that the provider sent, or meant to send, in that time; oldest first where it can.

        Raises:
            Unavailable: the provider does not answer.
        """
        ...

    def look(self, external_id: str) -> Facts | None:
        """Return what the provider says of a subscription now; None where it knows none.

        Raises:
            AmountRefusedError: it tells of an amount that no money can be.
            Unavailable: the provider does not answer.
        """
        ...

    def acknowledge(self, seen: SubscriptionSeen) -> None:
        """Tell the provider that the purchase was delivered, where it wants to hear that. Safe to repeat.

        Raises:
            Unavailable: the provider does not answer.
        """
        ...
