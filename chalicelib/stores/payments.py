"""Questions about payments: where the one of a transaction stands, and a person's, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.models import keys
from chalicelib.models.guard import GuardItem
from chalicelib.models.payment import PaymentItem
from chalicelib.stores.failures import translated


@dataclass(frozen=True, slots=True)
class RecordedPayment:
    """A payment that is recorded for somebody, or was for somebody who is erased by now (`is_retained`)."""

    item: PaymentItem
    owner_id: str
    is_retained: bool


class PaymentMissingError(Exception):
    """A transaction is guarded and its payment is nowhere: it is on its way to another partition at the moment."""


class Payments:
    """Payments, by transaction and by person. Every read is consistent."""

    def recorded(self, provider: str, transaction_id: str) -> RecordedPayment | None:
        """Return the payment of a transaction that has an owner, wherever it stands; None where it has none. Two reads,
        three for somebody erased.

        Raises:
            PaymentMissingError: it is being moved; ask again.
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                guard = GuardItem.get(*keys.transaction_guard_key(provider, transaction_id), consistent_read=True)
            except GuardItem.DoesNotExist:
                return None
        owner_id = str(guard.data.user_id)
        places = {keys.user_partition(owner_id): False, keys.retained_partition(owner_id): True}
        for partition, is_retained in places.items():
            with translated():
                try:
                    item = PaymentItem.get(partition, guard.data.sort_key, consistent_read=True)
                except PaymentItem.DoesNotExist:
                    continue
            return RecordedPayment(item, owner_id, is_retained)
        raise PaymentMissingError

    def newest(self, user_id: str, limit: int, before: str | None = None) -> tuple[PaymentItem, ...]:
        """Return a person's payments, newest first, at most `limit`; those that come after the sort key `before` in
        that order. One query.

        Raises:
            Unavailable: the table does not answer.
        """
        partition = keys.user_partition(user_id)
        with translated():
            found = PaymentItem.query(
                partition,
                PaymentItem.sk.startswith(keys.PAYMENT_PREFIX),
                consistent_read=True,
                scan_index_forward=False,
                limit=limit,
                # A start need not exist: DynamoDB goes on from where it would stand.
                last_evaluated_key=None if before is None else {"PK": {"S": partition}, "SK": {"S": before}},
            )
            return tuple(found)
