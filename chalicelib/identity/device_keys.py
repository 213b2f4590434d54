"""Keys that a device keeps for itself: read strictly, and asked whether they signed a challenge.

One algorithm, and no way to choose another: ECDSA on P-256 with SHA-256. Keys are SubjectPublicKeyInfo as RFC 5480
writes it, signatures ECDSA-Sig-Value as RFC 3279 writes it, both in DER, both in base64 (RFC 4648, section 4). Whatever
is spelled in a second way is refused: no trailing bytes, no padded numbers, no compressed points.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_KEY_CHARACTERS: Final = 124
"""Base64 of the 91 bytes that every uncompressed P-256 key has."""
_MOST_SIGNATURE_CHARACTERS: Final = 96
"""Base64 of the 72 bytes that the longest P-256 signature has."""
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of P-256 (SEC 2, section 2.4.2): both parts of a signature lie between zero and it."""


def is_device_key(text: str) -> bool:
    """Whether this is a key that can be kept: P-256, a point on the curve, uncompressed, in one piece."""
    return _key(text) is not None


def is_signed_by(public_key: str, challenge: str, signature: str) -> bool:
    """Whether the key signed the challenge: its 32 bytes, or the base64 text in which it was sent.

    Both, because libraries for phones differ: some sign bytes, some sign text. Neither can be mistaken for the other,
    and both hold the same bytes drawn for this occasion. A signature with a high `s` counts: phones make them, and as
    nothing is known by its signature and each challenge is good once, its twin is worth nothing.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    key, signed, drawn = _key(public_key), _signature(signature), _decoded(challenge)
    if key is None or signed is None or drawn is None:
        return False
    for message in (drawn, challenge.encode()):
        try:
            key.verify(signed, message, ECDSA(SHA256()))
        except InvalidSignature:
            continue
        return True
    return False


def _key(text: str) -> EllipticCurvePublicKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

    der = _decoded(text) if len(text) == _KEY_CHARACTERS else None
    if der is None:
        return None
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return None
    # The loader reads spellings that the writer does not write: compressed and hybrid points.
    return key if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == der else None


def _signature(text: str) -> bytes | None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    der = _decoded(text) if len(text) <= _MOST_SIGNATURE_CHARACTERS else None
    if der is None:
        return None
    try:
        r, s = decode_dss_signature(der)
    except ValueError:
        return None
    # Whoever verifies refuses these too; said here so that it does not hang on which library that is.
    return der if 0 < r < _ORDER and 0 < s < _ORDER else None


def _decoded(text: str) -> bytes | None:
    """Read base64 that is written in the one way in which we would write it."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if base64.b64encode(content).decode() == text else None
