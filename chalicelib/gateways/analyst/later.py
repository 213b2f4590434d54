"""An analyst that is made when it is first asked: a request that asks none does not wait for its libraries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property

from chalicelib.gateways.analyst.findings import Analysis, Analyst, Document
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest


class Later:
    """Passes everything on. Two threads that are first at the same moment may both make one; the later one stays."""

    def __init__(self, name: str, make: Callable[[], Analyst]) -> None:
        self.name = name
        self._make = make

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        """Return what the document says; see `Analyst`."""
        return self._made.analyse(document, deadline)

    def answer(self, question: Question, deadline: datetime) -> Reply:
        """Return an answer; see `Analyst`."""
        return self._made.answer(question, deadline)

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        """Return the words of a report; see `Analyst`."""
        return self._made.report(request, deadline)

    @cached_property
    def _made(self) -> Analyst:
        return self._make()
