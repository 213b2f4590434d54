"""The simulated App Store Server API: bearer tokens verified, statuses and history told, in Apple's words.

GET  /inApps/v1/subscriptions/<transaction id>             every subscription of that customer, signed now
GET  /inApps/v2/history/<transaction id>?sort=&revision=   every transaction of that customer, 20 a page
POST /inApps/v1/notifications/history?paginationToken=     what was sent, 20 records a page

Sources: Apple "Generating JSON Web Tokens for API requests", "Get All Subscription Statuses", "Get Transaction
History", "Get Notification History".
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dev.storefront.apple_subscriptions import milliseconds
from dev.storefront.words import HttpAnswer

PAGE: Final = 20
_PREFIX: Final = "/inApps/"
_LONGEST_TOKEN: Final = timedelta(minutes=60)
_HISTORY: Final = timedelta(days=180)

StatusesOf = Callable[[str], list[dict[str, Any]] | None]
"""Gives the last transactions of the customer who has that transaction; None for an unknown one."""
TransactionsOf = Callable[[str], list[str] | None]
"""Gives all transactions of that customer, signed now, oldest first; None for an unknown one."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A notification in the history."""

    sent_at: datetime
    signed_payload: str


class AppleApi:
    """Answers for one app. `trouble` is answered instead while it is set; `questions` counts what was asked."""

    def __init__(
        self,
        bundle_id: str,
        now: Callable[[], datetime],
        statuses_of: StatusesOf,
        transactions_of: TransactionsOf,
    ) -> None:
        self.bundle_id = bundle_id
        self.trouble: HttpAnswer | None = None
        self.questions = 0
        self.issuer_id = "57246542-96fe-1a63-e053-0824d011072a"
        self.key_id = secrets.token_hex(5).upper()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._now = now
        self._statuses_of = statuses_of
        self._transactions_of = transactions_of

    def secret(self) -> dict[str, str]:
        """Return what belongs into the secret `app-store` of a stage."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {"issuer_id": self.issuer_id, "key_id": self.key_id, "private_key": pem}

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, history: list[Sent]
    ) -> HttpAnswer | None:
        """Answer a question; None for a path of another store."""
        address = urlsplit(path)
        if not address.path.startswith(_PREFIX):
            return None
        self.questions += 1
        if self.trouble is not None:
            return self.trouble
        if not self._is_our_app(headers.get("authorization", "")):
            return HttpAnswer(401, b"Unauthenticated\n", "text/plain")
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        what, _, last = address.path.removeprefix(_PREFIX).rpartition("/")
        match method, what, last:
            case "GET", "v1/subscriptions", transaction_id:
                return self._statuses(unquote(transaction_id))
            case "GET", "v2/history", transaction_id:
                return self._transactions(unquote(transaction_id), query)
            case "POST", "v1/notifications", "history":
                return self._history(body, query.get("paginationToken"), history)
        return _error(404, 4040000, "Not found.")

    def _statuses(self, transaction_id: str) -> HttpAnswer:
        if not transaction_id.isdigit():
            return _error(400, 4000006, "Invalid transaction id.")
        found = self._statuses_of(transaction_id)
        if found is None:
            return _error(404, 4040010, "Transaction id not found.")
        group = {"subscriptionGroupIdentifier": "21400001", "lastTransactions": found}
        return _json(200, {"bundleId": self.bundle_id, "data": [group]})

    def _transactions(self, transaction_id: str, query: Mapping[str, str]) -> HttpAnswer:
        found = self._transactions_of(transaction_id)
        if found is None:
            return _error(404, 4040010, "Transaction id not found.")
        revision = query.get("revision", "0")
        if not revision.isdigit():
            return _error(400, 4000005, "Invalid request revision.")
        first = int(revision)
        ordered = found[::-1] if query.get("sort") == "DESCENDING" else found
        page = {"signedTransactions": ordered[first : first + PAGE], "revision": str(first + PAGE)}
        return _json(200, {"bundleId": self.bundle_id, "hasMore": first + PAGE < len(found), **page})

    def _history(self, body: bytes, token: str | None, history: list[Sent]) -> HttpAnswer:
        try:
            asked = json.loads(body)
            start, end = int(asked["startDate"]), int(asked["endDate"])
        except (ValueError, TypeError, KeyError):
            return _error(400, 4000015, "Invalid start date.")
        if start < milliseconds(self._now() - _HISTORY):
            return _error(400, 4000012, "Invalid request. The start date is earlier than the allowed start date.")
        if start >= end:
            return _error(400, 4000013, "Invalid request. The end date precedes the start date.")
        first = 0
        if token is not None:
            span, _, offset = token.rpartition(".")
            if span != f"{start}.{end}" or not offset.isdigit():
                return _error(400, 4000014, "Invalid request. The pagination token is invalid.")
            first = int(offset)
        found = [sent for sent in history if start <= milliseconds(sent.sent_at) < end]
        page = [{"signedPayload": sent.signed_payload, "sendAttempts": []} for sent in found[first : first + PAGE]]
        has_more = first + PAGE < len(found)
        more = {"paginationToken": f"{start}.{end}.{first + PAGE}"} if has_more else {}
        return _json(200, {"notificationHistory": page, "hasMore": has_more, **more})

    def _is_our_app(self, authorization: str) -> bool:
        """Whether the token was signed with the key that we gave out, for this app and for at most an hour."""
        scheme, _, token = authorization.partition(" ")
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["ES256"],
                audience="appstoreconnect-v1",
                issuer=self.issuer_id,
                options={"require": ["iss", "iat", "exp", "aud"], "verify_exp": False, "verify_iat": False},
            )
            is_of_our_key = jwt.get_unverified_header(token).get("kid") == self.key_id
        except jwt.PyJWTError:
            return False
        # The stores' clock may be ahead of the service's by months: a token is over when it is over by both clocks.
        now = min(self._now(), datetime.now(UTC)).timestamp()
        is_in_time = now < claims["exp"] <= claims["iat"] + _LONGEST_TOKEN.total_seconds()
        return scheme == "Bearer" and is_of_our_key and is_in_time and claims.get("bid") == self.bundle_id


def _error(status: int, code: int, message: str) -> HttpAnswer:
    return _json(status, {"errorCode": code, "errorMessage": message})


def _json(status: int, content: Mapping[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(content).encode())
