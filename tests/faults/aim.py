"""Which fault befalls which call of a journey: one case, its name, and the plan that makes it happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dev.faults import Attempt, Fault, faults_of


class Span(StrEnum):
    """For how long it is so."""

    ONCE = "once"
    """One attempt; botocore's own repetition gets through."""
    CALL = "call"
    """Every attempt of this call."""
    ON = "on"
    """Every attempt of this call, and every call after it, until the process gives up: an outage that begins here."""


class Other(StrEnum):
    """What comes between that is no fault of AWS."""

    RIVAL = "rival"
    """Before the call goes out, another process does the whole of the same."""
    STALE_INDEX = "stale index"
    """The index still answers as it did before the journey."""
    UNHEARD = "unheard"
    """All went well, and the answer never reached whoever asked."""


Kind = Fault | Other
_AFTERWARDS = {Fault.LOST_ANSWER: Fault.LOST_REQUEST, Fault.LATE_ANSWER: Fault.LOST_REQUEST}
"""How an outage goes on that began with an answer which got lost."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One fault at one call, counted from 1."""

    number: int
    kind: Kind
    span: Span = Span.ONCE

    def __str__(self) -> str:
        return f"{self.number}:{self.kind}:{self.span}"

    @classmethod
    def read(cls, text: str) -> Shot:
        """Read what `str` wrote."""
        number, kind, span = text.split(":")
        found: Kind = Other(kind) if kind in set(Other) else Fault(kind)
        return cls(int(number), found, Span(span))


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a journey makes when nothing befalls it."""

    operation: str
    is_of_index: bool = False

    def __str__(self) -> str:
        return f"{self.operation}{' of an index' if self.is_of_index else ''}"


def shots_at(number: int, call: Call) -> list[Shot]:
    """Return everything that can befall a call."""
    found = [Shot(number, fault, span) for fault in faults_of(call.operation) for span in _spans(fault)]
    if call.operation.startswith("dynamodb:"):
        found.append(Shot(number, Other.RIVAL))
    if call.is_of_index:
        found.append(Shot(number, Other.STALE_INDEX))
    return found


def _spans(fault: Fault) -> tuple[Span, ...]:
    if fault is Fault.CUT_OFF:
        return (Span.ONCE, Span.ON)  # It befalls an answer that botocore takes for complete, and does not repeat.
    if fault in {Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.CONFLICT}:
        return (Span.ONCE, Span.CALL, Span.ON)
    return (Span.ONCE, Span.CALL)


@dataclass(slots=True)
class Aim:
    """Counts the calls of one act, and has the shots befall theirs."""

    shots: tuple[Shot, ...] = ()
    rival: Callable[[], None] = lambda: None
    stale: Callable[[Attempt], Any] | None = None
    calls: list[Call] = field(default_factory=list)
    hits: list[Shot] = field(default_factory=list)
    is_armed: bool = True
    _lasting: Shot | None = None

    def __call__(self, attempt: Attempt) -> Fault | None:
        """Say what befalls this attempt, as `dev.faulty.Plan` wants it."""
        if not self.is_armed:
            return None
        if attempt.is_first:
            is_query = attempt.operation == "dynamodb:Query"  # Other bodies may be streams, read once.
            self.calls.append(Call(attempt.operation, is_query and b'"IndexName"' in attempt.request.body))
            attempt.call["number"] = len(self.calls)
        number = attempt.call["number"]
        for shot in self.shots:
            if shot.number == number and (attempt.is_first or shot.span is not Span.ONCE):
                return self._hit(shot, attempt)
        return self._after_a_hit(attempt)

    def _hit(self, shot: Shot, attempt: Attempt) -> Fault | None:
        if shot not in self.hits:
            self.hits.append(shot)
            if shot.span is Span.ON:
                self._lasting = shot
            if shot.kind is Other.RIVAL:
                self._apart(self.rival)
            if shot.kind is Other.STALE_INDEX and self.stale is not None:
                self.stale(attempt)
        return shot.kind if isinstance(shot.kind, Fault) else None

    def _after_a_hit(self, attempt: Attempt) -> Fault | None:
        if self._lasting is None or not isinstance(self._lasting.kind, Fault):
            return None
        fault = _AFTERWARDS.get(self._lasting.kind, self._lasting.kind)
        return fault if fault in faults_of(attempt.operation) else None

    def _apart(self, act: Callable[[], None]) -> None:
        """Do something whose calls are not counted and meet nothing."""
        self.is_armed = False
        try:
            act()
        finally:
            self.is_armed = True
