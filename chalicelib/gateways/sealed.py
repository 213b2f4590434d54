"""Texts sealed for the table: encrypted and bound to whom they belong, under keys that can be replaced.

A sealed text is `s1.<key id>.<base64url of nonce and ciphertext>`: AES-256-GCM (NIST SP 800-38D) with a nonce of 96
random bits, under a key derived for one purpose by HKDF-SHA256 (RFC 5869).
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from chalicelib import errors

_VERSION: Final = "s1"
_KID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LEAST_SECRET_CHARACTERS: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32


class SecretReader(Protocol):
    """Reads JSON secrets and keeps them for a while."""

    def json(self, secret_id: str, *, is_suspected_stale: bool = False) -> Mapping[str, Any]:
        """Return the secret; read again at once, but rarely, if it is suspected to be stale."""
        ...


class SealBroken(Exception):
    """A sealed text that cannot be opened: changed, somebody else's, or sealed with a key that is gone."""


class Seals:
    """Seals and opens. The current key of the set seals; the previous and older ones still open what they sealed."""

    def __init__(self, secrets_: SecretReader, secret_id: str, purpose: str) -> None:
        self._secrets = secrets_
        self._secret_id = secret_id
        self._purpose = purpose

    def seal(self, text: str, owner: str) -> str:
        """Return the text sealed, so that it can be opened for the same owner alone.

        Raises:
            Unavailable: the key set cannot be read, or is none.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        kid, secret = _entry(self._secrets.json(self._secret_id).get("current"))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self._derived(secret)).encrypt(nonce, text.encode(), _bound(owner, kid))
        return f"{_VERSION}.{kid}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, owner: str) -> str:
        """Return the text that was sealed for this owner.

        Raises:
            SealBroken: it cannot be opened, now or later.
            Unavailable: the key set cannot be read, or is none.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        kid, content = _parts(sealed)
        secret = self._find(kid)
        if secret is None:
            raise SealBroken("the key is gone")
        try:
            text = AESGCM(self._derived(secret)).decrypt(
                content[:_NONCE_BYTES], content[_NONCE_BYTES:], _bound(owner, kid)
            )
        except InvalidTag as wrong:
            raise SealBroken("changed, or somebody else's") from wrong
        return text.decode()

    def is_current(self, sealed: str) -> bool:
        """Whether a text is sealed with the key that seals now. If not, sealing it anew lets its key be retired.

        Raises:
            Unavailable: the key set cannot be read, or is none.
        """
        kid, _ = _entry(self._secrets.json(self._secret_id).get("current"))
        return sealed.startswith(f"{_VERSION}.{kid}.")

    def _find(self, kid: str) -> bytes | None:
        """Look for a key; one that we do not know makes us read the set again, because it may have come since."""
        for is_suspected_stale in (False, True):
            key_set = self._secrets.json(self._secret_id, is_suspected_stale=is_suspected_stale)
            for entry in _entries(key_set):
                if entry.get("kid") == kid:
                    return _entry(entry)[1]
        return None

    def _derived(self, secret: bytes) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"{self._purpose}/{_VERSION}".encode()).derive(secret)


def _bound(owner: str, kid: str) -> bytes:
    """What is authenticated beside the text: it cannot be moved to another person, or said to be of another key."""
    return f"{_VERSION}.{kid}.{owner}".encode()


def _parts(sealed: str) -> tuple[str, bytes]:
    parts = sealed.split(".")
    if len(parts) != 3 or parts[0] != _VERSION or not _KID.fullmatch(parts[1]):
        raise SealBroken("not a sealed text")
    try:
        content = base64.b64decode(parts[2], altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise SealBroken("not a sealed text") from wrong
    if len(content) < _NONCE_BYTES + _TAG_BYTES:
        raise SealBroken("not a sealed text")
    return parts[1], content


def _entries(key_set: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    older = key_set.get("older")
    for entry in (key_set.get("current"), key_set.get("previous"), *(older if isinstance(older, list) else ())):
        if isinstance(entry, dict):
            yield entry


def _entry(entry: Any) -> tuple[str, bytes]:
    kid, secret = (entry.get("kid"), entry.get("secret")) if isinstance(entry, dict) else (None, None)
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise errors.Unavailable(message="The service has no usable data key.")
    if not isinstance(secret, str) or len(secret) < _LEAST_SECRET_CHARACTERS:
        raise errors.Unavailable(message="The service has no usable data key.")
    return kid, secret.encode()
