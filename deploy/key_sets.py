"""Keys as they stand in a key set: drawn here and nowhere else."""

from __future__ import annotations

import base64
import secrets


def drawn_key(key_bytes: int) -> dict[str, str]:
    """Return a fresh key with a fresh id; the key is standard base64 of `key_bytes` random bytes."""
    return {
        "kid": secrets.token_hex(8),
        "secret": base64.b64encode(secrets.token_bytes(key_bytes)).decode(),
    }
