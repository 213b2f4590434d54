"""What the stand-in for a language model answers when nothing is scripted: it reads the document that it was sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from chalicelib.clock import SystemClock
from chalicelib.errors import AnalystUnavailable, NotMedical, Unreadable
from chalicelib.gateways.analyst.findings import Document, FileType
from chalicelib.gateways.analyst.local.assessment import assess, measures
from chalicelib.gateways.analyst.local.reader import read
from chalicelib.gateways.analyst.local.reading import Reading

_FENCED: Final = re.compile(r"\[begin ([a-z ]+) ([0-9a-f]{16})\]\n(.*?)\n\[end \1 \2\]", re.DOTALL)
_SCHEMA: Final = re.compile(r"serenya-(analysis|chat|report)/\d+")
_READING: Final = timedelta(seconds=80)


@dataclass(frozen=True, slots=True)
class Heard:
    """One request, as it arrived: `attachments` are the bytes of documents with their format."""

    api: str
    model_id: str
    system: str
    turns: tuple[tuple[str, str], ...]
    attachments: tuple[tuple[str, bytes], ...]
    most_output_tokens: int
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What is asked for: analysis, chat or report."""
        found = _SCHEMA.search(self.system)
        return found[1] if found else "unknown"

    @property
    def texts(self) -> str:
        """Everything that was said to the model."""
        return "\n".join(text for _, text in self.turns)

    def fenced(self, label: str) -> str:
        """Return what stands between the fences of one label."""
        return "\n".join(match[3] for match in _FENCED.finditer(self.texts) if match[1] == label)


def honest_answer(heard: Heard) -> dict[str, Any]:
    """Answer as a model would that does its work."""
    match heard.kind:
        case "analysis":
            return _analysis(heard)
        case "chat":
            return _reply(heard)
        case "report":
            return _report(heard)
        case _:
            return {"schema": "none"}


def document_of(heard: Heard) -> Document | None:
    """Return the document that came with a request."""
    types = {"pdf": FileType.PDF, "jpeg": FileType.JPG, "png": FileType.PNG}
    return next((Document(content, types[kind]) for kind, content in heard.attachments if kind in types), None)


def _analysis(heard: Heard) -> dict[str, Any]:
    document = document_of(heard)
    try:
        reading = None if document is None else read(document, SystemClock().now() + _READING)
    except (NotMedical, Unreadable, AnalystUnavailable):
        reading = None
    empty: dict[str, Any] = {"document_date": None, "collected_on": None, "lab_results": [], "vitals": []}
    return {
        "schema": "serenya-analysis/1",
        "is_medical": reading is not None,
        "title": "Laboratory results",
        "summary": "Your report lists values that a laboratory measured. Talk about them with your doctor.",
        "interpretation": "The tests in this report look at several parts of the body.\n\nYour doctor can put them "
        "together with how you feel.",
        "confidence": 10,
        **(empty if reading is None else _findings(reading)),
    }


def _findings(reading: Reading) -> dict[str, Any]:
    labs = [
        {
            "name": item.row.name,
            "category": item.category.value,
            "value": str(item.row.value),
            "unit": item.row.unit,
            "range": item.row.range_text,
            "flag": None,
            "explanation": measures(item) if item.row.is_abnormal else None,
            "confidence": str(item.row.confidence),
            "page": item.row.page,
            "quote": item.row.text[:400],
        }
        for item in assess(reading)
    ]
    vitals = [
        {
            "type": one.vital_type.value,
            "explanation": "This was measured at the visit.",
            "confidence": 9,
            "page": one.page,
            "quote": one.text[:400],
        }
        for one in reading.vitals
    ]
    return {
        "document_date": reading.document_date.isoformat() if reading.document_date else None,
        "collected_on": reading.test_date.isoformat() if reading.test_date else None,
        "lab_results": labs,
        "vitals": vitals,
    }


def _reply(heard: Heard) -> dict[str, Any]:
    names = [str(fact["name"]) for fact in json.loads(heard.fenced("values") or "[]")]
    about = f" The values that you asked about belong to {names[0].lower()}." if names else ""
    return {
        "schema": "serenya-chat/1",
        "is_in_scope": True,
        "reply": "That depends on why the test was done, and on how you feel. A single value says little by itself, so "
        "it helps to compare it with earlier ones." + about,
        "follow_ups": ["What can I ask my doctor about this?"],
        "confidence": 8,
    }


def _report(heard: Heard) -> dict[str, Any]:
    return {
        "schema": "serenya-report/1",
        "is_medical": bool(json.loads(heard.fenced("values") or "[]")),
        "executive_summary": "The values below were collected from the person's own reports.",
        "laboratory_analysis": "The values are best read together with the history of the person.",
        "trends": "",
        "questions": ["Which of these values should be measured again?"],
        "recommendations": ["Compare these values with earlier reports."],
        "confidence": 8,
    }
