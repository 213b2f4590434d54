"""Payments as their person sees them: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from msgspec import UNSET

from chalicelib.billing.billing_contract import PaymentsAnswer, PaymentShown
from chalicelib.billing.usage import ProfileReader, SessionRule
from chalicelib.models.payment import PaymentItem
from chalicelib.stores.payments import Payments
from chalicelib.web.request import Caller, page_size

_LIST: Final = "payments"
_OLD_ROUTE: Final = "/subscriptions/billing-history"
"""There the list is called `records`, and `payments` as everywhere."""


class Cursors(Protocol):
    """Makes and reads what says where a list goes on."""

    def make(self, list_name: str, caller_id: str, position: str) -> str:
        """Return a cursor for this caller and list."""
        ...

    def position(self, list_name: str, caller_id: str, cursor: str) -> str:
        """Return where the list goes on, or raise InvalidRequest, INVALID_CURSOR."""
        ...


@dataclass(frozen=True, slots=True)
class PaymentHistory:
    """Shows payments."""

    store: Payments
    sessions: SessionRule
    read_profile: ProfileReader
    cursors: Cursors

    def page(self, caller: Caller, route: str, query: Mapping[str, str]) -> PaymentsAnswer:
        """Return a page of the caller's payments, newest first, by `limit` and `cursor` of the query. One read of the
        profile, one query.

        Raises:
            InvalidRequest: INVALID_LIMIT (1 to 100), INVALID_CURSOR.
            Unauthenticated, Forbidden: the session has ended; ACCOUNT_SUSPENDED.
            Unavailable: the table does not answer.
        """
        self.sessions.require_live(self.read_profile(caller.user_id), caller)
        most, cursor = page_size(query.get("limit")), query.get("cursor")
        before = None if cursor is None else self.cursors.position(_LIST, caller.user_id, cursor)
        # One more than is shown tells whether there is more.
        found = self.store.newest(caller.user_id, most + 1, before)
        shown = [_shown(item) for item in found[:most]]
        has_more = len(found) > most
        return PaymentsAnswer(
            payments=shown,
            next_cursor=self.cursors.make(_LIST, caller.user_id, found[most - 1].sk) if has_more else None,
            has_more=has_more,
            records=shown if route == _OLD_ROUTE else UNSET,
        )


def _shown(item: PaymentItem) -> PaymentShown:
    data = item.data
    return PaymentShown(
        payment_id=data.payment_id,
        subscription_id=data.subscription_id,
        amount=data.amount,
        currency=data.currency,
        status=data.payment_status,
        refunded_amount=data.refunded,
        provider=data.provider,
        payment_method=data.payment_method,
        created_at=data.purchased_at,
        processed_at=data.processed_at,
    )
