"""Where a question's objects lie in the bucket, and how results of documents are found there. Keys hold ids only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from chalicelib import errors
from chalicelib.models.states import JobKind

RESULT_LIMIT_BYTES: Final = 20 * 1024 * 1024
"""Far above any result; a bound on what is read into memory."""
_UUID: Final = re.compile(r"(?:(result|report)_)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


def question_key(user_id: str, job_id: str) -> str:
    """What was asked. Fires no event."""
    return f"requests/{user_id}/{job_id}.json"


def answer_key(user_id: str, job_id: str) -> str:
    """What was answered."""
    return f"results/{user_id}/{job_id}.json"


def all_keys(user_id: str, job_id: str) -> list[str]:
    """Every key that a question's objects can have."""
    return [question_key(user_id, job_id), answer_key(user_id, job_id)]


class Reader(Protocol):
    """Reads objects."""

    def get(self, key: str, limit_bytes: int) -> bytes | None:
        """Return an object's bytes, or None. Raises TooLarge above the limit."""
        ...


@dataclass(frozen=True, slots=True)
class OwnResults:
    """Results of documents, found under their owner's own prefix: a foreign id finds nothing there."""

    objects: Reader

    def of(self, user_id: str, document_id: str) -> Any | None:
        """Return a stored result of this person as JSON has it, digit by digit; None where there is none. The id is
        that of the job of a result or a report, or the UUID in a result's, which is the document's and the content's.

        Raises:
            Unavailable: the bucket does not answer.
        """
        match = _UUID.fullmatch(document_id.strip().lower())
        if match is None:
            return None
        key = f"results/{user_id}/{match[1] or JobKind.RESULT}_{match[2]}.json"
        try:
            content = self.objects.get(key, RESULT_LIMIT_BYTES)
        except errors.TooLarge:
            return None
        return None if content is None else msgspec.json.Decoder(float_hook=Decimal).decode(content)
