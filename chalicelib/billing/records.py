"""How what is known of subscriptions and payments is written in items, and read back: the one place where that
happens."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from chalicelib.billing.decision import subscription_id_of
from chalicelib.billing.known import Cause, Claim, KnownPayment, KnownSubscription, Told
from chalicelib.billing.liveness import live_key
from chalicelib.gateways.provider_facts import PaymentSeen, Phase, RenewalSeen, TermSeen, Version
from chalicelib.ids import derived_time_ordered_id
from chalicelib.models import keys
from chalicelib.models.keys import Key
from chalicelib.models.payment import PaymentData, PaymentItem, UnclaimedPaymentItem
from chalicelib.models.provider_subscription import (
    ProviderSubscriptionData,
    ProviderSubscriptionItem,
    StoredClaim,
    StoredName,
    StoredRenewal,
    StoredTerm,
    UnclaimedSubscriptionItem,
    WordCause,
    WordVersion,
)
from chalicelib.money import Money

SubscriptionRecord = ProviderSubscriptionItem | UnclaimedSubscriptionItem
PaymentRecord = PaymentItem | UnclaimedPaymentItem

_TERM = tuple(one.name for one in fields(TermSeen) if one.name != "version")
_RENEWAL = tuple(one.name for one in fields(RenewalSeen) if one.name not in ("version", "phase"))


def known_subscription(item: SubscriptionRecord) -> KnownSubscription:
    """Return what an item says of a subscription."""
    data = item.data
    return KnownSubscription(
        provider=data.provider,
        external_id=data.external_id,
        term=_told(data.term, lambda part: TermSeen(version=_version(part), **_values(part, _TERM))),
        renewal=_told(
            data.renewal,
            lambda part: RenewalSeen(phase=Phase(part.phase), version=_version(part), **_values(part, _RENEWAL)),
        ),
        account=_told(data.account, lambda part: str(part.name)),
        claim=Claim(data.claim.claimed_at, data.claim.user_id) if data.claim is not None else None,
        replaced_by=_told(data.replaced_by, lambda part: str(part.name)),
        follows=_told(data.follows, lambda part: str(part.name)),
        followed_by=tuple(str(one) for one in data.followed_by or ()),
    )


def known_payment(item: PaymentRecord) -> KnownPayment:
    """Return what an item says of a payment."""
    data = item.data
    seen = PaymentSeen(
        provider=data.provider,
        transaction_id=data.provider_transaction_id,
        subscription_external_id=data.external_subscription_id,
        money=Money(data.amount, data.currency),
        status=data.payment_status,
        purchased_at=data.purchased_at,
        processed_at=data.told_at,
        version=_version(data),
        refunded=data.refunded,
        method=data.payment_method,
        changed_at=data.changed_at,
    )
    return KnownPayment(
        data.provider, data.provider_transaction_id, Told(seen, seen.version, _cause(data)), data.came_at
    )


def subscription_data(known: KnownSubscription, revision: int) -> ProviderSubscriptionData:
    """Write what is known of a subscription."""
    term, renewal = known.term, known.renewal
    return ProviderSubscriptionData(
        provider=known.provider,
        external_id=known.external_id,
        term=StoredTerm(**_values(term.content, _TERM), **_origin(term)) if term is not None else None,
        renewal=StoredRenewal(
            phase=renewal.content.phase.value, **_values(renewal.content, _RENEWAL), **_origin(renewal)
        )
        if renewal is not None
        else None,
        account=_name(known.account),
        claim=StoredClaim(**{"claimed_at": known.claim.claimed_at, "user_id": known.claim.user_id})
        if known.claim is not None
        else None,
        replaced_by=_name(known.replaced_by),
        follows=_name(known.follows),
        followed_by=list(known.followed_by) or None,
        revision=revision,
    )


def owned_subscription(
    known: KnownSubscription, owner_id: str, revision: int, created_at: datetime, now: datetime
) -> ProviderSubscriptionItem:
    """Return the item of somebody's subscription, in the due index while its store may have news of it."""
    live = live_key(known)
    return ProviderSubscriptionItem(
        *keys.provider_subscription_key(owner_id, known.provider, known.external_id),
        created_at=created_at,
        updated_at=now,
        gsi3_pk=live.pk if live is not None else None,
        gsi3_sk=live.sk if live is not None else None,
        data=subscription_data(known, revision),
    )


def unclaimed_subscription(
    known: KnownSubscription, revision: int, ttl: int, created_at: datetime, now: datetime
) -> UnclaimedSubscriptionItem:
    """Return the item of a subscription of nobody."""
    return UnclaimedSubscriptionItem(
        *unclaimed_key(known),
        created_at=created_at,
        updated_at=now,
        ttl=ttl,
        data=subscription_data(known, revision),
    )


def unclaimed_key(known: KnownSubscription) -> Key:
    """Return where a subscription waits for its person."""
    return Key(
        keys.unclaimed_partition(known.provider, known.external_id),
        keys.provider_subscription_sort_key(known.provider, known.external_id),
    )


def payment_sort_key(known: KnownPayment) -> str:
    """Return where a payment stands in its partition: by day, within the day by the instant."""
    return keys.payment_sort_key(known.seen.purchased_at.date(), payment_id_of(known))


def payment_id_of(known: KnownPayment) -> str:
    """Return our id of a payment: the same whoever tells of it first, and in the order of time."""
    return derived_time_ordered_id(known.seen.purchased_at, known.provider.value, known.transaction_id)


def payment_data(known: KnownPayment, user_id: str | None, revision: int, payment_id: str) -> PaymentData:
    """Write what is known of a payment."""
    seen = known.seen
    external_id = seen.subscription_external_id
    return PaymentData(
        payment_id=payment_id,
        user_id=user_id,
        subscription_id=subscription_id_of(known.provider, external_id) if external_id is not None else None,
        external_subscription_id=external_id,
        amount=seen.money.amount,
        currency=seen.money.currency,
        refunded=seen.refunded,
        payment_status=seen.status,
        provider=known.provider,
        provider_transaction_id=known.transaction_id,
        provider_transaction_id_hash=keys.digest_of(known.transaction_id),
        payment_method=seen.method,
        purchased_at=seen.purchased_at,
        processed_at=known.processed_at,
        came_at=known.came_at,
        told_at=seen.processed_at,
        changed_at=seen.changed_at,
        revision=revision,
        **_origin(known.told),
    )


def _values(holder: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(holder, name) for name in names}


def _told(part: Any, content: Any) -> Any:
    return None if part is None else Told(content(part), _version(part), _cause(part))


def _version(part: Any) -> Version:
    return Version(part.version.about, part.version.seen_at, part.version.digest)


def _cause(part: Any) -> Cause:
    return Cause(part.cause.happened_at, part.cause.event_id, part.cause.event_type)


def _name(told: Told[str] | None) -> StoredName | None:
    return None if told is None else StoredName(name=told.content, **_origin(told))


def _origin(told: Told[Any]) -> dict[str, Any]:
    version, cause = told.version, told.cause
    return {
        "version": WordVersion(about=version.about, seen_at=version.seen_at, digest=version.digest),
        "cause": WordCause(happened_at=cause.happened_at, event_id=cause.event_id, event_type=cause.event_type),
    }
