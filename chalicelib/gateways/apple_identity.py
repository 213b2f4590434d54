"""Apple's token endpoints: an authorization code becomes a refresh token, and a refresh token is revoked.

Sources: Apple "Token validation" (`/auth/token`), "Token revocation" (`/auth/revoke`), "Creating a client secret". What
Apple answers is not trusted for anything but the refresh token; who the person is was verified by their ID token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from chalicelib import errors
from chalicelib.clock import Clock

if TYPE_CHECKING:
    import urllib3

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_BYTES: Final = 64 * 1024
_MOST_CODE_CHARACTERS: Final = 2048
_MOST_TOKEN_CHARACTERS: Final = 4096
_CLIENT_SECRET_LIFE: Final = timedelta(minutes=5)
"""Apple allows six months; a secret that is made for one call need not outlive it."""
_FIELDS: Final = ("team_id", "key_id", "client_id", "private_key")


class SecretReader(Protocol):
    """Reads JSON secrets and keeps them for a while."""

    def json(self, secret_id: str) -> Mapping[str, Any]:
        """Return the secret."""
        ...


class AppleRefused(Exception):
    """Apple will not do this, now or later. `reason` is Apple's code, such as `invalid_grant`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class AppleIdentity:
    """Exchanges and revokes at Apple, with time-outs that a sign-in can wait for."""

    def __init__(self, secrets: SecretReader, secret_id: str, url: str, audience: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._url = url
        self._audience = audience
        self._clock = clock

    def exchange(self, code: str) -> str:
        """Return the refresh token for an authorization code. A code is good once, for five minutes.

        Raises:
            AppleRefused: `invalid_grant`: the code was used, has expired, or is none.
            Unavailable: PROVIDER_UNAVAILABLE; Apple does not answer, or does not know us.
        """
        if not 0 < len(code) <= _MOST_CODE_CHARACTERS:
            raise AppleRefused("invalid_grant")
        answer = self._ask("token", {"grant_type": "authorization_code", "code": code})
        token = answer.get("refresh_token")
        if not isinstance(token, str) or not 0 < len(token) <= _MOST_TOKEN_CHARACTERS:
            raise _unavailable()
        return token

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token and what it stands for. Safe to repeat: Apple answers a revoked token with success.

        Raises:
            AppleRefused: `invalid_grant`: the token is none of ours.
            Unavailable: PROVIDER_UNAVAILABLE; Apple does not answer, or does not know us.
        """
        self._ask("revoke", {"token": refresh_token, "token_type_hint": "refresh_token"})

    def _ask(self, what: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
        key = self._key()
        form = {"client_id": key["client_id"], "client_secret": self._client_secret(key), **fields}
        status, content = _posted(f"{self._url}/{what}", form)
        answer = _object(content)
        if status == 200:
            return answer
        reason = str(answer.get("error", ""))[:40]
        # `invalid_client` is a wrong key of ours: worth another try once an operator has mended it.
        if status == 400 and reason in ("invalid_grant", "invalid_request"):
            raise AppleRefused(reason)
        raise _unavailable()

    def _key(self) -> Mapping[str, str]:
        key = self._secrets.json(self._secret_id)
        if not all(isinstance(key.get(field), str) and key[field] for field in _FIELDS):
            raise errors.Unavailable(message="The service has no usable key of Sign in with Apple.")
        return key

    def _client_secret(self, key: Mapping[str, str]) -> str:
        import jwt

        now = self._clock.now()
        claims = {
            "iss": key["team_id"],
            "sub": key["client_id"],
            "aud": self._audience,
            "iat": int(now.timestamp()),
            "exp": int((now + _CLIENT_SECRET_LIFE).timestamp()),
        }
        try:
            return jwt.encode(claims, key["private_key"], algorithm="ES256", headers={"kid": key["key_id"]})
        except (jwt.PyJWTError, ValueError, TypeError) as wrong:
            raise errors.Unavailable(message="The service has no usable key of Sign in with Apple.") from wrong


def _posted(url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
    import urllib3

    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise errors.Unavailable(message="Tokens are exchanged over TLS alone.")
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
            return response.status, response.read(_MOST_BYTES + 1, decode_content=False)
        finally:
            response.release_conn()
    except urllib3.exceptions.HTTPError as failure:
        raise _unavailable() from failure


def _object(content: bytes) -> Mapping[str, Any]:
    """Read what Apple says; a revocation is answered without a body."""
    try:
        answer = json.loads(content[:_MOST_BYTES] or b"{}")
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3

    # Not repeated: a code is used up by the first call, whose answer may be what was lost.
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=3), retries=False)


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("PROVIDER_UNAVAILABLE", "Apple does not answer at the moment.")
