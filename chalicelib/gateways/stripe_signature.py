"""The `Stripe-Signature` header: who sent these bytes, and when.

Source: Stripe, "Verify webhook signatures manually". Not left to the library, whose check goes by the machine's clock,
takes signatures of the future, and wants a text where the body is bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from chalicelib import errors

_MOST_CHARACTERS: Final = 4096
_MOST_SIGNATURES: Final = 16
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_SCHEME: Final = "v1"
"""`v0` is what Stripe's test events carry beside it, and proves nothing."""


@dataclass(frozen=True, slots=True)
class StripeSignature:
    """What the header says. `seconds` is kept as it was written, because that is what was signed."""

    seconds: str
    signatures: tuple[str, ...]

    @property
    def signed_at(self) -> datetime:
        """When this attempt to deliver was signed; each attempt is signed anew."""
        return datetime.fromtimestamp(int(self.seconds), UTC)

    def is_by(self, secrets: Iterable[str], raw_body: bytes) -> bool:
        """Whether one of these secrets signed these bytes. Takes the same time whichever it was. The bytes are gone
        through once for each secret, however many signatures somebody sends."""
        signed = self.seconds.encode() + b"." + raw_body
        ours = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
        matches = [hmac.compare_digest(one, signature) for one in ours for signature in self.signatures]
        return any(matches)


def signature_in(header: str | None, now: datetime, tolerance: timedelta) -> StripeSignature:
    """Read the header.

    Raises:
        Unauthenticated: INVALID_SIGNATURE; there is none, it is malformed, has no `v1`, or was made at another time:
            a genuine notice that is sent again by somebody who has overheard it.
    """
    if not header or len(header) > _MOST_CHARACTERS:
        raise invalid_signature()
    parts = [part.strip().partition("=") for part in header.split(",")]
    seconds = [value for name, _, value in parts if name == "t"]
    signatures = tuple(value for name, _, value in parts if name == _SCHEME and _SIGNATURE.fullmatch(value))
    if len(seconds) != 1 or not _SECONDS.fullmatch(seconds[0]) or not 0 < len(signatures) <= _MOST_SIGNATURES:
        raise invalid_signature()
    if abs(now.timestamp() - int(seconds[0])) > tolerance.total_seconds():
        raise invalid_signature()
    return StripeSignature(seconds[0], signatures)


def invalid_signature() -> errors.Unauthenticated:
    """Return the one answer to everything that Stripe did not sign just now."""
    return errors.Unauthenticated("INVALID_SIGNATURE", "The signature does not fit.")
