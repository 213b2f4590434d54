"""The HTTP side of the simulated Google: tokens for service accounts, keys, and the publisher API.

POST /google/token                                                   an access token for a signed assertion
GET  /google/certs                                                   the keys of Pub/Sub's tokens
GET  /androidpublisher/v3/applications/<app>/purchases/subscriptionsv2/tokens/<token>
POST /androidpublisher/v3/applications/<app>/purchases/subscriptions/<product>/tokens/<token>:acknowledge
GET  /androidpublisher/v3/applications/<app>/purchases/voidedpurchases
GET  /androidpublisher/v3/applications/<app>/orders/<order>          and orders:batchGet?orderIds=…
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chalicelib.gateways.play_store_api import SCOPE
from dev.storefront.google_words import milliseconds
from dev.storefront.words import HttpAnswer

API_PATH: Final = "/androidpublisher/v3"
TOKEN_PATH: Final = "/google/token"
KEYS_PATH: Final = "/google/certs"
TOKEN_URI: Final = "https://oauth2.googleapis.com/token"
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ACCESS_SECONDS: Final = 3599
_LONGEST_ASSERTION: Final = 3600
_SKEW_SECONDS: Final = 60
_VOIDED_REACH: Final = timedelta(days=30)


class Ledger(Protocol):
    """What the API tells of. Each returns the JSON, or None for what is not there (any more)."""

    def purchase(self, token: str) -> Mapping[str, Any] | None:
        """Return a purchase."""
        ...

    def acknowledge(self, token: str, account: str | None = None) -> bool:
        """Acknowledge a purchase, and name its account; False where that cannot be."""
        ...

    def order(self, order_id: str) -> Mapping[str, Any] | None:
        """Return an order."""
        ...

    def voided(self) -> Sequence[Mapping[str, Any]]:
        """Return every purchase that was voided, oldest first."""
        ...


class GoogleApi:
    """Answers calls. `troubles` are statuses with which the next calls are answered instead; `calls` is what was asked;
    `is_down` makes everything answer 503."""

    def __init__(
        self,
        ledger: Ledger,
        package_name: str,
        keys: Callable[[], Mapping[str, Any]],
        now: Callable[[], datetime],
        wall: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._app = f"{API_PATH}/applications/{package_name}/"
        self._keys = keys
        self._now = now
        self._wall = wall
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(20)
        self._email = "play-reader@serenya-local.iam.gserviceaccount.com"
        self._tokens: dict[str, datetime] = {}
        self.troubles: deque[int] = deque()
        self.calls: list[str] = []
        self.is_down = False

    def secret(self) -> dict[str, str]:
        """Return the service account's key file, as the Cloud console gives it out."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return {
            "type": "service_account",
            "project_id": "serenya-local",
            "private_key_id": self._key_id,
            "private_key": pem,
            "client_email": self._email,
            "client_id": "100000000000000000001",
            "token_uri": TOKEN_URI,
        }

    def revoke_tokens(self) -> None:
        """Let no access token that was given out be good any more."""
        self._tokens.clear()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer | None:
        """Answer one call; None for a path that is not Google's."""
        address = urlsplit(path)
        if not address.path.startswith((f"{API_PATH}/", "/google/")):
            return None
        self.calls.append(f"{method} {address.path}")
        if self.is_down:
            return _error(503, "backendError")
        if address.path == KEYS_PATH:
            return _json(200, self._keys())
        if address.path == TOKEN_PATH and method == "POST":
            return self._token(parse_qs(body.decode()))
        if self.troubles:
            return _error(self.troubles.popleft(), "trouble")
        ends_at = self._tokens.get(headers.get("authorization", "").removeprefix("Bearer "))
        if ends_at is None or self._wall() >= ends_at:
            return _error(401, "authError")
        if not address.path.startswith(self._app):
            return _error(404, "applicationNotFound")
        return self._called(method, address.path.removeprefix(self._app), parse_qs(address.query), body)

    def _called(self, method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> HttpAnswer:
        parts = [unquote(part) for part in path.split("/")]
        match method, parts:
            case "GET", ["purchases", "subscriptionsv2", "tokens", token]:
                found = self._ledger.purchase(token)
                return _json(200, found) if found is not None else _error(404, "purchaseTokenNotFound")
            case "POST", ["purchases", "subscriptions", _, "tokens", named] if named.endswith(":acknowledge"):
                account = json.loads(body).get("externalAccountIds", {}).get("obfuscatedAccountId")
                is_done = self._ledger.acknowledge(named.removesuffix(":acknowledge"), account)
                return HttpAnswer(200, b"") if is_done else _error(400, "failedPrecondition")
            case "GET", ["purchases", "voidedpurchases"]:
                return self._voided({name: values[-1] for name, values in query.items()})
            case "GET", ["orders", order_id]:
                found = self._ledger.order(order_id)
                return _json(200, found) if found is not None else _error(404, "orderNotFound")
            case "GET", ["orders:batchGet"]:
                orders = [self._ledger.order(order_id) for order_id in query.get("orderIds", [])]
                return _json(200, {"orders": orders}) if None not in orders else _error(404, "orderNotFound")
        return _error(404, "notFound")

    def _voided(self, query: Mapping[str, str]) -> HttpAnswer:
        now = self._now()
        since = int(query.get("startTime", milliseconds(now - _VOIDED_REACH)))
        until = int(query.get("endTime", milliseconds(now)))
        if query.get("type") != "1" or since < milliseconds(now - _VOIDED_REACH) or until > milliseconds(now):
            return _error(400, "invalid")
        found = [one for one in self._ledger.voided() if since <= int(one["voidedTimeMillis"]) <= until]
        first, most = int(query.get("token", "0")), int(query.get("maxResults", "1000"))
        rest = {"tokenPagination": {"nextPageToken": str(first + most)}} if len(found) > first + most else {}
        return _json(200, {"voidedPurchases": found[first : first + most], **rest})

    def _token(self, form: Mapping[str, list[str]]) -> HttpAnswer:
        assertion = form.get("assertion", [""])[-1]
        if form.get("grant_type") != [_GRANT]:
            return _json(400, {"error": "unsupported_grant_type"})
        if not self._is_ours(assertion):
            return _json(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._tokens[token] = self._wall() + timedelta(seconds=_ACCESS_SECONDS)
        return _json(200, {"access_token": token, "expires_in": _ACCESS_SECONDS, "token_type": "Bearer"})

    def _is_ours(self, assertion: str) -> bool:
        """Whether the assertion was signed with the key that was given out, for us, for now, and for this API."""
        try:
            claims = jwt.decode(
                assertion,
                self._key.public_key(),
                algorithms=["RS256"],
                audience=TOKEN_URI,
                issuer=self._email,
                options={"require": ["iss", "aud", "iat", "exp", "scope"], "verify_exp": False, "verify_iat": False},
            )
            is_our_key = jwt.get_unverified_header(assertion).get("kid") == self._key_id
        except jwt.PyJWTError:
            return False
        now = self._wall().timestamp()
        is_in_time = claims["iat"] <= now + _SKEW_SECONDS and now < claims["exp"] <= claims["iat"] + _LONGEST_ASSERTION
        return is_our_key and is_in_time and claims["scope"] == SCOPE


def _json(status: int, content: Mapping[str, Any]) -> HttpAnswer:
    return HttpAnswer(status, json.dumps(content).encode())


def _error(status: int, reason: str) -> HttpAnswer:
    detail = {"message": reason, "domain": "androidpublisher", "reason": reason}
    return _json(status, {"error": {"code": status, "message": reason, "errors": [detail]}})
