"""The one door between the stores and their table: what moves goes the way that the phase says, what stays goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from chalicelib import errors
from chalicelib.migration.control import Control
from chalicelib.migration.fallback import HomeReads
from chalicelib.migration.phases import Phase, Side
from chalicelib.migration.ports import PhaseMoved
from chalicelib.migration.relational import requests
from chalicelib.migration.relational.engine import Relational
from chalicelib.migration.routing import KeysOf, Router
from chalicelib.migration.shadow import Shadow
from chalicelib.migration.standing import Standing
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
    """Answers as botocore's `_make_api_call` does, whichever side is primary. Its caller need not know of any move."""

    router: Router
    engine: Relational
    control: Control
    writer: Writer
    home_reads: HomeReads
    shadow: Shadow
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
        until, standing = self.monotonic() + self.patience_seconds, self.control.standing()
        while True:
            try:
                return self._read_once(standing, operation, request)
            except PhaseMoved as moved:
                if self.monotonic() >= until:
                    raise errors.Unavailable(message="The primary is moving.", retry_after_seconds=2) from moved
            self.sleep(_LOOKED_AGAIN_SECONDS)
            standing = self.control.refreshed()

    def _read_once(self, standing: Standing, operation: str, request: dict[str, Any]) -> Any:
        if standing.primary is Side.HOME or standing.phase is Phase.RETIRED:
            return self.router.direct(operation, request)
        partitions = self.router.partitions(operation, request)
        if standing.percent and partitions:
            answer = self.home_reads.answer(standing, operation, request, partitions)
            if answer is not None:
                return answer
        response = self.engine.answer(operation, request).response
        if standing.compares and partitions:
            self.shadow.compare(operation, request, partitions)
        return response
