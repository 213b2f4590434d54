"""Questions about the notices of stores: whether one was received already."""

from __future__ import annotations

from pynamodb.exceptions import PutError

from chalicelib.models import keys
from chalicelib.models.billing_event import BillingEventItem
from chalicelib.stores.failures import is_condition_failure, retried, translated


class BillingEvents:
    """Notices that were received."""

    def find(self, provider: str, event_id: str) -> BillingEventItem | None:
        """Return a notice by a consistent read, or None.

        Raises:
            Unavailable: the table does not answer.
        """
        with translated():
            try:
                return BillingEventItem.get(*keys.billing_event_key(provider, event_id), consistent_read=True)
            except BillingEventItem.DoesNotExist:
                return None

    def keep(self, event: BillingEventItem) -> bool:
        """Keep a notice that changes nothing. False where it is kept already.

        Raises:
            Unavailable: the table does not answer.
        """
        is_first = BillingEventItem.pk.does_not_exist()  # protects the count of unknown notices from repetitions
        try:
            retried(lambda: event.save(condition=is_first))
        except PutError as refusal:
            if is_condition_failure(refusal):
                return False
            raise
        return True
