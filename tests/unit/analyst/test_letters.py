"""Documents without values: what a model says of a letter is shown, as far as the guard lets it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.clock import SystemClock
from chalicelib.gateways.analyst.asking import Asking
from chalicelib.gateways.analyst.bedrock import BedrockModel
from chalicelib.gateways.analyst.document_text import DocumentText
from chalicelib.gateways.analyst.findings import Analysis
from chalicelib.gateways.analyst.local.page_text import TextLine
from chalicelib.gateways.analyst.model_analyst import ModelAnalyst
from chalicelib.gateways.analyst.model_words import SPEECHLESS
from chalicelib.gateways.analyst.spending import Purse
from chalicelib.model_config import BedrockSettings
from dev.model_stand_in import Act, ModelStandIn
from tests.unit.analyst.model_world import OpenBook, a_pdf, soon

LINES = (
    "Radiology report",
    "Examination: MRI of the left knee on 12 March 2026",
    "Findings: There is a horizontal tear of the posterior horn of the medial meniscus.",
    "The cruciate and collateral ligaments are intact. A small joint effusion of 8 mm is present.",
    "Impression: Tear of the medial meniscus.",
)
TEXT = DocumentText(tuple(TextLine(1, line) for line in LINES), 1, "text")
SAID = {
    "schema": "serenya-analysis/1",
    "is_medical": True,
    "title": "Magnetic resonance imaging of the left knee",
    "document_date": "2026-03-12",
    "collected_on": None,
    "summary": "The pictures of the left knee show a tear in the inner meniscus. The ligaments are intact.",
    "interpretation": "A meniscus is a piece of cartilage that cushions the knee. A horizontal tear of the posterior "
    "horn is common. There is a little fluid in the joint, about 8 mm of it.",
    "confidence": 8,
    "lab_results": [],
    "vitals": [],
}


@pytest.fixture(scope="module")
def stand_in() -> Iterator[ModelStandIn]:
    with ModelStandIn() as one:
        yield one


def analysis(stand_in: ModelStandIn, **said: Any) -> Analysis:
    stand_in.script(Act("text", text=json.dumps({**SAID, **said})))
    asking = Asking(BedrockModel(BedrockSettings(endpoint_url=stand_in.url)), Purse(OpenBook()), SystemClock())
    return ModelAnalyst(asking, lambda document, seconds: TEXT).analyse(a_pdf(b"%PDF a letter"), soon())


def test_a_letter_is_explained_in_the_models_words(stand_in: ModelStandIn) -> None:
    found = analysis(stand_in)

    assert found.title == SAID["title"]
    assert found.summary == SAID["summary"]
    assert str(SAID["interpretation"]) in found.detailed_interpretation
    assert "## Please note" in found.detailed_interpretation
    assert str(found.document_date) == "2026-03-12"


def test_a_number_that_is_not_in_the_letter_is_not_said(stand_in: ModelStandIn) -> None:
    told = "The knee was seen. It has some fluid in it. The tear is 23 mm long."

    assert "23" not in analysis(stand_in, interpretation=told).detailed_interpretation


def test_words_that_may_not_be_shown_leave_an_honest_sentence(stand_in: ModelStandIn) -> None:
    found = analysis(stand_in, summary="See https://x.example for your knee.")

    assert (found.summary, found.title) == (SPEECHLESS, "Medical document of 12 March 2026")
    assert "cushions" not in found.detailed_interpretation


def test_a_day_that_is_not_printed_is_not_the_documents(stand_in: ModelStandIn) -> None:
    assert analysis(stand_in, document_date="2019-07-30").document_date is None
