"""What the App Store's server answers about one subscription, and about the notifications that it sent.

Sources: Apple "Get All Subscription Statuses", "Get Transaction History", "Get Notification History".
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from chalicelib import errors
from chalicelib.gateways.app_store_api import AppStoreApi
from chalicelib.gateways.app_store_reading import newest, read_signed
from chalicelib.gateways.app_store_signatures import MalformedWordError, Signatures
from chalicelib.gateways.provider_facts import Facts
from chalicelib.observe.log import log

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST_FIRST: Final = "?productType=AUTO_RENEWABLE&sort=DESCENDING"


class Answers:
    """Asks Apple, and believes what is signed in its answers."""

    def __init__(self, api: AppStoreApi, signatures: Signatures) -> None:
        self._api = api
        self._signatures = signatures

    def present(self, external_id: str) -> Facts | None:
        """Return how a subscription stands, with its last payments: two questions. None where Apple knows none.

        The payments are those of the last 20 transactions, one page. A refund of an older one, or its payment where
        nobody ever told it, is told by the notifications alone: to turn all pages at every look would cost a question
        for each two years of a customer.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Apple does not answer, or what it answers is not signed for us.
        """
        path = quote(external_id, safe="")
        answer = self._api.ask("GET", f"/inApps/v1/subscriptions/{path}")
        for group in _objects((answer or {}).get("data")):
            for item in _objects(group.get("lastTransactions")):
                # All that this customer has is answered; the others are looked at on their own.
                if item.get("originalTransactionId") == external_id:
                    stated = self._read(item.get("signedTransactionInfo"), item.get("signedRenewalInfo"), item)
                    return self._with_payments(stated, external_id, path)
        return None

    def sent(self, since: datetime, until: datetime) -> Iterator[str]:
        """Return the signed notifications that Apple sent or tried to send in that time, page by page.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Apple does not answer.
        """
        span = {"startDate": _milliseconds(since), "endDate": _milliseconds(until)}
        token: str | None = None
        seen: set[str] = set()
        while since < until:
            query = "" if token is None else "?" + urlencode({"paginationToken": token})
            page = self._api.ask("POST", f"/inApps/v1/notifications/history{query}", span)
            if page is None:
                raise errors.Unavailable("PROVIDER_UNAVAILABLE", "The App Store does not tell its history.")
            for item in _objects(page.get("notificationHistory")):
                yield str(item.get("signedPayload"))
            if not page.get("hasMore"):
                return
            token = page.get("paginationToken")
            if not isinstance(token, str) or token in seen:
                raise errors.Unavailable("PROVIDER_UNAVAILABLE", "The App Store's history leads in a circle.")
            seen.add(token)

    def _with_payments(self, stated: Facts, external_id: str, path: str) -> Facts:
        answer = self._api.ask("GET", f"/inApps/v2/history/{path}{_NEWEST_FIRST}") or {}
        signed = answer.get("signedTransactions")
        told = [self._read(one, None, {}) for one in signed] if isinstance(signed, list) else []
        payments = [paid for facts in (stated, *told) for paid in facts.payments]
        # The history is the customer's; it may hold other subscriptions of theirs.
        return Facts(
            stated.subscriptions, newest(one for one in payments if one.subscription_external_id == external_id)
        )

    def _read(self, transaction: object, renewal: object, item: Mapping[str, Any]) -> Facts:
        status = item.get("status")
        try:
            return read_signed(
                self._signatures,
                str(transaction),
                renewal if isinstance(renewal, str) else None,
                status if isinstance(status, int) else None,
            )
        except (errors.Unauthenticated, MalformedWordError) as wrong:
            # Apple's own server said it, over TLS: a mistake in our settings, or something new. Never the caller's.
            log("app_store_answer_not_accepted", level=logging.ERROR, error=wrong)
            raise errors.Unavailable("PROVIDER_UNAVAILABLE", "The App Store's answer could not be read.") from wrong


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
