"""Merges what providers tell into what is known: a join, so that order and repetition do not matter.

Every `join` is commutative, associative and idempotent, and so is learning any number of facts in any order. Nothing
here asks what time it is, nor who the owner is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeVar

from chalicelib.billing.known import Cause, Claim, ExternalKey, Known, KnownPayment, KnownSubscription, Told
from chalicelib.gateways.provider_facts import Facts, PaymentSeen, Phase, SubscriptionSeen, Version
from chalicelib.models.states import PaymentStatus

_Content = TypeVar("_Content")

_UNDATED: Final = Version(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), "")
"""The version of a word that came with neither a term nor a renewal: any dated word beats it."""

_CLASS: Final[Mapping[PaymentStatus, int]] = MappingProxyType(
    {
        PaymentStatus.PENDING: 0,
        PaymentStatus.FAILED: 1,
        PaymentStatus.COMPLETED: 2,
        PaymentStatus.REFUNDED: 2,
        PaymentStatus.DISPUTED: 2,
    }
)
"""A payment never goes back to a lower class, however late the word; within a class the later word stands."""

_MOST_FOLLOWERS: Final = 32
"""More are forgotten, by everybody the same: an item must not grow without end. Those that were paid are also named by
`replaced_by`."""

_MONEY_CAME: Final = frozenset({PaymentStatus.COMPLETED, PaymentStatus.REFUNDED, PaymentStatus.DISPUTED})

TRANSITIONS: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = MappingProxyType(
    {
        PaymentStatus.PENDING: frozenset(PaymentStatus),
        PaymentStatus.FAILED: frozenset(PaymentStatus) - {PaymentStatus.PENDING},
        PaymentStatus.COMPLETED: _MONEY_CAME,
        PaymentStatus.REFUNDED: _MONEY_CAME,
        PaymentStatus.DISPUTED: _MONEY_CAME,
    }
)
"""What a payment may become. It is not consulted: the order of payments allows exactly this (a test compares them), and
a word that would do anything else loses to what is known."""


def join(one: KnownSubscription, other: KnownSubscription) -> KnownSubscription:
    """Return everything that either knows of the same subscription.

    Raises:
        ValueError: they are not the same subscription.
    """
    if subscription_key(one) != subscription_key(other):
        raise ValueError("only words about one subscription can be joined")
    return KnownSubscription(
        provider=one.provider,
        external_id=one.external_id,
        term=_greater(one.term, other.term),
        renewal=_greater(one.renewal, other.renewal),
        account=_greater(one.account, other.account),
        claim=_first(one.claim, other.claim),
        replaced_by=_greater(one.replaced_by, other.replaced_by),
        follows=_greater(one.follows, other.follows),
        followed_by=tuple(sorted({*one.followed_by, *other.followed_by})[:_MOST_FOLLOWERS]),
    )


def join_payments(one: KnownPayment, other: KnownPayment) -> KnownPayment:
    """Return everything that either knows of the same transaction.

    Raises:
        ValueError: they are not the same transaction.
    """
    if payment_key(one) != payment_key(other):
        raise ValueError("only words about one transaction can be joined")
    came = [at for at in (one.came_at, other.came_at) if at is not None]
    told = max(one.told, other.told, key=lambda word: (_CLASS[word.content.status], word.rank))
    return replace(one, told=told, came_at=min(came, default=None))


def subscriptions_in(seen: SubscriptionSeen, cause: Cause) -> tuple[KnownSubscription, ...]:
    """Return what one word says: of the subscription itself, and of those that it replaces.

    A pending one replaces nothing yet: until it is paid the one before it goes on (Google Play, pending plan changes).
    """
    version = _version_of(seen)
    before = _before(seen)
    itself = KnownSubscription(
        provider=seen.provider,
        external_id=seen.external_id,
        term=Told(seen.term, seen.term.version, cause) if seen.term is not None else None,
        renewal=Told(seen.renewal, seen.renewal.version, cause) if seen.renewal is not None else None,
        account=Told(seen.account, version, cause) if seen.account is not None else None,
        follows=Told(before, version, cause) if before is not None else None,
    )
    is_pending = seen.renewal is not None and seen.renewal.phase is Phase.PENDING
    replaced = () if is_pending else seen.superseded
    successor = Told(seen.external_id, version, cause)
    return itself, *(
        KnownSubscription(
            seen.provider,
            external_id,
            replaced_by=successor if external_id in replaced else None,
            followed_by=(seen.external_id,) if external_id == before else (),
        )
        for external_id in _others_in(seen)
        if external_id in replaced or external_id == before
    )


def payment_in(seen: PaymentSeen, cause: Cause) -> KnownPayment:
    """Return what one word says of a payment."""
    came_at = seen.processed_at if seen.status in _MONEY_CAME else None
    return KnownPayment(seen.provider, seen.transaction_id, Told(seen, seen.version, cause), came_at)


def payments_worth_recording(facts: Facts) -> tuple[PaymentSeen, ...]:
    """Return the payments in which this person paid: not the zero of a trial, and not what somebody else of the family
    paid. Amounts that do not fit are left in, for the reader to refuse."""
    shared = {
        (seen.provider, seen.term.transaction_id)
        for seen in facts.subscriptions
        if seen.term is not None and seen.term.is_family_shared
    }
    return tuple(
        seen for seen in facts.payments if seen.money.amount != 0 and (seen.provider, seen.transaction_id) not in shared
    )


def learn(known: Known, facts: Facts, cause: Cause) -> Known:
    """Return what is known once these facts are, too. `known` must hold, of what exists, the subscriptions and payments
    that `facts_about` names; it may hold more."""
    subscriptions, payments = dict(known.subscriptions), dict(known.payments)
    for seen in facts.subscriptions:
        for told in subscriptions_in(seen, cause):
            key = subscription_key(told)
            subscriptions[key] = join(subscriptions[key], told) if key in subscriptions else told
    for paid in payments_worth_recording(facts):
        word = payment_in(paid, cause)
        key = payment_key(word)
        payments[key] = join_payments(payments[key], word) if key in payments else word
    return Known(subscriptions, payments)


def facts_about(facts: Facts) -> tuple[frozenset[ExternalKey], frozenset[ExternalKey]]:
    """Return the keys of the subscriptions and of the payments that these facts speak of."""
    subscriptions = {
        ExternalKey(seen.provider, external_id)
        for seen in facts.subscriptions
        for external_id in (seen.external_id, *_others_in(seen))
    }
    payments = {ExternalKey(seen.provider, seen.transaction_id) for seen in payments_worth_recording(facts)}
    return frozenset(subscriptions), frozenset(payments)


def claimed(known: KnownSubscription, claim: Claim) -> KnownSubscription:
    """Return it with a claim; an earlier one stands."""
    return replace(known, claim=_first(known.claim, claim))


def released(known: KnownSubscription, user_id: str) -> KnownSubscription:
    """Return it without the claim of somebody who was erased, so that somebody else may claim it. The one thing that is
    ever forgotten: an erased person's id must not stay, and nothing later brings the claim back."""
    return replace(known, claim=None) if known.claim is not None and known.claim.user_id == user_id else known


def subscription_key(known: KnownSubscription) -> ExternalKey:
    """Return what names this subscription."""
    return ExternalKey(known.provider, known.external_id)


def payment_key(known: KnownPayment) -> ExternalKey:
    """Return what names this payment."""
    return ExternalKey(known.provider, known.transaction_id)


def _greater(one: Told[_Content] | None, other: Told[_Content] | None) -> Told[_Content] | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda word: word.rank)


def _first(one: Claim | None, other: Claim | None) -> Claim | None:
    if one is None or other is None:
        return one or other
    return min(one, other, key=lambda claim: (claim.claimed_at, claim.user_id))


def _version_of(seen: SubscriptionSeen) -> Version:
    if seen.term is not None:
        return seen.term.version
    return seen.renewal.version if seen.renewal is not None else _UNDATED


def _before(seen: SubscriptionSeen) -> str | None:
    """Return the one that this one goes on as, or comes after."""
    return next(iter(_others_in(seen)), None)


def _others_in(seen: SubscriptionSeen) -> tuple[str, ...]:
    """Return the others that a word names, each once, the one before it first."""
    follows = () if seen.follows is None else (seen.follows,)
    return tuple(one for one in dict.fromkeys((*follows, *seen.superseded)) if one != seen.external_id)
