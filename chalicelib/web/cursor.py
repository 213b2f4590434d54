"""Cursors: where a list goes on, opaque to the caller, good for one caller and one list alone.

A cursor is `base64url(position + tag)`; the tag (HMAC-SHA256, cut to 128 bits) covers the list, the caller and the
position. Nothing in it is secret: a position is a sort key out of the caller's own partition, so it is not encrypted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib import errors

_TAG_BYTES: Final = 16
_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Cursors:
    """Makes and reads cursors. `keys_` returns the keys that are good now, the one that signs first: a page that was
    handed out before a rotation of keys can still be turned."""

    keys_: Callable[[], Sequence[bytes]]

    def make(self, list_name: str, caller_id: str, position: str) -> str:
        """Return a cursor for this caller and list.

        Raises:
            Unavailable: the keys cannot be read.
        """
        tag = _tag(self.keys_()[0], list_name, caller_id, position)
        return base64.urlsafe_b64encode(position.encode() + tag).rstrip(b"=").decode()

    def position(self, list_name: str, caller_id: str, cursor: str) -> str:
        """Return where the list goes on.

        Raises:
            InvalidRequest: INVALID_CURSOR; it was edited, cut off, or made for somebody else or another list.
            Unavailable: the keys cannot be read.
        """
        content = _content(cursor)
        given, tag = content[:-_TAG_BYTES], content[-_TAG_BYTES:]
        try:
            position = given.decode()
        except UnicodeDecodeError as wrong:
            raise _invalid() from wrong
        expected = [_tag(key, list_name, caller_id, position) for key in self.keys_()]
        if not any(hmac.compare_digest(tag, one) for one in expected):
            raise _invalid()
        return position


def _tag(key: bytes, list_name: str, caller_id: str, position: str) -> bytes:
    # Each part with its length: no two triples make the same text.
    spoken = "".join(f"{len(part)}:{part}" for part in (list_name, caller_id, position))
    return hmac.digest(key, spoken.encode(), hashlib.sha256)[:_TAG_BYTES]


def _content(cursor: str) -> bytes:
    if not cursor or len(cursor) > _LONGEST:
        raise _invalid()
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise _invalid() from wrong
    if len(content) <= _TAG_BYTES or base64.urlsafe_b64encode(content).rstrip(b"=").decode() != cursor:
        raise _invalid()
    return content


def _invalid() -> errors.InvalidRequest:
    return errors.InvalidRequest("INVALID_CURSOR", "The cursor is not one of this list.", details={"field": "cursor"})
