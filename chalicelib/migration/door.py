"""The one door between the stores and their table: what moves goes the way that the phase says, what stays goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from chalicelib import errors
from chalicelib.migration.control import Control
from chalicelib.migration.phases import Side
from chalicelib.migration.ports import Key, PhaseMoved
from chalicelib.migration.reads import Reader
from chalicelib.migration.relational import requests
from chalicelib.migration.relational.engine import Relational
from chalicelib.migration.routing import KeysOf, Router
from chalicelib.migration.shadow import Shadow
from chalicelib.migration.writes import PATIENCE_SECONDS, Writer

_LOOKED_AGAIN_SECONDS: Final = 0.05
_REFUSALS: Final = frozenset(
    {
        "ConditionalCheckFailedException",
        "ItemCollectionSizeLimitExceededException",
        "ProvisionedThroughputExceededException",
        "ResourceNotFoundException",
        "ThrottlingException",
        "TransactionCanceledException",
        "TransactionConflictException",
        "ValidationException",
    }
)


def is_refusal(failure: BaseException) -> bool:
    """Whether a failure is the table's answer: it wrote nothing. Anything else leaves open what became of a write."""
    return isinstance(failure, ClientError) and failure.response["Error"]["Code"] in _REFUSALS


@dataclass(frozen=True, slots=True)
class Door:
    """Answers as botocore's `_make_api_call` does, whichever side is primary. Its caller need not know of any move.

    `is_shared` says for which keys a percentage of reads at home counts.
    """

    router: Router
    engine: Relational
    control: Control
    writer: Writer
    reader: Reader
    shadow: Shadow
    is_shared: Callable[[Key], bool]
    patience_seconds: float = PATIENCE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def __call__(self, operation: str, request: dict[str, Any]) -> Any:
        """Answer a request.

        Raises:
            ClientError: DynamoDB's refusal, from whichever side.
            Unavailable: the primary does not answer, or was moving for longer than a caller can wait.
        """
        return self.router.routed(operation, request, self._moved)

    def _moved(self, operation: str, request: dict[str, Any]) -> Any:
        return self._read(operation, request) if operation in requests.READS else self._written(operation, request)

    def _written(self, operation: str, request: dict[str, Any]) -> Any:
        keys = KeysOf(self.router.places, self.router.direct, self.router.table_name, operation, request)

        def on_legacy() -> Any:
            answer = self.engine.answer(operation, request)
            keys.changed = list(answer.changed)
            return answer.response

        return self.writer.write(keys, on_legacy, lambda: self.router.direct(operation, request))

    def _read(self, operation: str, request: dict[str, Any]) -> Any:
        partitions = self.router.partitions(operation, request)

        def from_legacy() -> Any:
            response = self.engine.answer(operation, request).response
            if partitions and self.control.standing().compares:
                self.shadow.compare(operation, request, partitions)
            return response

        def from_home() -> Any:
            return self.router.direct(operation, request)

        key = self._shared_key(partitions)
        if key is not None:
            return self.reader.read(key, from_legacy, from_home)
        return self._read_from_primary(from_legacy, from_home)

    def _shared_key(self, partitions: Sequence[str]) -> Key | None:
        """Return whose items are read, where that is one of those who are read at home by percentage: one person.
        Whose a guard is, PostgreSQL says; what is nobody's is read where the primary is."""
        if not self.control.standing().percent:
            return None
        keys = {self.router.places.key_in(partition) for partition in partitions}
        if None in keys:
            try:
                found = self.engine.revisions(partitions)
            except PhaseMoved:
                return None
            keys = set(found or ())
        owner = keys.pop() if len(keys) == 1 else None
        return owner if owner is not None and self.is_shared(owner) else None

    def _read_from_primary(self, from_legacy: Callable[[], Any], from_home: Callable[[], Any]) -> Any:
        until, standing = self.monotonic() + self.patience_seconds, self.control.standing()
        while True:
            try:
                return from_home() if standing.primary is Side.HOME else from_legacy()
            except PhaseMoved as moved:
                if self.monotonic() >= until:
                    raise errors.Unavailable(message="The primary is moving.", retry_after_seconds=2) from moved
            self.sleep(_LOOKED_AGAIN_SECONDS)
            standing = self.control.refreshed()
