"""What an analyst is given and what it answers: a document in, findings and an explanation out."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

import msgspec

from chalicelib.gateways.analyst.talk import Narrative, Question, Reply, ReportRequest


class FileType(StrEnum):
    """The kinds of document that the service reads."""

    PDF = "pdf"
    JPG = "jpg"
    PNG = "png"


class TestCategory(StrEnum):
    """Where a laboratory value comes from, as the app groups it."""

    __test__ = False  # not a test case, whatever its name says to pytest

    BLOOD = "blood"
    URINE = "urine"
    IMAGING = "imaging"
    OTHER = "other"


class VitalType(StrEnum):
    """The vital signs that the app knows."""

    BLOOD_PRESSURE = "blood_pressure"
    HEART_RATE = "heart_rate"
    TEMPERATURE = "temperature"
    WEIGHT = "weight"
    HEIGHT = "height"
    OXYGEN_SATURATION = "oxygen_saturation"


class Source(msgspec.Struct, frozen=True):
    """Where a finding stands in the document: the page (from 1) and the text of its line as read.

    `is_verified` is False where a model quoted the text and code did not find it in the document, or could not look:
    the finding is not to be shown as a fact.
    """

    page: int
    text: str
    is_verified: bool = True


class LabFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a laboratory result.

    `test_value` is a Decimal with exactly the document's digits, or text for a qualitative result ("Negative"). Bounds
    are inclusive and None where the document gives none; `reference_range_text` is the range as printed. `is_abnormal`
    is None where the document gives no range and no flag. `confidence_score` is 1 to 10, one decimal.
    """

    test_name: str
    test_category: TestCategory
    test_value: Decimal | str
    test_unit: str | None
    reference_range_low: Decimal | None
    reference_range_high: Decimal | None
    reference_range_text: str | None
    is_abnormal: bool | None
    confidence_score: Decimal
    ai_interpretation: str
    test_date: date | None
    source: Source


class VitalFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One vital sign. Blood pressure fills the systolic and diastolic value, everything else `numeric_value`."""

    vital_type: VitalType
    systolic_value: Decimal | None = None
    diastolic_value: Decimal | None = None
    numeric_value: Decimal | None = None
    unit: str
    is_abnormal: bool | None
    confidence_score: Decimal
    ai_interpretation: str
    measurement_date: date | None
    source: Source


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """All that an analyst has to say about one document, before ids are given to its parts.

    `detailed_interpretation` is markdown. `medical_flags` are short upper-case codes such as `ABNORMAL_VALUES`.
    `model_used` names the model or the reader with its version.
    """

    title: str
    summary: str
    detailed_interpretation: str
    confidence_score: Decimal
    document_date: date | None
    medical_flags: tuple[str, ...]
    lab_results: tuple[LabFinding, ...]
    vitals: tuple[VitalFinding, ...]
    disclaimers: tuple[str, ...]
    model_used: str
    analyst: str = ""
    """Which of a stage's analysts it was."""


class Document(msgspec.Struct, frozen=True):
    """The bytes of an inspected upload, what kind of file they are, and whose cap a model's price counts against."""

    content: bytes
    file_type: FileType
    owner_id: str = ""


class Analyst(Protocol):
    """Reads documents, answers questions and writes reports.

    Implementations: a language model behind an API, the local analyst without a model, and an order of several. What
    comes out may be shown as it is: values are checked against the document, and words for what must not be in them.
    """

    @property
    def name(self) -> str:
        """What settings call it."""
        ...

    def analyse(self, document: Document, deadline: datetime) -> Analysis:
        """Return what the document says, before `deadline`.

        Raises:
            NotMedical: it is readable and not a medical document.
            Unreadable: there is nothing to read in it.
            AnalystUnavailable: no answer in time, or none that makes sense; worth a retry.
        """
        ...

    def answer(self, question: Question, deadline: datetime) -> Reply:
        """Return an answer to a person's question, before `deadline`.

        Raises:
            AnalystUnavailable: no answer in time, or none that may be shown. Show a text of your own.
        """
        ...

    def report(self, request: ReportRequest, deadline: datetime) -> Narrative:
        """Return the words of a report for a doctor about the given values, before `deadline`.

        Raises:
            AnalystUnavailable: no words in time, or none that may be shown.
        """
        ...
