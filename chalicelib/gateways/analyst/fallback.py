"""An order of analysts: the first that answers, a note where it was not the first, a circuit that opens by itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from chalicelib.clock import Clock
from chalicelib.errors import AnalystUnavailable, NotMedical, Unreadable
from chalicelib.gateways.analyst.conversation import ModelDown, ModelNotAllowed
from chalicelib.gateways.analyst.findings import Analysis, Analyst, Document
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from chalicelib.observe.log import log
from chalicelib.rules import Rules

STAND_IN_NOTE: Final = (
    "Our language model did not take part in this: it was made by rules alone, may be less complete, and explains less."
)
STAND_IN_FLAG: Final = "MADE_WITHOUT_MODEL"

T = TypeVar("T")


class Circuit:
    """Opens after some failures in a row: for a while nobody is asked, then one caller tries. Safe under threads.

    Kept per process: a process that has not seen the outage learns of it from a few calls of its own. The road not
    taken is a circuit in the table, which every call would have to read.
    """

    def __init__(self, name: str, failures: int, rest: timedelta, clock: Clock) -> None:
        self._name = name
        self._most = failures
        self._rest = rest
        self._clock = clock
        self._failures = 0
        self._closed_again_at: datetime | None = None
        self._lock = threading.Lock()

    def lets_through(self) -> bool:
        """Whether to ask now. While it is open, one caller may try once the rest is over; the others wait on."""
        with self._lock:
            if self._closed_again_at is None:
                return True
            now = self._clock.now()
            if now < self._closed_again_at:
                return False
            self._closed_again_at = now + self._rest
            return True

    def succeeded(self) -> None:
        """Forget the failures."""
        with self._lock:
            was_open, self._failures, self._closed_again_at = self._closed_again_at is not None, 0, None
        if was_open:
            log("circuit_closed", analyst=self._name)

    def failed(self) -> None:
        """Count a failure; the last one of some in a row opens the circuit."""
        with self._lock:
            self._failures += 1
            opens = self._failures >= self._most
            if opens:
                self._closed_again_at = self._clock.now() + self._rest
        if opens:
            log("circuit_opened", level=logging.ERROR, analyst=self._name)


class InOrder:
    """Asks analysts one after the other. Each but the last leaves the ones after it enough time."""

    def __init__(self, analysts: Sequence[Analyst], clock: Clock, rules: Rules) -> None:
        self._analysts = tuple(analysts)
        self._circuits = {
            one.name: Circuit(one.name, rules.breaker_failures, rules.breaker_rest, clock) for one in analysts
        }
        self._clock = clock
        self._rules = rules
        self.name = ",".join(one.name for one in analysts)

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        """Return the first analysis, before `deadline`; with a note and a flag where another analyst stood in.

        A stand-in that is weaker does not get the last word on what a document is not: while the first one is merely
        down, its "not medical" is worth another try later.

        Raises:
            NotMedical, Unreadable: as the analysts do. AnalystUnavailable: none answered.
        """

        def ask(analyst: Analyst, until: datetime) -> Analysis:
            return analyst.analyse(document, until)

        found, is_stand_in = self._first(ask, deadline, self._rules.analyst_reserve)
        if not is_stand_in:
            return found
        return msgspec.structs.replace(
            found,
            medical_flags=(*found.medical_flags, STAND_IN_FLAG),
            disclaimers=(STAND_IN_NOTE, *found.disclaimers),
        )

    def answer(self, question: Question, deadline: datetime) -> Reply:
        """Return the first answer, before `deadline`; with a note where another analyst stood in.

        Raises:
            AnalystUnavailable: none answered.
        """

        def ask(analyst: Analyst, until: datetime) -> Reply:
            return analyst.answer(question, until)

        found, is_stand_in = self._first(ask, deadline, self._rules.answer_reserve)
        return msgspec.structs.replace(found, notes=(STAND_IN_NOTE,)) if is_stand_in else found

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        """Return the first report, before `deadline`; with a note where another analyst stood in.

        Raises:
            AnalystUnavailable: none answered.
        """

        def ask(analyst: Analyst, until: datetime) -> Narrative:
            return analyst.report(request, until)

        found, is_stand_in = self._first(ask, deadline, self._rules.answer_reserve)
        return msgspec.structs.replace(found, notes=(STAND_IN_NOTE,)) if is_stand_in else found

    def _first(self, ask: Callable[[Analyst, datetime], T], deadline: datetime, reserve: timedelta) -> tuple[T, bool]:
        troubles: list[AnalystUnavailable] = []
        for number, analyst in enumerate(self._analysts):
            circuit = self._circuits[analyst.name]
            if not circuit.lets_through():
                troubles.append(ModelDown(f"the circuit of {analyst.name} is open"))
                continue
            after = len(self._analysts) - number - 1
            try:
                found = ask(analyst, deadline - reserve * after)
            except AnalystUnavailable as trouble:
                troubles.append(trouble)
                self._note(analyst, circuit, trouble)
            except (NotMedical, Unreadable) as verdict:
                circuit.succeeded()
                if any(not isinstance(trouble, ModelNotAllowed) for trouble in troubles):
                    raise AnalystUnavailable("the analyst that should decide this does not answer") from verdict
                raise
            else:
                circuit.succeeded()
                return found, bool(troubles)
        raise troubles[-1] if troubles else AnalystUnavailable("there is no analyst")

    @staticmethod
    def _note(analyst: Analyst, circuit: Circuit, trouble: AnalystUnavailable) -> None:
        log("analyst_gave_no_answer", level=logging.WARNING, error=trouble, analyst=analyst.name)
        # An answer that does not fit, a document that is too large, a cap that is reached: they say nothing about the
        # next document, and whoever sends such documents must not turn the model off for everybody.
        if isinstance(trouble, ModelDown):
            circuit.failed()
