"""The published keys of an identity provider: fetched rarely, kept for a while, never taken on trust."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from chalicelib import errors
from chalicelib.clock import Clock
from chalicelib.observe.log import log
from chalicelib.rules import Rules

if TYPE_CHECKING:
    import urllib3
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_BYTES: Final = 64 * 1024
_MOST_KEYS: Final = 32
_LEAST_KEY_BITS: Final = 2048
_MOST_KEY_BITS: Final = 8192
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


class FetchFailed(Exception):
    """The provider's keys could not be had: silence, a refusal, too much, or nonsense."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a provider answered: the bytes, and its `Cache-Control`."""

    content: bytes
    cache_control: str = ""


Fetch = Callable[[str], Fetched]
"""Gets a key set by its address.

Raises:
    FetchFailed: there is none to be had.
"""


def fetch_over_http(url: str) -> Fetched:
    """Get a key set: over TLS unless it is on loopback, with time-outs, one retry, no redirects and a cap on its
    size.

    Raises:
        FetchFailed: for any reason.
    """
    import urllib3

    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise FetchFailed("key sets are fetched over TLS alone")
    try:
        response = _pool().request("GET", url, redirect=False, preload_content=False)
        try:
            # Without decoding: a compressed answer was not asked for, and could be a bomb.
            content = response.read(_MOST_BYTES + 1, decode_content=False)
        finally:
            response.release_conn()
    except urllib3.exceptions.HTTPError as failure:
        raise FetchFailed("the provider does not answer") from failure
    if response.status != 200 or len(content) > _MOST_BYTES:
        raise FetchFailed(f"the provider answered {response.status} with {len(content)} bytes")
    return Fetched(content, response.headers.get("Cache-Control", ""))


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3

    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=2, read=3),
        retries=urllib3.Retry(total=1, redirect=0, status_forcelist=(500, 502, 503, 504), raise_on_status=False),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


@dataclass(frozen=True, slots=True)
class _KeySet:
    """Keys by id. Until `fresh_until` they are used without asking, until `usable_until` while the provider is
    silent."""

    keys: Mapping[str, RSAPublicKey]
    fresh_until: datetime
    usable_until: datetime


class KeyCache:
    """One provider's keys. Safe under threads; however many tokens with invented key ids come, one fetch a minute
    answers them."""

    def __init__(self, provider: str, url: str, fetch: Fetch, clock: Clock, rules: Rules) -> None:
        self._provider = provider
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._rules = rules
        self._kept: _KeySet | None = None
        self._asked_at: datetime | None = None
        self._has_last_fetch_failed = False
        self._fetching = threading.Lock()

    def find(self, kid: str) -> RSAPublicKey | None:
        """Return the key of that id, or None if the provider publishes no such key.

        Raises:
            Unavailable: PROVIDER_UNAVAILABLE; the provider is silent, and whether the key exists cannot be told.
        """
        now = self._clock.now()
        kept = self._kept
        if kept is not None and kid in kept.keys and now < kept.fresh_until:
            return kept.keys[kid]
        is_known = kept is not None and kid in kept.keys and now < kept.usable_until
        self._ask_again(now, must_wait=not is_known)
        kept = self._kept
        if kept is not None and now < kept.usable_until:
            if (key := kept.keys.get(kid)) is not None:
                return key
            if not self._has_last_fetch_failed:
                return None
        raise errors.Unavailable("PROVIDER_UNAVAILABLE", "The identity provider does not answer at the moment.")

    def _ask_again(self, now: datetime, *, must_wait: bool) -> None:
        """Fetch once for all threads that want to. A thread whose key is merely stale goes on with it while another
        asks."""
        if not self._may_ask(now) or not self._fetching.acquire(blocking=must_wait):
            return
        try:
            if self._may_ask(now):
                self._renew(now)
                # Only now: a thread that comes while the answer is on its way waits for it instead of doing without.
                self._asked_at = now
        finally:
            self._fetching.release()

    def _may_ask(self, now: datetime) -> bool:
        if self._asked_at is None:
            return True
        has_keys = self._kept is not None and now < self._kept.usable_until
        wait = self._rules.jwks_refetch_after if has_keys else self._rules.jwks_retry_after
        return now >= self._asked_at + wait

    def _renew(self, now: datetime) -> None:
        try:
            fetched = self._fetch(self._url)
            keys = usable_keys(fetched.content)
        except FetchFailed as failure:
            self._has_last_fetch_failed = True
            log("provider_keys_not_fetched", provider=self._provider, error=failure)
            return
        life = self._life(fetched.cache_control)
        self._has_last_fetch_failed = False
        self._kept = _KeySet(keys, now + life, now + life + self._rules.jwks_stale_life)
        log("provider_keys_fetched", provider=self._provider, keys=len(keys), fresh_seconds=int(life.total_seconds()))

    def _life(self, cache_control: str) -> timedelta:
        """As long as the provider says, within our own bounds: not fetched for each sign-in, not trusted for days."""
        longest, shortest = self._rules.jwks_life, self._rules.jwks_refetch_after
        if re.search(r"no-store|no-cache", cache_control, re.IGNORECASE):
            return shortest
        stated = _MAX_AGE.search(cache_control)
        return max(shortest, min(longest, timedelta(seconds=int(stated[1])))) if stated else longest


def usable_keys(content: bytes) -> dict[str, RSAPublicKey]:
    """Return the keys of a key set that can verify RS256: public RSA keys of at least 2048 bits, for signatures, with
    an id.

    Everything else is ignored, a symmetric key above all. Of two keys with one id the first counts.

    Raises:
        FetchFailed: it is no key set, or holds no such key; better to keep the keys that we have.
    """
    try:
        entries = json.loads(content)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError) as wrong:
        raise FetchFailed("not a key set") from wrong
    if not isinstance(entries, list):
        raise FetchFailed("not a key set")
    found: dict[str, RSAPublicKey] = {}
    for entry in entries[:_MOST_KEYS]:
        key = _public_key(entry)
        if key is not None:
            found.setdefault(str(entry["kid"]), key)
    if not found:
        raise FetchFailed("no usable key in the set")
    return found


def _public_key(entry: Any) -> RSAPublicKey | None:
    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt.algorithms import RSAAlgorithm

    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or not entry["kid"]:
        return None
    is_for_rs256 = entry.get("kty") == "RSA" and entry.get("use") == "sig" and entry.get("alg", "RS256") == "RS256"
    if not is_for_rs256 or "d" in entry:
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    is_strong = isinstance(key, RSAPublicKey) and _LEAST_KEY_BITS <= key.key_size <= _MOST_KEY_BITS
    return key if isinstance(key, RSAPublicKey) and is_strong else None
