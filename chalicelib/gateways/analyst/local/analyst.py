"""The local analyst: reads a document in a confined child process and puts what it read into words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from chalicelib.clock import Clock, SystemClock
from chalicelib.errors import AnalystUnavailable, Unreadable
from chalicelib.gateways.analyst.findings import Analysis, Document
from chalicelib.gateways.analyst.local.exchange import Answer, Order, outcome
from chalicelib.gateways.analyst.local.reading import Reading
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from chalicelib.gateways.confined import (
    ChildFailed,
    ChildFlooded,
    ChildKilled,
    ChildNotStarted,
    ChildOutOfMemory,
    ChildTimedOut,
    Limits,
    run_confined,
)

CHILD_MODULE = "chalicelib.gateways.analyst.local.child"
LONGEST_SECONDS = 240.0  # for a scan of many pages; a report as text takes one or two
MEMORY_BYTES = 4 * 1024**3  # address space, not use: the runtime of the models reserves much more than it fills
OUTPUT_BYTES = 4 * 1024 * 1024

Reader = Callable[[Document, datetime], Reading]


class LocalAnalyst:
    """Reads laboratory reports without a model. `reader` is the confined reader unless a test hands in another."""

    name = "local"

    def __init__(self, reader: Reader | None = None, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._read = reader or self._read_confined

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        """Return what the document says, before `deadline`. The same document gives the same analysis.

        Raises:
            NotMedical: it can be read and is not a medical document.
            Unreadable: there is nothing to read in it, or it is more than the reader may use.
            AnalystUnavailable: the deadline has passed, or pictures cannot be read on this machine.
        """
        if self._clock.now() >= deadline:
            raise AnalystUnavailable("the deadline had passed before the reading began")
        from chalicelib.gateways.analyst.local.narrate import narrate

        return msgspec.structs.replace(narrate(self._read(document, deadline)), analyst=self.name)

    def answer(self, question: Question, deadline: datetime) -> Reply:
        """Return what the catalogue of tests says about a question; it takes milliseconds.

        Raises:
            AnalystUnavailable: the question names no test that the catalogue knows, or the deadline has passed.
        """
        self._require_time(deadline)
        from chalicelib.gateways.analyst.local.talking import reply_of

        return reply_of(question)

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        """Return the words of a report as code writes them; it takes milliseconds.

        Raises:
            AnalystUnavailable: the deadline has passed.
        """
        self._require_time(deadline)
        from chalicelib.gateways.analyst.local.talking import narrative_of

        return narrative_of(request)

    def _require_time(self, deadline: datetime) -> None:
        if self._clock.now() >= deadline:
            raise AnalystUnavailable("the deadline had passed")

    def _read_confined(self, document: Document, deadline: datetime) -> Reading:
        """Read in a process of its own: a file made to crash or to exhaust the parser takes only that with it."""
        seconds = min((deadline - self._clock.now()).total_seconds(), LONGEST_SECONDS)
        payload = msgspec.msgpack.encode(Order(document, seconds))
        try:
            output = run_confined(CHILD_MODULE, payload, _limits(seconds))
            return outcome(msgspec.msgpack.decode(output, type=Answer))
        except (ChildOutOfMemory, ChildFlooded, ChildKilled) as error:
            raise Unreadable() from error
        except (ChildTimedOut, ChildNotStarted, ChildFailed, msgspec.DecodeError) as error:
            raise AnalystUnavailable("the reader gave no answer") from error


def _limits(seconds: float) -> Limits:
    return Limits(
        wall_seconds=seconds,
        cpu_seconds=max(1, int(2 * seconds)),  # two threads count their seconds together
        memory_bytes=MEMORY_BYTES,
        output_bytes=OUTPUT_BYTES,
        open_files=128,
    )
