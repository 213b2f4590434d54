"""Identifiers: drawn at random, or derived so that the same thing always gets the same id."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4, uuid5

_NAMESPACE: Final = UUID("6f1b9d0c-6d0e-4a55-9d4b-5f0f6b1f7c11")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CHECKED: Final = 28
"""Of the 36 characters of a job's UUID so many are drawn or derived; what follows tells whose it is."""
_JOB_ID: Final = re.compile(r"(?:result|report|chat)_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id() -> str:
    """Draw a random id (UUID version 4)."""
    return str(uuid4())


def derived_id(*parts: str) -> str:
    """Return the same id for the same parts, and another for any others (UUID version 5 over length-prefixed
    parts)."""
    return str(uuid5(_NAMESPACE, "".join(f"{len(part)}:{part}" for part in parts)))


def derived_time_ordered_id(at: datetime, *parts: str) -> str:
    """Return the same id for the same instant and parts; text order is the order of the instants, to the
    millisecond."""
    digest = hashlib.sha256(":".join(parts).encode()).hexdigest()[:20]
    return f"{(at - _EPOCH) // timedelta(milliseconds=1):012x}-{digest}"


def is_job_id(text: str) -> bool:
    """Whether this has the shape of a job id. Anything else never existed and needs no question to the table."""
    return _JOB_ID.fullmatch(text) is not None


def job_id_of(user_id: str, kind: str, unique: str) -> str:
    """Return the id of somebody's job, made from a UUID: its last digits follow from the others and from whose job it
    is, so that an id that was never given to somebody is known by looking at it."""
    begin = unique[:_CHECKED]
    return f"{kind}_{begin}{_digits_of(user_id, begin)}"


def is_job_id_of(user_id: str, job_id: str) -> bool:
    """Whether a job's id may have been given to somebody. It saves questions and protects nothing: anybody can work
    out ids of their own. Ids that were given out before they were made in this way are none by this rule."""
    unique = job_id.partition("_")[2]
    return unique[_CHECKED:] == _digits_of(user_id, unique[:_CHECKED])


def _digits_of(user_id: str, begin: str) -> str:
    return hashlib.sha256(f"job-id/1:{user_id}:{begin}".encode()).hexdigest()[: 36 - _CHECKED]


def normalised_email(email: str) -> str:
    """Trim, compose (NFC) and case-fold an address: `A@x.com` and `a@X.com` are one person (design, decision 8)."""
    return unicodedata.normalize("NFC", email.strip()).casefold()


def email_hash(email: str | None) -> str | None:
    """SHA-256 (hex) of the normalised address; None for an absent one, which has no hash and no guard."""
    if email is None or not email.strip():
        return None
    return hashlib.sha256(normalised_email(email).encode()).hexdigest()
