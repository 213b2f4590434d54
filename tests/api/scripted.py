"""Analysts that do what a test needs, in the place of the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from chalicelib import wiring
from chalicelib.errors import AnalystUnavailable
from chalicelib.gateways.analyst.findings import Analysis, Document
from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest


@dataclass
class Failing:
    """An analyst that fails, and may be careless in what it says about it."""

    failure: Callable[[Document], Exception]
    name: str = "failing"
    calls: int = 0

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        self.calls += 1
        raise self.failure(document) from ValueError(str(document.content[:4000]))

    def answer(self, question: Question, deadline: datetime) -> Reply:
        raise AnalystUnavailable

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        raise AnalystUnavailable


@contextmanager
def in_place(analyst: Failing) -> Iterator[Failing]:
    """Hand the pipeline this analyst, as wiring would."""
    documents = wiring.rooms().documents
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "pipeline", replace(documents.pipeline, analyst=analyst))
        yield analyst
