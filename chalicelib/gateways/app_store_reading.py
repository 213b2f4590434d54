"""What signed transactions and renewal information of the App Store say, in the shape that all providers share.

Sources: Apple "JWSTransactionDecodedPayload", "JWSRenewalInfoDecodedPayload", "status".
"""

from __future__ import annotations

import hashlib
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from chalicelib.gateways.app_store_signatures import MalformedWordError, Signatures
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
from chalicelib.money import Money, exact

if TYPE_CHECKING:
    from appstoreserverlibrary.models.JWSRenewalInfoDecodedPayload import JWSRenewalInfoDecodedPayload
    from appstoreserverlibrary.models.JWSTransactionDecodedPayload import JWSTransactionDecodedPayload

SUBSCRIPTION: Final = "Auto-Renewable Subscription"
_SHARED: Final = "FAMILY_SHARED"
_PRORATED: Final = "REFUND_PRORATED"
_WHOLE: Final = 100_000
"""A hundred percent, as `revocationPercentage` has it: in thousandths of a percent."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND: Final = 2**43
"""In the year 2248: what is beyond it is no date, and would stand above all others for ever."""
_FIT: Final = timedelta(hours=2)
"""How far a renewal may be from its day: Apple reckons by a clock with summer time."""
_PHASES: Final[Mapping[int, tuple[str, Phase]]] = MappingProxyType(
    {
        1: ("active", Phase.ACTIVE),
        2: ("expired", Phase.EXPIRED),
        3: ("billing_retry", Phase.RETRY),
        4: ("billing_grace_period", Phase.GRACE),
        # Taken back by a refund or by the family: the transaction says so too, with the instant.
        5: ("revoked", Phase.EXPIRED),
    }
)


def instant(milliseconds: object) -> datetime:
    """Read one of Apple's instants.

    Raises:
        MalformedWordError: it is none.
    """
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < _LAST_MILLISECOND:
        raise MalformedWordError("an instant is missing, or lies outside of time")
    return _EPOCH + timedelta(milliseconds=milliseconds)


def read(
    transaction: JWSTransactionDecodedPayload,
    renewal: JWSRenewalInfoDecodedPayload | None = None,
    status: int | None = None,
) -> Facts:
    """Return what a transaction says, and the renewal information and status that came with it. Of what is no
    subscription: nothing.

    Raises:
        MalformedWordError: something that Apple documents is missing, or an amount cannot be.
    """
    if transaction.rawType != SUBSCRIPTION:
        return Facts()
    external_id = _text(transaction.originalTransactionId)
    if renewal is not None and renewal.originalTransactionId != external_id:
        raise MalformedWordError("the renewal is of another subscription than the transaction")
    seen = SubscriptionSeen(
        provider=SubscriptionProvider.APPLE,
        external_id=external_id,
        term=_term(transaction),
        renewal=None if renewal is None else _renewal(renewal, status),
        account=_account(transaction),
    )
    payment = _payment(transaction)
    return Facts((seen,), () if payment is None else (payment,))


def read_signed(
    signatures: Signatures, transaction: str, renewal: str | None = None, status: int | None = None
) -> Facts:
    """Verify a transaction, and the renewal information that came with it, and return what they say.

    Raises:
        Unauthenticated, Unavailable: see `Signatures`.
        MalformedWordError: see `read`.
    """
    decoded = None if renewal is None else signatures.renewal(renewal)
    return read(signatures.transaction(transaction), decoded, status)


def newest(payments: Iterable[PaymentSeen]) -> tuple[PaymentSeen, ...]:
    """Return each payment once: of several words about one the latest."""
    found: dict[str, PaymentSeen] = {}
    for payment in payments:
        known = found.get(payment.transaction_id)
        if known is None or payment.version > known.version:
            found[payment.transaction_id] = payment
    return tuple(found.values())


def _account(transaction: JWSTransactionDecodedPayload) -> str | None:
    """Whom a transaction was made for. What a family shares names nobody, whatever it says: the one who paid gave their
    own account's token, if any, and who benefits is somebody else."""
    token = transaction.appAccountToken
    return token.lower() if token and transaction.rawInAppOwnershipType != _SHARED else None


def _term(transaction: JWSTransactionDecodedPayload) -> TermSeen:
    """An upgraded transaction is an old term like any other: the upgrade is a transaction of its own, bought later, and
    the later one stands. Before that one is heard of, the old one is still what was paid."""
    began_at = instant(transaction.purchaseDate)
    is_shared = transaction.rawInAppOwnershipType == _SHARED
    revoked_at = None if transaction.revocationDate is None else instant(transaction.revocationDate)
    term = TermSeen(
        transaction_id=_text(transaction.transactionId),
        product=_text(transaction.productId),
        began_at=began_at,
        ends_at=instant(transaction.expiresDate),
        anchor_at=anchor_of(instant(transaction.originalPurchaseDate), began_at),
        version=_version(began_at, transaction.signedDate),
        revoked_at=revoked_at,
        revocation=None if revoked_at is None else _revocation(transaction, is_shared=is_shared),
        is_family_shared=is_shared,
    )
    return replace(term, version=_settled(term.version, term))


def _revocation(transaction: JWSTransactionDecodedPayload, *, is_shared: bool) -> str:
    kind = transaction.rawRevocationType or ("FAMILY_REVOKE" if is_shared else "REFUND_FULL")
    reason = transaction.rawRevocationReason
    return kind if reason is None else f"{kind}/{reason}"


def anchor_of(original_at: datetime, began_at: datetime) -> datetime:
    """Return the day from which months are counted: the first purchase, while the terms still follow it.

    Apple counts renewals from the first purchase, in months that are too short to their last day. After a lapse, or an
    upgrade, terms begin on another day; then the term's own start is the anchor, or usage periods would end in the
    middle of what was paid. A lapse that happens to end on the old day changes nothing for anybody.
    """
    for year, month_index in (divmod(began_at.year * 12 + began_at.month - 1 + step, 12) for step in (-1, 0, 1)):
        day = min(original_at.day, monthrange(year, month_index + 1)[1])
        if abs(original_at.replace(year=year, month=month_index + 1, day=day) - began_at) <= _FIT:
            return original_at
    return began_at


def _renewal(renewal: JWSRenewalInfoDecodedPayload, status: int | None) -> RenewalSeen:
    signed_at = instant(renewal.signedDate)
    given, phase = _PHASES.get(status or 0) or _phase_alone(renewal, signed_at)
    will_renew = renewal.rawAutoRenewStatus == 1
    next_product = renewal.autoRenewProductId
    grace = renewal.gracePeriodExpiresDate
    seen = RenewalSeen(
        phase=phase,
        phase_given=given,
        will_renew=will_renew,
        version=_version(_EPOCH, renewal.signedDate),
        next_product=next_product if next_product != renewal.productId else None,
        grace_ends_at=None if grace is None else instant(grace),
        # Apple does not tell since when: it is off now.
        cancelled_at=None if will_renew else signed_at,
    )
    return replace(seen, version=_settled(seen.version, seen))


def _phase_alone(renewal: JWSRenewalInfoDecodedPayload, signed_at: datetime) -> tuple[str, Phase]:
    """The phase where no status came with the renewal information, or one that we do not know."""
    grace = renewal.gracePeriodExpiresDate
    if grace is not None and instant(grace) > signed_at:
        return _PHASES[4]
    if renewal.isInBillingRetryPeriod:
        return _PHASES[3]
    return _PHASES[1 if renewal.rawExpirationIntent is None else 2]


def _payment(transaction: JWSTransactionDecodedPayload) -> PaymentSeen | None:
    """The payment of a transaction; None where nobody paid (a trial, a shared subscription) or Apple names no price, as
    in what it signed before 2024."""
    price, is_shared = transaction.price, transaction.rawInAppOwnershipType == _SHARED
    if not price or transaction.currency is None or is_shared:
        return None
    if price < 0:
        raise MalformedWordError("a price is negative")
    try:
        money = exact(Decimal(price).scaleb(-3), transaction.currency)
    except (ValueError, ArithmeticError) as wrong:
        raise MalformedWordError("a price is no amount of money") from wrong
    bought_at = instant(transaction.purchaseDate)
    refunded_at = None if transaction.revocationDate is None else instant(transaction.revocationDate)
    refunded = None if refunded_at is None else _refunded(transaction, money)
    is_whole = refunded_at is not None and (refunded is None or refunded >= money.amount)
    payment = PaymentSeen(
        provider=SubscriptionProvider.APPLE,
        transaction_id=_text(transaction.transactionId),
        subscription_external_id=_text(transaction.originalTransactionId),
        money=money,
        status=PaymentStatus.REFUNDED if is_whole else PaymentStatus.COMPLETED,
        purchased_at=bought_at,
        # "The time that the App Store charged the user's account".
        processed_at=bought_at,
        version=_version(bought_at, transaction.signedDate),
        refunded=refunded,
        method="app_store",
        changed_at=refunded_at,
        account=_account(transaction),
    )
    return replace(payment, version=_settled(payment.version, payment))


def _refunded(transaction: JWSTransactionDecodedPayload, money: Money) -> Decimal | None:
    """How much went back. Apple tells a rounded percentage and no amount, so that a part is exact to the smallest coin
    at best."""
    if transaction.rawRevocationType != _PRORATED:
        return money.amount
    percentage = transaction.revocationPercentage
    if percentage is None or not 0 <= percentage <= _WHOLE:
        return None
    return (money.amount * percentage / _WHOLE).quantize(money.amount, rounding=ROUND_HALF_UP)


def _version(about: datetime, signed: int | None) -> Version:
    return Version(about, instant(signed), "")


def _settled(version: Version, content: object) -> Version:
    """Complete a version by what it is the version of: of two words of one millisecond everybody takes the same."""
    return version._replace(digest=hashlib.sha256(repr(content).encode()).hexdigest())


def _text(value: str | None) -> str:
    if not value:
        raise MalformedWordError("an id is missing")
    return value
