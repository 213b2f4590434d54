"""Tokens that nobody should accept, written byte by byte: libraries refuse to make most of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization

from dev.identity_provider import SigningKey


def raw_token(header: Any, claims: Any, signature_of: Callable[[bytes], bytes]) -> str:
    """Write a token from any header and claims; `signature_of` gets the signed part and returns the signature."""
    signed = f"{_segment(header)}.{_segment(claims)}"
    return f"{signed}.{_base64url(signature_of(signed.encode()))}"


def unsigned(claims: Mapping[str, Any], algorithm: str = "none", **header: Any) -> str:
    """Write a token that claims to need no signature (`none`, `None`, `NONE` …)."""
    return raw_token({"alg": algorithm, "typ": "JWT", **header}, claims, lambda _: b"")


def signed_with_public_key(claims: Mapping[str, Any], key: SigningKey, **header: Any) -> str:
    """Write an HS256 token whose secret is the published public key as PEM: the classic confusion of algorithms."""
    pem = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return signed_with_secret(claims, pem, kid=key.kid, **header)


def signed_with_secret(claims: Mapping[str, Any], secret: bytes, **header: Any) -> str:
    """Write an HS256 token with any secret."""
    return raw_token(
        {"alg": "HS256", "typ": "JWT", **header},
        claims,
        lambda signed: hmac.new(secret, signed, hashlib.sha256).digest(),
    )


def with_claims_changed(token: str, **changes: Any) -> str:
    """Change claims of a good token and keep its signature."""
    header, claims, signature = token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))) | changes
    return f"{header}.{_segment(changed)}.{signature}"


def _segment(part: Any) -> str:
    return _base64url(part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
