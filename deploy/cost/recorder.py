"""Counts what the code asks of AWS while it runs: calls, and the units that they take, from the items themselves."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chalicelib.observe.registry import COUNTED
from deploy.cost.counts import Counts, Run
from deploy.cost.watch import Asked, Watch, watching


@dataclass
class Recorder:
    """Counts into the journey that is under way; between journeys, nothing."""

    journeys: dict[str, Counts] = field(default_factory=dict)
    _counts: Counts | None = None
    _runs_now: int = 0
    _watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        # What carries events from here to there is Lambda's work and stands on no bill of calls.
        self._watch = Watch(self._count, lambda: self._counts is not None and self._runs_now > 0)

    @contextmanager
    def journey(self, name: str) -> Iterator[Counts]:
        """Count what happens inside under this name."""
        self._counts = self.journeys[name] = Counts()
        handler = _LineCounter(self._counts)
        logging.getLogger("serenya").addHandler(handler)
        try:
            yield self._counts
        finally:
            logging.getLogger("serenya").removeHandler(handler)
            self._counts = None

    @contextmanager
    def run(self, function: str, *, is_request: bool = False) -> Iterator[Run]:
        """Count one invocation of a function; it sets `sent_bytes` itself."""
        begun, in_calls, one = time.perf_counter(), self._watch.seconds, Run(function=function, is_request=is_request)
        self._runs_now += 1
        try:
            yield one
        finally:
            self._runs_now -= 1
            if self._counts is not None:
                own = time.perf_counter() - begun - (self._watch.seconds - in_calls)
                one.own_milliseconds = round(own * 1000)
                self._counts.runs.append(one)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every client of this process until the block ends."""
        with watching(self._watch):
            yield

    def _count(self, asked: Asked) -> None:
        counts = self._counts
        assert counts is not None, "asked within a journey alone"
        counts.calls[asked.name] = counts.calls.get(asked.name, 0) + 1
        counts.read_units += float(asked.read_units)
        counts.write_units += asked.write_units
        if asked.name == "s3:PutObject":
            counts.stored_bytes += asked.sent_bytes


class _LineCounter(logging.Handler):
    """Counts lines of the log, and those that are followed by one of a metric."""

    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "ran_near_limit":
            return  # It speaks of this machine.
        self._counts.log_lines += 1
        self._counts.metric_lines += record.getMessage() in COUNTED
