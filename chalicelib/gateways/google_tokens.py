"""Access tokens of a Google service account: asked for with a signed assertion, kept until shortly before they end.

Sources: Google "Using OAuth 2.0 for server to server applications"; RFC 7523.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.observe.log import log

if TYPE_CHECKING:
    import urllib3
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_FIELDS: Final = ("client_email", "private_key_id", "private_key", "token_uri")
_MOST_BYTES: Final = 64 * 1024
_MOST_TOKEN_CHARACTERS: Final = 4096
_ASSERTION_LIFE: Final = timedelta(minutes=10)
"""Google allows an hour; an assertion that is made for one call need not outlive it."""
_SPARE: Final = timedelta(minutes=5)
"""A token is given up so long before its end, so that no call is made with one that ends on the way."""
_LONGEST_LIFE: Final = timedelta(hours=1)


class SecretReader(Protocol):
    """Reads JSON secrets and keeps them for a while."""

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        """Return the secret; read again at once, but rarely, if it is suspected to be stale."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """A token, until when it is used, and by which key it was asked for."""

    token: str
    usable_until: datetime
    key_id: str


class ServiceAccountTokens:
    """Access tokens for one scope. Safe under threads: however many ask at once, one call answers them."""

    def __init__(self, secrets: SecretReader, secret_id: str, token_url: str, scope: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._token_url = token_url
        self._scope = scope
        self._clock = clock
        self._kept: _Kept | None = None
        self._parsed: tuple[str, RSAPrivateKey] | None = None
        self._asking = threading.Lock()

    def token(self, *, refused: str | None = None) -> str:
        """Return a token that is good for some minutes at least. `refused` is one that was not accepted: it is
        forgotten, and so is the key, which may have been replaced.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Google does not answer, or does not know our key; or there is none.
        """
        with self._asking:
            key = self._key(is_suspected_stale=refused is not None)
            kept = self._kept
            is_usable = kept is not None and kept.key_id == key["private_key_id"] and kept.token != refused
            if kept is None or not is_usable or self._clock.now() >= kept.usable_until:
                kept = self._kept = self._ask(key)
            return kept.token

    def _key(self, *, is_suspected_stale: bool) -> Mapping[str, str]:
        key = self._secrets.json(self._secret_id, is_suspected_stale=is_suspected_stale)
        if not all(isinstance(key.get(field), str) and key[field] for field in _FIELDS):
            raise errors.Unavailable(message="The service has no usable key of its service account.")
        return key

    def _ask(self, key: Mapping[str, str]) -> _Kept:
        asked_at = self._clock.now()
        status, answer = _posted(self._token_url, {"grant_type": _GRANT, "assertion": self._assertion(key, asked_at)})
        token, life = answer.get("access_token"), answer.get("expires_in")
        is_token = isinstance(token, str) and 0 < len(token) <= _MOST_TOKEN_CHARACTERS
        is_life = isinstance(life, int) and not isinstance(life, bool) and life > 0
        if status != 200 or not is_token or not is_life:
            reason = str(answer.get("error", ""))[:40]
            log("access_token_not_given", level=logging.ERROR, status=status, reason=reason)
            raise _unavailable()
        usable = min(timedelta(seconds=int(str(life))), _LONGEST_LIFE) - _SPARE
        return _Kept(str(token), asked_at + max(usable, timedelta(0)), key["private_key_id"])

    def _assertion(self, key: Mapping[str, str], now: datetime) -> str:
        import jwt

        claims = {
            "iss": key["client_email"],
            "scope": self._scope,
            "aud": key["token_uri"],
            "iat": int(now.timestamp()),
            "exp": int((now + _ASSERTION_LIFE).timestamp()),
        }
        headers = {"kid": key["private_key_id"]}
        return jwt.encode(claims, self._private_key(key["private_key"]), algorithm="RS256", headers=headers)

    def _private_key(self, pem: str) -> RSAPrivateKey:
        """Read a key once: checking that its primes are some takes 80 ms."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        if self._parsed is None or self._parsed[0] != pem:
            try:
                key = load_pem_private_key(pem.encode(), password=None)
            except (ValueError, TypeError, UnsupportedAlgorithm) as wrong:
                raise errors.Unavailable(message="The service has no usable key of its service account.") from wrong
            if not isinstance(key, RSAPrivateKey):
                raise errors.Unavailable(message="The service has no usable key of its service account.")
            self._parsed = (pem, key)
        return self._parsed[1]


def _posted(url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
    import urllib3

    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise errors.Unavailable(message="Tokens are asked for over TLS alone.")
    try:
        response = _pool().request(
            "POST",
            url,
            body=urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            redirect=False,
            preload_content=False,
        )
        try:
            content = response.read(_MOST_BYTES + 1, decode_content=False)
        finally:
            response.release_conn()
    except urllib3.exceptions.HTTPError as failure:
        raise _unavailable() from failure
    try:
        answer = json.loads(content[:_MOST_BYTES])
    except (ValueError, RecursionError):
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3

    # Asking twice is harmless, and a connection that Google closed meanwhile is the usual failure.
    again = urllib3.Retry(total=1, redirect=0, allowed_methods=None, backoff_factor=0)
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=3), retries=again)


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("PROVIDER_UNAVAILABLE", "Google does not answer at the moment.")
