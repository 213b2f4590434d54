"""How often a route may be called: per user and minute, per client address where nobody is known yet."""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from chalicelib import errors
from chalicelib.clock import Clock

WINDOW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` per subject and minute. Routes that share a name share a count."""

    name: str
    calls: int
    is_per_address: bool = False

    @property
    def step(self) -> int:
        """How many calls a process answers before it tells the table: a tenth of the limit, at least two, so that
        whoever repeats a sign-in or an upload once does not pay for it.

        The road not taken is a write for every request: it would double the cost of a profile read. The price is that
        a subject that is spread over n processes may make up to n steps more than the limit.
        """
        return max(2, self.calls // 10)


GENERAL: Final = Limit("general", 100)
PUBLIC: Final = Limit("public", 100, is_per_address=True)
SIGN_IN: Final = Limit("sign_in", 10, is_per_address=True)
REFRESH: Final = Limit("refresh", 10, is_per_address=True)
UPLOAD: Final = Limit("upload", 5)
# Apple, Google and Stripe send from few addresses, and repeat what we refuse.
WEBHOOK: Final = Limit("webhook", 600, is_per_address=True)
STATUS: Final = Limit("status", 200)
RESULT: Final = Limit("result", 100)
REPORT: Final = Limit("doctor_report", 5)
CHAT_PROMPTS: Final = Limit("chat_prompts", 50)
CHAT_MESSAGES: Final = Limit("chat_messages", 30)
SUBSCRIPTIONS: Final = Limit("subscriptions", 20)


def subject_of_user(user_id: str) -> str:
    """Return the name under which a person's calls are counted: counts outlive an erasure by minutes, so they must not
    say whose they were. Not keyed: an id is 122 random bits, which nobody can guess."""
    return hashlib.sha256(f"limit/1:{user_id}".encode()).hexdigest()[:32]


def quota_headers(used: int, limit: int | None, resets_at: datetime, now: datetime) -> dict[str, str]:
    """Return what an answer says of a quota: `RateLimit-Limit`, `-Remaining` and `-Reset`, the last in whole seconds
    from now. Nothing where nothing is limited: a number would be read as a limit.

    Source: draft-ietf-httpapi-ratelimit-headers-06, the last one with three fields; later drafts have other names.
    """
    if limit is None:
        return {}
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(max(0, limit - used)),
        "RateLimit-Reset": str(max(0, math.ceil((resets_at - now).total_seconds()))),
    }


class LimitCounters(Protocol):
    """Counts calls where all processes see them."""

    def add(self, limit: str, subject: str, window: int, calls: int) -> int:
        """Add to the window's count in one write and return the new total."""
        ...


@dataclass(slots=True)
class _Tally:
    known_total: int = 0
    unreported: int = 0
    is_spent: bool = False


@dataclass(slots=True)
class Limiter:
    """Counts calls per subject in this process, and in the table once a step is reached.

    Cheap under attack: once a window is spent, refusals cost no question to the table. Safe under threads.
    """

    counters: LimitCounters
    clock: Clock
    _tallies: dict[tuple[str, str], _Tally] = field(default_factory=dict)
    _window: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, limit: Limit, subject: str) -> None:
        """Count one call.

        Raises:
            TooManyRequests: the minute's calls are used up; carries the seconds until the next minute.
        """
        with self._lock:
            now = self.clock.now().timestamp()
            window = int(now // WINDOW_SECONDS)
            tally = self._tally(limit, subject, window)
            if tally.is_spent:
                raise self._refusal(now)
            tally.unreported += 1
            must_report = tally.unreported > limit.step or tally.known_total + tally.unreported > limit.calls
            calls = tally.unreported
            if must_report:
                tally.unreported = 0
        if must_report:
            total = self.counters.add(limit.name, subject, window, calls)
            with self._lock:
                tally.known_total = max(tally.known_total, total)
                tally.is_spent = tally.known_total >= limit.calls
            if total > limit.calls:
                raise self._refusal(now)

    def _tally(self, limit: Limit, subject: str, window: int) -> _Tally:
        """Return the subject's count in this minute. A new minute forgets everybody at once: to look for old counts
        among the others would cost an attacker with many addresses nothing, and us more with each of them."""
        if window != self._window:
            self._window, self._tallies = window, {}
        tally = self._tallies.get((limit.name, subject))
        if tally is None:
            tally = self._tallies[(limit.name, subject)] = _Tally()
        return tally

    @staticmethod
    def _refusal(now: float) -> errors.TooManyRequests:
        wait = int(WINDOW_SECONDS - now % WINDOW_SECONDS) + 1
        return errors.TooManyRequests(retry_after_seconds=wait)
