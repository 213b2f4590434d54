"""The key set that signs our tokens, and one key per purpose derived from it."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from chalicelib import errors
from chalicelib.observe import audit
from chalicelib.observe.audit import AuditEvent

_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEAST_SECRET_CHARACTERS: Final = 32


class SecretReader(Protocol):
    """Reads JSON secrets and keeps them for a while."""

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        """Return the secret; read again at once, but rarely, if it is suspected to be stale."""
        ...


class Purpose(StrEnum):
    """What a derived key is for. A key for one purpose says nothing about the others."""

    ACCESS = "access"
    REFRESH = "refresh"
    CURSOR = "cursor"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True, repr=False)
class TokenKey:
    """One secret of the key set and its public id."""

    kid: str
    secret: bytes

    def derived(self, purpose: Purpose) -> bytes:
        """Return the 32-byte key for one purpose (HMAC-SHA256 as the key derivation of NIST SP 800-108)."""
        return hmac.digest(self.secret, f"serenya/{purpose}/1".encode(), hashlib.sha256)


_ENTRIES: Final = ("current", "previous", "next")


class TokenKeys:
    """The current key signs; the current, the previous and the next one verify, so that a rotation signs nobody out.

    The next key stands in the set before it signs (`deploy/rotate_keys.py`), so that every process knows it by then.
    To read the set again when an unknown key id comes would not do alone: it is done once a minute, and whoever sends
    tokens with invented ids can use that up.
    """

    def __init__(self, secrets: SecretReader, secret_id: str) -> None:
        self._secrets = secrets
        self._secret_id = secret_id
        self._signing: str | None = None

    def current(self) -> TokenKey:
        """Return the key that signs. A change of it stands in the audit trail, once per process, whoever made it.

        Raises:
            Unavailable: the key set cannot be read.
        """
        key = _key(self._secrets.json(self._secret_id).get("current"))
        signed_before, self._signing = self._signing, key.kid
        if signed_before not in (None, key.kid):
            # Outside of the request that happens to be the first to see it: it is not that person's act.
            Context().run(audit.record, AuditEvent.TOKEN_KEYS_ROTATED, kid=key.kid, previous_kid=signed_before or "")
        return key

    def find(self, kid: str) -> TokenKey | None:
        """Return the key of that id. An id that none has makes us read the secret again, at most once a minute.

        Raises:
            Unavailable: the key set cannot be read, or is broken: a slip in the secret must not sign anybody out.
        """
        if not _KID.fullmatch(kid):
            return None
        known = self._among(kid, self._secrets.json(self._secret_id))
        if known is not None:
            return known
        key_set = self._secrets.json(self._secret_id, is_suspected_stale=True)
        known = self._among(kid, key_set)
        if known is None:
            require_whole(key_set)
        return known

    def derived(self, purpose: Purpose) -> tuple[bytes, ...]:
        """Return the keys that are good for a purpose now, the one that signs first.

        Raises:
            Unavailable: the key set cannot be read, or is broken.
        """
        key_set = self._secrets.json(self._secret_id)
        require_whole(key_set)
        return tuple(_key(entry).derived(purpose) for name in _ENTRIES if (entry := key_set.get(name)) is not None)

    @staticmethod
    def _among(kid: str, key_set: Mapping[str, Any]) -> TokenKey | None:
        entries = [key_set.get(name) for name in _ENTRIES]
        return next((_key(entry) for entry in entries if isinstance(entry, dict) and entry.get("kid") == kid), None)


def require_whole(key_set: Mapping[str, Any]) -> None:
    """Let a key set pass if it can sign and each key in it can verify.

    Raises:
        Unavailable: it is broken.
    """
    for name in _ENTRIES:
        entry = key_set.get(name)
        if entry is not None or name == "current":
            _key(entry)


def _key(entry: Any) -> TokenKey:
    kid, secret = (entry.get("kid"), entry.get("secret")) if isinstance(entry, dict) else (None, None)
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise errors.Unavailable(message="The service has no usable signing key.")
    if not isinstance(secret, str) or len(secret) < _LEAST_SECRET_CHARACTERS:
        raise errors.Unavailable(message="The service has no usable signing key.")
    return TokenKey(kid, secret.encode())


def subject_of_address(keys: TokenKeys, address: str) -> str:
    """Return a keyed hash of a client address, to count calls by: no address is stored, and none can be guessed back.

    Of an IPv6 address the network counts (its first 64 bits), because one household has them all.
    """
    try:
        parsed = ipaddress.ip_address(address)
        subject = str(parsed)
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
            subject = str(ipaddress.ip_network((parsed, 64), strict=False))
    except ValueError:
        subject = address
    return hmac.digest(keys.current().derived(Purpose.ADDRESS), subject.encode(), hashlib.sha256).hex()[:32]
