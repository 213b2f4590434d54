"""How fast work may go: as fast as the table takes it, half as fast the moment it says that it is too much."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException", "SlowDown"}
)
_THROTTLED_REASONS: Final = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})
_LEAST: Final = 1.0
_GROWTH_PER_SECOND: Final = 1.25
_FREE_ABOVE: Final = 8.0
"""A limit that is so many times what was ever reached limits nothing, and is dropped."""
_STEADY_SECONDS: Final = 0.5
"""Refusals within so short a time are one refusal: requests that were on their way already say nothing new."""
_MEMORY: Final = 5.0


@dataclass(slots=True)
class Pace:
    """A common speed of several threads, in things per second.

    Whoever is about to do `n` things waits in `take`. A refusal (`ease`) halves the speed at once, from what was
    reached in the last seconds; without refusals it grows by a quarter each second. `most` is an operator's limit.
    """

    most: float | None = None
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    limit: float | None = None
    refusals: int = 0
    _free_at: float = 0.0
    _eased_at: float = float("-inf")
    _grown_at: float = 0.0
    _done: list[tuple[float, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, things: int = 1) -> None:
        """Wait until so many things may be done."""
        with self._lock:
            now = self.monotonic()
            self._grow(now)
            self._done = [(at, count) for at, count in self._done if now - at < _MEMORY]
            self._done.append((now, things))
            speed = self.speed
            begins = max(now, self._free_at)
            self._free_at = now if speed is None else begins + things / speed
        if begins > now:
            self.sleep(begins - now)

    def ease(self) -> None:
        """Go half as fast: the table refused something."""
        with self._lock:
            now = self.monotonic()
            self.refusals += 1
            if now - self._eased_at < _STEADY_SECONDS:
                return
            self._eased_at = self._grown_at = now
            reached = self.speed if self.speed is not None else self._reached(now)
            self.limit = max(_LEAST, reached / 2)
            # What is about to begin is spread over the new speed from now on.
            self._free_at = max(self._free_at, now + 1 / self.limit)

    @property
    def speed(self) -> float | None:
        """Things per second at most; None for no limit."""
        limits = [one for one in (self.most, self.limit) if one is not None]
        return min(limits) if limits else None

    def _grow(self, now: float) -> None:
        if self.limit is None:
            return
        passed = now - self._grown_at
        if passed >= 1.0:
            self.limit *= _GROWTH_PER_SECOND ** int(passed)
            self._grown_at = now
            if self.limit > _FREE_ABOVE * max(_LEAST, self._reached(now)):
                self.limit = None

    def _reached(self, now: float) -> float:
        recent = [(at, count) for at, count in self._done if now - at < _MEMORY]
        if not recent:
            return _LEAST
        return sum(count for _, count in recent) / max(0.2, now - recent[0][0])


def eased_by_refusals(call: Callable[[str, dict[str, Any]], Any], pace: Pace) -> Callable[[str, dict[str, Any]], Any]:
    """Return a way to ask the table that slows everybody down when it refuses for want of capacity, although whoever
    asks tries again by themselves."""

    def watched(operation: str, arguments: dict[str, Any]) -> Any:
        try:
            answer = call(operation, arguments)
        except ClientError as failure:
            if is_throttled(failure):
                pace.ease()
            raise
        if answer.get("UnprocessedItems") or answer.get("UnprocessedKeys"):
            pace.ease()
        return answer

    return watched


def is_throttled(failure: ClientError) -> bool:
    """Whether the table refused for want of capacity."""
    response: Any = failure.response
    reasons = {str(one.get("Code")) for one in response.get("CancellationReasons", [])}
    return response["Error"]["Code"] in THROTTLED or bool(_THROTTLED_REASONS & reasons)
