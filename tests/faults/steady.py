"""An analyst that always says the same, and one that asks whoever is there now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.gateways.analyst.findings import Analysis, Document
from chalicelib.gateways.analyst.local.talking import narrative_of
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest
from tests.rooms.chat_world import a_reply
from tests.rooms.documents_world import an_analysis


@dataclass
class Steady:
    """An analyst that always says the same, or fails as it is told to."""

    name: str = "steady"
    failure: Exception | None = None
    analysed: int = 0
    answered: int = 0
    reported: int = 0

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        self.analysed += 1
        if self.failure is not None:
            raise self.failure
        return an_analysis()

    def answer(self, question: Question, deadline: datetime) -> Reply:
        self.answered += 1
        return a_reply()

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        self.reported += 1
        return narrative_of(request)


@dataclass
class Through:
    """Rooms outlive a case; this asks the analyst of the case that runs."""

    current: Callable[[], Steady]
    name: str = "steady"

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        return self.current().analyse(document, deadline)

    def answer(self, question: Question, deadline: datetime) -> Reply:
        return self.current().answer(question, deadline)

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        return self.current().report(request, deadline)
