"""The App Store Server API: signed questions over HTTP, and which answers mean "no", "later" and "never".

Sources: Apple "Generating JSON Web Tokens for API requests", "Error codes". The client of Apple's library was not
taken: it fixes its addresses, waits 30 seconds (a Lambda request has 29), opens a connection for each question and
never asks again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.observe.log import log

if TYPE_CHECKING:
    import urllib3

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_BYTES: Final = 4 * 1024 * 1024
_TOKEN_LIFE: Final = timedelta(minutes=5)
"""Apple takes tokens of up to an hour; one that is made for one question need not outlive it."""
_AUDIENCE: Final = "appstoreconnect-v1"
_FIELDS: Final = ("issuer_id", "key_id", "private_key")
_UNKNOWN_HERE: Final = frozenset({4000006, 4000008, 4040001, 4040005, 4040010})
"""No such transaction or account. The app itself being unknown (4040003) is a mistake of ours, and no answer."""
_LONGEST_WAIT_SECONDS: Final = 300


class SecretReader(Protocol):
    """Reads JSON secrets and keeps them for a while."""

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        """Return the secret."""
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content: Mapping[str, Any]
    retry_after: str | None

    @property
    def error_code(self) -> int | None:
        code = self.content.get("errorCode")
        return code if isinstance(code, int) else None


class AppStoreApi:
    """Asks questions as our app. The key is an In-App Purchase key of App Store Connect."""

    def __init__(self, secrets: SecretReader, secret_id: str, url: str, bundle_id: str, clock: Clock) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._url = url.rstrip("/")
        self._bundle_id = bundle_id
        self._clock = clock

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
        """Return what Apple answers; None where it knows no such transaction. Asks for nothing to be changed, and may
        therefore ask more than once.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; Apple is silent, busy, or does not accept our key or question.
        """
        answer = self._answer(method, path, body, is_suspected_stale=False)
        if answer.status == 401:
            # The key may have been replaced within the minute for which we keep it.
            answer = self._answer(method, path, body, is_suspected_stale=True)
        if answer.status == 200:
            return answer.content
        if answer.status in (400, 404) and answer.error_code in _UNKNOWN_HERE:
            return None
        level = logging.WARNING if answer.status == 429 or answer.status >= 500 else logging.ERROR
        log("app_store_refused", level=level, status=answer.status, error_code=answer.error_code)
        raise _unavailable(self._wait(answer.retry_after))

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None, *, is_suspected_stale: bool) -> _Answer:
        key = self._secrets.json(self._secret_id, is_suspected_stale=is_suspected_stale)
        headers = {"Authorization": f"Bearer {self._token(key)}", "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        return _asked(method, self._url + path, headers, content)

    def _token(self, key: Mapping[str, Any]) -> str:
        import jwt

        if not all(isinstance(key.get(field), str) and key[field] for field in _FIELDS):
            raise errors.Unavailable(message="The service has no usable key of the App Store.")
        now = self._clock.now()
        claims = {
            "iss": key["issuer_id"],
            "iat": int(now.timestamp()),
            "exp": int((now + _TOKEN_LIFE).timestamp()),
            "aud": _AUDIENCE,
            "bid": self._bundle_id,
        }
        try:
            return jwt.encode(claims, key["private_key"], algorithm="ES256", headers={"kid": key["key_id"]})
        except (jwt.PyJWTError, ValueError, TypeError) as wrong:
            raise errors.Unavailable(message="The service has no usable key of the App Store.") from wrong

    def _wait(self, retry_after: str | None) -> int:
        """How long to wait: Apple writes an instant in milliseconds, whoever stands before it may write seconds."""
        if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()) or len(retry_after) > 15:
            return 5
        given = int(retry_after)
        seconds = given if given < 10**9 else given // 1000 - int(self._clock.now().timestamp())
        return max(1, min(_LONGEST_WAIT_SECONDS, seconds))


def _asked(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> _Answer:
    import urllib3

    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise errors.Unavailable(message="The App Store is asked over TLS alone.")
    try:
        response = _pool().request(method, url, body=body, headers=dict(headers), redirect=False, preload_content=False)
        try:
            content = response.read(_MOST_BYTES + 1, decode_content=True)
        finally:
            response.release_conn()
    except urllib3.exceptions.HTTPError as failure:
        raise _unavailable(5) from failure
    return _Answer(response.status, _object(content, response.status), response.headers.get("Retry-After"))


def _object(content: bytes, status: int) -> Mapping[str, Any]:
    """Read an answer. A refusal may have a body of whoever stands before Apple; an answer that cannot be read is
    none."""
    try:
        answer = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        return answer
    if status == 200:
        raise _unavailable(5)
    return {}


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3

    # Every question is safe to repeat. At worst this takes some 15 seconds, of the 29 that a request has.
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=2, read=5),
        retries=urllib3.Retry(
            total=2,
            read=1,
            redirect=0,
            status=2,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=None,
            backoff_factor=0.2,
            raise_on_status=False,
            respect_retry_after_header=False,
        ),
    )


def _unavailable(seconds: int) -> errors.Unavailable:
    return errors.Unavailable(
        "PROVIDER_UNAVAILABLE", "The App Store does not answer at the moment.", retry_after_seconds=seconds
    )
